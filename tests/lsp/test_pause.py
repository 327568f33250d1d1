"""Pausing, and files that are switched off: nothing is offered, and the reason is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import URI, Connect, inline_params, items, open_text, run
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

TEXT = "import os\n\nprint(os.environ['HOME'])\nprint(os.environ['PATH'])\nprint(os.envi"
AT_END = (4, len("print(os.envi"))
ANY: dict[str, Any] = {"completion": {"min_confidence": 0.0}}


async def test_a_pause_ends_suggestions_until_it_is_over(connect: Connect) -> None:
    async with connect(ANY) as client:
        open_text(client, TEXT)
        state = await run(client, "hybrid-lsp.pause", {"paused": True})
        assert (state["paused"], state["kind"]) == (True, "Inactive")
        assert items(await client.text_document_inline_completion_async(inline_params(*AT_END))) == []
        assert (await run(client, "hybrid-lsp.status"))["reason"] == "paused"
        assert items(await client.text_document_inline_completion_async(inline_params(*AT_END, invoked=True)))
        assert not (await run(client, "hybrid-lsp.pause", {"paused": False}))["paused"]
        assert items(await client.text_document_inline_completion_async(inline_params(*AT_END)))


async def test_one_language_can_be_paused(connect: Connect) -> None:
    async with connect(ANY) as client:
        open_text(client, TEXT)
        state = await run(client, "hybrid-lsp.pause", {"paused": True, "language": "python"})
        assert (state["paused"], state["pausedLanguages"]) == (False, ["python"])
        assert items(await client.text_document_inline_completion_async(inline_params(*AT_END))) == []


@pytest.mark.parametrize("wish", [{"paused": "yes"}, {"paused": True, "language": 3}])
async def test_a_wish_that_is_none_is_refused(connect: Connect, wish: Any) -> None:
    async with connect() as client:
        with pytest.raises(JsonRpcException) as error:
            await run(client, "hybrid-lsp.pause", wish)
        assert error.value.code == -32602


async def test_a_glob_switches_files_off(connect: Connect, tmp_path: Path) -> None:
    path = tmp_path / "made" / "a.py"
    path.parent.mkdir()
    path.write_text(TEXT)
    settings = {"completion": {"min_confidence": 0.0, "disabled_globs": ["/made/"]}}
    async with connect(settings, root=tmp_path) as client:
        for uri, expected in ((path.as_uri(), "glob-disabled"), (URI, None)):
            open_text(client, TEXT, uri)
            await client.text_document_inline_completion_async(inline_params(*AT_END, uri))
            assert (await run(client, "hybrid-lsp.status"))["reason"] == expected


async def test_after_a_deletion_nothing_is_asked_for(connect: Connect) -> None:
    async with connect(ANY) as client:
        open_text(client, TEXT + "X")
        end = lsp.Position(AT_END[0], AT_END[1] + 1)
        change = lsp.TextDocumentContentChangePartial(lsp.Range(lsp.Position(*AT_END), end), "")
        client.text_document_did_change(
            lsp.DidChangeTextDocumentParams(lsp.VersionedTextDocumentIdentifier(2, URI), [change])
        )
        assert items(await client.text_document_inline_completion_async(inline_params(*AT_END))) == []
        assert (await run(client, "hybrid-lsp.status"))["reason"] == "after-deletion"
