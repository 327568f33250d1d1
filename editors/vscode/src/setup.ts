// Brings the server onto this machine: with the user's consent, with progress, and with remedies where it fails.
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import type { Executable } from 'vscode-languageclient/node';

import { Environment, shippedIn } from './environment';
import { findPython } from './python';
import { badServerPath, SetupFailure } from './remedies';
import { own } from './settings';

const CONSENT = 'consentToInstall';
const INSTALL = 'Install';
const LATER = 'Not Now';
const OWN_SERVER = 'I Have One';

/** The user cancelled it. */
export class Cancelled extends Error {}

/** The server is not installed, and the user has not said yet that it may be. */
export class NotAllowed extends Error {}

/**
 * What starts the server, installed first where it is missing.
 *
 * `asked`: the user has asked for it by a command, which is their consent. Throws NotAllowed, Cancelled, SetupFailure.
 */
export async function serverCommand(
  context: vscode.ExtensionContext,
  log: vscode.LogOutputChannel,
  asked: boolean,
): Promise<Executable> {
  const named = own('server.path');
  if (named) {
    return { command: found(named), args: ['serve'], options: { cwd: homedir() } };
  }
  const environment = await ownEnvironment(context);
  if (!environment.ready) {
    if (!(await allowed(context, asked))) {
      throw new NotAllowed();
    }
    await install(environment, log);
  }
  void environment.keepOnly();
  // `-I`: no module of the workspace or of the user's own packages takes the place of one of the server's.
  return {
    command: environment.python,
    args: ['-I', '-m', 'hybrid_lsp', 'serve'],
    options: { cwd: environment.folder },
  };
}

/** Removes the server's environment, so that it is made anew. */
export async function discardServer(context: vscode.ExtensionContext): Promise<void> {
  if (!own('server.path')) {
    await (await ownEnvironment(context)).discard();
  }
}

/** Removes every server that the extension has installed, and the user's consent to it. */
export async function removeServer(context: vscode.ExtensionContext): Promise<void> {
  await context.globalState.update(CONSENT, undefined);
  await rm(context.globalStorageUri.fsPath, { recursive: true, force: true });
}

async function ownEnvironment(context: vscode.ExtensionContext): Promise<Environment> {
  const shipped = await shippedIn(context.asAbsolutePath('server'));
  if (!shipped) {
    throw new SetupFailure('This build of the extension carries no server.', [
      'Build the whole package: `make vsix`.',
      'Or set `hybrid-lsp.server.path`.',
    ]);
  }
  return Environment.of(context.globalStorageUri.fsPath, shipped);
}

function found(named: string): string {
  const expanded = named.replace(/^~(?=$|[\\/])/, homedir());
  if (path.isAbsolute(expanded) && existsSync(expanded)) {
    return expanded;
  }
  throw badServerPath(named);
}

/** Whether the server may be installed: asked for by a command, or allowed once; an update does not ask again. */
async function allowed(context: vscode.ExtensionContext, asked: boolean): Promise<boolean> {
  if (asked) {
    await context.globalState.update(CONSENT, true);
  }
  return context.globalState.get<boolean>(CONSENT, false);
}

/** Asks whether to install the server. The question may stand for hours, so nobody should wait for its answer. */
export async function askToInstall(): Promise<boolean> {
  const answer = await vscode.window.showInformationMessage(
    'hybrid-lsp needs its language server. Install it now, into a Python environment of its own in VS Code’s ' +
      'storage? It downloads about 90 MB from the Python package index and takes 400 MB there; nothing else on your machine changes.',
    INSTALL,
    OWN_SERVER,
    LATER,
  );
  if (answer === OWN_SERVER) {
    await vscode.commands.executeCommand('workbench.action.openSettings', 'hybrid-lsp.server.path');
  }
  return answer === INSTALL;
}

async function install(environment: Environment, log: vscode.LogOutputChannel): Promise<void> {
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: 'hybrid-lsp: installing the server',
    cancellable: true,
  };
  await vscode.window.withProgress(options, async (progress, cancelled) => {
    const abort = new AbortController();
    cancelled.onCancellationRequested(() => {
      abort.abort();
    });
    try {
      progress.report({ message: 'Looking for Python…' });
      const python = await findPython(own('server.pythonPath'), await suggestedPythons());
      log.info(`Installing the server with Python ${python.version} (${python.executable})`);
      const report = (message: string, increment: number): void => {
        progress.report({ message, increment });
      };
      await environment.make(
        python,
        report,
        (line) => {
          log.info(line);
        },
        abort.signal,
      );
    } catch (error) {
      throw abort.signal.aborted ? new Cancelled() : error;
    }
  });
}

/** The interpreter chosen in Microsoft's Python extension; in an untrusted workspace it may be the workspace's own. */
async function suggestedPythons(): Promise<string[]> {
  if (!vscode.workspace.isTrusted) {
    return [];
  }
  interface PythonApi {
    readonly environments?: { getActiveEnvironmentPath(): { readonly path: string } };
  }
  try {
    const extension = vscode.extensions.getExtension<PythonApi>('ms-python.python');
    const api = extension && (extension.isActive ? extension.exports : await extension.activate());
    const active = api?.environments?.getActiveEnvironmentPath().path;
    return active && path.isAbsolute(active) ? [active] : [];
  } catch {
    return [];
  }
}
