"""The real server, driven by pytest-lsp's client over a socket: in this process, or in its own where that is the point.

Starting a process and its readers of messages costs a second or two of computing, which most tests would wait for
without learning anything from it. Engines are processes of their own always; tests share them, unless they are about
engines (`own_engines`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import wire
from inside import CONVERTER, Inside, logging_restored
from lsprotocol import types as lsp
from pygls.io_ import run_async
from pytest_lsp import ClientServerConfig, LanguageClient
from pytest_lsp.client import register_lsp_features
from scripted import Script, scripted_server

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "inventory.py"
PATIENCE_S = 30
"""Longest wait for something that must come; a busy machine is slow, and no test passes by waiting."""
URI = "file:///work/inventory.py"
NO_MODELS = {"small": {"backend": "none"}}


class Client(LanguageClient):
    """pytest-lsp's client, which also keeps what is ours: statuses, explanations, and the edits it was asked for.

    `accepts_edits` is what it answers to these.
    """

    result: lsp.InitializeResult

    def __init__(self) -> None:
        super().__init__(converter_factory=lambda: CONVERTER)
        self.serving: Inside | None = None
        self.statuses: list[Any] = []
        self.explanations: list[Any] = []
        self.edits: list[lsp.WorkspaceEdit] = []
        self.published: list[lsp.PublishDiagnosticsParams] = []
        self.accepts_edits = True
        register_lsp_features(self)
        for method, listener in {
            "didChangeStatus": lambda params: self.statuses.append(params),
            "hybridLsp/explanation": lambda params: self.explanations.append(params),
            lsp.WORKSPACE_APPLY_EDIT: lambda params: self._apply(params),
            lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS: lambda params: self._publish(params),
        }.items():
            self.protocol.fm.features.pop(method, None)
            self.feature(method)(listener)

    def _apply(self, params: lsp.ApplyWorkspaceEditParams) -> lsp.ApplyWorkspaceEditResult:
        self.edits.append(params.edit)
        return lsp.ApplyWorkspaceEditResult(
            applied=self.accepts_edits, failure_reason=None if self.accepts_edits else "the test says no"
        )

    def _publish(self, params: lsp.PublishDiagnosticsParams) -> None:
        self.published.append(params)
        self.diagnostics[params.uri] = params.diagnostics

    @property
    def told(self) -> str:
        """All pop-ups."""
        return "\n".join(each.message for each in self.messages)

    async def start_here(self) -> None:
        """Start a server in this process, as its transport does."""
        self.serving = await Inside.start()
        self.protocol.set_writer(self.serving.stdin)
        reading = run_async(self._stop_event, self.serving.stdout, self.protocol)
        self._async_tasks.append(asyncio.create_task(reading))

    async def end_here(self) -> None:
        """Wait for the server's end."""
        assert self.serving is not None
        await self.serving.wait()
        self.serving.stdin.close()
        await self.stop()

    def send(self, method: str, params: Any, number: str) -> asyncio.Future[Any]:
        """Send a request now; pytest-lsp's own way sends when it is awaited."""
        return asyncio.wrap_future(self.protocol.send_request(method, params, msg_id=number))


SERVE = ClientServerConfig(server_command=[sys.executable, "-m", "hybrid_lsp", "serve"], client_factory=Client)
Connect = Callable[..., AbstractAsyncContextManager[Client]]


def capabilities(
    *, encodings: list[str] | None = None, full: bool = True, ours: dict[str, bool] | None = None
) -> lsp.ClientCapabilities:
    """Those of a client that can do everything, or one that can do nothing beyond the base protocol.

    `ours` are the notifications of our own that it wants.
    """
    general = lsp.GeneralClientCapabilities(
        position_encodings=[lsp.PositionEncodingKind(each) for each in encodings or ["utf-16"]]
    )
    if not full:
        return lsp.ClientCapabilities(general=general)
    return lsp.ClientCapabilities(
        general=general,
        experimental={"hybridLsp": ours} if ours else None,
        workspace=lsp.WorkspaceClientCapabilities(
            apply_edit=True,
            configuration=True,
            workspace_edit=lsp.WorkspaceEditClientCapabilities(
                document_changes=True, change_annotation_support=lsp.ChangeAnnotationsSupportOptions()
            ),
        ),
        window=lsp.WindowClientCapabilities(
            work_done_progress=True, show_document=lsp.ShowDocumentClientCapabilities(support=True)
        ),
        text_document=lsp.TextDocumentClientCapabilities(
            code_action=lsp.CodeActionClientCapabilities(
                data_support=True, resolve_support=lsp.ClientCodeActionResolveOptions(properties=["edit"])
            )
        ),
    )


@pytest.fixture(autouse=True)
def no_lighter_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scripted model is on this machine, and the embedded one would answer before it; `test_cascade` wants that."""
    monkeypatch.setenv("HYBRID_LSP_COMPLETION_CASCADE", "false")


@pytest.fixture(autouse=True)
def measured(unmeasured: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the processes only servers count; engines are killed in the end, and have tests of their own."""
    monkeypatch.setattr(wire, "MEASURED", unmeasured)


