// Settings as the server’s tree: only those that somebody has set, so that its own file of settings counts too.

/** What `WorkspaceConfiguration.inspect` says of one setting. */
export interface Inspected {
  readonly globalValue?: unknown;
  readonly workspaceValue?: unknown;
  readonly workspaceFolderValue?: unknown;
}

/** Settings as the server's tree; `workspace` holds what the workspace says, which the server trusts less. */
export type Tree = Record<string, unknown>;

/** Settings of the extension itself, of which the server knows nothing. */
const OURS = new Set(['server', 'trace']);

/** The settings of the server that were set, by `names` (without the section), as a tree. */
export function collect(names: readonly string[], inspect: (name: string) => Inspected | undefined): Tree {
  const user: Tree = {};
  const workspace: Tree = {};
  for (const name of names.filter((each) => !OURS.has(each.split('.')[0] ?? ''))) {
    const found = inspect(name);
    put(user, name, found?.globalValue);
    put(workspace, name, found?.workspaceFolderValue ?? found?.workspaceValue);
  }
  return Object.keys(workspace).length ? { ...user, workspace } : user;
}

function put(tree: Tree, name: string, value: unknown): void {
  if (value === undefined) {
    return;
  }
  const path = name.split('.');
  const last = path.pop() ?? '';
  let place = tree;
  for (const part of path) {
    place = (place[part] ??= {}) as Tree;
  }
  place[last] = value;
}
