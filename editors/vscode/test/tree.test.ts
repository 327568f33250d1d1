import assert from 'node:assert/strict';
import { test } from 'node:test';

import { collect, type Inspected } from '../src/tree';

function collected(values: Readonly<Record<string, Inspected>>): object {
  return collect(Object.keys(values), (name) => values[name]);
}

test('what nobody has set is not told, so that the server’s own file counts', () => {
  assert.deepEqual(collected({ 'large.backend': {}, 'completion.enabled': { globalValue: false } }), {
    completion: { enabled: false },
  });
});

test('what a workspace says is told apart', () => {
  const values = {
    'completion.max_tokens': { globalValue: 40, workspaceValue: 20 },
    'privacy.exclude_globs': { workspaceFolderValue: ['*.sql'], workspaceValue: ['x'] },
  };
  assert.deepEqual(collected(values), {
    completion: { max_tokens: 40 },
    workspace: { completion: { max_tokens: 20 }, privacy: { exclude_globs: ['*.sql'] } },
  });
});

test('the extension’s own settings stay here', () => {
  assert.deepEqual(collected({ 'server.path': { globalValue: '/x' }, 'trace.server': { globalValue: 'off' } }), {});
});
