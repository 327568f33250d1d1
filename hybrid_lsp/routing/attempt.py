"""One request to one backend: how long it may be silent, what it costs, and what it tells of the backend's health."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from hybrid_lsp.backends.base import let_go
from hybrid_lsp.errors import BackendError, BackendRefused, BackendTimeout
from hybrid_lsp.metrics.events import Ask
from hybrid_lsp.routing.accounts import Asked
from hybrid_lsp.routing.candidates import Candidate, Patience, Waiting
from hybrid_lsp.routing.health import Health
from hybrid_lsp.types import Kind, Piece, Request, Usage


class Attempt:
    """One request to one backend, with its outcome noted in the backend's health."""

    def __init__(
        self,
        candidate: Candidate,
        health: Health,
        patience: Patience,
        on_asked: Callable[[Asked], None],
        run: str | None,
    ) -> None:
        assert candidate.backend is not None
        self._candidate, self._backend = candidate, candidate.backend
        self._health, self._patience = health, patience
        self._on_asked, self._run = on_asked, run
        self._started, self._first_s, self._written = time.monotonic(), None, 0
        self._usage: Usage | None = None
        self.spoke = False

    _first_s: float | None

    async def run(self, request: Request) -> AsyncGenerator[Waiting | Piece, None]:
        self._health.begin()
        ending = Ask.FAILED
        try:
            async with aclosing(self._backend.generate(request)) as pieces:
                async for event in self._events(pieces):
                    yield event
            self._health.success()
            ending = Ask.ANSWERED
        except BackendRefused:
            self._health.success()
            ending = Ask.REFUSED
            raise
        except BackendError as error:
            self._health.failure(error)
            raise
        except (GeneratorExit, asyncio.CancelledError):
            # A model that was talking when it was cancelled is well.
            (self._health.success if self.spoke else self._health.abandon)()
            ending = Ask.STOPPED
            raise
        except BaseException:
            self._health.abandon()
            raise
        finally:
            self._on_asked(self._account(request, ending))

    def _account(self, request: Request, ending: Ask) -> Asked:
        latency_s = time.monotonic() - self._started
        asked, task = self._candidate, str(self._candidate.task)
        first_s, written = self._first_s, self._written
        model = self._backend.name
        return Asked(self._run, task, asked.tier, model, ending, request, first_s, latency_s, written, self._usage)

    async def _events(self, pieces: AsyncGenerator[Piece, None]) -> AsyncGenerator[Waiting | Piece, None]:
        what, longest_s = "no first word", self._patience.first_piece_s
        while True:
            upcoming = asyncio.ensure_future(anext(pieces, None))
            try:
                notice_s = min(self._patience.notice_s, longest_s)
                await asyncio.wait({upcoming}, timeout=notice_s)
                if not upcoming.done():
                    yield Waiting(self._candidate, notice_s)
                    await asyncio.wait({upcoming}, timeout=longest_s - notice_s)
                if not upcoming.done():
                    raise self._too_slow(what, longest_s)
                piece = upcoming.result()
            finally:
                await let_go(upcoming)
            if piece is None:
                return
            if piece.kind is Kind.BILL:
                self._usage = piece.usage
                continue
            self._written += piece.tokens
            if self._first_s is None:
                self._first_s = time.monotonic() - self._started
            self.spoke = self.spoke or bool(piece.text) or piece.kind is not Kind.ANSWER
            yield piece
            what, longest_s = "it fell silent", self._patience.quiet_s

    def _too_slow(self, what: str, seconds: float) -> BackendTimeout:
        return BackendTimeout(
            f"{self._backend.name}: {what} within {seconds:g} s.", "Use a smaller model or a faster machine."
        )
