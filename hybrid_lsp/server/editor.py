"""A headless editor: drives the real server as VS Code or Neovim does. The demo and the benchmarks type with it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Union

import attrs
import cattrs
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcRequestCancelled
from pygls.lsp.client import LanguageClient

from hybrid_lsp import __version__
from hybrid_lsp.document import Document, Span
from hybrid_lsp.server import reading
from hybrid_lsp.server.convert import offset_of, position_of, range_of, span_of

ENCODING = lsp.PositionEncodingKind.Utf16
SERVE = (sys.executable, "-m", "hybrid_lsp", "serve")


@attrs.frozen
class Shown:
    """The answer to one inline request: the first item's text and what it replaces, and the milliseconds it took."""

    text: str
    span: Span | None
    command: lsp.Command | None
    latency_ms: float


@attrs.frozen
class Choice:
    """An entry of the light bulb's menu."""

    title: str
    action: lsp.CodeAction


@attrs.frozen
class Problem:
    """An entry of the list of problems; `line` counts from 1."""

    line: int
    severity: str
    code: str
    message: str


class Editor:
    """One window with one file open.

    `messages`, `diagnostics` and `shown_documents` keep what the server sent; `cancelled` counts requests that were
    cancelled here, and `settled` those of them that the server answered with error -32800. `name` is what the server
    knows the editor by.
    """

    def __init__(self, settings: dict[str, Any] | None = None, name: str = "hybrid-lsp headless editor") -> None:
        self._name = name
        self._client = LanguageClient(name, __version__, converter_factory=converter)
        self._settings = settings or {}
        self.document = Document("", "")
        self.cursor = 0
        self.messages: list[str] = []
        self.diagnostics: dict[str, Sequence[lsp.Diagnostic]] = {}
        self.shown_documents: list[str] = []
        self.cancelled = 0
        self.settled = 0
        self._diagnosed = asyncio.Event()
        self._listen()

    async def start(self, root: Path, command: Sequence[str] = SERVE) -> lsp.InitializeResult:
        """Start the server and introduce ourselves; returns what it can do."""
        await self._client.start_io(command[0], *command[1:])
        result = await self._client.initialize_async(
            lsp.InitializeParams(
                capabilities=_capabilities(),
                client_info=lsp.ClientInfo(self._name, __version__),
                root_uri=root.as_uri(),
                initialization_options=self._settings,
            )
        )
        self._client.initialized(lsp.InitializedParams())
        return result

    @property
    def server_pid(self) -> int:
        """The server's process, once it is started."""
        server = self._client._server  # pygls tells it nowhere else
        assert server is not None
        return server.pid

    async def stop(self) -> None:
        await self._client.shutdown_async(None)
        self._client.exit(None)
        await self._client.stop()  # type: ignore[no-untyped-call]  # pygls leaves it unannotated

    def open(self, path: Path, text: str, language: str = "python") -> None:
        """Open a file with this text, whatever is on the disk."""
        self.document = Document(path.as_uri(), text, 1, language, path)
        item = lsp.TextDocumentItem(self.document.uri, language, 1, text)
        self._client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))

    def close(self) -> None:
        """Close the file; its text is still here."""
        identifier = lsp.TextDocumentIdentifier(self.document.uri)
        self._client.text_document_did_close(lsp.DidCloseTextDocumentParams(identifier))

    def type(self, text: str) -> None:
        """Insert at the cursor, in one change."""
        self.replace(Span(self.cursor, self.cursor), text)
        self.cursor += len(text)

    def replace(self, span: Span, text: str) -> None:
        """Edit without moving the cursor."""
        change = lsp.TextDocumentContentChangePartial(range_of(self.document, span, ENCODING), text)
        self.document = self.document.replace(span, text)
        identifier = lsp.VersionedTextDocumentIdentifier(self.document.version, self.document.uri)
        self._client.text_document_did_change(lsp.DidChangeTextDocumentParams(identifier, [change]))

    async def ghost_text(self, *, invoked: bool = False) -> Shown:
        """Ask at the cursor. Cancelling the coroutine sends `$/cancelRequest`."""
        kinds = lsp.InlineCompletionTriggerKind
        params = lsp.InlineCompletionParams(
            context=lsp.InlineCompletionContext(kinds.Invoked if invoked else kinds.Automatic),
            text_document=lsp.TextDocumentIdentifier(self.document.uri),
            position=position_of(self.document, self.cursor, ENCODING),
        )
        started = time.perf_counter()
        answer: Any = await self.request(lsp.TEXT_DOCUMENT_INLINE_COMPLETION, params)
        latency_ms = (time.perf_counter() - started) * 1000
        items = answer.items if isinstance(answer, lsp.InlineCompletionList) else answer or []
        if not items:
            return Shown("", None, None, latency_ms)
        item = items[0]
        span = span_of(self.document, item.range, ENCODING) if item.range else None
        text = item.insert_text if isinstance(item.insert_text, str) else item.insert_text.value
        return Shown(text, span, item.command, latency_ms)

    async def accept(self, shown: Shown) -> None:
        """Take a suggestion: insert it and run its command, as Tab does."""
        span = shown.span or Span(self.cursor, self.cursor)
        self.replace(span, shown.text)
        self.cursor = span.start + len(shown.text)
        if shown.command is not None:
            await self.run(shown.command)

    async def actions(self, span: Span) -> list[Choice]:
        """What the light bulb offers on a selection."""
        params = lsp.CodeActionParams(
            text_document=lsp.TextDocumentIdentifier(self.document.uri),
            range=range_of(self.document, span, ENCODING),
            context=lsp.CodeActionContext(diagnostics=[]),
        )
        offered = await self.request(lsp.TEXT_DOCUMENT_CODE_ACTION, params) or []
        return [Choice(action.title, action) for action in offered]

    async def choose(self, choice: Choice) -> dict[str, Any]:
        """Run an action as a click does; an edit is applied, and comes back as {"kind": "edit"} or "nothing"."""
        action = choice.action
        if action.command is not None:
            answer: dict[str, Any] = await self.run(action.command)
            return answer
        resolved: lsp.CodeAction = await self.request(lsp.CODE_ACTION_RESOLVE, action)
        if resolved.edit is None:
            return {"kind": "nothing", "message": self.messages[-1] if self.messages else "No edit."}
        self.apply(resolved.edit)
        return {"kind": "edit"}

    async def run(self, command: lsp.Command) -> Any:
        params = lsp.ExecuteCommandParams(command=command.command, arguments=command.arguments)
        return await self.request(lsp.WORKSPACE_EXECUTE_COMMAND, params)

    async def request(self, method: str, params: Any) -> Any:
        """A request whose cancelling reaches the server, as an editor's does."""
        number = f"editor-{time.monotonic_ns()}"
        reply = self._client.protocol.send_request_async(method, params, msg_id=number)
        try:
            return await asyncio.shield(reply)
        except asyncio.CancelledError:
            self._client.cancel_request(lsp.CancelParams(id=number))
            self.cancelled += 1
            # The server answers a cancelled request too, with error -32800.
            answers = await asyncio.gather(reply, return_exceptions=True)
            self.settled += isinstance(answers[0], JsonRpcRequestCancelled)
            raise

    async def next_problems(self) -> list[Problem]:
        """Wait for the server's next list of problems in the open file."""
        await self._diagnosed.wait()
        self._diagnosed.clear()
        found = self.diagnostics.get(self.document.uri, [])
        return [
            Problem(
                each.range.start.line + 1, each.severity.name if each.severity else "", str(each.code), each.message
            )
            for each in found
        ]

    def apply(self, edit: lsp.WorkspaceEdit) -> None:
        """Apply an edit of the open file, last change first; raises ValueError when it is for another version."""
        for change in edit.document_changes or []:
            assert isinstance(change, lsp.TextDocumentEdit)
            if change.text_document.version != self.document.version:
                raise ValueError("the edit was made for another version of the text")
            spans = [(span_of(self.document, each.range, ENCODING), _new_text(each)) for each in change.edits]
            for span, text in sorted(spans, key=lambda pair: pair[0].start, reverse=True):
                self.replace(span, text)

    def place(self, position: lsp.Position) -> int:
        return offset_of(self.document, position, ENCODING)

    def _listen(self) -> None:
        listeners: dict[str, Callable[[Any], Any]] = {
            lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS: self._on_diagnostics,
            lsp.WINDOW_SHOW_MESSAGE: lambda params: self.messages.append(params.message),
            # The output channel, and progress: shown nowhere.
            lsp.WINDOW_LOG_MESSAGE: lambda params: None,
            lsp.WINDOW_WORK_DONE_PROGRESS_CREATE: lambda params: None,
            lsp.PROGRESS: lambda params: None,
            lsp.WINDOW_SHOW_DOCUMENT: self._on_show_document,
            lsp.WORKSPACE_CONFIGURATION: lambda params: [self._settings for _ in params.items],
            lsp.WORKSPACE_APPLY_EDIT: self._on_apply_edit,
        }
        for method, listener in listeners.items():
            # pygls marks what it is given, and a bound method takes no marks.
            self._client.feature(method)(partial(listener))

    def _on_diagnostics(self, params: lsp.PublishDiagnosticsParams) -> None:
        self.diagnostics[params.uri] = params.diagnostics
        self._diagnosed.set()

    def _on_show_document(self, params: lsp.ShowDocumentParams) -> lsp.ShowDocumentResult:
        self.shown_documents.append(params.uri)
        return lsp.ShowDocumentResult(success=True)

    def _on_apply_edit(self, params: lsp.ApplyWorkspaceEditParams) -> lsp.ApplyWorkspaceEditResult:
        try:
            self.apply(params.edit)
        except ValueError as error:
            return lsp.ApplyWorkspaceEditResult(applied=False, failure_reason=str(error))
        return lsp.ApplyWorkspaceEditResult(applied=True)


