"""Notebooks over LSP: cells in order, privacy by the notebook's path, and clients that only know cells as documents."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import attrs
import pytest
from conftest import NO_MODELS, Client, Connect, capabilities, inline_params, items, open_text, run
from lsprotocol import types as lsp
from scripted import Script

CODE, PROSE = lsp.NotebookCellKind.Code, lsp.NotebookCellKind.Markup
ABOVE = "import os\n\ndef area(width, height):\n    return width * height\n"


def with_notebooks() -> lsp.ClientCapabilities:
    sync = lsp.NotebookDocumentSyncClientCapabilities()
    return attrs.evolve(capabilities(), notebook_document=lsp.NotebookDocumentClientCapabilities(sync))


def small(script: Script) -> dict[str, Any]:
    """Settings with the scripted server as the small model."""
    model = {"backend": "openai", "base_url": script.url, "model": "scripted", "family": "server"}
    return {"small": model, "completion": {"debounce_ms": 0, "min_confidence": 0.0}}


def open_notebook(client: Client, path: Path, *cells: tuple[str, str, lsp.NotebookCellKind]) -> list[str]:
    """Open cells, given as (language, text, kind); their URIs."""
    uris = [f"vscode-notebook-cell:{path}#W{number}" for number in range(len(cells))]
    documents = [
        lsp.TextDocumentItem(uri, language, 1, text) for uri, (language, text, _) in zip(uris, cells, strict=True)
    ]
    notebook = lsp.NotebookDocument(
        uri=path.as_uri(),
        notebook_type="jupyter-notebook",
        version=1,
        cells=[lsp.NotebookCell(kind, uri) for uri, (_, _, kind) in zip(uris, cells, strict=True)],
    )
    client.notebook_document_did_open(lsp.DidOpenNotebookDocumentParams(notebook, documents))
    return uris


async def ask(client: Client, uri: str, line: int, character: int) -> list[lsp.InlineCompletionItem]:
    params = inline_params(line, character, uri, invoked=True)
    return items(await client.text_document_inline_completion_async(params))


async def test_a_model_reads_the_other_cells_in_order(connect: Connect, script: Script, tmp_path: Path) -> None:
    script.replies = ["rea(2, 3)"] * 4
    async with connect(small(script), with_notebooks()) as client:
        sync = client.result.capabilities.notebook_document_sync
        assert isinstance(sync, lsp.NotebookDocumentSyncOptions)
        cells = [("markdown", "# Areas", PROSE), ("python", ABOVE, CODE), ("python", "a", CODE), ("python", "b", CODE)]
        uris = open_notebook(client, tmp_path / "a.ipynb", *cells)
        (item,) = await ask(client, uris[2], 0, 1)
        assert item.range == lsp.Range(lsp.Position(0, 1), lsp.Position(0, 1))
        assert script.requests[0]["prompt"] == ABOVE + "\na"
        assert script.requests[0]["suffix"] == "\n\nb"


async def test_what_is_typed_and_moved_is_followed(connect: Connect, script: Script, tmp_path: Path) -> None:
    script.replies = ["rea(2, 3)"] * 9
    async with connect(small(script), with_notebooks()) as client:
        path = tmp_path / "a.ipynb"
        uris = open_notebook(client, path, ("python", "x = 1", CODE), ("python", "a", CODE))
        identifier = lsp.VersionedNotebookDocumentIdentifier(version=2, uri=path.as_uri())
        start = lsp.Position(0, 0)
        typed = lsp.NotebookDocumentCellContentChanges(
            lsp.VersionedTextDocumentIdentifier(2, uris[0]),
            [lsp.TextDocumentContentChangePartial(lsp.Range(start, start), "yy")],
        )
        new = f"vscode-notebook-cell:{path}#new"
        structure = lsp.NotebookDocumentCellChangeStructure(
            array=lsp.NotebookCellArrayChange(start=1, delete_count=0, cells=[lsp.NotebookCell(CODE, new)]),
            did_open=[lsp.TextDocumentItem(new, "python", 1, "n = 2")],
        )
        for cells in (
            lsp.NotebookDocumentCellChanges(text_content=[typed]),
            lsp.NotebookDocumentCellChanges(structure=structure),
        ):
            change = lsp.NotebookDocumentChangeEvent(cells=cells)
            client.notebook_document_did_change(lsp.DidChangeNotebookDocumentParams(identifier, change))
        await ask(client, uris[1], 0, 1)
        assert script.requests[-1]["prompt"] == "yyx = 1\n\nn = 2\n\na"
        gone = lsp.NotebookDocumentCellChangeStructure(
            array=lsp.NotebookCellArrayChange(start=0, delete_count=2),
            did_close=[lsp.TextDocumentIdentifier(uris[0]), lsp.TextDocumentIdentifier(new)],
        )
        change = lsp.NotebookDocumentChangeEvent(cells=lsp.NotebookDocumentCellChanges(structure=gone))
        client.notebook_document_did_change(lsp.DidChangeNotebookDocumentParams(identifier, change))
        await ask(client, uris[1], 0, 1)
        assert script.requests[-1]["prompt"] == "a"
        closing = lsp.DidCloseNotebookDocumentParams(
            lsp.NotebookDocumentIdentifier(path.as_uri()), [lsp.TextDocumentIdentifier(uris[1])]
        )
        client.notebook_document_did_close(closing)
        assert await ask(client, uris[1], 0, 1) == []
        assert (await run(client, "hybrid-lsp.status"))["reason"] == "not-open"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A folder of git's that ignores `private.ipynb`."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("private.ipynb\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("synchronised", [True, False], ids=["notebook", "cells as documents"])
async def test_an_ignored_notebook_is_neither_served_nor_copied_from(
    connect: Connect, repository: Path, synchronised: bool
) -> None:
    secret = "combination = open_the_vault(17, 23, 42)\n"
    async with connect(NO_MODELS, with_notebooks(), repository) as client:
        path = repository / "private.ipynb"
        if synchronised:
            (uri,) = open_notebook(client, path, ("python", secret + "combination = ", CODE))
        else:
            uri = f"vscode-notebook-cell:{path}#W0"
            open_text(client, secret + "combination = ", uri)
        assert await ask(client, uri, 1, len("combination = ")) == []
        assert (await run(client, "hybrid-lsp.status"))["reason"] == "ignored-file"
        other = (repository / "open.py").as_uri()
        open_text(client, "import os\n\ncombination = ", other)
        assert await ask(client, other, 2, len("combination = ")) == []


async def test_cells_that_come_as_documents_are_read_together(connect: Connect, script: Script, tmp_path: Path) -> None:
    script.replies = ["rea(2, 3)"]
    async with connect(small(script)) as client:
        assert client.result.capabilities.notebook_document_sync is None
        first, second = (f"vscode-notebook-cell:{tmp_path / 'a.ipynb'}#{name}" for name in ("W0", "W1"))
        open_text(client, ABOVE, first)
        open_text(client, "a", second)
        await ask(client, second, 0, 1)
        assert script.requests[-1]["prompt"] == ABOVE + "\na"
