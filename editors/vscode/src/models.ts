// Models: a list to choose from, and what can be done with each. The server does it, and shows how far it is.
import * as vscode from 'vscode';

import { type ListedModel, type ModelsResult, type ModelsWish, SERVER } from './protocol';
import type { Server } from './server';
import { describeModel, sizeInWords } from './words';

interface ModelEntry extends vscode.QuickPickItem {
  readonly model?: ListedModel;
  readonly other?: true;
}

interface VerbEntry extends vscode.QuickPickItem {
  readonly wish: ModelsWish;
}

interface CodeEntry extends vscode.QuickPickItem {
  readonly corpus?: string;
}

interface PlacesEntry extends vscode.QuickPickItem {
  readonly positions: number;
}

/** The commands, by name. */
export function modelCommands(server: Server): Record<string, () => Promise<void>> {
  return {
    'hybridLsp.models': () => chooseModel(server),
  };
}

function run(server: Server, wish: ModelsWish): Promise<ModelsResult | undefined> {
  return server.runModels(SERVER.models, wish);
}

async function chooseModel(server: Server): Promise<void> {
  const listed = await run(server, { verb: 'list', show: false });
  if (!listed?.models) {
    return;
  }
  const chosen = await vscode.window.showQuickPick(entries(listed.models), {
    title: 'Models',
    placeHolder: 'A model to use, to get or to measure',
    matchOnDescription: true,
  });
  if (chosen?.other) {
    await getAnother(server);
  } else if (chosen?.model) {
    await chooseVerb(server, chosen.model);
  }
}

function entries(models: readonly ListedModel[]): ModelEntry[] {
  const shown = (here: boolean): ModelEntry[] =>
    models
      .filter((model) => model.here === here)
      .map((model) => ({
        label: `${model.recommended ? '$(star) ' : ''}${model.name}`,
        description: describeModel(model),
        detail: detailOf(model),
        model,
      }));
  return [
    { label: 'On this machine', kind: vscode.QuickPickItemKind.Separator },
    ...shown(true),
    { label: 'To be fetched', kind: vscode.QuickPickItemKind.Separator },
    ...shown(false),
    { label: '$(add) Another…', description: 'a name of the Hugging Face hub, a GGUF file or a folder', other: true },
  ];
}

function detailOf({ size, quantisation, licence }: ListedModel): string {
  const parts = [size > 0 ? sizeInWords(size) : 'size not known yet', quantisation, licence || 'licence not stated'];
  return parts.filter(Boolean).join(', ');
}

async function chooseVerb(server: Server, model: ListedModel): Promise<void> {
  const chosen = await vscode.window.showQuickPick(verbs(model), { title: model.name });
  if (chosen?.wish.verb === 'calibrate') {
    await calibrate(server, chosen.wish);
  } else if (chosen) {
    await run(server, chosen.wish);
  }
}

async function calibrate(server: Server, wish: ModelsWish): Promise<void> {
  const folders: CodeEntry[] = (vscode.workspace.workspaceFolders ?? [])
    .filter((folder) => folder.uri.scheme === 'file')
    .map((folder) => ({ label: folder.name, description: 'the code of this workspace', corpus: folder.uri.fsPath }));
  const packages: CodeEntry = { label: 'Python packages', description: 'installed with hybrid-lsp' };
  const code = await vscode.window.showQuickPick([...folders, packages], { title: 'On what code?' });
  const places: PlacesEntry[] = [
    { label: '300 places', description: 'as a rule enough', positions: 300 },
    { label: '60 places', description: 'a first look', positions: 60 },
    { label: '1000 places', description: 'for several languages', positions: 1000 },
  ];
  const chosen = code && (await vscode.window.showQuickPick(places, { title: 'At how many places?' }));
  if (chosen) {
    await run(server, { ...wish, corpus: code.corpus, positions: chosen.positions });
  }
}

function verbs({ name: model, here, source, backend }: ListedModel): VerbEntry[] {
  const ollamas = backend === 'ollama';
  if (!here || (!ollamas && source !== 'hybrid-lsp')) {
    return [{ label: '$(cloud-download) Get it', wish: { verb: 'pull', model } }];
  }
  const uses: VerbEntry[] = [
    { label: '$(edit) Use it for suggestions', wish: { verb: 'use', model, tier: 'small' } },
    { label: '$(lightbulb) Use it for actions', wish: { verb: 'use', model, tier: 'large' } },
  ];
  if (ollamas) {
    return uses;
  }
  return [
    ...uses,
    { label: '$(dashboard) Measure it here', wish: { verb: 'bench', model } },
    { label: '$(graph) Measure how far to trust it', wish: { verb: 'calibrate', model } },
    { label: '$(trash) Remove it', wish: { verb: 'remove', model } },
  ];
}

async function getAnother(server: Server): Promise<void> {
  const model = await vscode.window.showInputBox({
    title: 'Get a model',
    placeHolder: 'OWNER/NAME, OWNER/NAME/FILE.gguf, ollama:NAME, or the path of a file or folder',
  });
  if (model?.trim()) {
    await run(server, { verb: 'pull', model: model.trim() });
  }
}
