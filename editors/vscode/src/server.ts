// The server's life: brought up, watched, restarted, taken down.
import * as vscode from 'vscode';
import {
  type ClientCapabilities,
  DidChangeConfigurationNotification,
  ExecuteCommandRequest,
  InlineCompletionRequest,
  LanguageClient,
  type LanguageClientOptions,
  LSPErrorCodes,
  type MessageSignature,
  ResponseError,
  State,
  type StaticFeature,
} from 'vscode-languageclient/node';

import { ProgressBars } from './progress';
import {
  type ActionResult,
  EXPLANATION,
  type ExplanationParams,
  type ModelsResult,
  type ModelsWish,
  type Order,
  SECTION,
  SERVER,
  type ServerStatus,
  STATUS_CHANGED,
  type StatusParams,
} from './protocol';
import type { Previews } from './preview';
import { SetupFailure, startFailed } from './remedies';
import { current } from './settings';
import { askToInstall, Cancelled, discardServer, NotAllowed, removeServer, serverCommand } from './setup';
import type { StatusBar } from './status';

const RUNNING = 'hybridLsp.running';
const TRY_AGAIN = 'Try Again';
const SHOW_LOG = 'Show Log';
const SETTINGS = 'Settings';

/** Says to the server which of its own notifications this client shows, and how it wants edits. */
const wishes: StaticFeature = {
  fillClientCapabilities: (capabilities: ClientCapabilities): void => {
    // Edits come by `workspace/applyEdit`, where `Previews` shows them, and never with a resolved code action.
    delete capabilities.textDocument?.codeAction?.resolveSupport;
    capabilities.experimental = {
      ...(capabilities.experimental as object | undefined),
      hybridLsp: { status: true, stream: true, offer: true },
    };
  },
  initialize: () => undefined,
  getState: () => ({ kind: 'static' }),
  clear: () => undefined,
};

/** Ghost text that fails goes to the log: a pop-up at each key would be worse than no suggestion. */
class Client extends LanguageClient {
  override handleFailedRequest<T>(
    type: MessageSignature,
    token: vscode.CancellationToken | undefined,
    error: unknown,
    defaultValue: T,
    showNotification = true,
    throwOnCancel = false,
  ): T {
    const shown = showNotification && type.method !== InlineCompletionRequest.method;
    return super.handleFailedRequest(type, token, error, defaultValue, shown, throwOnCancel);
  }
}

