import assert from 'node:assert/strict';
import { test } from 'node:test';

import { installFailed } from '../src/remedies';

const CASES: readonly (readonly [string, string, RegExp])[] = [
  [
    'no network',
    `WARNING: Retrying after connection broken by 'NewConnectionError(... [Errno -3] Temporary failure in name resolution')'
ERROR: Could not find a version that satisfies the requirement attrs>=24.1 (from versions: none)
ERROR: No matching distribution found for attrs>=24.1`,
    /network is missing/,
  ],
  [
    'a proxy that opens connections',
    'SSLError(SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED]"))',
    /certificate/,
  ],
  [
    'a full disk',
    'ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device',
    /disk is full/,
  ],
  [
    'no package for this Python',
    'ERROR: No matching distribution found for ctranslate2==4.8.5',
    /no ready-made package.*ctranslate2/,
  ],
  ['anything else', 'Collecting attrs\nERROR: it exploded', /it exploded/],
  ['nothing at all', '', /The installation failed\.$/],
];

for (const [name, output, message] of CASES) {
  test(`${name} is told as such, with numbered remedies`, () => {
    const failure = installFailed(output);
    assert.match(failure.message, message);
    assert.match(failure.advice, /^1\. .+\n2\. /);
  });
}
