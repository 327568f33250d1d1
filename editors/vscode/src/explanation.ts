// The panel beside the editor in which an explanation grows. A model wrote its text, so nothing in it may run or load.
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';

import { render } from './markdown';
import type { ExplanationParams } from './protocol';

/** What the page is told. */
interface Page {
  readonly title: string;
  readonly html: string;
  readonly done: boolean;
}

export class ExplanationPanel implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;
  private shown: ExplanationParams | undefined;
  private readonly growing = new Set<string>();

  constructor(private readonly icon: vscode.Uri) {}

  /**
   * Shows the text so far. A run that begins takes the panel; what an older one still sends is left out, and so is what
   * comes after the user has closed the panel.
   */
  show(params: ExplanationParams): void {
    const begins = !this.growing.has(params.token);
    if (params.done) {
      this.growing.delete(params.token);
    } else {
      this.growing.add(params.token);
    }
    const closed = this.panel === undefined;
    if (!begins && (closed || params.token !== this.shown?.token)) {
      return;
    }
    this.shown = params;
    if (!this.panel) {
      this.open();
    } else if (begins) {
      this.panel.reveal(undefined, true);
    }
    this.post();
  }

  dispose(): void {
    this.panel?.dispose();
  }

  private open(): void {
    const column = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    const options = { enableScripts: true, enableFindWidget: true, localResourceRoots: [] };
    const panel = vscode.window.createWebviewPanel('hybridLsp.explanation', 'Explanation', column, options);
    this.panel = panel;
    panel.iconPath = this.icon;
    panel.onDidDispose(() => {
      this.panel = undefined;
    });
    panel.webview.onDidReceiveMessage((message: 'ready' | 'copy') => {
      if (message === 'ready') {
        this.post();
      } else {
        void vscode.env.clipboard.writeText(this.shown?.markdown ?? '');
      }
    });
    panel.webview.html = page();
  }

  private post(): void {
    if (this.shown && this.panel) {
      const { title, markdown, done } = this.shown;
      const message: Page = { title, html: render(markdown), done };
      void this.panel.webview.postMessage(message);
    }
  }
}

/**
 * The empty page. Its policy allows this style and this script and nothing else: no picture, no frame, no request;
 * so the text is harmless even if `render` should let something through.
 */
function page(): string {
  const nonce = randomBytes(16).toString('base64');
  const policy = [
    `default-src 'none'`,
    `style-src 'nonce-${nonce}'`,
    `script-src 'nonce-${nonce}'`,
    `base-uri 'none'`,
    `form-action 'none'`,
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>Explanation</title>
<style nonce="${nonce}">${STYLE}</style>
</head>
<body>
<header><span id="title"></span><span id="state" role="status"></span><button id="copy">Copy Markdown</button></header>
<main id="text"></main>
<script nonce="${nonce}">${SCRIPT}</script>
</body>
</html>`;
}

const STYLE = `
body { padding: 0 26px 2em; line-height: 1.55; font-size: var(--vscode-font-size); }
header { position: sticky; top: 0; display: flex; gap: 1em; align-items: center; padding: 10px 0 8px;
  background: var(--vscode-editor-background); color: var(--vscode-descriptionForeground);
  border-bottom: 1px solid var(--vscode-widget-border, var(--vscode-editorGroup-border)); }
#title { flex: 1; }
button { border: 1px solid var(--vscode-button-border, transparent); padding: 4px 10px; cursor: pointer; border-radius: 2px;
  color: var(--vscode-button-secondaryForeground); background: var(--vscode-button-secondaryBackground); }
button:hover { background: var(--vscode-button-secondaryHoverBackground); }
h1, h2, h3 { font-weight: 600; line-height: 1.25; }
h1 { font-size: 1.5em; } h2 { font-size: 1.3em; } h3 { font-size: 1.1em; }
a { color: var(--vscode-textLink-foreground); }
code { font-family: var(--vscode-editor-font-family); font-size: 1em;
  background: var(--vscode-textCodeBlock-background); padding: 1px 3px; border-radius: 3px; }
pre { background: var(--vscode-textCodeBlock-background); padding: 10px 14px; border-radius: 3px; overflow: auto; }
pre code { background: none; padding: 0; }
blockquote { margin-left: 0; padding-left: 12px; border-left: 3px solid var(--vscode-textBlockQuote-border); }
table { border-collapse: collapse; } th, td { padding: 3px 10px; border: 1px solid var(--vscode-widget-border); }
.hljs-comment { color: var(--vscode-descriptionForeground); font-style: italic; }
.hljs-string, .hljs-regexp { color: var(--vscode-debugTokenExpression-string); }
.hljs-number, .hljs-literal { color: var(--vscode-debugTokenExpression-number); }
.hljs-keyword, .hljs-built_in { color: var(--vscode-debugTokenExpression-name); }
.hljs-title, .hljs-attr { color: var(--vscode-textLink-foreground); }
`;

// The text is swapped in one go, and the reader stays where they were, or at the end where they were there.
const SCRIPT = `
const vscode = acquireVsCodeApi();
const byId = (id) => document.getElementById(id);
byId('copy').addEventListener('click', () => vscode.postMessage('copy'));
window.addEventListener('message', ({ data }) => {
  const page = document.scrollingElement;
  const atEnd = page.scrollTop > 0 && page.scrollTop + page.clientHeight >= page.scrollHeight - 4;
  byId('title').textContent = data.title;
  byId('state').textContent = data.done ? '' : 'writing…';
  byId('text').innerHTML = data.html;
  if (atEnd && !data.done) page.scrollTop = page.scrollHeight;
});
vscode.postMessage('ready');
`;
