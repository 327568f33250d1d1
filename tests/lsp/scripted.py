"""A model server whose answers a test writes: OpenAI's streaming protocol over real HTTP, on a port of this machine.

It stands for vLLM, Ollama or a cloud; what it does wrong is written by the test too.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
from event_stream import HEAD, event
from listener import listening


@attrs.define
class Script:
    """Replies in order; `requests` keeps the bodies, `hung_up` counts clients that left before the end.

    A reply is streamed in pieces of `chunk` characters; bytes are sent as they are, head and all. `hold` is awaited
    after each piece, `silence` before the first; with `die_after` the connection breaks after so many pieces, and a
    `status` other than 200 is all there is.
    """

    replies: list[str | bytes] = attrs.field(factory=list)
    requests: list[dict[str, Any]] = attrs.field(factory=list)
    chunk: int = 8
    hold: asyncio.Event | None = None
    silence: asyncio.Event | None = None
    hung_up: asyncio.Event = attrs.field(factory=asyncio.Event)
    port: int = 0
    status: int = 200
    die_after: int | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


@asynccontextmanager
async def scripted_server(script: Script) -> AsyncIterator[Script]:
    """Serve the script until the block ends."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await _serve_one(script, reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            script.hung_up.set()

    async with listening(connection) as script.port:
        yield script


async def _serve_one(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
    )
    script.requests.append(json.loads(await reader.readexactly(length) or b"{}"))
    if script.status != 200:
        writer.write(f"HTTP/1.1 {script.status} No\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        return True
    reply = script.replies.pop(0)
    if isinstance(reply, bytes):
        writer.write(reply)
        await writer.drain()
        return False
    writer.write(HEAD)
    gone = asyncio.ensure_future(reader.read())
    if not await _pause(script, script.silence, gone):
        return False
    for number, start in enumerate(range(0, len(reply), script.chunk)):
        if script.die_after == number:
            return False
        piece = reply[start : start + script.chunk]
        _send(writer, {"choices": [{"delta": {"content": piece}, "finish_reason": None}]})
        await writer.drain()
        if not await _pause(script, script.hold, gone):
            return False
    _send(writer, {"choices": [{"delta": {}, "finish_reason": "stop"}]})
    writer.write(b"data: [DONE]\n\n")
    await writer.drain()
    gone.cancel()
    return False


async def _pause(script: Script, event: asyncio.Event | None, gone: asyncio.Future[bytes]) -> bool:
    """Wait for the test, or for the client to leave; False where it left."""
    if event is None:
        return True
    waiting = asyncio.ensure_future(event.wait())
    done, _ = await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if gone in done:
        script.hung_up.set()
    return gone not in done


def _send(writer: asyncio.StreamWriter, body: dict[str, Any]) -> None:
    writer.write(event(body))
