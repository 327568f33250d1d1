// The menu behind the status bar item, and the commands in it.
import * as vscode from 'vscode';

import { SERVER, type ServerStatus } from './protocol';
import type { Server } from './server';
import type { StatusBar } from './status';
import { reasonInWords } from './words';

interface Entry extends vscode.QuickPickItem {
  readonly command?: string;
}

/** The commands, by name. */
export function menuCommands(
  server: Server,
  bar: StatusBar,
  log: vscode.LogOutputChannel,
): Record<string, () => Promise<void>> {
  return {
    'hybridLsp.menu': () => showMenu(server, bar),
    'hybridLsp.togglePause': () => togglePause(server, bar),
    'hybridLsp.togglePauseLanguage': () => togglePause(server, bar, activeLanguage()),
    'hybridLsp.restart': () => server.restart(),
    'hybridLsp.installServer': () => server.reinstall(),
    'hybridLsp.removeServer': () => server.remove(),
    'hybridLsp.resetDismissed': () => resetDismissed(server),
    'hybridLsp.showStatus': () => showStatus(server),
    'hybridLsp.showLog': () => showLog(server, log),
    'hybridLsp.showOutput': (): Promise<void> => {
      log.show();
      return Promise.resolve();
    },
  };
}

function activeLanguage(): string | undefined {
  return vscode.window.activeTextEditor?.document.languageId;
}

async function showMenu(server: Server, bar: StatusBar): Promise<void> {
  const status = await server.status();
  const chosen = await vscode.window.showQuickPick(status ? upEntries(status, bar) : downEntries(), {
    title: status ? `hybrid-lsp ${status.version}` : 'hybrid-lsp',
    placeHolder: status ? inWords(status) : 'The server is not running.',
  });
  if (chosen?.command) {
    await vscode.commands.executeCommand(chosen.command);
  }
}

function upEntries(status: ServerStatus, bar: StatusBar): Entry[] {
  const language = activeLanguage();
  const toggle = (paused: boolean): string => (paused ? '$(debug-start) Resume' : '$(debug-pause) Pause');
  const everywhere = { label: toggle(bar.isPaused()), command: 'hybridLsp.togglePause' };
  const here = language && {
    label: `${toggle(bar.isPaused(language))} for ${language}`,
    command: 'hybridLsp.togglePauseLanguage',
  };
  return [
    everywhere,
    ...(here ? [here] : []),
    { label: '$(list-selection) Choose an Action…', command: 'hybridLsp.chooseAction' },
    separator('Models'),
    ...Object.entries(status.models).map(([tier, model]) => ({
      label: `$(chip) ${tier}`,
      description: model,
      command: 'hybridLsp.showStatus',
    })),
    { label: '$(cloud-download) Models…', command: 'hybridLsp.models' },
    { label: '$(plug) Connect a Large Model…', command: 'hybridLsp.connectModel' },
    separator('Server'),
    { label: '$(info) Show Status', command: 'hybridLsp.showStatus' },
    { label: '$(graph-line) Statistics', command: 'hybridLsp.statistics' },
    ...serverEntries(),
  ];
}

function downEntries(): Entry[] {
  return [{ label: '$(cloud-download) Set Up the Server', command: 'hybridLsp.installServer' }, ...serverEntries()];
}

function serverEntries(): Entry[] {
  return [
    { label: '$(output) Show Log', command: 'hybridLsp.showLog' },
    { label: '$(refresh) Restart', command: 'hybridLsp.restart' },
    { label: '$(gear) Settings', command: 'hybridLsp.openSettings' },
  ];
}

function separator(label: string): Entry {
  return { label, kind: vscode.QuickPickItemKind.Separator };
}

/** One line: what is going on. */
function inWords({ busy, message, paused, reason, tier }: ServerStatus): string {
  if (paused) {
    return 'Paused: nothing is suggested.';
  }
  if (busy) {
    return message || 'Working…';
  }
  if (reason) {
    return `Last time nothing was shown: ${reasonInWords(reason)}. ${message}`.trim();
  }
  return tier ? `The last answer came from the ${tier} tier.` : 'Ready.';
}

async function togglePause(server: Server, bar: StatusBar, language?: string): Promise<void> {
  const argument = { paused: !bar.isPaused(language), ...(language && { language }) };
  const status = await server.execute<ServerStatus>(SERVER.pause, argument);
  if (status) {
    bar.showAll(status);
    bar.forgetReason();
  }
}

/** Forgets which findings were dismissed in this workspace. */
async function resetDismissed(server: Server): Promise<void> {
  if (await server.execute<object>(SERVER.dismiss, { reset: true })) {
    void vscode.window.showInformationMessage('hybrid-lsp: reviews show dismissed findings again.');
  }
}

/** The whole status as a document: for a look, or for a bug report. */
async function showStatus(server: Server): Promise<void> {
  const status = await server.status();
  const content = JSON.stringify(status ?? { message: 'The server is not running.' }, null, 2);
  const document = await vscode.workspace.openTextDocument({ language: 'json', content });
  await vscode.window.showTextDocument(document, { preview: true });
}

/** The server's own log, or the output channel where there is none. */
async function showLog(server: Server, log: vscode.LogOutputChannel): Promise<void> {
  const file = (await server.status())?.log;
  if (file) {
    await vscode.window.showTextDocument(vscode.Uri.file(file), { preview: true });
  } else {
    log.show();
  }
}
