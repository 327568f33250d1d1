// The status bar item: what the server is doing, and why it shows nothing.
import * as vscode from 'vscode';

import type { ServerStatus, StatusParams } from './protocol';
import { barText, reasonInWords, type Shown } from './words';

const NOTHING_YET: StatusParams = { kind: 'Normal', message: '', busy: false, reason: null, tier: null };

export class StatusBar implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;
  private readonly listener: vscode.Disposable;
  private state: Shown['state'] = 'starting';
  private said: StatusParams = NOTHING_YET;
  private paused = false;
  private pausedLanguages: readonly string[] = [];

  constructor(menu: string) {
    this.item = vscode.window.createStatusBarItem('hybridLsp', vscode.StatusBarAlignment.Right, 100);
    this.item.name = 'hybrid-lsp';
    this.item.command = menu;
    this.listener = vscode.window.onDidChangeActiveTextEditor(() => {
      this.forgetReason();
    });
    this.draw();
    this.item.show();
  }

  /** Whether the server is there, being brought up, missing, or down. */
  setState(state: Shown['state']): void {
    this.state = state;
    if (state !== 'running') {
      this.said = NOTHING_YET;
    }
    this.draw();
  }

  /** What `didChangeStatus` says. */
  show(status: StatusParams): void {
    this.said = status;
    this.draw();
  }

  /** What the server answers to a question for its status. */
  showAll(status: ServerStatus): void {
    this.paused = status.paused ?? false;
    this.pausedLanguages = status.pausedLanguages ?? [];
    this.show(status);
  }

  /** The last reason is old: it was about another file, or other settings. */
  forgetReason(): void {
    this.said = { ...this.said, reason: null };
    this.draw();
  }

  /** Whether everything is paused, or this language. */
  isPaused(language?: string): boolean {
    return language === undefined ? this.paused : this.pausedLanguages.includes(language);
  }

  dispose(): void {
    this.listener.dispose();
    this.item.dispose();
  }

  private draw(): void {
    const language = vscode.window.activeTextEditor?.document.languageId;
    const shown: Shown = {
      state: this.state,
      ...this.said,
      paused: this.paused,
      pausedLanguage: language && this.isPaused(language) ? language : null,
    };
    this.item.text = barText(shown);
    this.item.tooltip = tooltip(shown, this.said.message);
    this.item.accessibilityInformation = { label: `hybrid-lsp ${this.item.text.replace(/\$\([^)]*\) ?/, '')}` };
    this.item.backgroundColor =
      this.state === 'failed' ? new vscode.ThemeColor('statusBarItem.errorBackground') : undefined;
  }
}

function tooltip(shown: Shown, message: string): vscode.MarkdownString {
  const text = new vscode.MarkdownString('**hybrid-lsp**\n\n');
  const lines = {
    'set-up': ['The server is not installed yet.'],
    starting: ['The server is starting.'],
    failed: ['The server is not running.'],
    running: running(shown),
  }[shown.state];
  for (const line of [...lines, message]) {
    text.appendText(line).appendMarkdown('\n\n');
  }
  return text.appendMarkdown('Click for the menu.');
}

function running({ busy, reason, tier }: Shown): string[] {
  const last = reason ? `Last time nothing was shown: ${reasonInWords(reason)} (${reason}).` : '';
  return [busy ? 'Working…' : '', tier ? `Last answer from the ${tier} tier.` : '', last].filter(Boolean);
}
