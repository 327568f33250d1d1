// The first steps: the walkthrough, and a file to try ghost text in.
import * as vscode from 'vscode';

const WALKTHROUGH = 'hybrid-lsp.hybrid-lsp#hybridLsp.start';

const SAMPLE = `class Rectangle:
    def __init__(self, width: float, height: float) -> None:
        self.width = width
        self.height = height

    def circumference(self) -> float:
        return 2 * (self.width + self.height)

    def area(self) -> float:
        return self.`;

/** The commands, by name. */
export function firstSteps(): Record<string, () => Promise<void>> {
  return {
    'hybridLsp.openWalkthrough': async (): Promise<void> => {
      await vscode.commands.executeCommand('workbench.action.openWalkthrough', WALKTHROUGH, false);
    },
    'hybridLsp.tryIt': () => tryIt(),
  };
}

/** Opens an unnamed file with the cursor where a suggestion comes. */
async function tryIt(): Promise<void> {
  const document = await vscode.workspace.openTextDocument({ language: 'python', content: SAMPLE });
  const editor = await vscode.window.showTextDocument(document);
  const end = document.positionAt(SAMPLE.length);
  editor.selection = new vscode.Selection(end, end);
  await vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');
}
