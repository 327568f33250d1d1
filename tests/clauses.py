"""The contract of `backends/base.py`, clause by clause: each test below binds every party that has what it needs.

`tests/contract` runs them against scripted servers, `tests/servers` against real ones; the table in docs/servers.md is
made of both.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest
from columns import CANNED
from parties import Party, broken, clause, failing, refusal
from relay import Relay

from hybrid_lsp.backends.base import Backend
from hybrid_lsp.backends.endpoint import Endpoint
from hybrid_lsp.errors import BackendError, BackendFailed, BackendRefused, BackendTimeout, BackendUnavailable
from hybrid_lsp.types import Chat, Finish, Infill, Kind, Message, Piece, Request

PROMPTS = {
    "infill": Infill("def add(first, second):\n    return first", "\n\n\nprint(add(1, 2))\n"),
    "chat": Chat((Message("system", "Answer in one word."), Message("user", "Which animal barks?"))),
}
SCHEMA: dict[str, object] = {"type": "object", "properties": {"a": {"enum": [1]}}, "required": ["a"]}
MANY = 10_000


def ask(party: Party, **options: Any) -> Request:
    return Request(PROMPTS[party.kind], **({"max_tokens": 200 if party.reply else 6} | options))


async def collect(backend: Backend, request: Request) -> list[Piece]:
    async with aclosing(backend.generate(request)) as pieces:
        return [piece async for piece in pieces]


def answers(pieces: list[Piece]) -> list[Piece]:
    return [piece for piece in pieces if piece.kind is Kind.ANSWER]


def text(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


async def until(condition: Callable[[], Any]) -> None:
    """Wait for something that must happen; the test's own time limit says when it did not."""
    while not await condition():
        await asyncio.sleep(0.02)


# -- a reply ---------------------------------------------------------------------------------------------------------


@clause()
async def test_the_pieces_are_the_reply_in_order_and_the_last_says_why_it_ended(party: Party, kind: str) -> None:
    party.let(MANY)
    before = await party.given_up()
    pieces = answers(await collect(party.backend(), Request(PROMPTS[kind], max_tokens=200 if party.reply else 6)))
    if party.reply is not None:
        assert text(pieces) == party.reply
        assert pieces[-1].finish is Finish.STOP
    assert text(pieces).strip()
    assert pieces[-1].finish in (Finish.STOP, Finish.LENGTH)
    assert all(piece.finish is None for piece in pieces[:-1])
    assert all(piece.tokens >= 0 for piece in pieces)
    assert party.reply is None or await party.given_up() == before


@clause("wire")
async def test_a_character_that_comes_in_two_parts_is_whole(party: Party, relay: Relay) -> None:
    party.let(MANY)
    whole = text(await collect(party.backend(), ask(party)))
    relay.bytewise = True
    assert text(await collect(party.backend(relay.endpoint), ask(party))) == whole
    assert party.reply in (None, whole)


@clause("infill", "logprobs")
async def test_ghost_text_has_log_probabilities(party: Party) -> None:
    party.let(MANY)
    pieces = [each for each in answers(await collect(party.backend(), ask(party))) if each.text]
    assert pieces
    assert all(not math.isnan(piece.logprob) and piece.logprob <= 0 for piece in pieces)


@clause("limits")
@pytest.mark.parametrize("more", [(), ("zzz1", "zzz2", "zzz3", "zzz4")], ids=["one", "more than servers take"])
async def test_stop_strings_end_it(party: Party, more: tuple[str, ...]) -> None:
    party.let(MANY)
    stop = "gam" if party.reply else "r"
    pieces = answers(await collect(party.backend(), ask(party, stop=(*more, stop), max_tokens=24)))
    assert stop not in text(pieces)
    if party.reply is not None:
        assert (text(pieces), pieces[-1].finish) == ("alpha beta ", Finish.STOP)


