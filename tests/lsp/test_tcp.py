"""The server over TCP, on loopback: one client, and the process ends with it; and who is not let in."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from conftest import NO_MODELS, URI, Client, capabilities, inline_params, items, open_text, run
from lsprotocol import types as lsp

from hybrid_lsp.server import processes


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[asyncio.subprocess.Process, str, int]]:
    """A server on a port of its own choice."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hybrid_lsp", "serve", "--tcp", "127.0.0.1:0", stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(30):
            said = (await process.stderr.readline()).decode()
        host, _, port = said.removeprefix("Listening on ").strip().partition(":")
        yield process, host, int(port)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def serves(process: asyncio.subprocess.Process, host: str, port: int) -> None:
    """A client is served as it should be, and the process ends with it."""
    client = Client()
    await client.start_tcp(host, port)
    await client.initialize_session(
        lsp.InitializeParams(capabilities=capabilities(full=False), initialization_options=NO_MODELS)
    )
    open_text(client, "x = ")
    assert items(await client.text_document_inline_completion_async(inline_params(0, 4, URI))) == []
    assert (await run(client, "hybrid-lsp.status"))["reason"] == "no-backend"
    await client.shutdown_async(None)
    client.exit(None)
    async with asyncio.timeout(30):
        assert await process.wait() == 0
    await client.stop()
    await closed(client.protocol.writer)  # pygls leaves it open


async def closed(*writers: Any) -> None:
    """Nothing is left open, of which a later test would be told."""
    for writer in writers:
        writer.close()
        with suppress(ConnectionError):  # the server may have gone first
            await writer.wait_closed()


def framed(message: object) -> bytes:
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"processId": None, "rootUri": None, "capabilities": {}, "initializationOptions": NO_MODELS},
}
WEB_PAGE = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://evil.example\r\n" + framed(INITIALIZE)


async def test_a_client_over_tcp_and_its_end() -> None:
    async with listening() as (process, host, port):
        await serves(process, host, port)


@pytest.mark.fault("a client over TCP leaves without goodbye")
async def test_a_client_that_just_leaves_ends_it_too() -> None:
    async with listening() as (process, host, port):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(framed(INITIALIZE))
        await reader.readuntil(b"inlineCompletionProvider")
        await closed(writer)
        async with asyncio.timeout(30):
            assert await process.wait() == 1


@pytest.mark.fault("a web page or a silent client knocks at `--tcp`")
async def test_web_pages_and_the_silent_neither_get_in_nor_take_the_place() -> None:
    async with listening() as (process, host, port):
        _, silent = await asyncio.open_connection(host, port)
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(WEB_PAGE)
        async with asyncio.timeout(30):
            assert await reader.read() == b""
        early_reader, early = await asyncio.open_connection(host, port)
        early.write(framed({"jsonrpc": "2.0", "id": 7, "method": "shutdown"}))
        async with asyncio.timeout(30):
            assert b'"id": 7, "error": {"code": -32002' in await early_reader.readuntil(b"}}")
        await closed(early)
        await serves(process, host, port)
        await closed(silent, writer)


@pytest.mark.fault("another user of this machine knocks at `--tcp`")
async def test_a_connection_is_known_by_its_user(monkeypatch: pytest.MonkeyPatch) -> None:
    ends: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: ends.append(writer), "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    ours, theirs = writer.get_extra_info("sockname"), writer.get_extra_info("peername")
    assert await asyncio.to_thread(processes.own_connection, ours, theirs)
    assert await asyncio.to_thread(processes.own_connection, (f"::ffff:{ours[0]}", ours[1], 0, 0), theirs)
    assert not await asyncio.to_thread(processes.own_connection, ("127.0.0.1", 1), theirs)
    real = processes._connections
    names = iter(["me", "somebody else"])

    class Someone:
        def __init__(self, pid: int | None = None) -> None: ...

        def username(self) -> str:
            return next(names)

    with monkeypatch.context() as patch:
        patch.setattr(processes, "_connections", lambda: [(Someone(), each) for _, each in real()])
        patch.setattr("psutil.Process", Someone)
        assert not await asyncio.to_thread(processes.own_connection, ours, theirs)
    await closed(writer, *ends)
    server.close()
