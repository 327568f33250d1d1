"""The page of statistics from an editor: written in the state folder, opened by the client or told where it is."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from conftest import NO_MODELS, Client, Connect, capabilities, open_text, run
from history import edit, record
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from sample import CODE

from hybrid_lsp.paths import state_dir

COMMAND = "hybrid-lsp.statistics"
PAGE_OF = "pages/statistics.html"


def read(file: str) -> str:
    return Path(file).read_text(encoding="utf-8")


async def shown(client: Client, *arguments: Any) -> dict[str, Any]:
    answer = await run(client, COMMAND, *arguments)
    return (
        {name: getattr(answer, name, None) for name in ("kind", "file", "message")}
        if not isinstance(answer, dict)
        else answer
    )


async def test_the_page_is_written_and_opened_in_a_browser(connect: Connect) -> None:
    record(edit("r", action="simplify"))
    async with connect(NO_MODELS) as client:
        open_text(client, CODE)
        answer = await shown(client)
        file = state_dir() / PAGE_OF
        assert (answer["kind"], answer["file"]) == ("done", str(file))
        (asked,) = client.shown_documents
        assert (asked.uri, asked.external) == (file.as_uri(), True)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert "simplify" in read(str(file))
        assert client.told == ""


async def test_a_client_that_shows_the_page_itself_is_only_told_where_it_is(connect: Connect) -> None:
    async with connect(NO_MODELS) as client:
        answer = await shown(client, {"show": False, "since": "7d"})
        assert "<svg" not in read(answer["file"])
        assert client.shown_documents == []


async def test_the_editors_own_settings_count(connect: Connect) -> None:
    """The price of the large model, which stands in no file, is what everything is compared with."""
    record(edit("r"))
    large = {"backend": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "m", "price_in": 7.5}
    async with connect(NO_MODELS | {"large": large}) as client:
        answer = await shown(client, {"show": False})
        assert "large.backend" not in read(answer["file"])


@pytest.mark.parametrize("refuses", [True, False])
async def test_who_opens_nothing_is_told_where_the_page_is(connect: Connect, refuses: bool) -> None:
    async with connect(NO_MODELS, None if refuses else capabilities(full=False)) as client:
        if refuses:
            client.protocol.fm.features[lsp.WINDOW_SHOW_DOCUMENT] = lambda params: lsp.ShowDocumentResult(success=False)
        await shown(client)
        assert str(state_dir() / PAGE_OF) in client.told


@pytest.mark.parametrize("argument", [{"since": 7}, {"show": "yes"}, 5, ["7d"]])
async def test_a_wish_that_is_none_is_an_error(connect: Connect, argument: Any) -> None:
    async with connect(NO_MODELS) as client:
        with pytest.raises(JsonRpcException, match="since"):
            await run(client, COMMAND, argument)


async def test_a_time_that_is_none_is_told(connect: Connect) -> None:
    async with connect(NO_MODELS) as client:
        assert (await shown(client, {"since": "yesterday"}))["kind"] == "failed"
        assert "2026-11-01" in client.told


@pytest.mark.fault("the page of statistics cannot be written")
async def test_a_page_that_cannot_be_written_is_told(connect: Connect) -> None:
    (state_dir() / PAGE_OF).mkdir(parents=True)
    async with connect(NO_MODELS) as client:
        assert (await shown(client))["kind"] == "failed"
        assert "statistics.html cannot be written" in client.told
