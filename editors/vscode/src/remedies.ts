// What can go wrong while the server is set up, and what the user can do about it: always a numbered list.

/** A set-up that failed; `message` is one line, `remedies` are tried in order. */
export class SetupFailure extends Error {
  override readonly name = 'SetupFailure';

  constructor(
    message: string,
    readonly remedies: readonly string[],
  ) {
    super(message);
  }

  /** The remedies as a numbered list. */
  get advice(): string {
    return this.remedies.map((remedy, index) => `${index + 1}. ${remedy}`).join('\n');
  }
}

const BY_HAND =
  'Or install the server yourself, in any environment, and put the path of its “hybrid-lsp” into the setting ' +
  '“hybrid-lsp.server.path”.';

/** No interpreter will do; `tried` says of each what is wrong with it. */
export function noPython(tried: readonly string[]): SetupFailure {
  const seen = tried.length ? ` (${tried.join('; ')})` : '';
  return new SetupFailure(`No Python 3.11 or newer was found${seen}.`, [
    'Install Python 3.13: from python.org (Windows, macOS), or “sudo apt install python3 python3-venv”, ' +
      '“sudo dnf install python3”, “brew install python@3.13”. Then choose “Try again”.',
    'If Python is installed and was not found, put its path into the setting “hybrid-lsp.server.pythonPath”.',
    BY_HAND,
  ]);
}

/** The interpreter that the user's setting names will not do. */
export function badPythonPath(path: string, why: string): SetupFailure {
  return new SetupFailure(`The Python of the setting hybrid-lsp.server.pythonPath cannot be used: ${path}: ${why}.`, [
    'Correct the setting: it takes the path of a Python 3.11 or newer.',
    'Or clear it: then a Python is looked for.',
    BY_HAND,
  ]);
}

/** Debian and Ubuntu keep venv and ensurepip in a package of their own. */
export function noVenv(executable: string, version: string): SetupFailure {
  return new SetupFailure(`${executable} (Python ${version}) lacks the venv module.`, [
    `On Debian and Ubuntu: “sudo apt install python${version}-venv”. Then choose “Try again”.`,
    'Or put the path of another Python 3.11 or newer into the setting “hybrid-lsp.server.pythonPath”.',
    BY_HAND,
  ]);
}

/** The setting `server.path` names no program. */
export function badServerPath(path: string): SetupFailure {
  return new SetupFailure(`The server of the setting hybrid-lsp.server.path is not there: ${path}.`, [
    'Correct the setting: it takes the path of the “hybrid-lsp” program (“which hybrid-lsp” prints it).',
    'Or clear it: then the extension installs a server of its own.',
  ]);
}

/** The server was started and did not come up. */
export function startFailed(why: string): SetupFailure {
  return new SetupFailure(`The server did not start: ${why}`, [
    'Look into the log: “Show log”.',
    'Install the server anew: command “hybrid-lsp: Set Up the Server”.',
    'If you set “hybrid-lsp.server.path”: run that program with “serve --help” in a terminal.',
  ]);
}

const CAUSES: readonly (readonly [RegExp, (line: string) => SetupFailure])[] = [
  [
    /CERTIFICATE_VERIFY_FAILED|SSLCertVerificationError|SSLError/,
    (): SetupFailure =>
      new SetupFailure('The package index’s certificate was not accepted.', [
        'If a proxy of your company opens connections, tell pip its certificate: ' +
          '“pip config set global.cert PATH”. Then choose “Try again”.',
        BY_HAND,
      ]),
  ],
  [
    /NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|ConnectionReset|name resolution|getaddrinfo|unreachable|Connection refused|timed out|No route to host/i,
    (): SetupFailure =>
      new SetupFailure('The package index could not be reached: the network is missing or blocked.', [
        'Check the connection to pypi.org (only the set-up needs it), then choose “Try again”.',
        'Behind a proxy: set HTTPS_PROXY before VS Code starts, or “pip config set global.proxy http://HOST:PORT”.',
        'With an index of your own: “pip config set global.index-url URL”.',
        BY_HAND,
      ]),
  ],
  [
    /No space left|ENOSPC|not enough space/i,
    (): SetupFailure =>
      new SetupFailure('The disk is full: the server and its packages need about 400 MB.', [
        'Make room, then choose “Try again”.',
        BY_HAND,
      ]),
  ],
  [
    /No matching distribution|Could not find a version|not a supported wheel/,
    (line): SetupFailure =>
      new SetupFailure(`There is no ready-made package for this Python on this system. ${line}`, [
        'Use a 64-bit Python 3.11, 3.12 or 3.13: put its path into the setting “hybrid-lsp.server.pythonPath”.',
        BY_HAND,
      ]),
  ],
];

/** Why an installation failed, read from what pip wrote. */
export function installFailed(output: string): SetupFailure {
  const lines = output.split(/\r?\n/).filter((line) => line.trim());
  const last = lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1) ?? '';
  for (const [sign, failure] of CAUSES) {
    if (sign.test(output)) {
      return failure(last.trim());
    }
  }
  return new SetupFailure(`The installation failed. ${last.trim()}`.trim(), [
    'Look into the output: “Show log”.',
    'Choose “Try again”.',
    BY_HAND,
  ]);
}
