// The server's own Python environment, in the extension's storage: one folder for each version of the server.
import { createHash } from 'node:crypto';
import { existsSync, promises as fs } from 'node:fs';
import * as path from 'node:path';

import { run } from './process';
import type { Python } from './python';
import { installFailed, noVenv } from './remedies';

/** What the package carries: the server's wheel, and the versions that it was tested with. */
export interface Shipped {
  readonly wheel: string;
  readonly constraints: string;
}

/** Tells how far it is: a line, and what was done since the last one, in per cent. */
export type Report = (message: string, increment: number) => void;

const READY = 'ready.json';
const PREFIX = 'server-';
const UNUSED_DAYS = 7;
const MS_A_DAY = 86_400_000;
const LOCK_POLL_MS = 300;
/** An installation writes its lock's time again and again; one that stopped doing so has died. */
const LOCK_STALE_MS = 15_000;

/** The wheel and the constraints in `folder`, or undefined where the package was built without them. */
export async function shippedIn(folder: string): Promise<Shipped | undefined> {
  const names = await fs.readdir(folder).catch(() => [] as string[]);
  const wheel = names.find((name) => name.endsWith('.whl'));
  return wheel ? { wheel: path.join(folder, wheel), constraints: path.join(folder, 'constraints.txt') } : undefined;
}

/** The environment of what is shipped; named after its content, so that an update makes a new one. */
export class Environment {
  private constructor(
    readonly folder: string,
    private readonly shipped: Shipped,
  ) {}

  static async of(storage: string, shipped: Shipped): Promise<Environment> {
    const hash = createHash('sha256');
    hash.update(await fs.readFile(shipped.wheel));
    hash.update(await fs.readFile(shipped.constraints));
    return new Environment(path.join(storage, PREFIX + hash.digest('hex').slice(0, 12)), shipped);
  }

  /** Its interpreter. */
  get python(): string {
    return process.platform === 'win32'
      ? path.join(this.folder, 'Scripts', 'python.exe')
      : path.join(this.folder, 'bin', 'python');
  }

  /** Whether it was made to its end, and the Python under it is still there. */
  get ready(): boolean {
    return existsSync(path.join(this.folder, READY)) && existsSync(this.python);
  }

  /**
   * Makes it, unless another window does or has done so. What is left of an attempt that failed or was aborted is
   * removed. Throws SetupFailure; rejects with an AbortError where `signal` says so.
   */
  async make(python: Python, report: Report, log: (line: string) => void, signal?: AbortSignal): Promise<void> {
    await fs.mkdir(path.dirname(this.folder), { recursive: true });
    const unlock = await lock(`${this.folder}.lock`, signal);
    try {
      if (!this.ready) {
        await this.build(python, report, log, signal);
      }
    } catch (error) {
      await remove(this.folder);
      throw error;
    } finally {
      await unlock();
    }
  }

  /** Removes it, to be made anew. */
  async discard(): Promise<void> {
    await remove(this.folder);
  }

  /** Notes that it is used, and removes those of other versions that no window has used for a week. */
  async keepOnly(): Promise<void> {
    const now = new Date();
    await fs.utimes(path.join(this.folder, READY), now, now).catch(() => undefined);
    const storage = path.dirname(this.folder);
    for (const name of await fs.readdir(storage).catch(() => [] as string[])) {
      const folder = path.join(storage, name);
      if (name.startsWith(PREFIX) && !name.endsWith('.lock') && folder !== this.folder) {
        const used = await fs.stat(path.join(folder, READY)).catch(() => undefined);
        if (used && now.getTime() - used.mtimeMs > UNUSED_DAYS * MS_A_DAY) {
          await remove(folder);
        }
      }
    }
  }

  private async build(
    python: Python,
    report: Report,
    log: (line: string) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    await remove(this.folder);
    report(`Making an environment with Python ${python.version}…`, 2);
    const made = await run(python.executable, ['-I', '-m', 'venv', this.folder], { signal, onLine: log });
    if (made.code !== 0) {
      throw made.output.includes('ensurepip') ? noVenv(python.executable, python.version) : installFailed(made.output);
    }
    report('Looking for the packages…', 8);
    const installed = await run(this.python, this.pipArguments(), { signal, onLine: pipReporter(report, log) });
    if (installed.code !== 0) {
      throw installFailed(installed.output);
    }
    await fs.writeFile(path.join(this.folder, READY), JSON.stringify({ python: python.executable }));
  }

  private pipArguments(): string[] {
    return [
      ...['-I', '-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--progress-bar=off'],
      // A package that must be compiled fails at once, and runs none of its code.
      ...['--only-binary=:all:', '--constraint', this.shipped.constraints, this.shipped.wheel],
    ];
  }
}

/** Turns pip's lines into progress: some forty packages are collected, then installed together. */
function pipReporter(report: Report, log: (line: string) => void): (line: string) => void {
  let left = 70;
  return (line) => {
    log(line);
    const collected = /^Collecting ([\w.-]+)/.exec(line);
    if (collected?.[1]) {
      const step = left > 2 ? 1.7 : 0;
      left -= step;
      report(`Downloading ${collected[1]}…`, step);
    } else if (line.startsWith('Installing collected packages')) {
      report('Installing the packages…', left);
    }
  };
}

/** Holds a lock file for this process; returns how to let it go. Rejects with an AbortError. */
async function lock(file: string, signal?: AbortSignal): Promise<() => Promise<void>> {
  while (!(await created(file))) {
    signal?.throwIfAborted();
    const held = await fs.stat(file).catch(() => undefined);
    if (held && Date.now() - held.mtimeMs > LOCK_STALE_MS) {
      await fs.rm(file, { force: true });
    }
    await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
  }
  const alive = setInterval(() => void touch(file), LOCK_STALE_MS / 3);
  return async () => {
    clearInterval(alive);
    await fs.rm(file, { force: true });
  };
}

async function created(file: string): Promise<boolean> {
  try {
    await (await fs.open(file, 'wx')).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      return false;
    }
    throw error;
  }
}

async function touch(file: string): Promise<void> {
  const now = new Date();
  await fs.utimes(file, now, now).catch(() => undefined);
}

async function remove(folder: string): Promise<void> {
  await fs.rm(folder, { recursive: true, force: true, maxRetries: 3 });
}