@clause("limits")
async def test_the_most_tokens_end_it(party: Party, kind: str) -> None:
    party.let(MANY)
    pieces = answers(await collect(party.backend(), Request(PROMPTS[kind], max_tokens=2)))
    assert sum(piece.tokens for piece in pieces) in (1, 2, 3)  # the one that ends it may be counted
    if party.reply is not None:
        assert party.reply.startswith(text(pieces))
        assert pieces[-1].finish is Finish.LENGTH


@clause("limits")
async def test_a_time_budget_ends_it_with_what_there_is(party: Party) -> None:
    party.let(MANY)
    pieces = answers(await collect(party.backend(), ask(party, time_budget_ms=1, max_tokens=200)))
    assert pieces[-1].finish in (Finish.TIME, Finish.LENGTH, Finish.STOP)  # a script may be faster
    assert sum(piece.tokens for piece in pieces) < 200


@clause("bill")
async def test_what_it_has_cost_is_said_after_the_end(party: Party, kind: str) -> None:
    party.let(MANY)
    # Of a conversation that is cut here, since it could have been thinking that a server counts, no server says more.
    *pieces, bill = await collect(party.backend(), Request(PROMPTS[kind], max_tokens=200))
    assert pieces[-1].finish is not None
    assert (bill.kind, bill.text, bill.tokens) == (Kind.BILL, "", 0)
    assert bill.usage is not None
    assert bill.usage.read > 0
    assert bill.usage.written > 0
    assert all(piece.usage is None for piece in pieces)


@clause("schema", "wire")
async def test_the_form_of_an_answer_is_asked_for(party: Party, relay: Relay) -> None:
    party.let(MANY)
    request = Request(PROMPTS["chat"], max_tokens=24, json_schema=SCHEMA)
    said = text(await collect(party.backend(relay.endpoint), request))
    assert '"enum": [1]' in json.dumps(relay.generations[0].body)
    if party.reply is None:
        assert said.lstrip().startswith("{")


# -- its end before its time -----------------------------------------------------------------------------------------


@clause()
async def test_closing_the_stream_stops_the_work(party: Party, kind: str) -> None:
    before = await party.given_up()
    async with aclosing(party.backend().generate(Request(PROMPTS[kind], max_tokens=1000))) as stream:
        party.let(1)
        first = await anext(stream)
        assert party.reply is None or party.reply.startswith(first.text)

    async def stopped() -> bool:
        party.let(1)  # one more token at a time, until the model has noticed
        return await party.given_up() == before + 1

    await until(stopped)


@clause("wire")
async def test_cancelling_before_the_first_word_stops_the_work(party: Party, relay: Relay) -> None:
    before = await party.given_up()
    backend = party.backend(relay.endpoint)
    asking = asyncio.ensure_future(collect(backend, ask(party, max_tokens=1000)))
    await relay.heard.wait()
    await until(party.works)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    async def stopped() -> bool:
        party.let(1)
        return await party.given_up() == before + 1

    await until(stopped)


# -- a server that misbehaves ----------------------------------------------------------------------------------------


async def error_of(backend: Backend, request: Request, kind: type[BackendError]) -> BackendError:
    with pytest.raises(kind) as caught:
        await collect(backend, request)
    assert caught.value.remedy
    return caught.value


@clause("wire")
async def test_a_slow_first_word_is_waited_for(party: Party, relay: Relay) -> None:
    party.let(MANY)
    relay.hold = asyncio.Event()
    asking = asyncio.ensure_future(collect(party.backend(relay.endpoint), ask(party)))
    await relay.heard.wait()
    await asyncio.sleep(0)
    assert not asking.done()
    relay.hold.set()
    assert text(await asking).strip()


@clause("wire")
async def test_silence_ends_with_the_time_out(party: Party, relay: Relay) -> None:
    backend = party.backend(relay.endpoint)
    await warmed(backend)
    relay.hold, backend.timeout_s = asyncio.Event(), 0.05
    error = await error_of(backend, ask(party), BackendTimeout)
    assert "0.05 s" in error.message


async def warmed(backend: Any) -> None:
    """What takes its time only once is no part of a reply's."""
    if hasattr(backend, "warm"):
        await backend.warm()


