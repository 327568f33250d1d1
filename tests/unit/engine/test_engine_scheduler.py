"""Whose turn it is."""

from __future__ import annotations

import asyncio
import threading

import pytest

from hybrid_lsp.engine.scheduler import Scheduler


class Bench:
    """A scheduler whose work is held until the test lets it go, and the order in which work began."""

    def __init__(self) -> None:
        self.scheduler = Scheduler()
        self.order: list[str] = []
        self.gate = threading.Event()

    def ask(self, name: str, *, interactive: bool = True) -> asyncio.Task[str]:
        return asyncio.create_task(self.scheduler.run(lambda: self._work(name), interactive=interactive))

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
    for name, interactive in (("old", True), ("chat 1", False), ("chat 2", False), ("new", True)):
        tasks.append(bench.ask(name, interactive=interactive))
        await turns()
    assert bench.scheduler.waiting == 4
    bench.gate.set()
    assert await asyncio.gather(*tasks) == ["first", "old", "chat 1", "chat 2", "new"]
    assert bench.order == ["first", "new", "old", "chat 1", "chat 2"]
    await turns()
    assert not bench.scheduler.busy
    bench.scheduler.close()


async def test_what_is_cancelled_while_it_waits_never_starts() -> None:
    bench = Bench()
    running, waiting, last = bench.ask("running"), bench.ask("waiting"), bench.ask("last", interactive=False)
    await turns()
    waiting.cancel()
    await turns()
    bench.gate.set()
    assert await asyncio.gather(running, last) == ["running", "last"]
    assert bench.order == ["running", "last"]
    assert waiting.cancelled()
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
    running, chosen, after = bench.ask("running"), bench.ask("chosen"), bench.ask("after", interactive=False)
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
        await scheduler.run(fail, interactive=True)
    assert await scheduler.run(lambda: 1, interactive=True) == 1
    scheduler.close()
