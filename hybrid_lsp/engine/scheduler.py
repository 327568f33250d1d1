"""Whose turn it is: one generation at a time, the newest interactive request first; what works ahead makes way."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum
from typing import TypeVar

import attrs

T = TypeVar("T")


class Rank(IntEnum):
    """Who goes before whom, the last first."""

    IDLE = 0
    """The engine's own work, for moments in which nobody asks."""
    BACKGROUND = 1
    """Asked ahead of need; stopped when anybody else comes."""
    ORDERLY = 2
    """Asked once by hand, and waited for: first come, first served."""
    INTERACTIVE = 3
    """Asked while somebody types: the newest counts."""


@attrs.define(eq=False)
class _Waiting:
    rank: Rank
    number: int
    make_way: Callable[[], None]
    turn: asyncio.Future[None]

    @property
    def order(self) -> tuple[Rank, int]:
        """The highest goes next."""
        return self.rank, -self.number if self.rank is Rank.ORDERLY else self.number


class Scheduler:
    """Runs blocking work on the one thread that uses the model."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="generate")
        self._waiting: list[_Waiting] = []
        self._numbers = itertools.count()
        self._running: _Waiting | None = None
        self.when_free: Callable[[], None] = lambda: None
        """Called when work has ended and nobody waits."""

    @property
    def waiting(self) -> int:
        """Requests that wait for their turn."""
        return len(self._waiting)

    @property
    def busy(self) -> bool:
        return self._running is not None

    async def run(self, work: Callable[[], T], rank: Rank, make_way: Callable[[], None] = lambda: None) -> T:
        """Wait for the turn, then run `work` in the thread; cancelled while it waits, it never starts.

        Once it runs it keeps the thread until it returns, whoever waits for it or not. `make_way` is called when
        somebody of a higher rank has come meanwhile.
        """
        mine = _Waiting(rank, next(self._numbers), make_way, asyncio.get_running_loop().create_future())
        await self._turn(mine)
        running = asyncio.get_running_loop().run_in_executor(self._thread, work)
        running.add_done_callback(self._over)
        return await asyncio.shield(running)

    def close(self) -> None:
        """Wait for the running work and take no more."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _turn(self, mine: _Waiting) -> None:
        if self._running is None:
            self._running = mine
            return
        self._waiting.append(mine)
        if mine.rank > self._running.rank:
            self._running.make_way()
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
        self._running = max(self._waiting, key=lambda waiting: waiting.order, default=None)
        if self._running is not None:
            self._waiting.remove(self._running)
            self._running.turn.set_result(None)
        else:
            self.when_free()
