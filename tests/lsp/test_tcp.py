"""The server over TCP, on loopback: one client, and the process ends with it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from conftest import NO_MODELS, URI, Client, capabilities, inline_params, items, open_text, run
from lsprotocol import types as lsp


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


async def test_a_client_over_tcp_and_its_end() -> None:
    async with listening() as (process, host, port):
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


async def test_a_client_that_just_leaves_ends_it_too() -> None:
    async with listening() as (process, host, port):
        _, writer = await asyncio.open_connection(host, port)
        writer.write(b"Content-Length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()
        async with asyncio.timeout(30):
            assert await process.wait() == 1
