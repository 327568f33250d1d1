// Which settings the server is told.
import * as vscode from 'vscode';

import { SECTION } from './protocol';
import { collect, type Tree } from './tree';

/** The names of all settings that this extension declares, without the section. */
export function declared(extension: vscode.Extension<unknown>): readonly string[] {
  const { contributes } = extension.packageJSON as {
    contributes: { configuration: readonly { properties: Record<string, unknown> }[] };
  };
  return contributes.configuration
    .flatMap((section) => Object.keys(section.properties))
    .map((name) => name.slice(SECTION.length + 1));
}

/** What the server is told of the settings as they are now. */
export function current(extension: vscode.Extension<unknown>): Tree {
  const configuration = vscode.workspace.getConfiguration(SECTION);
  return collect(declared(extension), (name) => configuration.inspect(name));
}

/** A setting of the extension itself. */
export function own(name: 'server.path' | 'server.pythonPath'): string {
  return vscode.workspace.getConfiguration(SECTION).get<string>(name, '').trim();
}
