// Real environments with a real pip, and a wheel made here that needs nothing from the network.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { Environment, shippedIn } from '../src/environment';
import { findPython } from '../src/python';
import { SetupFailure } from '../src/remedies';

const real = process.env.PYTHON ?? 'python3';
const nothing = (): void => undefined;
process.env.PIP_NO_INDEX = '1';

const MAKE_WHEEL = `
import sys, zipfile
folder, needs = sys.argv[1:]
with zipfile.ZipFile(f"{folder}/toy-1.0-py3-none-any.whl", "w") as wheel:
    wheel.writestr("toy.py", "print('toy')")
    wheel.writestr("toy-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\\nName: toy\\nVersion: 1.0\\n{needs}")
    wheel.writestr("toy-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr("toy-1.0.dist-info/RECORD", "")
`;

/** A storage folder, and the environment of a wheel that needs these packages. */
async function environment(needs = ''): Promise<{ storage: string; made: Environment }> {
  const base = mkdtempSync(join(tmpdir(), 'environment-'));
  const server = join(base, 'server');
  mkdirSync(server);
  execFileSync(real, ['-c', MAKE_WHEEL, server, needs]);
  writeFileSync(join(server, 'constraints.txt'), '');
  const shipped = await shippedIn(server);
  assert.ok(shipped);
  const storage = join(base, 'storage');
  return { storage, made: await Environment.of(storage, shipped) };
}

test('a package without a wheel ships nothing', async () => {
  assert.equal(await shippedIn('/nowhere'), undefined);
});

test('it is made once, by whoever comes first', async () => {
  const { made } = await environment();
  const python = await findPython(real, []);
  const lines: string[] = [];
  const messages: string[] = [];
  assert.ok(!made.ready);
  const report = (message: string): void => {
    messages.push(message);
  };
  const log = (line: string): void => {
    lines.push(line);
  };
  await Promise.all([made.make(python, report, log), made.make(python, report, log)]);
  assert.ok(made.ready);
  assert.equal(execFileSync(made.python, ['-I', '-m', 'toy']).toString().trim(), 'toy');
  assert.equal(messages.filter((each) => each.startsWith('Making')).length, 1);
  assert.ok(lines.some((line) => line.startsWith('Successfully installed')));
  await made.discard();
  assert.ok(!made.ready);
});

test('what cannot be installed leaves nothing behind, and has remedies', async () => {
  const { storage, made } = await environment('Requires-Dist: no-such-package\n');
  const work = made.make(await findPython(real, []), nothing, nothing);
  await assert.rejects(work, (error) => error instanceof SetupFailure && error.advice.startsWith('1. '));
  assert.deepEqual(readdirSync(storage), []);
});

test('a cancelled one leaves nothing behind', async () => {
  const { storage, made } = await environment();
  const abort = new AbortController();
  const work = made.make(
    await findPython(real, []),
    () => {
      abort.abort();
    },
    nothing,
    abort.signal,
  );
  await assert.rejects(work, { name: 'AbortError' });
  assert.deepEqual(readdirSync(storage), []);
});

test('another content is another environment; old ones go when nobody has used them for a week', async () => {
  const { storage, made } = await environment();
  const { made: other } = await environment('Requires-Dist: something\n');
  assert.notEqual(made.folder.split('/').at(-1), other.folder.split('/').at(-1));
  for (const [name, days] of [
    ['server-old', 8],
    ['server-recent', 6],
  ] as const) {
    const mark = join(storage, name, 'ready.json');
    mkdirSync(join(storage, name), { recursive: true });
    writeFileSync(mark, '');
    const then = Date.now() / 1000 - days * 86_400;
    utimesSync(mark, then, then);
  }
  await made.keepOnly();
  assert.ok(!existsSync(join(storage, 'server-old')));
  assert.ok(existsSync(join(storage, 'server-recent')));
});

test('a lock whose holder has died does not hold', async () => {
  const { storage, made } = await environment();
  mkdirSync(storage, { recursive: true });
  const lock = `${made.folder}.lock`;
  writeFileSync(lock, '');
  const then = Date.now() / 1000 - 60;
  utimesSync(lock, then, then);
  await made.make(await findPython(real, []), nothing, nothing);
  assert.ok(made.ready);
  rmSync(storage, { recursive: true });
});
