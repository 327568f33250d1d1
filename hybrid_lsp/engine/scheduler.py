"""Whose turn it is: one generation at a time, the newest interactive request first."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import attrs

T = TypeVar("T")


@attrs.define(eq=False)
class _Waiting:
    interactive: bool
    number: int
    turn: asyncio.Future[None]

    @property
    def rank(self) -> tuple[bool, int]:
        """The highest goes next: what somebody types now before all else, newest first; the rest in order."""
        return self.interactive, self.number if self.interactive else -self.number


class Scheduler:
    """Runs blocking work on the one thread that uses the model."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="generate")
        self._waiting: list[_Waiting] = []
        self._numbers = itertools.count()
        self._busy = False

    @property
    def waiting(self) -> int:
        """Requests that wait for their turn."""
        return len(self._waiting)

    @property
    def busy(self) -> bool:
        return self._busy

    async def run(self, work: Callable[[], T], *, interactive: bool) -> T:
        """Wait for the turn, then run `work` in the thread; cancelled while it waits, it never starts.

        Once it runs it keeps the thread until it returns, whoever waits for it or not.
        """
        await self._turn(interactive)
        running = asyncio.get_running_loop().run_in_executor(self._thread, work)
        running.add_done_callback(self._over)
        return await asyncio.shield(running)

    def close(self) -> None:
        """Wait for the running work and take no more."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _turn(self, interactive: bool) -> None:
        if not self._busy:
            self._busy = True
            return
        mine = _Waiting(interactive, next(self._numbers), asyncio.get_running_loop().create_future())
        self._waiting.append(mine)
        try:
            await mine.turn
        except asyncio.CancelledError:
            if mine in self._waiting:
                self._waiting.remove(mine)
            else:
                self._next()  # the turn came in the same moment: it must not be lost
            raise

    def _over(self, done: asyncio.Future[T]) -> None:
        if not done.cancelled():
            done.exception()  # whoever waits has it; nobody may be left
        self._next()

    def _next(self) -> None:
        self._busy = bool(self._waiting)
        if self._waiting:
            chosen = max(self._waiting, key=lambda waiting: waiting.rank)
            self._waiting.remove(chosen)
            chosen.turn.set_result(None)
