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
        detail: `${sizeInWords(model.size)}, ${model.licence || 'licence not stated'}`,
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

async function chooseVerb(server: Server, model: ListedModel): Promise<void> {
  const chosen = await vscode.window.showQuickPick(verbs(model), { title: model.name });
  if (chosen) {
    await run(server, chosen.wish);
  }
}

function verbs({ name: model, here, source }: ListedModel): VerbEntry[] {
  if (!here || source !== 'hybrid-lsp') {
    return [{ label: '$(cloud-download) Get it', wish: { verb: 'pull', model } }];
  }
  return [
    { label: '$(edit) Use it for suggestions', wish: { verb: 'use', model, tier: 'small' } },
    { label: '$(lightbulb) Use it for actions', wish: { verb: 'use', model, tier: 'large' } },
    { label: '$(dashboard) Measure it here', wish: { verb: 'bench', model } },
    { label: '$(graph) Measure how far to trust it', wish: { verb: 'calibrate', model } },
    ...(vscode.workspace.workspaceFolders?.slice(0, 1).map((folder): VerbEntry => ({
      label: '$(graph) Measure how far to trust it on this folder',
      description: folder.name,
      wish: { verb: 'calibrate', model, corpus: folder.uri.fsPath },
    })) ?? []),
    { label: '$(trash) Remove it', wish: { verb: 'remove', model } },
  ];
}

async function getAnother(server: Server): Promise<void> {
  const model = await vscode.window.showInputBox({
    title: 'Get a model',
    placeHolder: 'OWNER/NAME, OWNER/NAME/FILE.gguf, or the path of a file or folder',
  });
  if (model?.trim()) {
    await run(server, { verb: 'pull', model: model.trim() });
  }
}
