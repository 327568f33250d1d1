"""Two models, two pauses: the light one soon after a key, the heavy one once few more keys are to be expected."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import attrs
import pytest
from test_cascade import Slow, Two
from test_completion_pipeline import CURSOR, query, shown
from virtual import runner

from hybrid_lsp.backends.fake import FakeReply
from hybrid_lsp.completion.latest import SUPERSEDED
from hybrid_lsp.completion.query import Answer
from hybrid_lsp.config import CompletionConfig, Config
from hybrid_lsp.document import Document

CONFIG = Config(completion=CompletionConfig(speculate=False))
GAPS_S = [number / 100 for number in range(6, 70)]


@attrs.define
class Typing:
    """A line that is typed key by key, each with a request, as an editor does it; times are virtual."""

    two: Two
    text: str = "total = "
    asked: asyncio.Task[Answer] | None = None
    config: Config = CONFIG

    def __attrs_post_init__(self) -> None:
        self.two.pipeline.rhythm._gaps.extend(GAPS_S)

    def key(self, typed: str) -> asyncio.Task[Answer]:
        old, self.text = self.text, self.text + typed
        if self.asked is not None:
            self.asked.cancel(SUPERSEDED)
        below = "\ny = 2\n"
        self.two.pipeline.changed(Document("file:///a.py", old + below), Document("file:///a.py", self.text + below))
        self.asked = asyncio.ensure_future(self.two.pipeline.complete(query(self.text + CURSOR + below), self.config))
        return self.asked

    @property
    def pauses_s(self) -> tuple[float, float]:
        pipeline = self.two.pipeline
        assert pipeline.lighter is not None
        first, then = (pipeline.rhythm.pause_s(each.pace) for each in (pipeline.lighter.habits, pipeline.habits))
        return first, then

    @property
    def starts(self) -> tuple[int, int]:
        return len(self.two.light.requests), len(self.two.heavy.requests)


def play(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with runner() as loop:
        loop.run(scene())


def two(**changes: Any) -> Two:
    models = Two(**{"lighter": 0.5, "heavier": 0.9} | changes)
    models.light.enqueue(["price"] * 9)
    models.heavy.enqueue(["sum(prices)"] * 9)
    return models


def test_the_heavy_model_waits_for_keys_that_the_light_one_does_not_wait_for() -> None:
    async def scene() -> None:
        typing = Typing(two())
        asked = typing.key("s")
        first, then = typing.pauses_s
        assert first < then
        await asyncio.sleep(first - 0.01)
        assert typing.starts == (0, 0)
        await asyncio.sleep(0.02)
        assert typing.starts == (1, 0)
        await asyncio.sleep(then - first - 0.02)
        assert typing.starts == (1, 0)
        assert shown(await asked) == "sum(prices)"
        assert typing.starts == (1, 1)

    play(scene)


def test_where_the_light_one_decides_its_line_is_there_after_the_first_pause() -> None:
    async def scene() -> None:
        typing = Typing(two(lighter=0.9, heavier=0.9))
        first, _ = typing.pauses_s
        asked = typing.key("p")
        await asyncio.sleep(first + 0.01)
        assert asked.done()
        assert shown(asked.result()) == "price"

    play(scene)


def test_who_types_on_between_the_pauses_has_the_next_place_looked_at() -> None:
    async def scene() -> None:
        typing = Typing(two())
        for number, letter in enumerate("some", 1):
            asked = typing.key(letter)
            await asyncio.sleep(0.01)
            await asyncio.sleep(typing.pauses_s[0] - 0.005)
            assert typing.starts == (number, 0)
        assert shown(await asked) == "sum(prices)"
        assert typing.starts == (number, 1)
        assert typing.two.heavy.requests[0].prompt.prefix == "total = some"
        await asyncio.sleep(10)
        assert typing.starts == (number, 1)

    play(scene)


def test_a_key_while_the_light_model_writes_is_not_the_heavy_ones_turn() -> None:
    async def scene() -> None:
        models, hold = Two(lighter=0.5, heavier=0.9), asyncio.Event()
        models.light.enqueue([FakeReply("price", hold=hold), "price"])
        models.heavy.enqueue(["sum(prices)"])
        typing = Typing(models)
        typing.key("p")
        await asyncio.sleep(typing.pauses_s[0] + 0.01)
        asked = typing.key("r")  # still as the light model may go on
        hold.set()
        await asyncio.sleep(typing.pauses_s[0] + 0.01)
        assert typing.starts == (2, 0)
        assert shown(await asked) == "sum(prices)"
        assert [each.prompt.prefix for each in models.heavy.requests] == ["total = pr"]

    play(scene)


@pytest.mark.parametrize(
    ("waits", "debounce_ms"), [(True, -1), (False, 0)], ids=["the editor waits", "set by the user"]
)
def test_without_a_pause_of_ours_there_is_none_between_the_models(waits: bool, debounce_ms: int) -> None:
    async def scene() -> None:
        models = two()
        models.pipeline.client_waits = waits
        typing = Typing(models, config=Config(completion=CompletionConfig(speculate=False, debounce_ms=debounce_ms)))
        asked, began = typing.key("s"), asyncio.get_running_loop().time()
        assert shown(await asked) == "sum(prices)"
        assert asyncio.get_running_loop().time() - began < 0.01

    play(scene)


def test_a_model_that_has_to_be_started_again_keeps_no_key_from_the_light_one() -> None:
    """An engine ends after a quarter of an hour; who comes back and types is not to sit before nothing meanwhile."""

    async def scene() -> None:
        heavy = Slow("heavy", loading=False)
        models = two(heavy=heavy)
        heavy.replies.insert(0, FakeReply("never", hold=asyncio.Event()))
        typing = Typing(models)
        typing.key("s")
        await asyncio.sleep(0.8)
        assert typing.starts == (1, 1)
        heavy.loading = True  # which this request has begun
        for letter in "um":
            asked = typing.key(letter)
            await asyncio.sleep(0.8)
            assert asked.done()
            assert shown(asked.result()) == "price"
        assert typing.starts == (3, 1)
        heavy.loading = False
        assert shown(await typing.key("s")) == "sum(prices)"

    play(scene)
