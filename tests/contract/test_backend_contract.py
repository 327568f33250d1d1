"""One suite for every backend: what `backends/base.py` promises holds for all of them."""

from __future__ import annotations

import math
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import attrs
import pytest
import tiny_model
from conftest import Serve, until

from hybrid_lsp.backends.base import Backend
from hybrid_lsp.backends.endpoint import Endpoint
from hybrid_lsp.backends.fake import FakeBackend, FakeReply
from hybrid_lsp.backends.http import HttpBackend
from hybrid_lsp.engine.app import create_app
from hybrid_lsp.errors import BackendUnavailable
from hybrid_lsp.models import families
from hybrid_lsp.types import Chat, Finish, Infill, Message, Piece, Request

REPLY = "alpha beta gamma: \U0001f600 done"
PROMPTS = {"infill": Infill("def add(", "\n    pass\n"), "chat": Chat((Message("user", "hello"),))}


@attrs.define
class Bench:
    """A backend that will say REPLY, and how many generations it saw cancelled."""

    backend: Backend
    cancelled: Callable[[], int]
    gate: threading.Semaphore | None = None
    is_fake: bool = False

    def let(self, tokens: int) -> None:
        if self.gate is not None:
            self.gate.release(tokens)


DIALECTS: dict[str, dict[str, Any]] = {
    "engine": {"dialect": "engine"},
    "llamacpp": {"dialect": "llamacpp"},
    "openai-fim": {"dialect": "openai", "family": tiny_model.HYBRID},
    "openai-suffix": {"dialect": "openai", "family": families.SERVER},
}


@pytest.fixture(params=["fake", *DIALECTS])
async def bench(request: pytest.FixtureRequest, served: Serve, gate: threading.Semaphore) -> AsyncIterator[Bench]:
    if request.param == "fake":
        fake = FakeBackend(replies=[FakeReply(REPLY)])
        yield Bench(fake, lambda: fake.cancelled, is_fake=True)
        return
    engine = tiny_model.scripted_engine(REPLY, gate)
    async with served(create_app(lambda: engine)) as endpoint:
        options = DIALECTS[request.param]
        base = attrs.evolve(endpoint, base_url="http://localhost/v1") if "openai" in request.param else endpoint
        backend = HttpBackend("test", base, model="scripted", **options)
        yield Bench(backend, lambda: engine.counters.generations_cancelled, gate)
        gate.release(10_000)
        await backend.aclose()


async def collect(bench: Bench, request: Request) -> list[Piece]:
    bench.let(10_000)
    return [piece async for piece in bench.backend.generate(request)]


@pytest.mark.parametrize("prompt", PROMPTS)
async def test_the_pieces_are_the_reply_and_the_last_says_why_it_ended(bench: Bench, prompt: str) -> None:
    pieces = await collect(bench, Request(PROMPTS[prompt], max_tokens=200))
    assert "".join(piece.text for piece in pieces) == REPLY
    assert pieces[-1].finish is Finish.STOP
    assert all(piece.finish is None for piece in pieces[:-1])
    assert all(piece.tokens >= 0 for piece in pieces)
    assert bench.cancelled() == 0


async def test_an_infill_has_log_probabilities(bench: Bench) -> None:
    pieces = await collect(bench, Request(PROMPTS["infill"], max_tokens=200))
    assert all(not math.isnan(piece.logprob) and piece.logprob <= 0 for piece in pieces)
    if not bench.is_fake:
        assert sum(piece.logprob for piece in pieces) == pytest.approx(-0.5 * sum(piece.tokens for piece in pieces))


@pytest.mark.parametrize("prompt", PROMPTS)
async def test_closing_the_stream_cancels(bench: Bench, prompt: str) -> None:
    async with aclosing(bench.backend.generate(Request(PROMPTS[prompt], max_tokens=200))) as stream:
        bench.let(1)
        assert REPLY.startswith((await anext(stream)).text)
    if bench.is_fake:
        assert bench.cancelled() == 1
        return

    def stopped() -> bool:
        bench.let(1)  # one more token at a time, until the engine has noticed
        return bench.cancelled() == 1

    await until(stopped)


@pytest.mark.parametrize("prompt", PROMPTS)
async def test_the_most_tokens_end_it(bench: Bench, prompt: str) -> None:
    if bench.is_fake:
        return  # a script has its own length
    pieces = await collect(bench, Request(PROMPTS[prompt], max_tokens=3))
    text = "".join(piece.text for piece in pieces)
    assert REPLY.startswith(text)
    assert len(text) < len(REPLY)
    assert pieces[-1].finish is Finish.LENGTH


@pytest.mark.parametrize("stop", [("gam",), ("zzz1", "zzz2", "zzz3", "zzz4", "gam")])
async def test_stop_strings_end_it_more_of_them_than_servers_take(bench: Bench, stop: tuple[str, ...]) -> None:
    if bench.is_fake:
        return
    pieces = await collect(bench, Request(PROMPTS["infill"], max_tokens=200, stop=stop))
    assert "".join(piece.text for piece in pieces) == "alpha beta "
    assert pieces[-1].finish is Finish.STOP


async def test_a_time_budget_ends_it_with_what_there_is(bench: Bench) -> None:
    if bench.is_fake:
        return
    bench.let(10_000)
    pieces = [piece async for piece in bench.backend.generate(Request(PROMPTS["infill"], time_budget_ms=1))]
    assert REPLY.startswith("".join(piece.text for piece in pieces))
    assert pieces[-1].finish in (Finish.TIME, Finish.STOP)  # a script may be faster than a millisecond


async def test_nobody_there() -> None:
    backend = HttpBackend("test", Endpoint("http://127.0.0.1:9"))
    with pytest.raises(BackendUnavailable, match="127.0.0.1:9"):
        await anext(backend.generate(Request(PROMPTS["infill"])))
    await backend.aclose()
    with pytest.raises(BackendUnavailable):
        await anext(FakeBackend().generate(Request(PROMPTS["infill"])))
