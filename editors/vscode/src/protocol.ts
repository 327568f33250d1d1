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
  models: 'hybrid-lsp.models',
  statistics: 'hybrid-lsp.statistics',
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

/** A verb of `hybrid-lsp models`, with what it is about. */
export interface ModelsWish {
  readonly verb: 'list' | 'pull' | 'use' | 'bench' | 'calibrate' | 'remove';
  readonly model?: string;
  readonly tier?: 'small' | 'large';
  readonly corpus?: string | undefined;
  readonly positions?: number;
  readonly show?: boolean;
}

/** One model of the list; `size` in bytes, `suggestion_ms` null where nothing is known. */
export interface ListedModel {
  readonly name: string;
  readonly source: string;
  readonly size: number;
  readonly licence: string;
  readonly here: boolean;
  readonly fits: boolean;
  readonly chats: boolean | null;
  readonly suggestion_ms: number | null;
  readonly measured: boolean;
  readonly tiers: readonly string[];
  readonly recommended: string;
  /** In the words of its server, such as `Q4_K_M`; empty where nobody says. */
  readonly quantisation: string;
  /** Who serves it: our engine once it is fetched, or Ollama as it is. */
  readonly backend: 'engine' | 'ollama';
}

/** The answer to `hybrid-lsp.models`. The server has told the user already what went wrong. */
export interface ModelsResult {
  readonly kind: 'done' | 'failed';
  readonly models?: readonly ListedModel[];
}

/** The answer to `hybrid-lsp.statistics`; without a `file` the server has told the user why. */
export interface StatisticsResult {
  readonly kind: 'done' | 'failed';
  readonly file?: string;
}

/** What came of an action. The server has told the user already. */
export interface ActionResult {
  readonly kind: 'text' | 'edit' | 'findings' | 'nothing' | 'failed';
  readonly count?: number;
}
