import assert from 'node:assert/strict';
import { test } from 'node:test';

import { barText, describeModel, type Shown, sizeInWords } from '../src/words';

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

test('a size is told as people read it', () => {
  assert.deepEqual([7_400_000, 633e6, 1.12e9].map(sizeInWords), ['7 MB', '633 MB', '1.12 GB']);
});

test('a model is told by what matters for choosing it', () => {
  const model = { source: 'Ollama', fits: true, suggestion_ms: 1690, measured: false, tiers: ['small'] };
  assert.equal(describeModel(model), 'serves small · Ollama · about 1.7 s a suggestion');
  const other = { ...model, tiers: [], fits: false, suggestion_ms: null };
  assert.equal(describeModel(other), 'Ollama · too large for the free memory');
  assert.equal(
    describeModel({ ...model, tiers: [], measured: true, suggestion_ms: 80 }),
    'Ollama · 80 ms a suggestion',
  );
});
