"""A lighter model before the user's own: who is asked, what is shown, and that nothing flickers."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest
from test_completion_pipeline import CURSOR, flat, judge, query, shown, turns

from hybrid_lsp.backends.fake import FakeBackend, FakeReply
from hybrid_lsp.completion import cascade
from hybrid_lsp.completion import habits as habits_module
from hybrid_lsp.completion import pipeline as pipeline_module
from hybrid_lsp.completion import work as work_module
from hybrid_lsp.completion.budget import TARGET_MS
from hybrid_lsp.completion.cascade import Lighter
from hybrid_lsp.completion.debounce import Pace
from hybrid_lsp.completion.pipeline import CompletionPipeline
from hybrid_lsp.completion.query import Answer
from hybrid_lsp.config import CompletionConfig, Config
from hybrid_lsp.errors import BackendFailed, BackendUnavailable
from hybrid_lsp.models.contest import Contest
from hybrid_lsp.routing.accounts import Asked
from hybrid_lsp.routing.router import Router
from hybrid_lsp.types import Reason, Tier

CONFIG = Config(completion=CompletionConfig(debounce_ms=0, speculate=False))
PLACE = f"total = {CURSOR}\ny = 2\n"
LONG = "first = [1, 2, 3]\n" * 100


def contest(lighter: float, heavier: float) -> Contest:
    return Contest(flat(lighter, 3), flat(heavier, 3))


@attrs.define
class Two:
    """A light model and a heavy one, scripted; `lighter` and `heavier` are how likely right their lines are."""

    lighter: float
    heavier: float
    light: FakeBackend = attrs.field(factory=lambda: FakeBackend("light"))
    heavy: FakeBackend = attrs.field(factory=lambda: FakeBackend("heavy"))
    sure: float = 0.9
    asked: list[Asked] = attrs.field(factory=list)
    pipeline: CompletionPipeline = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        light, heavy = (
            Router({Tier.SMALL: backend}, on_asked=self.asked.append) for backend in (self.light, self.heavy)
        )
        first = Lighter(light, judge(network=self.sure), contest(self.lighter, self.heavier))
        self.pipeline = CompletionPipeline(heavy, lambda document: None, judge(), lighter=first)

    def ask(self, marked: str = PLACE, **changes: Any) -> asyncio.Task[Answer]:
        return asyncio.ensure_future(self.pipeline.complete(query(marked, **changes), CONFIG))


async def test_where_the_light_model_is_as_good_the_heavy_one_is_not_asked() -> None:
    two = Two(lighter=0.8, heavier=0.8)
    two.light.enqueue(["price * count"])
    answer = await two.ask()
    assert shown(answer) == "price * count"
    assert (answer.tier, answer.model, answer.tokens > 0) == (Tier.SMALL, "light", True)
    assert two.heavy.requests == []
    assert shown(await two.ask()) == "price * count"  # known by now
    assert len(two.light.requests) == 1


async def test_where_it_is_not_the_heavy_model_answers_and_both_are_counted() -> None:
    two = Two(lighter=0.5, heavier=0.8)
    two.light.enqueue(["price * count"])
    two.heavy.enqueue(["sum(prices)"])
    answer = await two.ask()
    assert (shown(answer), answer.model) == ("sum(prices)", "heavy")
    assert [request.draft for request in two.heavy.requests] == ["price * count"]  # a guess that costs nothing
    assert answer.tokens > two.heavy.pieces - 1
    # For the accounts it is one piece of work, which one heavy model would have done once.
    assert [each.model for each in two.asked] == ["light", "heavy"]
    assert len({each.run for each in two.asked} - {None}) == 1


@pytest.mark.parametrize(("heavier", "counted"), [(0.8, False), (0.95, True)])
async def test_only_a_start_of_the_heavy_model_makes_its_pause_longer(
    heavier: float, counted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = Two(lighter=0.8, heavier=heavier)
    two.light.enqueue(["price * count"])
    two.heavy.enqueue(["sum(prices)"])
    started: list[Pace] = []
    monkeypatch.setattr(Pace, "started", lambda pace: started.append(pace))
    await two.ask()
    heavy = [pace for pace in started if pace is two.pipeline.habits.pace]
    assert len(two.heavy.requests) == len(heavy) == len(started) - 1 == counted


async def test_who_asks_by_hand_gets_the_heavy_model_alone() -> None:
    two = Two(lighter=0.99, heavier=0.1)
    two.heavy.enqueue(["sum(prices)"])
    assert shown(await two.ask(invoked=True)) == "sum(prices)"
    assert two.light.requests == []


@pytest.mark.parametrize("light", [FakeReply(error=BackendFailed("broken")), ""], ids=["broken", "silent"])
async def test_a_light_model_without_an_answer_costs_nothing(light: FakeReply | str) -> None:
    two = Two(lighter=0.9, heavier=0.5)
    two.light.enqueue([light])
    two.heavy.enqueue(["sum(prices)"])
    assert shown(await two.ask()) == "sum(prices)"


async def test_a_light_model_that_is_late_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cascade, "WITHIN_S", 0.0)
    two = Two(lighter=0.9, heavier=0.1)
    two.light.enqueue([FakeReply("price", hold=asyncio.Event())])
    two.heavy.enqueue(["sum(prices)"])
    assert shown(await two.ask()) == "sum(prices)"
    assert two.light.cancelled == 1


async def test_an_unsure_light_line_is_never_shown() -> None:
    two = Two(lighter=0.9, heavier=0.5, sure=0.2)  # below the threshold of 0.5
    two.light.enqueue(["price"])
    two.heavy.enqueue(["sum(prices)"])
    assert shown(await two.ask()) == "sum(prices)"


async def test_at_a_hopeless_place_the_heavy_model_is_not_asked() -> None:
    two = Two(lighter=0.01, heavier=0.1, sure=0.2)
    two.light.enqueue(["price", "price"])
    answer = await two.ask(LONG + PLACE)
    assert (answer.suggestions, answer.reason) == ((), Reason.LOW_CONFIDENCE)
    assert "seldom right" in answer.detail
    assert two.heavy.requests == []
    two.heavy.enqueue(["sum(prices)"])  # the next key tells more, and by hand there is always an answer
    assert shown(await two.ask(LONG + PLACE, invoked=True)) == "sum(prices)"


@pytest.mark.parametrize(("marked", "asked"), [(PLACE, 1), (f"# the total {CURSOR}\n", 0)], ids=["code", "prose"])
async def test_where_a_file_has_only_begun_code_is_never_hopeless(marked: str, asked: int) -> None:
    """The light model knows little there, and the heavy one has little to read."""
    two = Two(lighter=0.01, heavier=0.1, sure=0.2)
    two.light.enqueue(["price"])
    two.heavy.enqueue(["sum(prices)"])
    await two.ask(marked)
    assert len(two.heavy.requests) == asked


async def test_who_wants_to_see_everything_is_not_spared_a_hopeless_place() -> None:
    two = Two(lighter=0.01, heavier=0.19, sure=0.2)
    two.light.enqueue(["price"])
    two.heavy.enqueue(["sum(prices)"])
    everything = attrs.evolve(CONFIG, completion=attrs.evolve(CONFIG.completion, min_confidence=0.0))
    assert shown(await two.pipeline.complete(query(LONG + PLACE), everything)) == "sum(prices)"


async def test_where_the_heavy_model_fails_the_light_line_has_to_do() -> None:
    two = Two(lighter=0.5, heavier=0.9)
    two.light.enqueue(["price"])
    two.heavy.enqueue([FakeReply(error=BackendFailed("broken"))])
    answer = await two.ask()
    assert (shown(answer), answer.model, answer.detail) == ("price", "light", "broken")
    # The next request may fare better: it is not remembered.
    two.light.enqueue(["price"])
    await two.ask()
    assert len(two.light.requests) == 2


async def test_the_light_model_answers_while_the_heavy_one_cools_down() -> None:
    two = Two(lighter=0.5, heavier=0.9)
    for _ in range(8):
        two.light.enqueue(["price"])
        two.heavy.enqueue([FakeReply(error=BackendUnavailable("gone"))])
        await two.ask()
    asked = len(two.heavy.requests)
    assert asked < 8
    two.light.enqueue(["price"])
    assert shown(await two.ask()) == "price"
    assert len(two.heavy.requests) == asked


async def test_without_any_model_the_reason_is_the_heavy_ones() -> None:
    pipeline = CompletionPipeline(
        Router({}), lambda document: None, judge(), lighter=Lighter(Router({}), judge(), contest(0.9, 0.1))
    )
    answer = await pipeline.complete(query(PLACE), CONFIG)
    assert answer.reason is Reason.NO_BACKEND
    assert "small.backend" in answer.detail


async def test_by_hand_too_the_light_line_has_to_do_where_the_heavy_model_fails() -> None:
    two = Two(lighter=0.5, heavier=0.9)
    two.heavy.enqueue([FakeReply(error=BackendFailed("broken"))])
    two.light.enqueue(["price"])
    answer = await two.ask(invoked=True)
    assert (shown(answer), answer.model, answer.detail) == ("price", "light", "broken")
    assert [each.model for each in two.asked] == ["heavy", "light"]


class Late:
    """Two models of which the heavy one keeps the user waiting."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, light: str, heavy: str, heavier: float = 0.7) -> None:
        monkeypatch.setattr(work_module, "SHOWN_WITHIN_S", 0.0)
        self.two = Two(lighter=0.5, heavier=heavier)  # a little less likely: it will do where the other one is late
        self.hold = asyncio.Event()
        self.two.light.enqueue([light])
        self.two.heavy.enqueue([FakeReply(heavy, hold=self.hold)])

    async def go_on(self) -> None:
        self.hold.set()
        for _ in range(5):
            await turns()


