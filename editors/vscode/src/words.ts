// The server's codes in words.

/** Why there is no suggestion, by the server's reason codes. */
export const REASONS: Readonly<Record<string, string>> = {
  disabled: 'switched off',
  'language-disabled': 'off for this language',
  paused: 'paused',
  'glob-disabled': 'off for this file',
  'read-only': 'this file is read-only',
  'ignored-file': 'git ignores this file',
  'secret-file': 'this file may hold secrets',
  'too-large': 'this file is too large',
  binary: 'this is no text file',
  'not-open': 'this file is not open',
  'mid-word': 'a word goes on after the cursor',
  'after-deletion': 'you are deleting',
  'in-comment': 'off in comments',
  'in-string': 'off in texts',
  'no-backend': 'no model',
  'backend-failed': 'the model failed',
  timeout: 'the model took too long',
  superseded: 'you typed on',
  cancelled: 'you typed on',
  'empty-reply': 'nothing to add here',
  'duplicate-of-suffix': 'it is there already',
  repetition: 'it repeated itself',
  'syntax-error': 'it would not parse',
  'low-confidence': 'not sure enough',
  'shutting-down': 'it is ending',
};

/** Those that hold for the file or the machine, not for this place in the text: they are worth a place in the bar. */
const STANDING = new Set([
  ...['disabled', 'language-disabled', 'glob-disabled', 'paused', 'read-only', 'ignored-file', 'secret-file'],
  ...['too-large', 'binary', 'no-backend', 'backend-failed'],
]);

export function reasonInWords(reason: string): string {
  return REASONS[reason] ?? reason;
}

/** What the status bar's text is made from. */
export interface Shown {
  readonly state: 'set-up' | 'starting' | 'running' | 'failed';
  readonly kind: string;
  readonly busy: boolean;
  readonly reason: string | null;
  readonly tier: string | null;
  readonly paused: boolean;
  readonly pausedLanguage: string | null;
}

/** The status bar's text, with its icon. */
export function barText(shown: Shown): string {
  switch (shown.state) {
    case 'set-up':
      return '$(cloud-download) hybrid: set up';
    case 'starting':
      return '$(loading~spin) hybrid';
    case 'failed':
      return '$(error) hybrid';
    case 'running':
      return runningText(shown);
  }
}

function runningText({ busy, kind, paused, pausedLanguage, reason, tier }: Shown): string {
  if (busy) {
    return '$(loading~spin) hybrid';
  }
  if (paused) {
    return '$(debug-pause) hybrid: paused';
  }
  if (pausedLanguage) {
    return `$(debug-pause) hybrid: paused for ${pausedLanguage}`;
  }
  if (reason && STANDING.has(reason)) {
    return `$(circle-slash) hybrid: ${reasonInWords(reason)}`;
  }
  if (kind === 'Warning' || kind === 'Error') {
    return '$(warning) hybrid';
  }
  return tier ? `$(sparkle) hybrid: ${tier}` : '$(sparkle) hybrid';
}

/** A size as people read it: `491 MB`, `1.12 GB`. */
export function sizeInWords(bytes: number): string {
  return bytes >= 999.5e6 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(0)} MB`;
}

/** What of a model matters for choosing: whose it is, how fast it suggests here, what it serves. */
export function describeModel(model: {
  readonly source: string;
  readonly fits: boolean;
  readonly suggestion_ms: number | null;
  readonly measured: boolean;
  readonly tiers: readonly string[];
}): string {
  const { source, fits, suggestion_ms: wait, measured, tiers } = model;
  const seconds = wait === null ? '' : wait < 1000 ? `${wait.toFixed(0)} ms` : `${(wait / 1000).toFixed(1)} s`;
  return [
    ...(tiers.length > 0 ? [`serves ${tiers.join(' and ')}`] : []),
    source,
    ...(seconds ? [`${measured ? '' : 'about '}${seconds} a suggestion`] : []),
    ...(fits ? [] : ['too large for the free memory']),
  ].join(' · ');
}