def converter() -> cattrs.Converter:
    """The server's converter, with lsprotocol's reading of code actions mended.

    lsprotocol takes a code action that has a command for that command.
    """
    made = reading.converter()

    def read(value: Any, _: Any) -> Any:
        return made.structure(value, lsp.Command if isinstance(value.get("command"), str) else lsp.CodeAction)

    made.register_structure_hook(lsp.Command | lsp.CodeAction, read)
    made.register_structure_hook(Union[lsp.Command, lsp.CodeAction], read)  # noqa: UP007 (as lsprotocol spells it)
    return made


def _new_text(edit: lsp.TextEdit | lsp.AnnotatedTextEdit | lsp.SnippetTextEdit) -> str:
    return edit.snippet.value if isinstance(edit, lsp.SnippetTextEdit) else edit.new_text


def _capabilities() -> lsp.ClientCapabilities:
    """Those of a full client such as VS Code, whose encoding is UTF-16."""
    return lsp.ClientCapabilities(
        general=lsp.GeneralClientCapabilities(position_encodings=[ENCODING]),
        workspace=lsp.WorkspaceClientCapabilities(
            apply_edit=True,
            configuration=True,
            workspace_edit=lsp.WorkspaceEditClientCapabilities(
                document_changes=True,
                change_annotation_support=lsp.ChangeAnnotationsSupportOptions(),
            ),
        ),
        window=lsp.WindowClientCapabilities(
            work_done_progress=True, show_document=lsp.ShowDocumentClientCapabilities(support=True)
        ),
        text_document=lsp.TextDocumentClientCapabilities(
            code_action=lsp.CodeActionClientCapabilities(
                data_support=True,
                resolve_support=lsp.ClientCodeActionResolveOptions(properties=["edit"]),
                code_action_literal_support=lsp.ClientCodeActionLiteralOptions(
                    code_action_kind=lsp.ClientCodeActionKindOptions(value_set=[])
                ),
            )
        ),
    )
