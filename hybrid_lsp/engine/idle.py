"""What the engine does when nobody asks: the model's chores, each after a moment of quiet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from hybrid_lsp.engine.base import Chore
from hybrid_lsp.engine.scheduler import Rank, Scheduler

_LOG = logging.getLogger(__name__)
QUIET_MS = 100.0
"""Default of the quiet before a chore: longer than the pause between two keystrokes in a word."""


class Idle:
    """Does one chore after the other until somebody asks.

    A chore cannot be interrupted, so none begins while a request runs or waits, nor before it has been quiet for as
    long as the chore takes: who types on has then waited at most as long as he was idle (the rule of ski rental).
    """

    def __init__(self, scheduler: Scheduler, next_chore: Callable[[], Chore | None]) -> None:
        self.quiet_s = QUIET_MS / 1000
        self.tokens_a_second = 0.0
        """How fast the model computes a prompt; 0: not known."""
        self.done = 0
        """Chores done."""
        self._scheduler = scheduler
        self._next_chore = next_chore
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        scheduler.when_free = self.start

    def start(self) -> None:
        """Nobody asks any more: begin to wait for quiet."""
        if self._task is None and not self._closed:
            self._task = asyncio.create_task(self._work())

    def stop(self) -> None:
        """Somebody asks: begin nothing more. What has begun goes on in its thread."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def close(self) -> None:
        """Begin nothing ever again; may be called from any thread."""
        self._closed = True

    async def _work(self) -> None:
        await asyncio.sleep(self.quiet_s)
        while (chore := self._chore()) is not None:
            await asyncio.sleep(self._further_quiet(chore))
            if self._closed or self._scheduler.busy:
                break
            try:
                await self._scheduler.run(chore.run, Rank.IDLE)
            except RuntimeError:
                _LOG.exception("a chore failed")
                break
            self.done += 1
        self._task = None

    def _chore(self) -> Chore | None:
        return None if self._closed or self._scheduler.busy else self._next_chore()

    def _further_quiet(self, chore: Chore) -> float:
        lasts = chore.tokens / self.tokens_a_second if self.tokens_a_second else 0.0
        return max(0.0, lasts - self.quiet_s)
