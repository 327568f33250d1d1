"""Servers that misbehave: each becomes one error that says what happened."""

from __future__ import annotations

import asyncio
import json

import pytest
from loopback import ASK, FIRST, HEAD, LAST, Behave, collect, event, misbehaving, status

from hybrid_lsp.backends.endpoint import Endpoint
from hybrid_lsp.backends.http import HttpBackend
from hybrid_lsp.errors import BackendError, BackendFailed, BackendTimeout, BackendUnavailable
from hybrid_lsp.models import families
from hybrid_lsp.types import Chat, Finish, Infill, Message, Request


@pytest.mark.parametrize(
    ("sent", "error", "said"),
    [
        (b"", BackendFailed, "broke off"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", BackendFailed, "broke off"),
        (HEAD, BackendFailed, "in the middle"),
        (HEAD + FIRST, BackendFailed, "in the middle"),
        (HEAD + b"data: {\n\n", BackendFailed, "not JSON"),
        (HEAD + b"data: " + b"[" * 100_000 + b"\n\n", BackendFailed, "not JSON"),
        (HEAD + b"data: \xff\xfe\n\n", BackendFailed, "not JSON"),
        (HEAD + b"data: " + b"x" * 2_000_000, BackendFailed, "a line of more"),
        (HEAD + event({"error": {"message": "out of memory"}}), BackendFailed, "out of memory"),
        (HEAD + b'error: {"message": "context"}\n\n', BackendFailed, "context"),
        (status("200 OK", b"<html><title>Log in</title>"), BackendFailed, "HTML page .“Log in”"),
        (status("200 OK", b"[]"), BackendFailed, "no event"),
        (status("200 OK", b"{"), BackendFailed, "not JSON"),
        (status("500 Oops", b'{"error": {"message": "cuda"}}'), BackendFailed, "500: cuda"),
        (status("500 Oops"), BackendFailed, "500: Oops"),
        (status("404 Not Found", b"no such path"), BackendFailed, "404: no such path"),
        (status("401 Unauthorized"), BackendFailed, "401"),
        (status("503 Busy", b'{"error": {"message": "Loading model"}}'), BackendUnavailable, "Loading model"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", BackendFailed, "in the middle"),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 99\r\n\r\ncut", BackendFailed, "500"),
    ],
)
async def test_each_misbehaviour_is_one_error(sent: bytes, error: type[BackendError], said: str) -> None:
    async with misbehaving(sent) as (backend, _):
        with pytest.raises(error, match=said) as caught:
            await collect(backend)
        assert caught.value.remedy


async def test_what_came_before_the_end_is_not_lost() -> None:
    async with misbehaving(HEAD + FIRST) as (backend, _):
        stream = backend.generate(ASK)
        assert (await anext(stream)).text == "ab"
        with pytest.raises(BackendFailed):
            await anext(stream)


async def test_comments_odd_line_ends_and_unicode_separators_are_read() -> None:
    text = event({"content": "a\u2028b", "stop": False}).replace(b"\\u2028", "\u2028".encode()).replace(b"\n", b"\r\n")
    async with misbehaving(HEAD + b": ping\n\nevent: x\n" + text + LAST) as (backend, _):
        assert [piece.text for piece in await collect(backend)] == ["a\u2028b", ""]


async def test_a_server_without_streaming_is_read() -> None:
    body = json.dumps({"content": "all", "stop_type": "limit"}).encode()
    async with misbehaving(status("200 OK", body)) as (backend, _):
        pieces = await collect(backend)
    assert ("".join(piece.text for piece in pieces), pieces[-1].finish) == ("all", Finish.LENGTH)


async def test_a_server_that_gives_no_reason_has_ended() -> None:
    body = event({"choices": [{"text": "a"}]}) + b"data: [DONE]\n\n"
    async with misbehaving(HEAD + body, dialect="openai") as (backend, _):
        assert [piece.finish for piece in await collect(backend)] == [None, Finish.STOP]


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + FIRST)
    await reader.read()


