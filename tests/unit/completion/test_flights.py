"""Generations under way: joined while what is typed agrees, stopped when it does not, and worked out ahead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from hybrid_lsp.backends.fake import FakeBackend, FakeReply
from hybrid_lsp.completion import pipeline as pipeline_module
from hybrid_lsp.completion import work as work_module
from hybrid_lsp.completion.latest import SUPERSEDED
from hybrid_lsp.completion.pipeline import CompletionPipeline
from hybrid_lsp.completion.query import Answer, Query
from hybrid_lsp.config import CompletionConfig, Config
from hybrid_lsp.document import Document
from hybrid_lsp.routing.router import Router
from hybrid_lsp.types import Finish, Infill, Piece, Reason, Tier

CONFIG = Config(completion=CompletionConfig(debounce_ms=0, speculate=False))
AHEAD = Config(completion=CompletionConfig(debounce_ms=0))


@pytest.fixture(autouse=True)
def no_reading_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline_module, "READING_S", 0.0)


@attrs.define
class Typist:
    """Types at the end of a document and asks; the model's replies are released by hand."""

    fake: FakeBackend = attrs.field(factory=FakeBackend)
    text: str = "x = "
    below: str = "\ny = 2\n"
    config: Config = CONFIG
    pipeline: CompletionPipeline = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.pipeline = CompletionPipeline(Router({Tier.SMALL: self.fake}), lambda document: None)

    @property
    def document(self) -> Document:
        return Document("file:///a.py", self.text + self.below, language="python")

    def type(self, text: str) -> None:
        old = self.document
        self.text += text
        self.pipeline.changed(old, self.document)

    def ask(self, **changes: Any) -> asyncio.Task[Answer]:
        query = Query(self.document, len(self.text), **changes)
        return asyncio.ensure_future(self.pipeline.complete(query, self.config))

    async def until(self, met: Callable[[], bool]) -> None:
        for _ in range(200):
            if met():
                return
            await asyncio.sleep(0)
        raise AssertionError("it does not come about")

    async def asked(self, count: int = 1) -> None:
        await self.until(lambda: len(self.fake.requests) == count)

    async def stopped(self, count: int = 1) -> None:
        await self.until(lambda: self.fake.cancelled == count)


def held(text: str, **changes: Any) -> tuple[FakeReply, asyncio.Event]:
    hold = asyncio.Event()
    return FakeReply(text, hold=hold, **changes), hold


async def test_the_next_keystrokes_request_joins_the_generation() -> None:
    typist = Typist()
    reply, hold = held("foo(bar)")
    typist.fake.enqueue([reply])
    first = typist.ask()
    await typist.asked()
    typist.type("fo")
    first.cancel(SUPERSEDED)
    second = typist.ask()
    await asyncio.sleep(0)
    hold.set()
    answer = await second
    assert answer.suggestions[0].text == "o(bar)"
    assert answer.reused
    assert len(typist.fake.requests) == 1
    assert typist.fake.cancelled == 0


async def test_a_cancel_after_typing_keeps_the_generation_for_the_next_request() -> None:
    typist = Typist()
    reply, hold = held("foo(bar)")
    typist.fake.enqueue([reply])
    first = typist.ask()
    await typist.asked()
    typist.type("f")
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    second = typist.ask()
    hold.set()
    assert (await second).suggestions[0].text == "oo(bar)"
    assert len(typist.fake.requests) == 1


async def test_nobody_coming_back_for_it_stops_the_generation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hybrid_lsp.completion.flights.GRACE_S", 0.0)
    typist = Typist()
    typist.fake.enqueue([held("foo(bar)")[0]])
    first = typist.ask()
    await typist.asked()
    typist.type("f")
    first.cancel()
    await typist.stopped()


async def test_a_cancel_without_typing_stops_the_generation_at_once() -> None:
    typist = Typist()
    typist.fake.enqueue([held("foo")[0]])
    first = typist.ask()
    await typist.asked()
    first.cancel()
    await typist.stopped()


async def test_typing_something_else_than_was_written_stops_it_and_asks_again() -> None:
    typist = Typist()
    typist.fake.enqueue([FakeReply("foo(bar) + something + else", chunk=1), "other"])
    first = typist.ask()
    await typist.until(lambda: typist.fake.pieces > 2)
    typist.type("z")
    await typist.stopped()
    assert (await first).reason is Reason.SUPERSEDED
    answer = await typist.ask()
    assert answer.suggestions[0].text == "other"
    assert typist.fake.pieces < 12


async def test_writing_something_else_than_was_typed_stops_it() -> None:
    typist = Typist()
    reply, hold = held("foo(bar) + something + else", chunk=1)
    typist.fake.enqueue([reply, "eta"])
    first = typist.ask()
    await typist.asked()
    typist.type("z")
    first.cancel(SUPERSEDED)
    second = typist.ask()
    await asyncio.sleep(0)
    hold.set()
    assert (await second).suggestions[0].text == "eta"
    assert typist.fake.cancelled == 1
    assert len(typist.fake.requests) == 2


