"""A chain of models: the lightest that will do, then what its answer, its failure or its cost makes of it."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from action_bench import block, cursor, problem, python

from hybrid_lsp.actions.base import By, EditOutcome, Outcome
from hybrid_lsp.actions.pipeline import ActionPipeline
from hybrid_lsp.backends.fake import FakeBackend, FakeReply
from hybrid_lsp.config import Config, RoutingConfig
from hybrid_lsp.document import Document
from hybrid_lsp.errors import BackendUnavailable
from hybrid_lsp.metrics.events import Ask
from hybrid_lsp.routing.accounts import Asked
from hybrid_lsp.routing.policy import Policy
from hybrid_lsp.routing.router import Router
from hybrid_lsp.routing.sufficiency import Regression, Sufficiency
from hybrid_lsp.types import Finish

pytestmark = pytest.mark.usefixtures("unmeasured")

SOURCE = "def add(a, b):\n    total = a + b\n    return total\n"
GOOD = block("def add(a, b):\n    return a + b")
SAME = block(SOURCE)
DOES = Sufficiency(Regression({"simplify": 9.0, "fix": 9.0, "explain": 9.0}))
UNKNOWN = Sufficiency()
JUDGED = Sufficiency(DOES.before, Regression({"simplify": 0.0, "explain": 0.0}, {"sure": 1.0}))
SMALL_FIRST = "Small model tiny (it does as well as the cloud one in 100% of such tasks)."


@attrs.define
class Chain:
    """Three scripted models from light to heavy, and what the router has told of them."""

    settings: dict[str, Any] = attrs.field(factory=dict)
    known: Sufficiency = DOES
    refused: dict[str, str] = attrs.field(factory=dict)
    asked: list[Asked] = attrs.field(factory=list)
    small: FakeBackend = attrs.field(factory=lambda: FakeBackend("tiny"))
    large: FakeBackend = attrs.field(factory=lambda: FakeBackend("big"))
    cloud: FakeBackend = attrs.field(factory=lambda: FakeBackend("huge"))

    async def run(self, name: str, document: Document | None = None, **more: Any) -> Outcome:
        document = document or python(SOURCE)
        routing = RoutingConfig(**({"threshold": 0.8} | self.settings))
        router = Router(
            {"small": self.small, "large": self.large, "cloud": self.cloud},
            small_chats=True,
            policy=Policy(routing, self.known),
            sizes={"small": 0.5, "large": 7.0, "cloud": 200.0},
            refusal=lambda tier: self.refused.get(tier, ""),
            on_asked=self.asked.append,
        )
        pipeline = ActionPipeline(router, Config(routing=routing), lambda document: None)
        return await pipeline.run(name, document, cursor(document, "total ="), **more)

    @property
    def requests(self) -> list[int]:
        return [len(each.requests) for each in (self.small, self.large, self.cloud)]


def trail(done: Outcome) -> tuple[str, int, int]:
    by: By = done.by
    assert by.trail is not None
    return by.trail.chosen, by.trail.escalations, by.trail.fallbacks


async def test_the_lightest_that_will_do_is_asked_alone() -> None:
    chain = Chain()
    chain.small.enqueue([GOOD])
    done = await chain.run("simplify")
    assert isinstance(done, EditOutcome)
    assert done.label == SMALL_FIRST
    assert chain.requests == [1, 0, 0]
    assert trail(done) == ("small", 0, 0)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("I would not change it.", "The small model's reply was refused because: The reply holds no fenced code block"),
        (block("def add(a, b:\n    return"), "The small model's reply was refused because: "),
        (SAME, "The small model sees nothing to change here"),
        (
            FakeReply(GOOD[:20], finish=Finish.LENGTH),
            "The small model's reply was refused because: The reply was cut off",
        ),
    ],
    ids=["no code", "does not parse", "unchanged", "cut off"],
)
async def test_an_answer_that_does_not_do_goes_up_at_once(reply: FakeReply | str, why: str) -> None:
    chain = Chain()
    chain.small.enqueue([reply])
    chain.large.enqueue([GOOD])
    done = await chain.run("simplify")
    assert isinstance(done, EditOutcome)
    assert done.label.startswith(why)
    assert done.label.endswith(": large model big instead.")
    assert chain.requests == [1, 1, 0]
    assert trail(done) == ("small", 1, 0)


async def test_it_goes_up_to_the_heaviest_and_only_that_one_gets_a_second_try() -> None:
    chain = Chain()
    for each in (chain.small, chain.large):
        each.enqueue(["No."])
    chain.cloud.enqueue(["No.", GOOD])
    done = await chain.run("simplify")
    assert done.tier == "cloud"
    assert chain.requests == [1, 1, 2]
    assert trail(done) == ("small", 2, 0)


async def test_an_unsure_answer_is_not_taken_where_a_heavier_model_can_be_asked() -> None:
    chain = Chain(known=JUDGED)
    chain.small.enqueue([FakeReply(GOOD, chunk=1, logprob=-0.5)])
    chain.large.enqueue([FakeReply(GOOD, chunk=1, logprob=-0.001)])
    done = await chain.run("simplify")
    assert done.label == (
        "The small model is not sure (11% as likely right as the heaviest, under 80%): large model big instead."
    )
    assert [each.ending for each in chain.asked] == [Ask.ANSWERED, Ask.ANSWERED]
    assert all(each.requests[0].logprobs for each in (chain.small, chain.large))
    # Of the first model: what is thought of a second one's answer says nothing of it.
    assert done.by.trail is not None
    assert round(done.by.trail.assured or 0, 2) == 0.11


async def test_the_heaviest_may_be_as_unsure_as_it_likes() -> None:
    chain = Chain(known=Sufficiency(Regression(), JUDGED.after))
    chain.cloud.enqueue([FakeReply(GOOD, chunk=1, logprob=-0.9)])
    assert (await chain.run("simplify")).tier == "cloud"


async def test_a_dead_heavy_model_is_followed_by_lighter_ones() -> None:
    chain = Chain(known=UNKNOWN)
    chain.cloud.enqueue([FakeReply(error=BackendUnavailable("Gone."))])
    chain.large.enqueue([GOOD])
    done = await chain.run("simplify")
    assert done.label == "The cloud model does not answer (Gone.): large model big instead."
    assert trail(done) == ("cloud", 0, 1)
    assert [(each.tier, each.ending) for each in chain.asked] == [("cloud", Ask.FAILED), ("large", Ask.ANSWERED)]


async def test_a_dead_light_model_is_followed_by_a_heavier_one() -> None:
    chain = Chain()
    chain.small.enqueue([FakeReply(GOOD[:9], error=BackendUnavailable("Gone."))])
    chain.large.enqueue([GOOD])
    done = await chain.run("simplify")
    assert done.label == "The small model broke off (Gone.): large model big instead."
    assert trail(done) == ("small", 0, 1)


async def test_who_has_spent_its_budget_is_not_asked() -> None:
    chain = Chain(known=UNKNOWN, refused={"cloud": "the budget of the cloud model for today is spent (9 of 9 tokens)"})
    chain.large.enqueue([GOOD])
    done = await chain.run("simplify")
    assert done.label == ("The budget of the cloud model for today is spent (9 of 9 tokens): large model big instead.")
    assert chain.requests == [0, 1, 0]


@pytest.mark.parametrize(
    ("code", "requests", "label"),
    [
        ("F401", [0, 0, 0], "Static analysis: it knows a fix for this."),
        ("F821", [1, 0, 0], SMALL_FIRST),
    ],
    ids=["known to static analysis", "not known to it"],
)
async def test_static_analysis_comes_first_where_it_knows_the_fix(code: str, requests: list[int], label: str) -> None:
    document = python(f"import os\n\n\n{SOURCE}")
    found = problem(document, "os\n", "`os` imported but unused", code, "Ruff")
    chain = Chain()
    chain.small.enqueue([block("")])
    done = await chain.run("fix", document, diagnostic=found)
    assert isinstance(done, EditOutcome)
    assert chain.requests == requests
    assert done.label == label


@pytest.mark.parametrize(("wish", "asked"), [("large", [0, 1, 0]), ("cloud", [0, 0, 1]), ("small", [1, 0, 0])])
async def test_the_users_wish(wish: str, asked: list[int]) -> None:
    chain = Chain({"policies": {"simplify": wish}})
    for each in (chain.small, chain.large, chain.cloud):
        each.enqueue([GOOD])
    done = await chain.run("simplify")
    assert chain.requests == asked
    assert "setting `routing.policies`" in done.label


async def test_what_the_user_forbids_is_not_done_behind_his_back() -> None:
    """`small` means: nothing leaves for a heavier model, even where the answer does not do."""
    chain = Chain({"policies": {"simplify": "small"}})
    chain.small.enqueue(["No.", "Never."])
    done = await chain.run("simplify")
    assert done.tier == "static"
    assert chain.requests == [2, 0, 0]


async def test_a_text_is_taken_as_it_is() -> None:
    chain = Chain(known=JUDGED)
    chain.small.enqueue([FakeReply("It adds.", logprob=-2.0)])
    assert (await chain.run("explain")).tier == "small"
