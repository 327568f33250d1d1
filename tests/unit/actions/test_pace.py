"""How long a reply still takes, by a clock that the test holds."""

from __future__ import annotations

import attrs
import pytest
from action_bench import Bench, block, cursor, python

from hybrid_lsp.actions.pace import Pace, Rates, about


@attrs.define
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def pace(clock: Clock, rates: Rates | None = None) -> Pace:
    """2,000 characters to read, 400 to write."""
    return Pace(rates or Rates(), 2000, 400, clock)


def test_nothing_is_told_of_a_model_that_was_never_asked() -> None:
    assert pace(Clock()).left() == ""


def test_the_reply_itself_tells_how_fast_it_comes() -> None:
    clock = Clock()
    reply = pace(clock)
    clock.now = 20.0
    reply.grown(4)
    assert reply.left() == ""  # one piece is no speed
    clock.now = 30.0
    reply.grown(104)
    assert reply.left() == "about 30 s"
    clock.now = 300.0
    reply.grown(500)
    assert reply.left() == ""  # longer than was thought


def test_the_next_reply_is_told_from_the_beginning() -> None:
    clock, rates = Clock(), Rates()
    first = pace(clock, rates)
    clock.now = 20.0
    first.grown(4)
    clock.now = 30.0
    first.grown(104)
    first.end()
    assert (rates.read, rates.written) == (100.0, 10.0)
    second = pace(clock, rates)
    assert second.left() == "about 60 s"  # 20 s to read and 40 s to write
    clock.now = 45.0
    assert second.left() == "about 45 s"
    clock.now = 90.0
    assert second.left() == "about 40 s"  # reading takes longer than before


def test_what_a_machine_does_now_counts_most() -> None:
    clock, rates = Clock(), Rates(100.0, 10.0)
    reply = pace(clock, rates)
    clock.now = 10.0
    reply.grown(1)
    clock.now = 20.0
    reply.grown(201)
    reply.end()
    assert (rates.read, rates.written) == (150.0, 15.0)


def test_a_reply_that_never_began_says_nothing() -> None:
    rates = Rates()
    pace(Clock(), rates).end()
    assert rates == Rates()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "a few seconds"), (12, "about 10 s"), (38, "about 40 s"), (100, "about 2 min"), (620, "about 10 min")],
)
def test_times_in_words(seconds: float, words: str) -> None:
    assert about(seconds) == words


async def test_a_run_tells_how_long_it_takes() -> None:
    document = python("def f(a):\n" + "    a = a + 1\n" * 20 + "    return a\n")
    bench = Bench()
    pipeline = bench.pipeline()
    assert bench.backend is not None
    pipeline.rates[bench.backend.name] = Rates(20.0, 4.0)
    bench.backend.enqueue([block("def f(a):\n    return a + 20")])
    await pipeline.run("optimize", document, cursor(document, "return"), bench.seen.append)
    assert "It takes about" in bench.seen[0].message
    assert any(" to go." in each.message for each in bench.seen[1:])
