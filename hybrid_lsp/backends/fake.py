"""A backend with scripted replies and recorded requests: what tests and the demo of an unconfigured tier stand on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable

import attrs

from hybrid_lsp.errors import BackendUnavailable
from hybrid_lsp.types import Finish, Piece, Request


@attrs.define
class FakeReply:
    """One scripted reply: `text` in pieces of `chunk` characters, then `error` if there is one.

    `hold`, when given, is awaited before the first piece, so that a test decides when the model answers.
    """

    text: str = ""
    chunk: int = 4
    logprob: float = -0.1
    error: Exception | None = None
    hold: asyncio.Event | None = None
    finish: Finish = Finish.STOP


@attrs.define
class FakeBackend:
    """Replies in the order they were enqueued; keeps every request, and how each ended.

    `cancelled` counts generations closed before their end, `pieces` the pieces that were handed out.
    """

    name: str = "fake"
    replies: list[FakeReply] = attrs.field(factory=list)
    requests: list[Request] = attrs.field(factory=list)
    cancelled: int = 0
    pieces: int = 0

    def enqueue(self, replies: Iterable[FakeReply | str]) -> None:
        """Add replies; a plain text is a reply of that text."""
        self.replies += [FakeReply(reply) if isinstance(reply, str) else reply for reply in replies]

    async def generate(self, request: Request) -> AsyncGenerator[Piece, None]:
        self.requests.append(request)
        if not self.replies:
            raise BackendUnavailable(f"{self.name} has no reply left.", "Enqueue one.")
        reply = self.replies.pop(0)
        try:
            async for piece in self._stream(reply):
                self.pieces += 1
                yield piece
        except (GeneratorExit, asyncio.CancelledError):
            self.cancelled += 1
            raise

    async def _stream(self, reply: FakeReply) -> AsyncGenerator[Piece, None]:
        if reply.hold is not None:
            await reply.hold.wait()
        for start in range(0, len(reply.text), reply.chunk):
            # A real backend gives the loop a turn between tokens, so that a cancel can arrive.
            await asyncio.sleep(0)
            yield Piece(reply.text[start : start + reply.chunk], logprob=reply.logprob)
        if reply.error is not None:
            raise reply.error
        yield Piece("", tokens=0, logprob=0.0, finish=reply.finish)
