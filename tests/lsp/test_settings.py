"""Settings from where clients send them, and a machine that has no room for what the server writes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from conftest import NO_MODELS, URI, Client, Connect, capabilities, inline_params, items, open_text, run
from lsprotocol import types as lsp
from pytest_lsp import LanguageClient


async def reason(client: Client) -> Any:
    """Why the next inline request shows nothing."""
    assert items(await client.text_document_inline_completion_async(inline_params(0, 4))) == []
    return (await run(client, "hybrid-lsp.status"))["reason"]


def change(client: LanguageClient, settings: Any) -> None:
    client.workspace_did_change_configuration(lsp.DidChangeConfigurationParams(settings=settings))


@pytest.mark.parametrize("wrapped", [True, False])
async def test_a_client_that_pushes_its_settings(connect: Connect, wrapped: bool) -> None:
    off = {"completion": {"enabled": False}}
    async with connect(NO_MODELS, capabilities(full=False)) as client:
        open_text(client, "x = ")
        assert await reason(client) == "no-backend"
        change(client, {"hybrid-lsp": off} if wrapped else off)
        assert await reason(client) == "disabled"
        change(client, {"hybrid-lsp": {}})
        assert await reason(client) == "no-backend"


async def test_a_client_whose_settings_are_asked_for(connect: Connect) -> None:
    async with connect(NO_MODELS) as client:
        open_text(client, "x = ")
        assert await reason(client) == "no-backend"
        client.set_configuration({"completion": {"enabled": False}}, section="hybrid-lsp")
        change(client, None)
        await asyncio.wait_for(_until_reason(client, "disabled"), 30)


async def _until_reason(client: Client, wanted: str) -> None:
    # The server asks back, so the change takes a turn.
    while await reason(client) != wanted:
        await asyncio.sleep(0.05)


async def test_a_file_that_grows_too_large_is_told_of(connect: Connect) -> None:
    async with connect(NO_MODELS | {"files": {"max_bytes": 1000}}) as client:
        open_text(client, "x = ")
        whole = lsp.TextDocumentContentChangeWholeDocument("x" * 2000)
        identifier = lsp.VersionedTextDocumentIdentifier(2, URI)
        client.text_document_did_change(lsp.DidChangeTextDocumentParams(identifier, [whole]))
        assert await reason(client) == "too-large"
        assert "files.max_bytes" in client.told


async def test_without_a_place_to_write_it_serves_all_the_same(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYBRID_LSP_STATE_DIR", "/dev/null/state")
    async with connect(NO_MODELS) as client:
        open_text(client, "x = \ndef f(x):\n    return list(sorted(x))\n")
        assert await reason(client) == "no-backend"
        assert (await run(client, "hybrid-lsp.status"))["log"] is None
        place = {"line": 2, "character": 4}
        order = {"action": "explain", "uri": URI, "range": {"start": place, "end": place}}
        answer = await run(client, "hybrid-lsp.runAction", order)
        # No file can be made to be shown: the text comes as a message.
        assert answer["kind"] == "text"
        assert answer["markdown"] in client.told
