"""Inline completion, end to end: the real server, the real engine, the embedded model."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import pytest
from conftest import (
    EXAMPLE,
    NO_MODELS,
    URI,
    Client,
    Connect,
    capabilities,
    engines,
    inline_params,
    items,
    open_text,
    run,
    type_text,
)
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

TEXT = EXAMPLE.read_text(encoding="utf-8") + "\n    def clear(self) -> None:\n        for item in self.it"
LINE = TEXT.count("\n")
END = len(TEXT.rpartition("\n")[2])
ANY = {"completion": {"min_confidence": 0.0}}
NOVEL = "import os\n\nwizard = os.envir"
"""A text with nothing in it to copy: only a model can go on."""
AT_ITS_END = inline_params(2, len("wizard = os.envir"), invoked=True)


async def ask(client: Client, *, invoked: bool = True, uri: str = URI) -> Any:
    return await client.text_document_inline_completion_async(inline_params(LINE, END, uri, invoked=invoked))


async def ask_anew(client: Client, version: int) -> Any:
    """Ask where nothing is known yet: something far from the cursor is different."""
    type_text(client, lsp.Position(0, 3), "x", version)
    return await ask(client)


async def status(client: Client) -> Any:
    return await run(client, "hybrid-lsp.status")


async def test_the_provider_is_static_and_a_suggestion_has_range_and_command(connect: Connect) -> None:
    async with connect(ANY) as client:
        result = client.result
        assert isinstance(result.capabilities.inline_completion_provider, lsp.InlineCompletionOptions)
        sync = result.capabilities.text_document_sync
        assert isinstance(sync, lsp.TextDocumentSyncOptions)
        assert (sync.open_close, sync.change) == (True, lsp.TextDocumentSyncKind.Incremental)
        open_text(client, TEXT)
        (item,) = items(await ask(client))
        position = lsp.Position(LINE, END)
        assert item.range == lsp.Range(position, position)
        assert item.insert_text == item.insert_text.rstrip()  # type: ignore[union-attr]
        assert item.command is not None
        assert await run(client, item.command.command, *item.command.arguments or []) is None
        assert (await status(client))["tier"] == "small"
        assert not client.messages


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
async def test_the_clients_encoding_is_used(connect: Connect, encoding: str) -> None:
    text = "x = '😋é'\n" + TEXT + " # 😋é "
    async with connect(ANY, capabilities(encodings=[encoding])) as client:
        assert client.result.capabilities.position_encoding == encoding
        open_text(client, text)
        codec, width = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}[encoding]
        last = text.rpartition("\n")[2]
        end = lsp.Position(text.count("\n"), len(last.encode(codec)) // width)
        type_text(client, end, "\n    def size(self) -> int:\n        return len(self.", 2)
        answer = await client.text_document_inline_completion_async(
            inline_params(end.line + 2, len("        return len(self."), invoked=True)
        )
        for item in items(answer):
            assert item.range is not None
            assert item.range.start == lsp.Position(end.line + 2, len("        return len(self."))


async def test_older_requests_are_settled_before_the_newest_is_answered(connect: Connect) -> None:
    order: list[int] = []

    async def one(client: Client, number: int) -> Any:
        try:
            return await ask(client)
        finally:
            order.append(number)

    async with connect(ANY) as client:
        open_text(client, TEXT)
        replies = await asyncio.gather(*(one(client, number) for number in range(6)), return_exceptions=True)
        assert order == sorted(order)
        assert [reply.code for reply in replies[:-1]] == [-32800] * 5  # type: ignore[union-attr]
        assert items(replies[-1])
        assert (await status(client))["reason"] is None


async def test_a_cancelled_request_is_answered_with_an_error_and_the_next_works(connect: Connect) -> None:
    async with connect(ANY) as client:
        open_text(client, TEXT)
        reply = client.send(lsp.TEXT_DOCUMENT_INLINE_COMPLETION, inline_params(LINE, END), "me")
        client.cancel_request(lsp.CancelParams(id="me"))
        with pytest.raises(JsonRpcException) as error:
            await reply
        assert error.value.code == -32800
        assert items(await ask(client))


@pytest.mark.own_engines
async def test_three_servers_share_one_engine(connect: Connect) -> None:
    async with connect(ANY) as one, connect(ANY) as two, connect(ANY) as three:
        for client in (one, two, three):
            open_text(client, TEXT)
        answers = await asyncio.gather(*(ask(client) for client in (one, two, three)))
        assert all(items(answer) for answer in answers)
        assert len(engines()) == 1


@pytest.mark.fault("the engine is killed in the middle of a request")
@pytest.mark.own_engines
async def test_a_killed_engine_costs_one_answer_at_most(connect: Connect) -> None:
    async with connect(ANY) as client:
        open_text(client, TEXT)
        assert items(await ask(client))
        (engine,) = engines()
        engine.send_signal(signal.SIGSTOP)  # so that the request is in its hands when it dies
        pending = asyncio.create_task(ask_anew(client, 2))
        await asyncio.sleep(0.3)
        os.kill(engine.pid, signal.SIGKILL)
        assert isinstance(await pending, lsp.InlineCompletionList)
        version = 3
        async with asyncio.timeout(30):
            while not engines():
                await ask_anew(client, version)
                await asyncio.sleep(0.2)
                version += 1
        assert items(await ask_anew(client, version))
        (fresh,) = engines()
        assert fresh.pid != engine.pid


@pytest.mark.own_engines
async def test_typing_into_a_suggestion_starts_no_generation(connect: Connect) -> None:
    async with connect(ANY) as client:
        open_text(client, TEXT)
        (item,) = items(await ask(client))
        text = str(item.insert_text)
        (engine,) = engines()
        os.kill(engine.pid, signal.SIGKILL)  # so that no model can answer
        for length in range(1, len(text)):
            type_text(client, lsp.Position(LINE, END + length - 1), text[length - 1], length + 1)
            answer = await client.text_document_inline_completion_async(inline_params(LINE, END + length))
            (rest,) = items(answer)
            assert rest.insert_text == text[length:]
        assert not engines()


@pytest.mark.parametrize(
    ("settings", "text", "language", "line", "reason"),
    [
        (NO_MODELS, "x = ", "python", 0, "no-backend"),
        (NO_MODELS | {"completion": {"enabled": False}}, "x = ", "python", 0, "disabled"),
        (NO_MODELS | {"completion": {"disabled_languages": ["toml"]}}, "x = ", "toml", 0, "language-disabled"),
        (NO_MODELS, "a\0b = ", "python", 0, "binary"),
        (NO_MODELS, "x = word", "python", 0, "mid-word"),
        (NO_MODELS | {"files": {"max_bytes": 1000}}, "x" * 2000, "python", 0, "too-large"),
    ],
    ids=lambda value: value if isinstance(value, str) and "-" in value else "",
)
async def test_an_empty_answer_has_a_reason(
    connect: Connect, settings: dict[str, Any], text: str, language: str, line: int, reason: str
) -> None:
    async with connect(settings) as client:
        open_text(client, text, language=language)
        answer = await client.text_document_inline_completion_async(inline_params(line, 4))
        assert items(answer) == []
        told = await status(client)
        assert told["reason"] == reason
        assert told["message"]


async def test_a_secret_file_is_left_alone_and_says_so(connect: Connect) -> None:
    async with connect(ANY) as client:
        open_text(client, "KEY=", "file:///work/.env", "plaintext")
        answer = await client.text_document_inline_completion_async(inline_params(0, 4, "file:///work/.env"))
        assert items(answer) == []
        assert (await status(client))["reason"] == "secret-file"


async def test_a_file_that_was_never_opened(connect: Connect) -> None:
    async with connect(NO_MODELS) as client:
        assert items(await ask(client)) == []
        assert (await status(client))["reason"] == "not-open"


async def test_a_file_of_50_mb_is_told_of_and_the_server_lives(connect: Connect) -> None:
    async with connect(ANY) as client:
        open_text(client, "x = 1\n" * 9_000_000, "file:///work/huge.py")
        answer = await client.text_document_inline_completion_async(inline_params(0, 0, "file:///work/huge.py"))
        assert items(answer) == []
        assert any("files.max_bytes" in message.message for message in client.messages)
        open_text(client, TEXT)
        assert items(await ask(client))


async def test_an_unknown_language_is_served_too(connect: Connect) -> None:
    async with connect(ANY) as client:
        open_text(client, TEXT, language="klingon")
        assert isinstance(await ask(client), lsp.InlineCompletionList)


async def test_what_the_editors_list_has_selected_is_kept(connect: Connect) -> None:
    async with connect(ANY) as client:
        open_text(client, TEXT)
        params = inline_params(LINE, END, invoked=True)
        selected = lsp.Range(lsp.Position(LINE, END - 2), lsp.Position(LINE, END))
        params.context.selected_completion_info = lsp.SelectedCompletionInfo(selected, "items")
        for item in items(await client.text_document_inline_completion_async(params)):
            assert item.range == selected
            assert str(item.insert_text).startswith("items")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"small": {"model": "/nowhere/at/all"}}, "/nowhere/at/all"),
        ({"small": {"backend": "openai"}}, "small.base_url"),
        ({"small": {"backend": "openai", "base_url": "http://127.0.0.1:9"}}, ""),
    ],
    ids=["missing-model", "no-address", "nobody-there"],
)
async def test_a_model_that_cannot_be_had_is_told_and_the_server_lives(
    connect: Connect, settings: dict[str, Any], says: str
) -> None:
    async with connect(settings) as client:
        open_text(client, NOVEL)
        assert items(await client.text_document_inline_completion_async(AT_ITS_END)) == []
        told = await status(client)
        assert told["reason"] in ("no-backend", "backend-failed")
        assert says in " ".join([told["message"], *(message.message for message in client.messages)])


async def test_a_socket_that_cannot_be_made_is_told(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("HYBRID_LSP_RUNTIME_DIR", "/dev/null/run")
        async with connect(ANY) as client:
            open_text(client, NOVEL)
            assert items(await client.text_document_inline_completion_async(AT_ITS_END)) == []
            assert "HYBRID_LSP_RUNTIME_DIR" in (await status(client))["message"]


async def test_a_wrong_setting_is_told_once_by_name(connect: Connect) -> None:
    settings = NO_MODELS | {"completion": {"debounce_ms": "fast"}}
    async with connect(settings) as client:
        open_text(client, TEXT)
        await ask(client)
        client.workspace_did_change_configuration(lsp.DidChangeConfigurationParams(settings=None))
        await ask(client)
        told = [message.message for message in client.messages if "completion.debounce_ms" in message.message]
        assert len(told) == len(set(told))
        assert "must be a whole number" in told[0]
