"""What `backends/base.py` promises, by those who serve real weights: llama.cpp's server and our engine."""

from __future__ import annotations

import asyncio
import math
from contextlib import aclosing
from typing import Any

import pytest

from hybrid_lsp.backends.base import Backend
from hybrid_lsp.backends.engine import EngineBackend
from hybrid_lsp.types import Chat, Finish, Infill, Kind, Message, Piece, Request

PREFIX = "def add(first, second):\n    return first"
PROMPTS = {
    "infill": Infill(PREFIX, "\n\n\nprint(add(1, 2))\n"),
    "chat": Chat((Message("system", "Answer in one word."), Message("user", "Which animal barks?"))),
}
EVERYBODY = pytest.mark.parametrize("asked", ["llamacpp", "openai", "engine"], indirect=True)
BOTH = pytest.mark.parametrize("prompt", PROMPTS)


async def collect(backend: Backend, request: Request) -> list[Piece]:
    async with aclosing(backend.generate(request)) as pieces:
        return [piece async for piece in pieces]


def text(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


@EVERYBODY
@BOTH
async def test_a_reply_comes_in_pieces_and_says_why_it_ended(asked: Backend, prompt: str) -> None:
    pieces = await collect(asked, Request(PROMPTS[prompt], max_tokens=6))
    assert text(pieces).strip()
    assert pieces[-1].finish in (Finish.LENGTH, Finish.STOP)
    assert all(piece.finish is None and piece.kind is Kind.ANSWER for piece in pieces[:-1])
    assert sum(piece.tokens for piece in pieces) in range(1, 8)  # the one that ends it may be counted
    if pieces[-1].finish is Finish.LENGTH:
        assert len(pieces) > 1


@EVERYBODY
async def test_it_is_greedy(asked: Backend) -> None:
    request = Request(PROMPTS["infill"], max_tokens=4)
    assert text(await collect(asked, request)) == text(await collect(asked, request))


@EVERYBODY
async def test_ghost_text_has_log_probabilities(asked: Backend) -> None:
    pieces = await collect(asked, Request(PROMPTS["infill"], max_tokens=4))
    assert all(not math.isnan(piece.logprob) and piece.logprob <= 0 for piece in pieces if piece.text)


@EVERYBODY
async def test_stop_strings_end_it(asked: Backend) -> None:
    pieces = await collect(asked, Request(PROMPTS["infill"], max_tokens=24, stop=("\n",)))
    assert "\n" not in text(pieces)


@EVERYBODY
async def test_a_time_budget_ends_it_with_what_there_is(asked: Backend) -> None:
    pieces = await collect(asked, Request(PROMPTS["chat"], max_tokens=200, time_budget_ms=1))
    assert pieces[-1].finish in (Finish.TIME, Finish.LENGTH, Finish.STOP)
    assert sum(piece.tokens for piece in pieces) < 200


@EVERYBODY
async def test_a_schema_holds_or_is_left_out(asked: Backend) -> None:
    schema: dict[str, object] = {"type": "object", "properties": {"a": {"enum": [1]}}, "required": ["a"]}
    request = Request(PROMPTS["chat"], max_tokens=24, json_schema=schema)
    assert text(await collect(asked, request)).lstrip().startswith("{")


@pytest.mark.parametrize("asked", ["llamacpp", "openai"], indirect=True)
@BOTH
async def test_closing_the_stream_stops_the_server(asked: Backend, llama: Any, prompt: str) -> None:
    before, cancelled = llama.predicted, llama.cancelled
    async with aclosing(asked.generate(Request(PROMPTS[prompt], max_tokens=1000))) as stream:
        assert await anext(stream)
        assert llama.processing
    while llama.processing:
        await asyncio.sleep(0.05)
    assert llama.predicted - before < 900
    assert llama.cancelled == cancelled + 1


@pytest.mark.parametrize("asked", ["engine"], indirect=True)
@BOTH
async def test_closing_the_stream_stops_our_engine(asked: EngineBackend, prompt: str) -> None:
    before = (await asked.props())["counters"]["generations_cancelled"]
    async with aclosing(asked.generate(Request(PROMPTS[prompt], max_tokens=1000))) as stream:
        assert await anext(stream)
    while (await asked.props())["counters"]["generations_cancelled"] == before:
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("asked", ["llamacpp"], indirect=True)
async def test_a_prompt_beyond_the_servers_context_is_cut(asked: Backend) -> None:
    pieces = await collect(asked, Request(Infill("value = 1\n" * 200 + PREFIX, "\n"), max_tokens=2))
    assert pieces[-1].finish is not None


@pytest.mark.parametrize("asked", ["openai"], indirect=True)
async def test_a_conversation_beyond_the_servers_context_is_told(asked: Backend) -> None:
    request = Request(Chat((Message("user", "value = 1\n" * 200),)), max_tokens=2)
    with pytest.raises(Exception, match="context") as caught:
        await collect(asked, request)
    assert "actions.review_chars" in str(caught.value)