export class Server implements vscode.Disposable {
  private client: Client | undefined;
  private readonly progress = new ProgressBars();
  /** One thing at a time: a restart waits for a start that is under way. */
  private queue: Promise<void> = Promise.resolve();

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
    private readonly bar: StatusBar,
    private readonly previews: Previews,
    private readonly onExplanation: (params: ExplanationParams) => void,
  ) {}

  /** The client, where the server is up. */
  get running(): LanguageClient | undefined {
    return this.client?.state === State.Running ? this.client : undefined;
  }

  /** Brings it up; `asked`: by a command, so installing needs no further consent. */
  start(asked = false): Promise<void> {
    return this.enqueue(() => this.bringUp(asked));
  }

  restart(): Promise<void> {
    return this.enqueue(async () => {
      await this.takeDown();
      await this.bringUp(true);
    });
  }

  /** Makes the server's environment anew, whatever state it is in. */
  reinstall(): Promise<void> {
    return this.enqueue(async () => {
      await this.takeDown();
      await discardServer(this.context).catch((error: unknown) => {
        this.log.error(String(error));
      });
      await this.bringUp(true);
    });
  }

  /** Removes the server from this machine; it is asked for again before it comes back. */
  remove(): Promise<void> {
    return this.enqueue(async () => {
      await this.takeDown();
      await removeServer(this.context);
      throw new Cancelled();
    });
  }

  /** Runs one of the server's commands; undefined where there is no server. */
  async execute<T>(command: string, argument?: object): Promise<T | undefined> {
    const params = { command, arguments: argument ? [argument] : [] };
    return (await this.running?.sendRequest(ExecuteCommandRequest.type, params)) as T | undefined;
  }

  /** Runs an action. The server shows what comes of it, and tells what goes wrong. */
  async runAction(order: Order): Promise<void> {
    try {
      const result = await this.execute<ActionResult>(SERVER.runAction, order);
      if (result?.kind === 'findings' && result.count) {
        await vscode.commands.executeCommand('workbench.panel.markers.view.focus');
        await vscode.commands.executeCommand('workbench.action.focusActiveEditorGroup');
      }
    } catch (error) {
      this.tellUnlessCancelled(error);
    }
  }

  /** Runs a verb on models. The server tells what comes of it; cancelling is no error. */
  async runModels(command: string, wish: ModelsWish): Promise<ModelsResult | undefined> {
    try {
      return await this.execute<ModelsResult>(command, wish);
    } catch (error) {
      this.tellUnlessCancelled(error);
      return undefined;
    }
  }

  private tellUnlessCancelled(error: unknown): void {
    if (!(error instanceof ResponseError && error.code === LSPErrorCodes.RequestCancelled)) {
      void vscode.window.showErrorMessage(`hybrid-lsp: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Tells the server that its settings have changed. */
  async sendSettings(): Promise<void> {
    this.bar.forgetReason();
    await this.running?.sendNotification(DidChangeConfigurationNotification.type, { settings: this.settings() });
  }

  /** Asks for the status, and shows it. */
  async status(): Promise<ServerStatus | undefined> {
    const status = await this.execute<ServerStatus>(SERVER.status);
    if (status) {
      this.bar.showAll(status);
    }
    return status;
  }

  stop(): Promise<void> {
    return this.enqueue(() => this.takeDown());
  }

  dispose(): void {
    void this.stop();
  }

  private enqueue(work: () => Promise<void>): Promise<void> {
    this.queue = this.queue.then(work).catch((error: unknown) => {
      void this.tell(error);
    });
    return this.queue;
  }

  private async bringUp(asked: boolean): Promise<void> {
    if (this.client) {
      return;
    }
    this.bar.setState('starting');
    const command = await serverCommand(this.context, this.log, asked);
    const client = new Client(SECTION, 'hybrid-lsp', command, this.options());
    client.registerFeature(wishes);
    client.onNotification(STATUS_CHANGED, (params: StatusParams) => {
      this.bar.show(params);
    });
    client.onNotification(EXPLANATION, this.onExplanation);
    client.onDidChangeState(({ newState }) => {
      this.follow(client, newState);
    });
    this.client = client;
    try {
      await client.start();
    } catch (error) {
      this.client = undefined;
      throw startFailed(error instanceof Error ? error.message : String(error));
    }
  }

  private async takeDown(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    if (client?.needsStop()) {
      await client.stop().catch((error: unknown) => {
        this.log.warn(String(error));
      });
    }
    await client?.dispose().catch(() => undefined);
    await vscode.commands.executeCommand('setContext', RUNNING, false);
  }

  private follow(client: LanguageClient, state: State): void {
    if (client !== this.client) {
      return;
    }
    if (state !== State.Running) {
      this.progress.clear();
    }
    this.bar.setState(state === State.Running ? 'running' : state === State.Stopped ? 'failed' : 'starting');
    void vscode.commands.executeCommand('setContext', RUNNING, state === State.Running);
    if (state === State.Running) {
      void this.status();
    }
  }

  private settings(): object {
    return current(this.context.extension);
  }

  private options(): LanguageClientOptions {
    return {
      // Cells of notebooks have documents of their own.
      documentSelector: [{ scheme: 'file' }, { scheme: 'untitled' }, { notebook: '*' }],
      outputChannel: this.log,
      markdown: { isTrusted: false, supportHtml: false },
      middleware: {
        handleWorkDoneProgress: (token, params, next): void => {
          if (this.client) {
            this.progress.handle(this.client, token, params);
          }
          // The client's own bar never begins; it only has to be let go.
          if (params.kind === 'end') {
            next(token, params);
          }
        },
        executeCommand: (command, argument: unknown[], next): unknown =>
          command === SERVER.runAction ? this.runAction(argument[0] as Order) : next(command, argument),
        workspace: {
          handleApplyEdit: (params, next) =>
            this.previews.apply(params, async (confirmed) => {
              const applied = await next(confirmed, new vscode.CancellationTokenSource().token);
              return applied instanceof ResponseError ? { applied: false, failureReason: applied.message } : applied;
            }),
          configuration: (params, token, next) =>
            params.items.every((item) => item.section === SECTION)
              ? params.items.map(() => this.settings())
              : next(params, token),
        },
      },
    };
  }

  /** Tells what went wrong, with what to do about it. */
  private async tell(error: unknown): Promise<void> {
    if (error instanceof NotAllowed || error instanceof Cancelled) {
      this.bar.setState('set-up');
      if (error instanceof NotAllowed && (await askToInstall())) {
        await this.start(true);
      }
      return;
    }
    this.bar.setState('failed');
    this.log.error(error instanceof Error ? error : String(error));
    const failure = error instanceof SetupFailure ? error : startFailed(String(error));
    const chosen = await vscode.window.showErrorMessage(
      `hybrid-lsp: ${failure.message}`,
      { modal: true, detail: failure.advice },
      TRY_AGAIN,
      SHOW_LOG,
      SETTINGS,
    );
    if (chosen === TRY_AGAIN) {
      await this.start(true);
    } else if (chosen === SHOW_LOG) {
      this.log.show();
    } else if (chosen === SETTINGS) {
      await vscode.commands.executeCommand('workbench.action.openSettings', 'hybrid-lsp.server');
    }
  }
}
