import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { type Candidate, findPython, usualNames } from '../src/python';
import { SetupFailure } from '../src/remedies';

const real = process.env.PYTHON ?? 'python3';

/** A program that answers the probe as a Python would. */
function pretender(answer: object | string): Candidate {
  const file = join(mkdtempSync(join(tmpdir(), 'python-')), 'python');
  writeFileSync(file, `#!/bin/sh\necho '${typeof answer === 'string' ? answer : JSON.stringify(answer)}'\n`);
  chmodSync(file, 0o755);
  return { command: file, args: [] };
}

const old = pretender({ executable: '/usr/bin/python3', version: [3, 9], venv: true });
const bare = pretender({ executable: '/usr/bin/python3', version: [3, 12], venv: false });
const missing = { command: 'no-python-of-this-name', args: [] };

test('the first Python that will do is taken', async () => {
  const found = await findPython('', [], [missing, old, bare, { command: real, args: [] }]);
  assert.ok(found.venv);
  assert.match(found.version, /^3\.(1[1-9]|[2-9]\d)$/);
});

test('a suggested one comes first', async () => {
  const suggested = pretender({ executable: '/opt/python', version: [3, 13], venv: true });
  const found = await findPython('', [suggested.command], [{ command: real, args: [] }]);
  assert.equal(found.executable, '/opt/python');
});

test('one that is too old is named, one that is not there is not', async () => {
  const failure = await failing(findPython('', [], [missing, old]));
  assert.match(failure.message, /is Python 3\.9/);
  assert.doesNotMatch(failure.message, /no-python-of-this-name/);
  assert.match(failure.advice, /^1\. Install Python/);
});

test('one without venv has a remedy of its own', async () => {
  const failure = await failing(findPython('', [], [bare]));
  assert.match(failure.advice, /^1\. .*apt install python3\.12-venv/);
});

test('the one that the user names is the only one tried', async () => {
  assert.match((await failing(findPython('/nowhere/python', [], [pretender('{}')]))).message, /\/nowhere\/python/);
  assert.match((await failing(findPython(old.command, [], []))).message, /is Python 3\.9/);
  assert.match((await failing(findPython(bare.command, [], []))).message, /lacks the venv module/);
  assert.ok((await findPython(real, [], [])).venv);
});

test('what answers nonsense does not run', async () => {
  assert.match((await failing(findPython(pretender('Hello').command, [], []))).message, /does not run/);
});

test('Windows has a launcher too', () => {
  assert.deepEqual(usualNames('win32').at(-1), { command: 'py', args: ['-3'] });
  assert.ok(!usualNames('linux').some((each) => each.command === 'py'));
});

async function failing(work: Promise<unknown>): Promise<SetupFailure> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof SetupFailure);
    return error;
  }
  throw new assert.AssertionError({ message: 'it did not fail' });
}
