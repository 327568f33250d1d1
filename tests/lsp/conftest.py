"""The real server as a subprocess, driven by pytest-lsp's client."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from lsprotocol import types as lsp
from pytest_lsp import ClientServerConfig, LanguageClient
from scripted import Script, scripted_server

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "inventory.py"
SERVE = ClientServerConfig(server_command=[sys.executable, "-m", "hybrid_lsp", "serve"])
URI = "file:///work/inventory.py"
NO_MODELS = {"small": {"backend": "none"}}

Connect = Callable[..., AbstractAsyncContextManager[LanguageClient]]


def capabilities(*, encodings: list[str] | None = None, full: bool = True) -> lsp.ClientCapabilities:
    """Those of a client that can do everything, or one that can do nothing beyond the base protocol."""
    general = lsp.GeneralClientCapabilities(
        position_encodings=[lsp.PositionEncodingKind(each) for each in encodings or ["utf-16"]]
    )
    if not full:
        return lsp.ClientCapabilities(general=general)
    return lsp.ClientCapabilities(
        general=general,
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


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Start a server and shake hands: `async with connect(settings) as client`."""

    @asynccontextmanager
    async def connection(
        settings: dict[str, Any] | None = None,
        client: lsp.ClientCapabilities | None = None,
        root: Path | None = None,
    ) -> AsyncIterator[LanguageClient]:
        made = await SERVE.start()
        assert isinstance(made, LanguageClient)
        made.set_configuration(settings or {}, section="hybrid-lsp")
        made.result = await made.initialize_session(  # type: ignore[attr-defined]
            lsp.InitializeParams(
                capabilities=client or capabilities(),
                root_uri=root.as_uri() if root else None,
                initialization_options=settings or {},
            )
        )
        try:
            yield made
        finally:
            await made.shutdown_session()
            await made.stop()

    yield connection
    _stop_engines()


def _stop_engines() -> None:
    """Engines outlive their servers on purpose; those of a test must not outlive the test."""
    for process in engines():
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
            process.wait(10)


def engines() -> list[psutil.Process]:
    """The engine processes that this test's runtime folder belongs to."""
    import os

    folder = os.environ["HYBRID_LSP_RUNTIME_DIR"]
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = " ".join(process.info["cmdline"] or [])
        if "hybrid_lsp.engine" in command and folder in command:
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


async def run(client: LanguageClient, command: str, *arguments: Any) -> Any:
    return await client.workspace_execute_command_async(lsp.ExecuteCommandParams(command, list(arguments)))


def items(answer: Any) -> list[lsp.InlineCompletionItem]:
    """The items of an answer, which is a list object and never null."""
    assert isinstance(answer, lsp.InlineCompletionList)
    return list(answer.items)
