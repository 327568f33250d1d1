// Finds a Python that the server can run on.
import { run } from './process';
import { badPythonPath, noPython, noVenv } from './remedies';

/** How a Python may be called. */
export interface Candidate {
  readonly command: string;
  readonly args: readonly string[];
}

/** A Python that is new enough; `version` is `3.12`. */
export interface Python {
  readonly executable: string;
  readonly version: string;
  readonly venv: boolean;
}

const LEAST = [3, 11] as const;
const PROBE =
  'import importlib.util as u, json, sys; print(json.dumps({"executable": sys.executable, ' +
  '"version": list(sys.version_info[:2]), "venv": bool(u.find_spec("venv") and u.find_spec("ensurepip"))}))';
const PATIENCE_MS = 20_000;

/** The names that a Python goes by, the best known versions first. */
export function usualNames(platform: NodeJS.Platform = process.platform): readonly Candidate[] {
  const names = ['python3.13', 'python3.12', 'python3.11', 'python3', 'python'];
  const candidates = names.map((command) => ({ command, args: [] as string[] }));
  return platform === 'win32' ? [...candidates, { command: 'py', args: ['-3'] }] : candidates;
}

/**
 * The first Python that can make an environment.
 *
 * `chosen` is the user's setting: where it is given nothing else is tried. `suggested` comes before the usual names.
 * Throws SetupFailure.
 */
export async function findPython(
  chosen: string,
  suggested: readonly string[],
  names: readonly Candidate[] = usualNames(),
): Promise<Python> {
  if (chosen) {
    return usable(chosen);
  }
  const tried: string[] = [];
  let bare: Python | undefined;
  for (const candidate of [...suggested.map((command) => ({ command, args: [] })), ...names]) {
    const found = await probe(candidate);
    if (typeof found === 'string') {
      if (found !== MISSING) {
        tried.push(`${candidate.command}: ${found}`);
      }
    } else if (found.venv) {
      return found;
    } else {
      bare ??= found;
    }
  }
  throw bare ? noVenv(bare.executable, bare.version) : noPython(tried);
}

async function usable(path: string): Promise<Python> {
  const found = await probe({ command: path, args: [] });
  if (typeof found === 'string') {
    throw badPythonPath(path, found);
  }
  if (!found.venv) {
    throw noVenv(found.executable, found.version);
  }
  return found;
}

const MISSING = 'not there';

/** What a candidate is, or what is wrong with it. */
async function probe({ command, args }: Candidate): Promise<Python | string> {
  try {
    const { code, output } = await run(command, [...args, '-I', '-c', PROBE], { timeoutMs: PATIENCE_MS });
    return code === 0 ? judge(output) : 'does not run';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? MISSING : 'does not run';
  }
}

function judge(output: string): Python | string {
  const { executable, version, venv } = JSON.parse(output.trim().split('\n').at(-1) ?? '') as {
    executable: string;
    version: [number, number];
    venv: boolean;
  };
  const [major, minor] = version;
  if (major < LEAST[0] || (major === LEAST[0] && minor < LEAST[1])) {
    return `is Python ${major}.${minor}`;
  }
  return { executable, version: `${major}.${minor}`, venv };
}
