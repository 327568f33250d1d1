// Shows what an edit makes of a file, as a diff, and applies it once the user says so.
//
// VS Code’s own Refactor Preview is for edits over many files: it shows changes as unticked rows, and its “Apply” does
// nothing until each is ticked. An action’s edit is of one file, for which a diff says more.
import { basename } from 'node:path';
import * as vscode from 'vscode';
import {
  type ApplyWorkspaceEditParams,
  type ApplyWorkspaceEditResult,
  CreateFile,
  type TextDocumentEdit,
  type TextEdit,
  type WorkspaceEdit,
} from 'vscode-languageclient/node';

const SCHEME = 'hybrid-lsp-preview';
const APPLY = 'Apply';
const DISCARD = 'Discard';

/** What an edit makes of one file; `before` is undefined where it makes the file. */
interface Proposal {
  readonly uri: vscode.Uri;
  readonly before: vscode.TextDocument | undefined;
  readonly after: string;
}

/** A preview that waits for the user. */
interface Open {
  readonly file: string;
  readonly decide: (apply: boolean) => void;
}

export class Previews implements vscode.Disposable {
  private readonly texts = new Map<string, string>();
  private readonly open = new Map<string, Open>();
  private readonly disposables: vscode.Disposable[];
  private count = 0;

  constructor() {
    this.disposables = [
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
        provideTextDocumentContent: (uri) => this.texts.get(uri.toString()) ?? '',
      }),
      vscode.window.tabGroups.onDidChangeTabs(({ closed }) => {
        closed.forEach((tab) => {
          this.decide(previewed(tab), false);
        });
      }),
    ];
  }

  /** The commands of a preview's toolbar, by name. */
  commands(): Record<string, () => Promise<void>> {
    const deciding = (apply: boolean) => (): Promise<void> => {
      this.decide(previewed(vscode.window.tabGroups.activeTabGroup.activeTab), apply);
      return Promise.resolve();
    };
    return { 'hybridLsp.applyEdit': deciding(true), 'hybridLsp.discardEdit': deciding(false) };
  }

  /** Answers `workspace/applyEdit`: shows the edit first where it wants to be confirmed; `next` applies. */
  async apply(
    params: ApplyWorkspaceEditParams,
    next: (params: ApplyWorkspaceEditParams) => Promise<ApplyWorkspaceEditResult>,
  ): Promise<ApplyWorkspaceEditResult> {
    const annotations = Object.values(params.edit.changeAnnotations ?? {});
    const proposal = annotations.some((each) => each.needsConfirmation) ? await proposalOf(params.edit) : undefined;
    if (!proposal) {
      return next(params);
    }
    const about = [...new Set(annotations.flatMap((each) => [each.label, each.description ?? '']))].filter(Boolean);
    if (!(await this.confirmed(proposal, annotations[0]?.label ?? '', about.join(': ')))) {
      return { applied: false, failureReason: 'you discarded it' };
    }
    const result = await next({ ...params, edit: withoutQuestions(params.edit) });
    if (!result.applied) {
      return { applied: false, failureReason: 'the text has changed since' };
    }
    await vscode.window.showTextDocument(proposal.uri);
    return result;
  }

  dispose(): void {
    [...this.open.values()].forEach((each) => {
      each.decide(false);
    });
    this.disposables.forEach((each) => {
      each.dispose();
    });
  }

  /** Shows the diff until the user decides; a second edit of the same file takes the place of the first. */
  private async confirmed({ uri, before, after }: Proposal, label: string, about: string): Promise<boolean> {
    const file = uri.toString();
    [...this.open.values()]
      .filter((each) => each.file === file)
      .forEach((each) => {
        each.decide(false);
      });
    const name = basename(uri.path);
    const right = vscode.Uri.from({ scheme: SCHEME, path: `/${++this.count}/${name}` });
    const left = before?.uri ?? right.with({ path: `/0/${name}` });
    this.texts.set(right.toString(), after);
    const decision = new Promise<boolean>((decide) => {
      this.open.set(right.toString(), { file, decide });
    });
    await vscode.commands.executeCommand('vscode.diff', left, right, `${name}: ${label}`, { preview: true });
    void vscode.window.showInformationMessage(about, APPLY, DISCARD).then((chosen) => {
      if (chosen) {
        this.decide(right.toString(), chosen === APPLY);
      }
    });
    const apply = await decision;
    // A message cannot be taken back; decided otherwise, at least its buttons stand no longer in the way.
    await vscode.commands.executeCommand('notifications.hideToasts');
    await closeTab(right.toString());
    this.texts.delete(right.toString());
    return apply;
  }

  private decide(preview: string | undefined, apply: boolean): void {
    const waiting = preview && this.open.get(preview);
    if (waiting) {
      this.open.delete(preview);
      waiting.decide(apply);
    }
  }
}

/** The preview that a tab shows, by its address. */
function previewed(tab: vscode.Tab | undefined): string | undefined {
  const input = tab?.input;
  return input instanceof vscode.TabInputTextDiff && input.modified.scheme === SCHEME
    ? input.modified.toString()
    : undefined;
}

async function closeTab(preview: string): Promise<void> {
  const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
  await vscode.window.tabGroups.close(tabs.filter((tab) => previewed(tab) === preview));
}

/** What an edit of one file, or one that makes a file, comes to; undefined for any other. */
async function proposalOf({ documentChanges = [] }: WorkspaceEdit): Promise<Proposal | undefined> {
  const made = documentChanges.filter((each) => CreateFile.is(each));
  const texts = documentChanges.filter((each): each is TextDocumentEdit => 'textDocument' in each);
  const [text] = texts;
  const others = documentChanges.length - made.length - texts.length;
  if (!text || texts.length > 1 || others || made.some((each) => each.uri !== text.textDocument.uri)) {
    return undefined;
  }
  const uri = vscode.Uri.parse(text.textDocument.uri);
  const edits = text.edits as TextEdit[];
  if (made.length) {
    return { uri, before: undefined, after: edits.map((each) => each.newText).join('') };
  }
  const before = await vscode.workspace.openTextDocument(uri);
  return { uri, before, after: edited(before, edits) };
}

/** A document's text with edits, which never overlap. */
function edited(document: vscode.TextDocument, edits: readonly TextEdit[]): string {
  const changes = edits.map(({ range: { start, end }, newText }) => ({
    start: document.offsetAt(new vscode.Position(start.line, start.character)),
    end: document.offsetAt(new vscode.Position(end.line, end.character)),
    newText,
  }));
  return changes
    .sort((one, other) => other.start - one.start || other.end - one.end)
    .reduce((text, each) => text.slice(0, each.start) + each.newText + text.slice(each.end), document.getText());
}

/** The same edit, whose confirmation the user has given. */
function withoutQuestions(edit: WorkspaceEdit): WorkspaceEdit {
  const annotations = Object.entries(edit.changeAnnotations ?? {});
  return {
    ...edit,
    changeAnnotations: Object.fromEntries(
      annotations.map(([name, each]) => [name, { ...each, needsConfirmation: false }]),
    ),
  };
}