async def test_a_late_model_is_bridged_and_its_text_taken_where_it_extends(monkeypatch: pytest.MonkeyPatch) -> None:
    late = Late(monkeypatch, "price", "price * count")
    assert shown(await late.two.ask()) == "price"
    await late.go_on()
    assert shown(await late.two.ask()) == "price * count"
    assert len(late.two.heavy.requests) == 1


async def test_no_flicker_where_the_late_text_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    late = Late(monkeypatch, "price", "sum(every_price_that_there_is)")
    assert shown(await late.two.ask()) == "price"
    await late.go_on()
    assert shown(await late.two.ask()) == "price"
    assert late.two.heavy.cancelled == 1  # nobody would see the rest


async def test_what_is_much_less_likely_waits_for_the_late_model(monkeypatch: pytest.MonkeyPatch) -> None:
    late = Late(monkeypatch, "price", "sum(prices)", heavier=0.9)
    asked = late.two.ask()
    await turns()
    assert not asked.done()
    await late.go_on()
    assert shown(await asked) == "sum(prices)"


async def test_typing_along_the_light_line_needs_no_model() -> None:
    two = Two(lighter=0.9, heavier=0.1)
    two.light.enqueue(["price * count"])
    assert shown(await two.ask()) == "price * count"
    assert shown(await two.ask(f"total = pri{CURSOR}\ny = 2\n")) == "ce * count"
    assert len(two.light.requests) == 1
    assert two.heavy.requests == []


