"""One short handler a method: convert, delegate, convert back."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams

from hybrid_lsp.actions.pipeline import ACTIONS
from hybrid_lsp.errors import ActionError, DocumentRejected
from hybrid_lsp.server import diagnostics, inline, listed, models, perform, processes, statistics
from hybrid_lsp.server.commands import ACCEPT, ANSWER_NOW, DISMISS, MODELS, PAUSE, RUN_ACTION, STATISTICS, STATUS
from hybrid_lsp.server.convert import column_of
from hybrid_lsp.server.hybrid import HybridServer
from hybrid_lsp.server.session import SECTION

log = logging.getLogger(__name__)


def register(server: HybridServer) -> None:
    """Every method and command that the server answers."""
    for method, handler, options in _features():
        server.feature(method, options)(handler)
    commands: dict[str, Any] = {
        ACCEPT: accept,
        PAUSE: pause,
        STATUS: status,
        RUN_ACTION: run_action,
        ANSWER_NOW: answer_now,
        DISMISS: dismiss,
        MODELS: run_models,
        STATISTICS: show_statistics,
    }
    for name, command in commands.items():
        server.command(name)(command)


def _features() -> list[tuple[str, Any, Any]]:
    return [
        (lsp.INITIALIZE, initialize, None),
        (lsp.INITIALIZED, initialized, None),
        (lsp.SHUTDOWN, shutdown, None),
        (lsp.WORKSPACE_DID_CHANGE_CONFIGURATION, did_change_configuration, None),
        (lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS, did_change_folders, None),
        (lsp.TEXT_DOCUMENT_DID_OPEN, did_open, None),
        (lsp.TEXT_DOCUMENT_DID_CHANGE, did_change, None),
        (lsp.TEXT_DOCUMENT_DID_SAVE, did_save, None),
        (lsp.TEXT_DOCUMENT_DID_CLOSE, did_close, None),
        (lsp.NOTEBOOK_DOCUMENT_DID_OPEN, did_open_notebook, None),
        (lsp.NOTEBOOK_DOCUMENT_DID_CHANGE, did_change_notebook, None),
        (lsp.NOTEBOOK_DOCUMENT_DID_CLOSE, did_close_notebook, None),
        # pygls announces the provider only when it is given options.
        (lsp.TEXT_DOCUMENT_INLINE_COMPLETION, inline_completion, lsp.InlineCompletionOptions()),
        (
            lsp.TEXT_DOCUMENT_CODE_ACTION,
            code_action,
            lsp.CodeActionOptions(code_action_kinds=_action_kinds(), resolve_provider=True),
        ),
        (lsp.CODE_ACTION_RESOLVE, resolve_code_action, None),
        (lsp.WINDOW_WORK_DONE_PROGRESS_CANCEL, cancel_progress, None),
        # Copilot's names for the same events: its clients work with us as they are.
        ("textDocument/didShowCompletion", did_show, None),
        ("textDocument/didPartiallyAcceptCompletion", did_accept_partially, None),
    ]


def _action_kinds() -> list[lsp.CodeActionKind | str]:
    return sorted({*(action.kind for action in ACTIONS), lsp.CodeActionKind.QuickFix.value})


def initialize(ls: HybridServer, params: lsp.InitializeParams) -> None:
    encoding = ls.workspace.position_encoding or lsp.PositionEncodingKind.Utf16
    ls.session.start(params, encoding)
    if ls.session.lists_completions:
        ls.feature(lsp.TEXT_DOCUMENT_COMPLETION, listed.OPTIONS)(completion)
    if ls.session.abilities.pulls_diagnostics:  # announced to no other client: it would show findings twice
        ls.feature(lsp.TEXT_DOCUMENT_DIAGNOSTIC, diagnostics.OPTIONS)(pull_diagnostics)
    if params.process_id is not None and processes.seen(params.process_id):
        ls.session.spawn(ls.end_with(params.process_id))
    # After the reply, for which the editor waits; and nothing may be told before it.
    asyncio.get_running_loop().call_soon(ls.session.configure)


async def initialized(ls: HybridServer, params: lsp.InitializedParams) -> None:
    await _pull_settings(ls)
    ls.session.warm()
    ls.session.follow_settings()
    if ls.session.may_offer_a_model:
        ls.session.spawn(models.offer(ls))


async def shutdown(ls: HybridServer, params: None) -> None:
    await ls.session.close()


async def did_change_configuration(ls: HybridServer, params: lsp.DidChangeConfigurationParams) -> None:
    if not await _pull_settings(ls):
        ls.session.configure(params.settings)


def did_change_folders(ls: HybridServer, params: lsp.DidChangeWorkspaceFoldersParams) -> None:
    event = params.event
    ls.session.change_folders([folder.uri for folder in event.added], [folder.uri for folder in event.removed])


async def _pull_settings(ls: HybridServer) -> bool:
    """Ask the client for our section; False where it cannot be asked."""
    if not ls.session.abilities.pulls_settings:
        return False
    item = lsp.ConfigurationItem(section=SECTION)
    try:
        answers = await ls.workspace_configuration_async(lsp.ConfigurationParams([item]))
    except JsonRpcException as error:
        log.warning("The editor did not give its settings: %s", error.message)
        return False
    ls.session.configure(answers[0] if answers else {})
    return True


def did_open(ls: HybridServer, params: lsp.DidOpenTextDocumentParams) -> None:
    _open(ls, params.text_document)


def _open(ls: HybridServer, item: lsp.TextDocumentItem, notebook: str = "") -> None:
    """Take in a document; a cell's file is its notebook's."""
    try:
        ls.session.opened(ls.session.documents.open(item, notebook))
    except DocumentRejected as error:
        ls.session.tell.warn(str(error))


def did_change(ls: HybridServer, params: lsp.DidChangeTextDocumentParams) -> None:
    _change(ls, params.text_document, list(params.content_changes))


def _change(
    ls: HybridServer,
    identifier: lsp.VersionedTextDocumentIdentifier,
    changes: list[lsp.TextDocumentContentChangeEvent],
) -> None:
    session = ls.session
    old = session.documents.get(identifier.uri)
    try:
        new = session.documents.change(identifier, changes)
    except DocumentRejected as error:
        session.tell.warn(str(error))
        session.stop_typing(identifier.uri)
        session.unwatched(identifier.uri)
        return
    if new is not None and old is None:
        session.opened(new)
    elif new is not None and old is not None:
        session.changed(old, new)
        ls.diagnostics.follow(new.uri)


async def did_save(ls: HybridServer, params: lsp.DidSaveTextDocumentParams) -> None:
    if ls.session.config.actions.enabled and ls.session.config.actions.review_on_save:
        await ls.diagnostics.review(params.text_document.uri)


def did_close(ls: HybridServer, params: lsp.DidCloseTextDocumentParams) -> None:
    _close(ls, params.text_document.uri)


def _close(ls: HybridServer, uri: str) -> None:
    perform.forget(ls, uri)
    ls.session.closed(uri)


def did_open_notebook(ls: HybridServer, params: lsp.DidOpenNotebookDocumentParams) -> None:
    notebook = params.notebook_document
    ls.session.notebooks.opened(notebook.uri, notebook.cells)
    for item in params.cell_text_documents:
        _open(ls, item, notebook.uri)


def did_change_notebook(ls: HybridServer, params: lsp.DidChangeNotebookDocumentParams) -> None:
    uri, cells = params.notebook_document.uri, params.change.cells
    if cells is None:
        return
    if (structure := cells.structure) is not None:
        array = structure.array
        ls.session.notebooks.spliced(uri, array.start, array.delete_count, array.cells or [])
        for closed in structure.did_close or []:
            _close(ls, closed.uri)
        for item in structure.did_open or []:
            _open(ls, item, uri)
    ls.session.notebooks.told(cells.data or [])
    for content in cells.text_content or []:
        _change(ls, content.document, list(content.changes))


def did_close_notebook(ls: HybridServer, params: lsp.DidCloseNotebookDocumentParams) -> None:
    cells = ls.session.notebooks.closed(params.notebook_document.uri)
    for uri in dict.fromkeys([*cells, *(each.uri for each in params.cell_text_documents)]):
        _close(ls, uri)


async def inline_completion(ls: HybridServer, params: lsp.InlineCompletionParams) -> lsp.InlineCompletionList:
    return await inline.answer(ls.session, params)


async def completion(ls: HybridServer, params: lsp.CompletionParams) -> lsp.CompletionList:
    return await listed.answer(ls.session, params)


def code_action(ls: HybridServer, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    return [*perform.offers(ls.session, params), *diagnostics.offers(params)]


async def resolve_code_action(ls: HybridServer, params: lsp.CodeAction) -> lsp.CodeAction:
    return await perform.resolve(ls, params)


async def run_action(ls: HybridServer, *arguments: Any) -> dict[str, Any]:
    return await perform.run_command(ls, arguments)


async def run_models(ls: HybridServer, *arguments: Any) -> dict[str, Any]:
    return await models.run_command(ls, arguments)


async def show_statistics(ls: HybridServer, *arguments: Any) -> dict[str, Any]:
    return await statistics.run_command(ls, arguments)


def answer_now(ls: HybridServer, *arguments: Any) -> dict[str, Any]:
    return perform.answer_now(ls.session, arguments)


def pull_diagnostics(ls: HybridServer, params: lsp.DocumentDiagnosticParams) -> lsp.DocumentDiagnosticReport:
    return ls.diagnostics.pull(params)


def dismiss(ls: HybridServer, *arguments: Any) -> dict[str, Any]:
    try:
        return ls.diagnostics.dismiss(arguments[0] if arguments else None)
    except ActionError as error:
        ls.session.tell.warn(str(error))
        return {"dismissed": 0, "message": str(error)}


def accept(ls: HybridServer, *arguments: Any) -> None:
    if arguments:
        ls.session.acceptance.accepted(str(arguments[0]))


def pause(ls: HybridServer, *arguments: Any) -> dict[str, Any]:
    wish = arguments[0] if arguments and isinstance(arguments[0], dict) else {}
    paused, language = wish.get("paused", True), wish.get("language")
    if not isinstance(paused, bool) or not isinstance(language, str | None):
        raise JsonRpcInvalidParams("The argument must be one object: {paused: BOOL, language?: ID}.")
    ls.session.set_pause(paused=paused, language=language)
    return ls.session.describe()


def status(ls: HybridServer, *arguments: Any) -> dict[str, Any]:
    return ls.session.describe()


def cancel_progress(ls: HybridServer, params: lsp.WorkDoneProgressCancelParams) -> None:
    ls.progress_bar.cancel(params.token)


def did_show(ls: HybridServer, params: Any) -> None:
    if suggestion := _suggestion_of(params):
        ls.session.acceptance.displayed(suggestion)


def did_accept_partially(ls: HybridServer, params: Any) -> None:
    suggestion, length = _suggestion_of(params), getattr(params, "acceptedLength", None)
    text = getattr(getattr(params, "item", None), "insertText", None)
    if suggestion and isinstance(text, str) and isinstance(length, int) and length > 0:
        # Counted in UTF-16 from the item's start, whatever the encoding of positions.
        taken = column_of(text, length, lsp.PositionEncodingKind.Utf16)
        ls.session.acceptance.accepted_part(suggestion, len(text) - taken)


def _suggestion_of(params: Any) -> str | None:
    """The id of the suggestion that an item of ours, which the client sends back, was made of."""
    arguments = getattr(getattr(getattr(params, "item", None), "command", None), "arguments", None)
    return str(arguments[0]) if arguments else None
