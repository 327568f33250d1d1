"""What is done while nobody asks, and that nobody waits for it to begin."""

from __future__ import annotations

import asyncio
import threading

import pytest

from hybrid_lsp.engine.base import Chore
from hybrid_lsp.engine.idle import Idle
from hybrid_lsp.engine.scheduler import Rank, Scheduler


class Bench:
    """A scheduler with chores to do; what was done, in order, and a gate that the first chore waits at."""

    def __init__(self, chores: int, tokens: int = 1) -> None:
        self.done: list[str] = []
        self.begun = threading.Event()
        self.gate = threading.Event()
        self.left = chores
        self.tokens = tokens
        self.scheduler = Scheduler()
        self.idle = Idle(self.scheduler, self._next)
        self.idle.quiet_s = 0.0

    def _next(self) -> Chore | None:
        return Chore(self.tokens, self._chore) if self.left else None

    def _chore(self) -> None:
        self.begun.set()
        assert self.gate.wait(60)
        self.left -= 1
        self.done.append("chore")

    async def ask(self) -> None:
        self.idle.stop()
        await self.scheduler.run(lambda: self.done.append("request"), Rank.INTERACTIVE)


async def until_idle(bench: Bench) -> None:
    while bench.idle._task is not None:
        await asyncio.sleep(0)


async def test_chores_are_done_after_the_last_request() -> None:
    bench = Bench(3)
    bench.gate.set()
    await asyncio.gather(bench.ask(), bench.ask())
    await until_idle(bench)
    assert bench.done == ["request", "request", "chore", "chore", "chore"]
    assert bench.idle.done == 3
    bench.scheduler.close()


async def test_a_request_goes_before_the_chores_that_are_left() -> None:
    bench = Bench(2)
    await bench.ask()
    while not bench.begun.is_set():
        await asyncio.sleep(0)
    asking = asyncio.create_task(bench.ask())
    await asyncio.sleep(0)
    bench.gate.set()
    await asking
    await until_idle(bench)
    assert bench.done == ["request", "chore", "request", "chore"]
    bench.scheduler.close()


async def test_a_long_chore_waits_for_a_long_quiet() -> None:
    bench = Bench(1, tokens=3000)
    bench.idle.tokens_a_second = 100.0
    bench.idle.quiet_s = 0.5
    assert bench.idle._further_quiet(Chore(3000, bench._chore)) == 29.5
    assert bench.idle._further_quiet(Chore(10, bench._chore)) == 0.0
    await bench.ask()
    assert bench.done == ["request"]
    bench.idle.stop()
    bench.scheduler.close()


async def test_a_chore_that_fails_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    scheduler = Scheduler()

    def fail() -> None:
        raise RuntimeError("no file")

    idle = Idle(scheduler, lambda: Chore(1, fail))
    idle.quiet_s = 0.0
    assert await scheduler.run(lambda: 1, Rank.INTERACTIVE) == 1
    while idle._task is not None:
        await asyncio.sleep(0)
    assert "a chore failed" in caplog.text
    idle.stop()
    assert await scheduler.run(lambda: 2, Rank.INTERACTIVE) == 2
    idle.stop()
    scheduler.close()


async def test_nothing_begins_once_it_is_closed() -> None:
    bench = Bench(1)
    bench.idle.close()
    await bench.ask()
    await asyncio.sleep(0)
    assert (bench.idle._task, bench.left) == (None, 1)
    bench.scheduler.close()