@clause("wire")
async def test_a_stream_that_is_cut_is_an_error_after_what_came(party: Party, relay: Relay) -> None:
    party.let(MANY)
    relay.after = 2
    came, backend = list[Piece](), party.backend(relay.endpoint)

    async def read() -> None:
        async with aclosing(backend.generate(ask(party))) as pieces:
            async for piece in pieces:
                came.append(piece)

    with pytest.raises(BackendFailed) as caught:
        await read()
    assert text(came).strip()
    assert all(piece.finish is None for piece in came)
    assert caught.value.remedy


@clause("wire")
async def test_an_event_that_is_none_is_an_error(party: Party, relay: Relay) -> None:
    party.let(MANY)
    relay.after, relay.insert = 2, broken(party.name)
    await error_of(party.backend(relay.endpoint), ask(party), BackendFailed)


@clause("wire", CANNED)
async def test_an_error_within_a_stream_is_told_in_its_words(party: Party, relay: Relay) -> None:
    party.let(MANY)
    relay.after, relay.insert = 2, failing(party.name, "out of memory")
    error = await error_of(party.backend(relay.endpoint), ask(party), BackendFailed)
    assert "out of memory" in error.message


@clause("wire", CANNED)
async def test_a_connection_that_breaks_without_a_word_is_an_error(party: Party, relay: Relay) -> None:
    relay.instead = [b""] * 3
    await error_of(party.backend(relay.endpoint), ask(party), BackendError)


@clause("wire", CANNED)
async def test_401_says_what_to_do_about_the_key(party: Party, relay: Relay) -> None:
    relay.instead = [refusal(party.name, "401 Unauthorized", "invalid key")]
    error = await error_of(party.backend(relay.endpoint), ask(party), BackendFailed)
    assert "401" in error.message
    assert "api_key_env" in error.remedy


@clause("wire", CANNED)
async def test_429_is_waited_for_by_who_can_wait(party: Party, relay: Relay) -> None:
    party.let(MANY)
    relay.instead = [refusal(party.name, "429 Too Many Requests", "slow down", "Retry-After: 0")]
    assert text(await collect(party.backend(relay.endpoint), Request(PROMPTS["chat"], max_tokens=20))).strip()
    assert len(relay.generations) == 2


@clause("wire", "infill", CANNED)
async def test_429_ends_what_is_typed_for(party: Party, relay: Relay) -> None:
    relay.instead = [refusal(party.name, "429 Too Many Requests", "slow down", "Retry-After: 1")]
    error = await error_of(party.backend(relay.endpoint), ask(party), BackendUnavailable)
    assert "slow down" in error.message


@clause("wire", CANNED)
async def test_500_is_told_in_its_words(party: Party, relay: Relay) -> None:
    relay.instead = [refusal(party.name, "500 Internal Server Error", "the runner has died")] * 3
    error = await error_of(party.backend(relay.endpoint), ask(party), BackendFailed)
    assert "the runner has died" in error.message


@clause("wire", CANNED)
async def test_a_conversation_that_is_too_long_says_what_to_lower(party: Party, relay: Relay) -> None:
    said = "the prompt is longer than the context length currently available to the model"
    relay.instead = [refusal(party.name, "400 Bad Request", said)] * 12
    error = await error_of(party.backend(relay.endpoint), Request(PROMPTS["chat"], max_tokens=20), BackendRefused)
    assert "actions.review_chars" in error.remedy


@clause("wire")
async def test_after_an_error_the_next_request_is_answered(party: Party, relay: Relay) -> None:
    party.let(MANY)
    backend = party.backend(relay.endpoint)
    relay.instead = [refusal(party.name, "500 Internal Server Error", "the runner has died")]
    await error_of(backend, ask(party), BackendFailed)
    assert text(await collect(backend, ask(party))).strip()


@clause("wire")
async def test_nobody_there_is_told_at_once(party: Party) -> None:
    backend = party.backend(Endpoint("http://127.0.0.1:9"))
    error = await error_of(backend, ask(party), BackendUnavailable)
    assert "127.0.0.1:9" in error.message
