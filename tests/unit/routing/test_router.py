"""Who is asked, in which order, and what happens when nobody answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

import pytest

from hybrid_lsp.backends.fake import FakeBackend, FakeReply
from hybrid_lsp.errors import BackendError, BackendFailed, BackendRefused, BackendTimeout, BackendUnavailable
from hybrid_lsp.routing.candidates import Candidate, Event, Patience, Task, Waiting
from hybrid_lsp.routing.health import State
from hybrid_lsp.routing.router import Router
from hybrid_lsp.types import Chat, Kind, Message, Piece, Request, Tier

REQUEST = Request(Chat((Message("user", "hello"),)))
GONE = BackendUnavailable("Nobody answers there.")


def large(*replies: FakeReply | str) -> FakeBackend:
    backend = FakeBackend("big")
    backend.enqueue(replies)
    return backend


async def collect(events: AsyncGenerator[Event, None]) -> tuple[list[Candidate], str, list[Waiting]]:
    async with aclosing(events):
        found = [event async for event in events]
    text = "".join(event.text for event in found if isinstance(event, Piece))
    return (
        [each for each in found if isinstance(each, Candidate)],
        text,
        [each for each in found if isinstance(each, Waiting)],
    )


def tiers(candidates: Iterable[Candidate]) -> list[Tier]:
    return [each.tier for each in candidates]


def test_candidates_and_their_reasons() -> None:
    small, big = FakeBackend("tiny"), FakeBackend("big")
    router = Router({Tier.SMALL: small, Tier.LARGE: big})
    (only,) = router.candidates(Task.COMPLETION)
    assert (only.tier, only.backend, only.reason) == (Tier.SMALL, small, "Small model tiny.")
    assert tiers(router.candidates(Task.ACTION)) == [Tier.LARGE, Tier.STATIC]


def test_a_small_model_runs_actions_only_where_it_can_chat() -> None:
    small, big = FakeBackend("tiny"), FakeBackend("big")
    both = Router({Tier.SMALL: small, Tier.LARGE: big}, small_chats=True)
    assert tiers(both.candidates(Task.ACTION)) == [Tier.LARGE, Tier.SMALL, Tier.STATIC]
    alone = Router({Tier.SMALL: small}, small_chats=True)
    first, static = alone.candidates(Task.ACTION)
    assert first.reason == "No large model is configured (setting `large.backend`): small model tiny instead."
    assert static.tier is Tier.STATIC
    assert [each.best(Task.ACTION) for each in (both, alone, Router({Tier.SMALL: small}))] == [
        Tier.LARGE,
        Tier.SMALL,
        Tier.STATIC,
    ]


def test_an_unconfigured_tier_is_named() -> None:
    router = Router({})
    assert router.candidates(Task.COMPLETION) == []
    assert router.absence(Task.COMPLETION) == "No small model is configured (setting `small.backend`)."
    (static,) = router.candidates(Task.ACTION)
    assert static.reason == "No large model is configured (setting `large.backend`): static analysis instead."


async def test_the_first_that_answers_is_heard() -> None:
    router = Router({Tier.LARGE: large("some text")})
    candidates, text, _ = await collect(router.stream(router.candidates(Task.ACTION), REQUEST))
    assert tiers(candidates) == [Tier.LARGE]
    assert text == "some text"


async def test_a_failure_before_any_text_goes_to_the_next() -> None:
    router = Router({Tier.LARGE: large(FakeReply(error=GONE))})
    candidates, text, _ = await collect(router.stream(router.candidates(Task.ACTION), REQUEST))
    assert tiers(candidates) == [Tier.LARGE, Tier.STATIC]
    assert candidates[1].reason == "The large model does not answer (Nobody answers there.): static analysis instead."
    assert text == ""
    assert router.health(Tier.LARGE).state is State.OPEN
    assert "does not answer (Nobody answers there.)" in router.candidates(Task.ACTION)[0].reason


async def test_it_recovers_without_a_restart() -> None:
    now = [0.0]
    router = Router({Tier.LARGE: large(FakeReply(error=GONE), "back")}, clock=lambda: now[0])
    await collect(router.stream(router.candidates(Task.ACTION), REQUEST))
    now[0] = 2.0
    _, text, _ = await collect(router.stream(router.candidates(Task.ACTION), REQUEST))
    assert text == "back"
    assert router.health(Tier.LARGE).state is State.CLOSED


async def test_a_failure_after_text_goes_to_the_next_too_and_says_so() -> None:
    small = FakeBackend("tiny")
    small.enqueue(["whole"])
    killed = large(FakeReply("half an", error=BackendFailed("Killed.")))
    router = Router({Tier.SMALL: small, Tier.LARGE: killed}, small_chats=True)
    events = [event async for event in router.stream(router.candidates(Task.ACTION), REQUEST)]
    places = [number for number, event in enumerate(events) if isinstance(event, Candidate)]
    again = events[places[1]]
    assert isinstance(again, Candidate)
    assert again.reason == "The large model broke off (Killed.): small model tiny instead."
    # Who reads the stream knows by the second candidate that what came before is void.
    text = "".join(each.text for each in events[places[1] :] if isinstance(each, Piece))
    assert text == "whole"
    assert router.health(Tier.LARGE).state is State.OPEN


async def test_a_completion_that_breaks_off_has_nobody_else() -> None:
    router = Router({Tier.SMALL: large(FakeReply("half an", error=BackendFailed("killed")))})
    with pytest.raises(BackendFailed):
        await collect(router.stream(router.candidates(Task.COMPLETION), REQUEST))
    assert router.health(Tier.SMALL).state is State.OPEN


async def test_nobody_left_raises_the_last_failure() -> None:
    router = Router({Tier.SMALL: large(FakeReply(error=GONE))})
    with pytest.raises(BackendUnavailable, match="Nobody answers there"):
        await collect(router.stream(router.candidates(Task.COMPLETION), REQUEST))
    with pytest.raises(BackendError, match="No model may be asked"):
        await collect(router.stream([], REQUEST))


async def test_a_silent_model_is_told_of_and_then_given_up() -> None:
    backend = large(FakeReply("never", hold=asyncio.Event()))
    router = Router({Tier.LARGE: backend}, patience=Patience(notice_s=0.0, first_piece_s=0.01))
    candidates, text, waits = await collect(router.stream(router.candidates(Task.ACTION), REQUEST))
    assert [each.candidate.name for each in waits] == ["big"]
    assert tiers(candidates) == [Tier.LARGE, Tier.STATIC]
    assert "no first word within 0.01 s" in candidates[1].reason
    assert text == ""
    assert backend.cancelled == 1


async def test_a_slow_start_is_no_failure() -> None:
    hold = asyncio.Event()
    router = Router({Tier.LARGE: large(FakeReply("late", hold=hold))}, patience=Patience(notice_s=0.0))
    text = ""
    async with aclosing(router.stream(router.candidates(Task.ACTION), REQUEST)) as events:
        async for event in events:
            if isinstance(event, Waiting):
                hold.set()
            text += event.text if isinstance(event, Piece) else ""
    assert text == "late"
    assert router.health(Tier.LARGE).state is State.CLOSED


class Stalls(FakeBackend):
    async def generate(self, request: Request) -> AsyncGenerator[Piece, None]:
        yield Piece("a word")
        await asyncio.Event().wait()


async def test_a_model_that_falls_silent_is_told_of_and_then_given_up() -> None:
    router = Router({Tier.LARGE: Stalls("big")}, patience=Patience(notice_s=0.0, quiet_s=0.01))
    candidates, text, waits = await collect(router.stream(router.candidates(Task.ACTION), REQUEST))
    assert "it fell silent within 0.01 s" in candidates[1].reason
    assert text == "a word"
    assert len(waits) >= 1


async def test_with_nobody_else_a_silent_model_is_an_error() -> None:
    router = Router({Tier.SMALL: Stalls("tiny")}, patience=Patience(quiet_s=0.01))
    with pytest.raises(BackendTimeout, match="it fell silent"):
        await collect(router.stream(router.candidates(Task.COMPLETION), REQUEST))


async def test_closing_stops_the_model() -> None:
    backend = large("a long text that nobody reads to its end")
    router = Router({Tier.LARGE: backend})
    async with aclosing(router.stream(router.candidates(Task.ACTION), REQUEST)) as events:
        async for event in events:
            if isinstance(event, Piece):
                break
    assert backend.cancelled == 1
    assert backend.pieces == 1
    assert router.health(Tier.LARGE).state is State.CLOSED


async def test_cancelling_while_waiting_stops_the_model() -> None:
    backend = large(FakeReply("never", hold=asyncio.Event()))
    router = Router({Tier.LARGE: backend})
    task = asyncio.ensure_future(collect(router.stream(router.candidates(Task.ACTION), REQUEST)))
    while not backend.requests:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert backend.cancelled == 1
    assert router.health(Tier.LARGE).allows


async def test_an_empty_reply_is_an_answer() -> None:
    router = Router({Tier.LARGE: large("")})
    candidates, text, _ = await collect(router.stream(router.candidates(Task.ACTION), REQUEST))
    assert (tiers(candidates), text) == ([Tier.LARGE], "")


async def test_a_bug_in_a_backend_is_not_swallowed() -> None:
    router = Router({Tier.LARGE: large(FakeReply(error=ZeroDivisionError()))})
    with pytest.raises(ZeroDivisionError):
        await collect(router.stream(router.candidates(Task.ACTION), REQUEST))
    assert router.health(Tier.LARGE).allows


class Thinks(FakeBackend):
    """Thinks for ten times as long as a model may be silent, one thought at a time."""

    async def generate(self, request: Request) -> AsyncGenerator[Piece, None]:
        for _ in range(10):
            await asyncio.sleep(0.1)
            yield Piece("", kind=Kind.THOUGHT)
        raise BackendFailed("Killed.")


async def test_a_thought_is_a_sign_of_life() -> None:
    router = Router({Tier.LARGE: Thinks("big")}, patience=Patience(first_piece_s=0.5, quiet_s=0.5))
    candidates, text, _ = await collect(router.stream(router.candidates(Task.ACTION), REQUEST))
    assert candidates[1].reason == "The large model broke off (Killed.): static analysis instead."
    assert text == ""


async def test_who_gives_no_answer_is_well() -> None:
    error = BackendRefused("Too long.", "Select less.")
    router = Router({Tier.LARGE: large(FakeReply(error=error), "well")})
    candidates, _, _ = await collect(router.stream(router.candidates(Task.ACTION), REQUEST))
    assert candidates[1].reason.startswith("The large model gives no answer (Too long. Select less.)")
    assert router.health(Tier.LARGE).state is State.CLOSED


async def test_a_remedy_is_told_also_while_a_model_rests() -> None:
    router = Router({Tier.LARGE: large(FakeReply(error=BackendUnavailable("It is away.", "Start it.")))})
    candidates, _, _ = await collect(router.stream(router.candidates(Task.ACTION), REQUEST))
    assert "(It is away. Start it.)" in candidates[1].reason
    assert "(It is away. Start it.)" in router.candidates(Task.ACTION)[0].reason
    assert "(It is away. Start it.)" in router.absence(Task.ACTION)


def test_a_backends_own_limit_comes_first() -> None:
    assert Patience.beside(600).first_piece_s > 600
    assert Patience.beside(10) == Patience()