async def mute(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.parametrize("behave", [silent, mute])
async def test_a_server_that_falls_silent_is_left(behave: Behave) -> None:
    async with misbehaving(behave, timeout_s=0.1) as (backend, server):
        with pytest.raises(BackendTimeout, match="0.1 s"):
            await collect(backend)
        await server.gone.wait()


async def test_closing_the_stream_closes_the_connection_at_once() -> None:
    async with misbehaving(silent) as (backend, server):
        stream = backend.generate(ASK)
        await anext(stream)
        assert not server.gone.is_set()
        await stream.aclose()
        await server.gone.wait()


async def test_cancelling_the_reader_closes_the_connection() -> None:
    async with misbehaving(silent) as (backend, server):
        task = asyncio.create_task(collect(backend))
        await server.heard.wait()
        task.cancel()
        await server.gone.wait()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_stop_string_that_the_server_overlooks_closes_the_connection() -> None:
    async with misbehaving(silent) as (backend, server):
        pieces = await collect(backend, Request(Infill("P"), stop=("b",)))
        assert ("".join(piece.text for piece in pieces), pieces[-1].finish) == ("a", Finish.STOP)
        await server.gone.wait()


async def test_a_budget_that_the_server_does_not_know_ends_it() -> None:
    async with misbehaving(silent, dialect="openai") as (backend, _):
        pieces = await collect(backend, Request(Infill("P"), time_budget_ms=0))
    assert [piece.finish for piece in pieces] == [None, Finish.TIME]


async def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with misbehaving(HEAD + LAST, api_key_env="MY_KEY") as (backend, server):
        with pytest.raises(BackendUnavailable, match="MY_KEY"):
            await collect(backend)
        monkeypatch.setenv("MY_KEY", "s3cret")
        await collect(backend)
        assert b"authorization: bearer s3cret" in server.asked[0].lower()
        assert "s3cret" not in repr(backend)


async def test_props_are_read_and_their_absence_told() -> None:
    async with misbehaving(status("200 OK", b'{"context": 512}')) as (backend, _):
        assert await backend.props() == {"context": 512}
    async with misbehaving(status("404 Not Found")) as (backend, _):
        with pytest.raises(BackendFailed, match="404"):
            await backend.props()


@pytest.mark.parametrize("url", ["", "ftp://x", "http://", "http://[", "http://127.0.0.1:9/v1"])
async def test_an_address_where_nobody_is(url: str) -> None:
    backend = HttpBackend("test", Endpoint(url), "openai", family=families.PLAIN)
    with pytest.raises(BackendUnavailable) as caught:
        await collect(backend)
    assert "base_url" in caught.value.remedy
    await backend.aclose()


@pytest.mark.parametrize("status", [b"400 Bad Request", b"422 Unprocessable Content"])
async def test_a_server_that_knows_no_schemas_is_asked_without(status: bytes) -> None:
    chat = Request(Chat((Message("user", "hi"),)), json_schema={"type": "object"})

    async def refuse_schemas(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        refused = b"response_format" in server.asked[-1]
        answer = b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        told = event({"choices": [{"delta": {"content": "{}"}, "finish_reason": "stop"}]})
        writer.write(answer if refused else HEAD + told)
        await writer.drain()

    async with misbehaving(refuse_schemas, dialect="openai") as (backend, server):
        assert "".join(piece.text for piece in await collect(backend, chat)) == "{}"
        assert [b"response_format" in each for each in server.asked] == [True, False]


async def test_a_refusal_for_another_reason_is_told() -> None:
    chat = Request(Chat((Message("user", "hi"),)), json_schema={"type": "object"})
    async with misbehaving(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n") as (
        backend,
        server,
    ):
        with pytest.raises(BackendFailed, match="answered 400"):
            await collect(backend, chat)
        assert len(server.asked) == 2