@pytest.fixture
async def connect(request: pytest.FixtureRequest) -> AsyncIterator[Connect]:
    """Start a server and shake hands: `async with connect(settings) as client`; `apart` gives it its own process."""

    @asynccontextmanager
    async def connection(
        settings: dict[str, Any] | None = None,
        client: lsp.ClientCapabilities | None = None,
        root: Path | None = None,
        name: str | None = None,
        *,
        apart: bool = False,
    ) -> AsyncIterator[Client]:
        if apart:
            made = await SERVE.start()
            assert isinstance(made, Client)
        else:
            made = Client()
            await made.start_here()
        made.set_configuration(settings or {}, section="hybrid-lsp")
        made.result = await made.initialize_session(
            lsp.InitializeParams(
                capabilities=client or capabilities(),
                root_uri=root.as_uri() if root else None,
                client_info=lsp.ClientInfo(name) if name else None,
                initialization_options=settings or {},
            )
        )
        try:
            yield made
        finally:
            await made.shutdown_session()
            await (made.stop() if apart else made.end_here())

    with logging_restored():
        yield connection


@pytest.fixture(scope="session")
def shared_runtime() -> Iterator[str]:
    """The runtime folder whose engines all tests of a worker share; in the end they are ended."""
    with tempfile.TemporaryDirectory(prefix="hl-") as folder:
        yield folder
        _stop_engines(folder)


@pytest.fixture(autouse=True)
def engines_ended(
    request: pytest.FixtureRequest, own_folders: None, shared_runtime: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Engines outlive their servers on purpose; those of a test, unless shared, must not outlive the test."""
    if not request.node.get_closest_marker("own_engines"):
        monkeypatch.setenv("HYBRID_LSP_RUNTIME_DIR", shared_runtime)
        yield
        return
    folder = os.environ["HYBRID_LSP_RUNTIME_DIR"]
    yield
    _stop_engines(folder)


def _stop_engines(folder: str) -> None:
    for process in engines(folder):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def engines(folder: str | None = None) -> list[psutil.Process]:
    """The engine processes that a runtime folder, by default this test's, belongs to; a killed one is none."""
    folder = folder or os.environ["HYBRID_LSP_RUNTIME_DIR"]
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        command = " ".join(process.info["cmdline"] or [])
        ended = process.info["status"] in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        if "hybrid_lsp.engine" in command and folder in command and not ended:
            found.append(process)
    return found


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    """A model server with scripted replies."""
    async with scripted_server(Script()) as script:
        yield script


def large(script: Script) -> dict[str, Any]:
    """Settings with the scripted server as the large model, and no small one."""
    return NO_MODELS | {"large": {"backend": "openai", "base_url": script.url, "model": "scripted", "timeout_s": 30}}


async def until(condition: Callable[[], Any]) -> Any:
    """Wait for what must come, and return it."""
    async with asyncio.timeout(PATIENCE_S):
        while not (found := condition()):
            await asyncio.sleep(0.02)
    return found


def open_text(client: LanguageClient, text: str, uri: str = URI, language: str = "python") -> None:
    client.text_document_did_open(lsp.DidOpenTextDocumentParams(lsp.TextDocumentItem(uri, language, 1, text)))


def type_text(client: LanguageClient, position: lsp.Position, text: str, version: int, uri: str = URI) -> None:
    change = lsp.TextDocumentContentChangePartial(lsp.Range(position, position), text)
    client.text_document_did_change(
        lsp.DidChangeTextDocumentParams(lsp.VersionedTextDocumentIdentifier(version, uri), [change])
    )


def inline_params(line: int, character: int, uri: str = URI, *, invoked: bool = False) -> lsp.InlineCompletionParams:
    kinds = lsp.InlineCompletionTriggerKind
    return lsp.InlineCompletionParams(
        context=lsp.InlineCompletionContext(kinds.Invoked if invoked else kinds.Automatic),
        text_document=lsp.TextDocumentIdentifier(uri),
        position=lsp.Position(line, character),
    )


def applied(text: str, edit: lsp.WorkspaceEdit) -> str:
    """A text (of characters that are one UTF-16 unit) with an edit of its only document."""
    if edit.changes:
        (changes,) = edit.changes.values()
    else:
        (document,) = edit.document_changes or []
        assert isinstance(document, lsp.TextDocumentEdit)
        changes = document.edits
    lines = text.splitlines(keepends=True)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
    for each in sorted(changes, key=lambda each: each.range.start.line, reverse=True):
        start, end = (starts[place.line] + place.character for place in (each.range.start, each.range.end))
        text = text[:start] + each.new_text + text[end:]
    return text


async def run(client: LanguageClient, command: str, *arguments: Any) -> Any:
    return await client.workspace_execute_command_async(lsp.ExecuteCommandParams(command, list(arguments)))


def items(answer: Any) -> list[lsp.InlineCompletionItem]:
    """The items of an answer, which is a list object and never null."""
    assert isinstance(answer, lsp.InlineCompletionList)
    return list(answer.items)
