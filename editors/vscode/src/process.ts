// Runs a child process to its end.
import { spawn } from 'node:child_process';
import { homedir } from 'node:os';

export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
  readonly onLine?: (line: string) => void;
}

// Any of these would have pip install elsewhere than into the environment it belongs to.
const STRAY = new Set(['PIP_USER', 'PIP_TARGET', 'PIP_PREFIX', 'PIP_ROOT', 'PYTHONHOME', '__PYVENV_LAUNCHER__']);

/**
 * Runs a program, without a shell and outside the workspace (which could hold modules that Python would import).
 * `output` is stdout and stderr together. Rejects where it cannot be started, or was aborted.
 */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: homedir(),
      env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !STRAY.has(name))),
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      ...(options.signal && { signal: options.signal }),
      ...(options.timeoutMs && { timeout: options.timeoutMs }),
    });
    let output = '';
    let rest = '';
    const take = (text: string): void => {
      output += text;
      const lines = (rest + text).split(/\r?\n/);
      rest = lines.pop() ?? '';
      lines.forEach((line) => options.onLine?.(line));
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, output });
    });
  });
}
