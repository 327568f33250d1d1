// Where the extension is put together: read it first.
import * as vscode from 'vscode';

import { actionCommands } from './actions';
import { connectModel } from './connect';
import { ExplanationPanel } from './explanation';
import { menuCommands } from './menu';
import { modelCommands } from './models';
import { Previews } from './preview';
import { SECTION } from './protocol';
import { Server } from './server';
import { statisticsCommands } from './statistics';
import { StatusBar } from './status';
import { firstSteps } from './walkthrough';

let server: Server | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('hybrid-lsp', { log: true });
  const bar = new StatusBar('hybridLsp.menu');
  const panel = new ExplanationPanel(vscode.Uri.joinPath(context.extensionUri, 'media', 'icon.png'));
  const previews = new Previews();
  const made = new Server(context, log, bar, previews, (params) => {
    panel.show(params);
  });
  server = made;
  const commands: Record<string, () => Promise<void>> = {
    ...actionCommands(made),
    ...menuCommands(made, bar, log),
    ...modelCommands(made),
    ...statisticsCommands(made),
    ...previews.commands(),
    ...firstSteps(),
    'hybridLsp.connectModel': connectModel,
    'hybridLsp.openSettings': async () => {
      await vscode.commands.executeCommand('workbench.action.openSettings', `@ext:${context.extension.id}`);
    },
  };
  context.subscriptions.push(
    ...Object.entries(commands).map(([name, command]) => vscode.commands.registerCommand(name, command)),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration(`${SECTION}.server`)) {
        void made.restart();
      } else if (event.affectsConfiguration(SECTION)) {
        void made.sendSettings();
      }
    }),
    log,
    bar,
    panel,
    previews,
  );
  // Not awaited: a question may wait long for its answer, and the commands are to work meanwhile.
  void made.start();
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}
