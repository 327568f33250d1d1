"""A client that counts: every message framed by hand, and every reply noted by the id of its request."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from typing import Any

import attrs

from hybrid_lsp.server.framing import Complaint, Frames

_CHUNK = 65536


@attrs.define(eq=False)
class Client:
    """A server process and what it has answered.

    `latencies` are the moment and the milliseconds of inline requests that were neither superseded nor cancelled.
    """

    process: asyncio.subprocess.Process
    replies: Counter[int] = attrs.field(factory=Counter)
    latencies: list[tuple[float, float]] = attrs.field(factory=list)
    shown: int = 0
    asked: int = 0
    _sent: dict[int, float] = attrs.field(factory=dict)
    _waiting: dict[int, asyncio.Future[Any]] = attrs.field(factory=dict)
    _reading: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, settings: dict[str, Any]) -> Client:
        """Start a server and shake hands."""
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-P", "-m", "hybrid_lsp", "serve")
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
        client = cls(process)
        client._reading = asyncio.create_task(client._read())
        params = {"processId": None, "rootUri": None, "capabilities": {}, "initializationOptions": settings}
        await client.request("initialize", params)
        client.notify("initialized", {})
        return client

    @property
    def unanswered(self) -> int:
        return sum(self.replies[number] == 0 for number in range(1, self.asked + 1))

    @property
    def answered_twice(self) -> int:
        return sum(count > 1 for count in self.replies.values())

    def request(self, method: str, params: Any) -> asyncio.Future[Any]:
        """Send a request; the future has the whole reply."""
        self.asked += 1
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[self.asked], self._sent[self.asked] = future, time.monotonic()
        self._send({"jsonrpc": "2.0", "id": self.asked, "method": method, "params": params})
        return future

    def notify(self, method: str, params: Any) -> None:
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        assert self.process.stdin is not None
        if self.process.returncode is None and not self.process.stdin.is_closing():
            self.process.stdin.write(data)

    async def end(self) -> str:
        """Say goodbye; returns what the server wrote to stderr."""
        await self.request("shutdown", None)
        self.notify("exit", None)
        await self.process.wait()
        assert self.process.stderr is not None
        return (await self.process.stderr.read()).decode("utf-8", "replace")

    def _send(self, message: Any) -> None:
        body = json.dumps(message).encode()
        self.raw(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    async def _read(self) -> None:
        assert self.process.stdout is not None
        frames = Frames()
        while chunk := await self.process.stdout.read(_CHUNK):
            for body in frames.feed(chunk):
                assert not isinstance(body, Complaint)
                self._take(json.loads(body))
        for future in self._waiting.values():
            future.cancel()

    def _take(self, message: dict[str, Any]) -> None:
        number = message.get("id")
        if "method" in message or number is None:
            return
        self.replies[number] += 1
        if future := self._waiting.pop(number, None):
            now = time.monotonic()
            result = message.get("result")
            if isinstance(result, dict) and "items" in result:
                self.latencies.append((now, (now - self._sent[number]) * 1000))
                self.shown += bool(result["items"])
            if not future.cancelled():
                future.set_result(message)
