"""Whose turn it is."""

from __future__ import annotations

import asyncio
import threading

import pytest

from hybrid_lsp.engine.scheduler import Rank, Scheduler


class Bench:
    """A scheduler whose work is held until the test lets it go, and the order in which work began."""

    def __init__(self) -> None:
        self.scheduler = Scheduler()
        self.order: list[str] = []
        self.making_way: list[str] = []
        self.gate = threading.Event()

    def ask(self, name: str, rank: Rank = Rank.INTERACTIVE) -> asyncio.Task[str]:
        make_way = self.making_way.append
        return asyncio.create_task(self.scheduler.run(lambda: self._work(name), rank, lambda: make_way(name)))

    def _work(self, name: str) -> str:
        self.order.append(name)
        assert self.gate.wait(60)
        return name


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_the_newest_interactive_request_is_first_and_the_others_in_order() -> None:
    bench = Bench()
    tasks = [bench.ask("first")]
    asked = {
        "ahead 1": Rank.BACKGROUND,
        "ahead 2": Rank.BACKGROUND,
        "chore": Rank.IDLE,
        "old": Rank.INTERACTIVE,
        "chat 1": Rank.ORDERLY,
        "chat 2": Rank.ORDERLY,
        "new": Rank.INTERACTIVE,
    }
    for name, rank in asked.items():
        tasks.append(bench.ask(name, rank))
        await turns()
    assert bench.scheduler.waiting == 7
    bench.gate.set()
    assert await asyncio.gather(*tasks) == ["first", *asked]
    assert bench.order == ["first", "new", "old", "chat 1", "chat 2", "ahead 2", "ahead 1", "chore"]
    await turns()
    assert not bench.scheduler.busy
    bench.scheduler.close()


async def test_what_is_cancelled_while_it_waits_never_starts() -> None:
    bench = Bench()
    running, waiting, last = bench.ask("running"), bench.ask("waiting"), bench.ask("last", Rank.ORDERLY)
    await turns()
    waiting.cancel()
    await turns()
    bench.gate.set()
    assert await asyncio.gather(running, last) == ["running", "last"]
    assert bench.order == ["running", "last"]
    assert waiting.cancelled()
    bench.scheduler.close()


@pytest.mark.parametrize("rank", Rank)
async def test_what_runs_is_told_when_somebody_comes_who_goes_before(rank: Rank) -> None:
    bench = Bench()
    running = bench.ask("running", rank)
    await turns()
    coming = bench.ask("coming", Rank.ORDERLY)
    await turns()
    assert bench.making_way == (["running"] if rank < Rank.ORDERLY else [])
    bench.gate.set()
    await asyncio.gather(running, coming)
    bench.scheduler.close()


async def test_it_says_when_nobody_is_left() -> None:
    bench, free = Bench(), []
    bench.scheduler.when_free = lambda: free.append(list(bench.order))
    running, waiting, gone = bench.ask("running"), bench.ask("waiting"), bench.ask("gone")
    await turns()
    gone.cancel()
    bench.gate.set()
    await asyncio.gather(running, waiting)
    await turns()
    assert free == [["running", "waiting"]]
    bench.scheduler.close()


async def test_what_runs_keeps_the_thread_though_nobody_waits() -> None:
    bench = Bench()
    running, after = bench.ask("running"), bench.ask("after")
    await turns()
    running.cancel()
    await turns()
    assert bench.order == ["running"]
    bench.gate.set()
    assert await after == "after"
    bench.scheduler.close()


async def test_a_turn_that_comes_in_the_moment_of_a_cancel_is_passed_on() -> None:
    bench = Bench()
    running, chosen, after = bench.ask("running"), bench.ask("chosen"), bench.ask("after", Rank.ORDERLY)
    await turns()
    bench.scheduler._next()  # as the end of `running` does, in the same turn of the loop as the cancel
    chosen.cancel()
    bench.gate.set()
    assert await asyncio.gather(running, after) == ["running", "after"]
    assert "chosen" not in bench.order
    bench.scheduler.close()


async def test_an_error_reaches_who_waits_and_the_next_runs() -> None:
    scheduler = Scheduler()

    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await scheduler.run(fail, Rank.INTERACTIVE)
    assert await scheduler.run(lambda: 1, Rank.INTERACTIVE) == 1
    scheduler.close()