@pytest.mark.parametrize("change", ["above", "below", "gone"])
async def test_a_change_elsewhere_stops_it_without_a_request(change: str) -> None:
    typist = Typist()
    typist.fake.enqueue([held("foo")[0]])
    first = typist.ask()
    await typist.asked()
    old = typist.document
    if change == "above":
        typist.text = "import os\n" + typist.text
    elif change == "below":
        typist.below = "\n"
    else:
        typist.text = ""
    typist.pipeline.changed(old, typist.document)
    await typist.stopped()
    assert (await first).reason is Reason.SUPERSEDED


async def test_what_follows_an_accepted_suggestion_is_worked_out_ahead() -> None:
    typist = Typist(config=AHEAD)
    typist.fake.enqueue(["foo", "(1)"])
    assert (await typist.ask()).suggestions[0].text == "foo"
    await typist.asked(2)
    prompt = typist.fake.requests[1].prompt
    assert isinstance(prompt, Infill)
    assert prompt.prefix == "x = foo"
    assert typist.fake.requests[1].background
    await asyncio.sleep(0.01)
    typist.type("foo")
    answer = await typist.ask()
    assert answer.suggestions[0].text == "(1)"
    assert answer.reused
    assert len(typist.fake.requests) == 2


async def test_what_made_way_for_other_work_is_asked_for_again() -> None:
    typist = Typist(config=AHEAD)
    typist.fake.enqueue(["foo", FakeReply("(unfin", finish=Finish.TIME), "(1)"])
    await typist.ask()
    await typist.asked(2)
    await typist.until(lambda: not typist.pipeline.flights._flights)
    typist.type("foo")
    assert (await typist.ask()).suggestions[0].text == "(1)"
    assert len(typist.fake.requests) >= 3


async def test_a_request_joins_what_is_being_worked_out_ahead() -> None:
    typist = Typist(config=AHEAD)
    reply, hold = held("(1)")
    typist.fake.enqueue(["foo", reply])
    await typist.ask()
    await typist.asked(2)
    typist.type("foo")
    second = typist.ask()
    await asyncio.sleep(0)
    hold.set()
    assert (await second).suggestions[0].text == "(1)"
    assert len(typist.fake.requests) == 2


async def test_going_another_way_stops_what_is_worked_out_ahead() -> None:
    typist = Typist(config=AHEAD)
    typist.fake.enqueue(["foo", held("(1)")[0]])
    await typist.ask()
    await typist.asked(2)
    typist.type("f")
    await asyncio.sleep(0)
    assert typist.fake.cancelled == 0
    typist.type("x")
    await typist.stopped()


async def test_typing_on_puts_off_working_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline_module, "READING_S", 3600.0)
    typist = Typist(config=AHEAD)
    typist.fake.enqueue(["foo"])
    await typist.ask()
    typist.type("z")
    assert typist.pipeline._ahead == {}


@pytest.mark.parametrize("end", ["cancel", "closed", "close"])
async def test_everything_can_be_ended(end: str) -> None:
    typist = Typist(config=AHEAD)
    typist.fake.enqueue([held("foo")[0]])
    first = typist.ask()
    await typist.asked()
    if end == "close":
        typist.pipeline.close()
    else:
        getattr(typist.pipeline, end)(typist.document.uri)
    await typist.stopped()
    assert (await first).reason is Reason.SUPERSEDED


class Broken(FakeBackend):
    """A backend with a defect."""

    async def generate(self, request: Any) -> Any:
        raise ZeroDivisionError
        yield Piece("")


async def test_a_defect_reaches_who_waits_for_it() -> None:
    typist = Typist(fake=Broken())
    with pytest.raises(ZeroDivisionError):
        await typist.ask()


async def test_a_slow_block_is_shown_in_part_and_then_only_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_module, "SHOWN_WITHIN_S", 0.0)
    typist = Typist(text="def f():\n    ", below="\n")
    typist.fake.enqueue([FakeReply("a = 1\n    b = 2\n    c = 3\n", chunk=6)])
    first = (await typist.ask()).suggestions[0]
    assert first.text == "a = 1"
    await typist.until(lambda: not typist.pipeline.flights._flights)
    later = (await typist.ask()).suggestions[0]
    assert later.text == "a = 1\n    b = 2\n    c = 3"
    assert later.id == first.id
    assert len(typist.fake.requests) == 1


async def test_other_files_are_made_ready_in_idle_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline_module, "PREPARE_S", 0.0)
    typist = Typist()
    typist.pipeline.opened(Document("file:///b.py", "value = 1\n" * 3000, language="python"))
    await typist.until(lambda: typist.pipeline._preparing is None)
    assert not typist.pipeline.surroundings.index.prepare()
    typist.type("z")
    typist.pipeline.close()