@attrs.define
class Slow(FakeBackend):
    """A model that may be loading still."""

    loading: bool = True

    async def warm(self) -> None: ...


@pytest.mark.fault("the user's own model is still loading")
@pytest.mark.parametrize("invoked", [False, True])
async def test_while_the_heavy_model_loads_the_light_line_is_shown(invoked: bool) -> None:
    heavy = Slow("heavy")
    two = Two(lighter=0.1, heavier=0.9, heavy=heavy)
    two.light.enqueue(["price"])
    answer = await two.ask(invoked=invoked)
    assert (shown(answer), answer.model) == ("price", "light")
    assert heavy.requests == []  # it would keep the next key waiting as well
    heavy.loading = False
    two.light.enqueue(["price"])
    heavy.enqueue(["sum(prices)"])
    assert shown(await two.ask(invoked=invoked)) == "sum(prices)"  # what did for the moment is not remembered


async def test_by_hand_a_model_that_loads_is_waited_for_where_the_light_one_knows_nothing() -> None:
    two = Two(lighter=0.1, heavier=0.9, heavy=Slow("heavy"))
    two.light.enqueue([""])
    two.heavy.enqueue(["sum(prices)"])
    assert shown(await two.ask(f"total = {CURSOR}\n", invoked=True)) == "sum(prices)"
    two.light.enqueue([""])
    nothing = await two.ask(f"other = {CURSOR}\n")
    assert (nothing.suggestions, "loading" in nothing.detail) == ((), True)
    assert len(two.heavy.requests) == 1


