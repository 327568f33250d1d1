import assert from 'node:assert/strict';
import { test } from 'node:test';

import { barText, type Shown } from '../src/words';

const RUNNING: Shown = {
  state: 'running',
  kind: 'Normal',
  busy: false,
  reason: null,
  tier: null,
  paused: false,
  pausedLanguage: null,
};

const CASES: readonly (readonly [Partial<Shown>, string])[] = [
  [{ state: 'set-up' }, '$(cloud-download) hybrid: set up'],
  [{ state: 'starting' }, '$(loading~spin) hybrid'],
  [{ state: 'failed' }, '$(error) hybrid'],
  [{}, '$(sparkle) hybrid'],
  [{ tier: 'small' }, '$(sparkle) hybrid: small'],
  [{ busy: true, tier: 'small' }, '$(loading~spin) hybrid'],
  [{ paused: true, tier: 'small' }, '$(debug-pause) hybrid: paused'],
  [{ pausedLanguage: 'go' }, '$(debug-pause) hybrid: paused for go'],
  [{ reason: 'secret-file' }, '$(circle-slash) hybrid: this file may hold secrets'],
  // What changes with each key would make the bar restless.
  [{ reason: 'mid-word', tier: 'small' }, '$(sparkle) hybrid: small'],
  [{ kind: 'Error' }, '$(warning) hybrid'],
];

for (const [shown, text] of CASES) {
  test(`${JSON.stringify(shown)} is shown as ${text}`, () => {
    assert.equal(barText({ ...RUNNING, ...shown }), text);
  });
}
