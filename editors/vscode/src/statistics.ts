// The page of statistics in a tab of its own: the server writes it, and nothing in it runs or loads.
import * as vscode from 'vscode';

import { SERVER, type StatisticsResult } from './protocol';
import type { Server } from './server';

/** The commands, by name. */
export function statisticsCommands(server: Server): Record<string, () => Promise<void>> {
  return {
    'hybridLsp.statistics': () => showStatistics(server),
  };
}

/** Shown here, not in a browser, which may sit on another machine than the file. */
async function showStatistics(server: Server): Promise<void> {
  const written = await server.execute<StatisticsResult>(SERVER.statistics, { show: false });
  if (!written?.file) {
    return;
  }
  const page = await vscode.workspace.fs.readFile(vscode.Uri.file(written.file));
  const options = { enableScripts: false, enableFindWidget: true, localResourceRoots: [] };
  const panel = vscode.window.createWebviewPanel(
    'hybridLsp.statistics',
    'Statistics',
    vscode.ViewColumn.Active,
    options,
  );
  panel.webview.html = new TextDecoder().decode(page);
}
