// What the server and this extension say to each other beyond LSP itself.
import type { Diagnostic, Range } from 'vscode-languageclient/node';

/** The section of the settings that is ours. */
export const SECTION = 'hybrid-lsp';

/** Commands of the server (`workspace/executeCommand`). */
export const SERVER = {
  status: 'hybrid-lsp.status',
  pause: 'hybrid-lsp.pause',
  runAction: 'hybrid-lsp.runAction',
  answerNow: 'hybrid-lsp.answerNow',
  dismiss: 'hybrid-lsp.dismiss',
} as const;

/** Notifications of the server. */
export const STATUS_CHANGED = 'didChangeStatus';
export const EXPLANATION = 'hybridLsp/explanation';

/** What `didChangeStatus` says; `kind` as Copilot's server has it. */
export interface StatusParams {
  readonly kind: 'Normal' | 'Warning' | 'Error' | 'Inactive';
  readonly message: string;
  readonly busy: boolean;
  readonly reason: string | null;
  readonly tier: string | null;
}

/** The answer to `hybrid-lsp.status` and `hybrid-lsp.pause`. */
export interface ServerStatus extends StatusParams {
  readonly version: string;
  readonly languages: readonly string[];
  readonly models: Readonly<Record<string, string>>;
  readonly log: string | null;
  readonly paused?: boolean;
  readonly pausedLanguages?: readonly string[];
}

/** The whole text of an explanation so far; `token` names the run. */
export interface ExplanationParams {
  readonly token: string;
  readonly title: string;
  readonly markdown: string;
  readonly done: boolean;
}

/** The argument of `hybrid-lsp.runAction`. */
export interface Order {
  readonly action: string;
  readonly uri: string;
  readonly range: Range;
  readonly instruction?: string;
  readonly diagnostic?: Diagnostic;
}

/** What came of an action. The server has told the user already. */
export interface ActionResult {
  readonly kind: 'text' | 'edit' | 'findings' | 'nothing' | 'failed';
  readonly count?: number;
}
