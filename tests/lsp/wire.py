"""A client that speaks JSON-RPC by hand, so that it can say what no client says, and see every byte that comes back."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import attrs
from inside import CONVERTER, Inside, logging_restored

PATIENCE_S = 30
MEASURED: dict[str, str] = {}
"""The environment by which a server's process has its lines counted."""


@attrs.define
class Wire:
    """A server; `received` keeps all that it sent, `replies` the replies by id.

    `answers` is what its own requests are answered with, by method: a result, or an exception for an error.
    """

    process: asyncio.subprocess.Process | Inside
    received: list[dict[str, Any]] = attrs.field(factory=list)
    replies: dict[Any, list[dict[str, Any]]] = attrs.field(factory=lambda: defaultdict(list))
    answers: dict[str, Any] = attrs.field(factory=dict)
    news: asyncio.Event = attrs.field(factory=asyncio.Event)
    _count: int = 0

    def send(self, *messages: Any) -> None:
        """Send values as JSON, each framed; bytes go as they are."""
        assert self.process.stdin is not None
        for each in messages:
            self.process.stdin.write(each if isinstance(each, bytes) else _framed(each))

    def notify(self, method: str, params: Any = None) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    async def ask(self, method: str, params: Any = None) -> dict[str, Any]:
        """One request and its whole reply."""
        self._count += 1
        number = f"wire-{self._count}"
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        await self.answered([number])
        return self.replies[number][0]

    async def answered(self, numbers: list[Any]) -> None:
        """Wait until each of these requests has an answer; fails when the server ends instead."""
        async with asyncio.timeout(PATIENCE_S):
            while missing := [number for number in numbers if not self.replies[number]]:
                if self.process.returncode is not None:
                    raise AssertionError(f"the server ended with {self.process.returncode}; unanswered: {missing}")
                self.news.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.news.wait(), 1)

    async def initialize(self, capabilities: Any, settings: Any) -> dict[str, Any]:
        params = {
            "processId": None,
            "rootUri": None,
            "capabilities": CONVERTER.unstructure(capabilities),
            "initializationOptions": settings,
        }
        reply = await self.ask("initialize", params)
        self.notify("initialized", {})
        return reply

    async def end(self) -> int:
        """Say goodbye; returns the exit status."""
        await self.ask("shutdown")
        self.notify("exit")
        return await self.ended()

    async def ended(self) -> int:
        async with asyncio.timeout(PATIENCE_S):
            return await self.process.wait()

    async def read(self) -> None:
        """Take in what comes until the server ends."""
        assert self.process.stdout is not None
        with suppress(asyncio.IncompleteReadError):
            while True:
                head = await self.process.stdout.readuntil(b"\r\n\r\n")
                length = int(head.partition(b"Content-Length:")[2].split()[0])
                self._take(json.loads(await self.process.stdout.readexactly(length)))
        self.news.set()

    def _take(self, message: dict[str, Any]) -> None:
        self.received.append(message)
        if "method" not in message:
            self.replies[message.get("id")].append(message)
        elif "id" in message:
            answer = self.answers.get(message["method"])
            body = (
                {"error": {"code": 1, "message": str(answer)}} if isinstance(answer, Exception) else {"result": answer}
            )
            self.send({"jsonrpc": "2.0", "id": message["id"]} | body)
        self.news.set()


def _framed(message: Any) -> bytes:
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


@asynccontextmanager
async def wired(*, apart: bool = False) -> AsyncIterator[Wire]:
    """A server over a socket, or `apart` in its own process over stdio; it is ended in the end, should it still run."""
    with logging_restored():
        process = await (_start_apart() if apart else Inside.start())
        wire = Wire(process)
        reading = asyncio.create_task(wire.read())
        try:
            yield wire
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                # Its end writes what coverage has counted.
                await wire.ended()
            except TimeoutError:
                process.kill()
                await process.wait()
                raise
            finally:
                await reading


async def _start_apart() -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "hybrid_lsp", "serve")
    environ = os.environ | MEASURED
    return await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=2**26, env=environ)