async def test_how_long_a_model_loads_says_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be this very request that has it started."""
    monkeypatch.setattr(habits_module, "LOADS_AFTER_S", 0.3)
    for loading in (True, False):
        two = Two(lighter=0.1, heavier=0.9, heavy=Slow("heavy", loading=False))
        assert two.pipeline.lighter is not None
        two.pipeline.habits.budget.answered(1.0, 6000, read=6000)
        pace, chars = two.pipeline.habits.pace.outlived, two.pipeline.habits.budget.chars(6000)
        hold = asyncio.Event()
        two.heavy.enqueue([FakeReply("sum(prices)", hold=hold)])
        asked = two.ask(f"{'x = 1' * 20}\n" * 50 + PLACE, invoked=True)
        await turns()
        two.heavy.loading = loading  # type: ignore[attr-defined]
        await asyncio.sleep(TARGET_MS / 1000 * 1.2)
        hold.set()
        assert shown(await asked) == "sum(prices)"
        await turns()
        learned = two.pipeline.habits.budget.chars(6000) < chars and two.pipeline.habits.pace.outlived < pace
        assert learned is not loading


@pytest.mark.fault("the model's first word comes later than its budget and a second")
@pytest.mark.parametrize("invoked", [False, True])
async def test_where_the_heavy_model_is_silent_the_light_line_has_to_do(
    invoked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline_module, "SILENCE_S", -CONFIG.completion.time_budget_ms / 1000 + 0.05)
    two, hold = Two(lighter=0.5, heavier=0.9), asyncio.Event()
    two.light.enqueue(["price"] * (1 + (not invoked)))
    two.heavy.enqueue([FakeReply("sum(prices)", hold=hold)])
    answer = await two.ask(invoked=invoked)
    assert (shown(answer), answer.model) == ("price", "light")
    assert "silent" in answer.detail
    hold.set()
    await turns()
    assert shown(await two.ask(invoked=invoked)) == "sum(prices)"  # it has been heard after all
    assert len(two.heavy.requests) == 1


@pytest.mark.parametrize("heavier", [0.8, 0.95])
async def test_only_what_a_key_asked_tells_how_often_the_heavy_model_is_needed(
    heavier: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline_module, "READING_S", 0.0)
    told: list[bool] = []
    monkeypatch.setattr(Pace, "needed", lambda pace, needed: told.append(needed))
    two = Two(lighter=0.8, heavier=heavier)
    two.light.enqueue(["price * count", "; more"])
    two.heavy.enqueue(["price * count", "; more"])
    ahead = attrs.evolve(CONFIG, completion=attrs.evolve(CONFIG.completion, speculate=True))
    assert shown(await two.pipeline.complete(query(PLACE), ahead)) == "price * count"
    for _ in range(5):
        await turns()
    assert len(two.light.requests) == 2  # the second of its own accord
    assert told == [heavier > 0.9]
