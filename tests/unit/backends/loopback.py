"""A model server on a port of this machine that says what a test has written, and keeps what it was asked."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
from event_stream import HEAD, event
from listener import listening

from hybrid_lsp.backends.endpoint import Endpoint
from hybrid_lsp.backends.http import HttpBackend
from hybrid_lsp.types import Chat, Infill, Kind, Message, Piece, Request

ASK = Request(Infill("P", "S"))
Behave = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


FIRST, LAST = event({"content": "ab", "stop": False}), event({"content": "", "stop": True, "stop_type": "eos"})


@attrs.define
class Server:
    """Behaves as told; keeps what was asked, and tells when a client was heard and when it has gone."""

    behave: Behave
    url: str = ""
    asked: list[bytes] = attrs.field(factory=list)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What was asked, as JSON."""
        return [json.loads(each.partition(b"\r\n\r\n")[2]) for each in self.asked]

    heard: asyncio.Event = attrs.field(factory=asyncio.Event)
    gone: asyncio.Event = attrs.field(factory=asyncio.Event)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            body = await reader.readexactly(int(length[0].split(b":")[1])) if length else b""
            self.asked.append(head + body)
            self.heard.set()
            await self.behave(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.gone.set()


@asynccontextmanager
async def misbehaving(
    behave: Behave | bytes, *, tls: ssl.SSLContext | None = None, base: str = "", **options: Any
) -> AsyncIterator[tuple[HttpBackend, Server]]:
    async def send(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert isinstance(behave, bytes)
        writer.write(behave)
        await writer.drain()

    server = Server(send if isinstance(behave, bytes) else behave)
    async with listening(server, ssl=tls) as port:
        server.url = f"http{'s' if tls else ''}://127.0.0.1:{port}"
        backend = HttpBackend("test", Endpoint(server.url + base), **({"dialect": "llamacpp"} | options))
        try:
            yield backend, server
        finally:
            await backend.aclose()


async def collect(backend: HttpBackend, request: Request = ASK) -> list[Piece]:
    return [piece async for piece in backend.generate(request)]


def status(line: str, body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {line}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


ASK_CHAT = Request(Chat((Message("system", "Be short."), Message("user", "hi"))), max_tokens=50)
OK = HEAD + event({"choices": [{"delta": {"content": "well"}, "finish_reason": "stop"}]}) + b"data: [DONE]\n\n"
Answer = Callable[[dict[str, Any]], bytes]


@asynccontextmanager
async def answering(answer: Answer | bytes, **options: Any) -> AsyncIterator[tuple[HttpBackend, Server]]:
    """An OpenAI-compatible server whose answers are made from the bodies of the requests."""

    async def respond(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer if isinstance(answer, bytes) else answer(server.bodies[-1]))
        await writer.drain()

    async with misbehaving(respond, **({"dialect": "openai", "model": "m"} | options)) as (backend, server):
        yield backend, server


def chunks(*deltas: Any, finish: str | None = "stop") -> bytes:
    """A stream of deltas; a text stands for one with that content."""
    events = [{"choices": [{"delta": {"content": each} if isinstance(each, str) else each}]} for each in deltas]
    last = {"choices": [{"delta": {}, "finish_reason": finish}]}
    return HEAD + b"".join(map(event, [*events, last])) + b"data: [DONE]\n\n"


def answer_of(pieces: list[Piece]) -> str:
    """The text that whoever reads the pieces takes for the answer."""
    text = ""
    for piece in pieces:
        text = "" if piece.kind is Kind.RETRACTION else text + piece.text
    return text


def refusing(status_line: str, body: Any) -> bytes:
    return status(f"{status_line}\r\nConnection: close", json.dumps(body).encode())
