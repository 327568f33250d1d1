"""What stands between a client and its model server in a test: it passes on what both say, with the faults it is told.

So a fault of the connection is the same for every server, the real ones too.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import attrs
import httpx
from listener import listening

from hybrid_lsp.backends.endpoint import Endpoint

_GENERATING = {"infill", "completion", "completions", "generate", "chat"}
"""The last part of the paths at which servers generate."""
_OWN = {"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "keep-alive"}


@attrs.frozen
class Asked:
    """One request that came through."""

    method: str
    path: str
    body: Any


@attrs.define
class Relay:
    """Passes requests on to `upstream`. Faults, of the answers to generations alone:

    `instead`: answers given in the server's place, the first first; `hold`: awaited before the first byte; `bytewise`:
    each byte by itself; `after`: so many events pass, then `insert` is said in the server's place and the connection
    ends.
    """

    upstream: Endpoint
    instead: list[bytes] = attrs.field(factory=list)
    hold: asyncio.Event | None = None
    bytewise: bool = False
    after: int | None = None
    insert: bytes = b""
    asked: list[Asked] = attrs.field(factory=list)
    heard: asyncio.Event = attrs.field(factory=asyncio.Event)
    endpoint: Endpoint = attrs.field(init=False)

    @property
    def generations(self) -> list[Asked]:
        """What was asked of a model."""
        return [each for each in self.asked if _generates(each)]

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, httpx.HTTPError):  # one of both has gone
            await self._answer(reader, writer)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked, headers, body = await _read(reader)
        self.asked.append(asked)
        faulty = _generates(asked)
        if faulty:
            self.heard.set()
            if self.hold is not None:
                await _unless_gone(reader, self.hold.wait())
            if self.instead:
                writer.write(self.instead.pop(0))
                return await writer.drain()
        passing = asyncio.ensure_future(self._pass_on(asked, headers, body, writer, faulty=faulty))
        return await _unless_gone(reader, passing)

    async def _pass_on(
        self, asked: Asked, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter, *, faulty: bool
    ) -> None:
        async with self.upstream.client() as client:
            url = self.upstream.url(asked.path)
            async with client.stream(asked.method, url, headers=headers, content=body or None) as response:
                kept = [(name, value) for name, value in response.headers.items() if name.lower() not in _OWN]
                head = f"HTTP/1.1 {response.status_code} {response.reason_phrase}\r\n"
                head += "".join(f"{name}: {value}\r\n" for name, value in kept) + "Connection: close\r\n\r\n"
                writer.write(head.encode())
                events = 0
                async for part in response.aiter_raw():
                    for line in part.splitlines(keepends=True):
                        if faulty and self.after is not None and line.strip() and events >= self.after:
                            writer.write(self.insert)
                            await writer.drain()
                            return
                        events += bool(line.strip())
                        await self._write(line, writer, bytewise=faulty and self.bytewise)

    @staticmethod
    async def _write(line: bytes, writer: asyncio.StreamWriter, *, bytewise: bool) -> None:
        for part in [bytes([each]) for each in line] if bytewise else [line]:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)


@asynccontextmanager
async def relaying(upstream: Endpoint) -> AsyncIterator[Relay]:
    """A relay on a port of this machine."""
    relay = Relay(upstream)
    async with listening(relay) as port:
        relay.endpoint = attrs.evolve(upstream, base_url=f"http://127.0.0.1:{port}", uds=None)
        yield relay


def _generates(asked: Asked) -> bool:
    return asked.method == "POST" and asked.path.rpartition("/")[2] in _GENERATING


async def _read(reader: asyncio.StreamReader) -> tuple[Asked, dict[str, str], bytes]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, path, _ = lines[0].split(" ")
    headers = dict(line.split(": ", 1) for line in lines[1:] if line)
    length = next((int(value) for name, value in headers.items() if name.lower() == "content-length"), 0)
    body = await reader.readexactly(length) if length else b""
    passed = {name: value for name, value in headers.items() if name.lower() not in _OWN}
    return Asked(method, path, json.loads(body) if body else None), passed, body


async def _unless_gone(reader: asyncio.StreamReader, work: Any) -> None:
    """Await something, and give it up when the client has gone."""
    working, gone = asyncio.ensure_future(work), asyncio.ensure_future(reader.read())
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ConnectionResetError
        await working
    finally:
        for each in (working, gone):
            each.cancel()
            with suppress(asyncio.CancelledError, OSError, httpx.HTTPError):
                await each
