// The progress of running actions, with a button to cancel: vscode-languageclient shows it without one.
import * as vscode from 'vscode';
import {
  type LanguageClient,
  type ProgressToken,
  type WorkDoneProgressBegin,
  WorkDoneProgressCancelNotification,
  type WorkDoneProgressEnd,
  type WorkDoneProgressReport,
} from 'vscode-languageclient/node';

type Params = WorkDoneProgressBegin | WorkDoneProgressReport | WorkDoneProgressEnd;

/** One that is shown. */
interface Shown {
  report: (message: string, percentage?: number) => void;
  readonly end: () => void;
}

export class ProgressBars {
  private readonly shown = new Map<ProgressToken, Shown>();

  /** Takes a `$/progress` of the server; `client` is told when the user cancels. */
  handle(client: LanguageClient, token: ProgressToken, params: Params): void {
    if (params.kind === 'begin') {
      this.begin(client, token, params);
    } else if (params.kind === 'report') {
      this.shown.get(token)?.report(params.message ?? '', params.percentage);
    } else {
      this.shown.get(token)?.end();
      this.shown.delete(token);
    }
  }

  /** The server is gone: nothing goes on any more. */
  clear(): void {
    [...this.shown.values()].forEach((each) => {
      each.end();
    });
    this.shown.clear();
  }

  private begin(client: LanguageClient, token: ProgressToken, { title, message }: WorkDoneProgressBegin): void {
    let end: () => void = () => undefined;
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    // Known at once, since it may end before VS Code has begun to show it.
    const shown: Shown = { report: () => undefined, end };
    this.shown.set(token, shown);
    const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
    void vscode.window.withProgress(options, (progress, cancelled) => {
      cancelled.onCancellationRequested(() => {
        void client.sendNotification(WorkDoneProgressCancelNotification.type, { token });
      });
      let done = 0;
      shown.report = (text, percentage): void => {
        // VS Code is told how much has come, the protocol says how much is there.
        const increment = Math.max(0, (percentage ?? 0) - done);
        done += increment;
        progress.report(percentage === undefined ? { message: text } : { message: text, increment });
      };
      shown.report(message ?? '');
      return over;
    });
  }
}
