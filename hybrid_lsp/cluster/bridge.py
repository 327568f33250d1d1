"""An ASGI application at the far end of a stream: a request goes in as a value, its messages come out one by one.

Whoever stops listening has the application see a closed connection, as over a real one; it then ends in its own way,
and what it has cost is told with somebody else's answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from typing import Any

import attrs
from starlette.types import ASGIApp, Message, Scope

from hybrid_lsp.cluster.affinity import Marks
from hybrid_lsp.engine.app import SUMMARY
from hybrid_lsp.engine.generation import Summary

_LOG = logging.getLogger(__name__)
BILL = "hybrid_lsp.bill"
"""Type of the last message: `tokens` computed, by user."""


@attrs.frozen
class Asked:
    """One HTTP request of a user, and what is known of where it is best answered."""

    user: str
    method: str
    path: str
    query: bytes = b""
    body: bytes = attrs.field(default=b"", repr=False)
    marks: Marks = ()

    @property
    def scope(self) -> Scope:
        """As the application gets it; the user's token is not in it."""
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": "http",
            "path": self.path,
            "raw_path": self.path.encode(),
            "root_path": "",
            "query_string": self.query,
            "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(self.body))],
            "client": None,
            "server": None,
        }


@attrs.define(eq=False)
class Bridge:
    """Asks an application that runs in this process; its lifespan is the caller's."""

    app: ASGIApp
    _unpaid: dict[str, int] = attrs.field(factory=dict)
    _running: set[asyncio.Task[None]] = attrs.field(factory=set)

    async def messages(self, asked: Asked) -> AsyncGenerator[Message, None]:
        """The application's messages, then a BILL. Closing the generator, or its task's end, closes the connection."""
        queue: asyncio.Queue[Message | None] = asyncio.Queue()
        gone = asyncio.Event()
        body = [{"type": "http.request", "body": asked.body, "more_body": False}]

        async def receive() -> Message:
            if body:
                return body.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            queue.put_nowait(message)

        task = asyncio.create_task(self._run(asked, receive, send))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        task.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (message := await queue.get()) is not None:
                yield message
            yield {"type": BILL, "tokens": self._bill()}
        finally:
            gone.set()

    async def _run(self, asked: Asked, receive: Any, send: Any) -> None:
        scope = asked.scope
        try:
            await self.app(scope, receive, send)
        except Exception:  # it has said so already, in its answer
            _LOG.exception("the application failed")
        summary: Summary | None = scope.get(SUMMARY)
        if summary is not None:
            computed = summary.prompt_tokens - summary.reused_tokens + summary.tokens
            self._unpaid[asked.user] = self._unpaid.get(asked.user, 0) + computed

    def _bill(self) -> dict[str, int]:
        bill, self._unpaid = self._unpaid, {}
        return bill
