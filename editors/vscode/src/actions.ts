// Commands that run an action on the selection, or on what stands around the cursor where nothing is selected.
import * as vscode from 'vscode';
import {
  type CodeAction,
  CodeActionRequest,
  type CodeActionParams,
  Command,
  type LanguageClient,
} from 'vscode-languageclient/node';

import { type Order, SERVER } from './protocol';
import type { Server } from './server';

/** Actions that need nothing but the selection, each with a command `hybridLsp.NAME`. */
const PLAIN = ['explain', 'optimize', 'simplify', 'security', 'document', 'tests'] as const;

type Extra = Pick<Order, 'instruction' | 'diagnostic'>;

/** The commands, by name. */
export function actionCommands(server: Server): Record<string, () => Promise<void>> {
  const plain = PLAIN.map((action) => [`hybridLsp.${action}`, (): Promise<void> => runAction(server, action)] as const);
  return {
    ...Object.fromEntries(plain),
    'hybridLsp.ask': () => askAndRun(server, 'ask', 'What do you want to know about this code?', 'Why is this sorted?'),
    'hybridLsp.edit': () => askAndRun(server, 'edit', 'What is to be changed?', 'Use pathlib'),
    'hybridLsp.fix': () => fix(server),
    'hybridLsp.chooseAction': () => choose(server),
  };
}

/** Runs an action; the server shows what comes of it, and tells what goes wrong. */
async function runAction(server: Server, action: string, extra: Extra = {}): Promise<void> {
  const place = here(server);
  if (place) {
    await server.runAction({ action, uri: place.uri, range: place.range, ...extra });
  }
}

/** Where the cursor is, as the server counts; says so where there is no editor or no server. */
function here(
  server: Server,
): { client: LanguageClient; editor: vscode.TextEditor; uri: string; range: Order['range'] } | undefined {
  const client = server.running;
  const editor = vscode.window.activeTextEditor;
  if (!client || !editor) {
    const missing = client ? 'Open a file first.' : 'The server is not running: click “hybrid” in the status bar.';
    void vscode.window.showInformationMessage(`hybrid-lsp: ${missing}`);
    return undefined;
  }
  const converter = client.code2ProtocolConverter;
  return { client, editor, uri: converter.asUri(editor.document.uri), range: converter.asRange(editor.selection) };
}

async function askAndRun(server: Server, action: string, prompt: string, placeHolder: string): Promise<void> {
  const instruction = await vscode.window.showInputBox({ title: 'hybrid-lsp', prompt, placeHolder });
  if (instruction?.trim()) {
    await runAction(server, action, { instruction: instruction.trim() });
  }
}

/** Fixes a problem, of whatever tool, at the cursor or in the selection. */
async function fix(server: Server): Promise<void> {
  const place = here(server);
  if (!place) {
    return;
  }
  const { client, editor } = place;
  const problems = vscode.languages
    .getDiagnostics(editor.document.uri)
    .filter((problem) => problem.range.intersection(editor.selection));
  const items = problems.map((problem) => ({ label: problem.message, description: problem.source ?? '', problem }));
  const chosen = items.length > 1 ? await vscode.window.showQuickPick(items, { title: 'Which problem?' }) : items[0];
  if (chosen) {
    const diagnostic = client.code2ProtocolConverter.asDiagnostic(chosen.problem);
    await runAction(server, 'fix', { diagnostic });
  } else if (!items.length) {
    void vscode.window.showInformationMessage('hybrid-lsp: there is no problem at the cursor.');
  }
}

/** All actions that the server offers here, also the user's own ones, in a list. */
async function choose(server: Server): Promise<void> {
  const place = here(server);
  if (!place) {
    return;
  }
  const params: CodeActionParams = {
    textDocument: { uri: place.uri },
    range: place.range,
    context: { diagnostics: [] },
  };
  const offered = (await place.client.sendRequest(CodeActionRequest.type, params)) ?? [];
  const items = offered.flatMap((each) => {
    const run = Command.is(each) ? undefined : runOf(server, each);
    return run ? [{ label: each.title, run }] : [];
  });
  const chosen = await vscode.window.showQuickPick(items, { title: 'hybrid-lsp', placeHolder: 'What is to be done?' });
  await chosen?.run();
}

/** How an offered action is run; undefined for what belongs to a finding. */
function runOf(server: Server, { command }: CodeAction): (() => Promise<unknown>) | undefined {
  const argument: unknown = command?.arguments?.[0];
  switch (command?.command) {
    case SERVER.runAction:
      return () => server.runAction(argument as Order);
    case SERVER.answerNow:
      return () => server.execute(SERVER.answerNow, argument as object);
    default:
      return undefined;
  }
}
