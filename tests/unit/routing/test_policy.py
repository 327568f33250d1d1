"""The router's cases, as a table: who is asked, in which order, and what the user is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.config import RoutingConfig
from hybrid_lsp.routing.features import Features
from hybrid_lsp.routing.policy import Link, Policy, chain_of
from hybrid_lsp.routing.sufficiency import Regression, Sufficiency

SMALL = Link("small", "tiny", 0.5)
LARGE = Link("large", "big", 7.0)
CLOUD = Link("cloud", "huge", 200.0)
CHAIN = (SMALL, LARGE, CLOUD)
RESTS = "the {} model does not answer; it is tried again in 9 s"
SPENT = "the budget of the cloud model for today is spent (1,000 of 1,000 tokens)"
EVERYTHING = Sufficiency(Regression({"fix": 9.0}, {"size": 0.0}))
"""All are always right."""
BY_SIZE = Sufficiency(Regression({"fix": 0.0, "edit": -1.0}, {"size": 1.0, "hard": -1.0, "easy": 4.0}))
FIX, EDIT = Features("fix"), Features("edit")


def down(link: Link) -> Link:
    return attrs.evolve(link, refusal=RESTS.format(link.tier))


@attrs.frozen
class Case:
    """`steps` are tiers in order, with `+` where one is heavier than the one before."""

    steps: str
    reason: str
    chain: Sequence[Link] = CHAIN
    task: Features = FIX
    settings: dict[str, Any] = attrs.field(factory=dict)
    known: Sufficiency = EVERYTHING


CASES = {
    "the lightest that will do": Case(
        "small +large +cloud static", "Small model tiny (it does as well as the cloud one in 100% of such tasks)."
    ),
    "nothing is known of the action: the heaviest": Case("cloud large small static", "Cloud model huge.", task=EDIT),
    "only the heaviest will do": Case(
        "cloud large small static",
        "Cloud model huge (a lighter one would do as well in 88% of such tasks only).",
        known=BY_SIZE,
        settings={"threshold": 0.9},
    ),
    "the second lightest will do": Case(
        "large +cloud small static",
        "Large model big (it does as well as the cloud one in 88% of such tasks).",
        known=BY_SIZE,
    ),
    "a threshold of the action's own": Case(
        "small +large +cloud static",
        "Small model tiny (it does as well as the cloud one in 33% of such tasks).",
        known=BY_SIZE,
        settings={"thresholds": {"fix": 0.3}},
    ),
    "words of the user's that speak of hard work": Case(
        "cloud large small static",
        "Cloud model huge (a lighter one would do as well in 50% of such tasks only).",
        task=attrs.evolve(EDIT, hard_words=2),
        known=BY_SIZE,
    ),
    "words of the user's that speak of easy work": Case(
        "small +large +cloud static",
        "Small model tiny (it does as well as the cloud one in 91% of such tasks).",
        task=attrs.evolve(EDIT, easy_words=2),
        known=BY_SIZE,
    ),
    "always the heaviest": Case(
        "cloud large small static",
        "Cloud model huge.",
        settings={"threshold": 1.0},
    ),
    "always the lightest": Case(
        "small +large +cloud static",
        "Small model tiny (it does as well as the cloud one in 0% of such tasks).",
        task=attrs.evolve(EDIT, hard_words=1),
        known=Sufficiency(Regression({"edit": -4.0}, {"size": 1.0, "hard": -3.0})),
        settings={"threshold": 0.0},
    ),
    "a size that nobody knows is claimed nothing of": Case(
        "large small static", "Large model big.", chain=(attrs.evolve(SMALL, billions=None), LARGE)
    ),
    "static analysis knows a fix": Case(
        "static small +large +cloud static",
        "Static analysis: it knows a fix for this.",
        task=attrs.evolve(FIX, has_static_fix=True),
    ),
    "the user wants a tier": Case(
        "large small static", "Large model big (setting `routing.policies`).", settings={"policies": {"fix": "large"}}
    ),
    "the user wants a named backend": Case(
        "cloud large small static",
        "Cloud model huge (setting `routing.policies`).",
        settings={"policies": {"fix": "cloud"}},
    ),
    "the user wants the light one, and nobody heavier": Case(
        "small static", "Small model tiny (setting `routing.policies`).", settings={"policies": {"fix": "small"}}
    ),
    "the user wants no model": Case(
        "static", "Setting `routing.policies`: static analysis.", settings={"policies": {"fix": "static"}}
    ),
    "the user's wish for all": Case(
        "small static", "Small model tiny (setting `routing.policies`).", settings={"policies": {"default": "small"}}
    ),
    "the wish for one action counts before that for all": Case(
        "small +large +cloud static",
        "Small model tiny (it does as well as the cloud one in 100% of such tasks).",
        settings={"policies": {"default": "large", "fix": "auto"}},
    ),
    "a wish for nobody who is there": Case(
        "small +large +cloud static",
        "Small model tiny (it does as well as the cloud one in 100% of such tasks).",
        settings={"policies": {"fix": "absent"}},
    ),
    "the wished one is down": Case(
        "small static",
        "The large model does not answer; it is tried again in 9 s: small model tiny instead.",
        chain=(SMALL, down(LARGE), CLOUD),
        settings={"policies": {"fix": "large"}},
    ),
    "the heaviest is down": Case(
        "large small static",
        "The cloud model does not answer; it is tried again in 9 s: large model big instead.",
        chain=(SMALL, LARGE, down(CLOUD)),
        task=EDIT,
    ),
    "the heaviest is over its budget": Case(
        "large small static",
        f"{SPENT[0].upper()}{SPENT[1:]}: large model big instead.",
        chain=(SMALL, LARGE, attrs.evolve(CLOUD, refusal=SPENT)),
        task=EDIT,
    ),
    "the lightest is down": Case(
        "large +cloud static",
        "The small model does not answer; it is tried again in 9 s: large model big instead (it does as well as the "
        "cloud one in 100% of such tasks).",
        chain=(down(SMALL), LARGE, CLOUD),
    ),
    "all are down": Case(
        "static",
        "The small model does not answer; it is tried again in 9 s; the large model does not answer; it is tried again "
        "in 9 s: static analysis instead.",
        chain=(down(SMALL), down(LARGE)),
    ),
    "the heaviest is slow": Case(
        "large small cloud static",
        "The cloud model would need about 400 s: large model big instead.",
        chain=(SMALL, LARGE, attrs.evolve(CLOUD, seconds=400.0)),
        task=EDIT,
    ),
    "slow is what the user says": Case(
        "cloud large small static",
        "Cloud model huge.",
        chain=(SMALL, LARGE, attrs.evolve(CLOUD, seconds=400.0)),
        task=EDIT,
        settings={"slow_s": 500.0},
    ),
    "all are slow: the choice is as if none were": Case(
        "small +large static",
        "Small model tiny (it does as well as the large one in 100% of such tasks).",
        chain=(attrs.evolve(SMALL, seconds=200.0), attrs.evolve(LARGE, seconds=900.0)),
    ),
    "one model alone": Case("large static", "Large model big.", chain=(LARGE,)),
    "no model": Case("static", "Static analysis.", chain=()),
}


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_who_is_asked(case: Case) -> None:
    policy = Policy(RoutingConfig(**({"threshold": 0.8} | case.settings)), case.known)
    plan = policy.plan(case.task, case.chain)
    assert " ".join(f"{'+' * step.rises}{step.tier}" for step in plan.steps) == case.steps
    assert plan.steps[0].reason == case.reason


links = st.builds(
    Link,
    tier=st.sampled_from(["small", "large", "cloud", "team", "x1"]),
    name=st.just("m"),
    billions=st.none() | st.floats(0.001, 1000),
    refusal=st.sampled_from(["", "", "it is down"]),
    seconds=st.none() | st.floats(0, 5000),
)
tasks = st.builds(
    Features,
    action=st.sampled_from(["fix", "edit", "other"]),
    code_tokens=st.integers(0, 10**6),
    complexity=st.integers(0, 500),
    words=st.integers(0, 10**4),
    hard_words=st.integers(0, 9),
    easy_words=st.integers(0, 9),
    has_static_fix=st.booleans(),
)
wishes = st.builds(
    RoutingConfig,
    policies=st.dictionaries(
        st.sampled_from(["fix", "default"]), st.sampled_from(["auto", "static", "small", "large", "cloud", "gone"])
    ),
    threshold=st.floats(0, 1),
    slow_s=st.floats(1, 3600),
)


@given(st.lists(links, max_size=5, unique_by=lambda link: link.tier), tasks, wishes)
def test_every_plan_ends_with_static_analysis_and_asks_nobody_twice(
    chain: list[Link], task: Features, wish: RoutingConfig
) -> None:
    plan = Policy(wish, BY_SIZE).plan(task, chain)
    asked = [step.tier for step in plan.steps if step.tier != "static"]
    assert plan.steps[-1].tier == "static"
    assert len(asked) == len(set(asked))
    assert set(asked) <= {link.tier for link in chain if not link.refusal}
    assert not plan.steps[0].rises
    assert all(step.reason[:1].isupper() and step.reason.endswith(".") for step in plan.steps)
    if plan.sufficient is not None:
        assert 0 <= plan.sufficient <= 1


@given(st.lists(links, min_size=1, max_size=5, unique_by=lambda link: link.tier), tasks)
def test_without_wishes_whoever_may_be_asked_is(chain: list[Link], task: Features) -> None:
    plan = Policy(RoutingConfig(), BY_SIZE).plan(task, chain)
    assert {s.tier for s in plan.steps} - {"static"} == {link.tier for link in chain if not link.refusal}


@given(tasks, st.floats(0.001, 100), st.floats(0.001, 100))
def test_how_likely_a_lighter_one_does_as_well(task: Features, light: float, heavy: float) -> None:
    ratio = BY_SIZE.ratio(task, light, heavy)
    if light == heavy or (task.action == "other" and light < heavy):
        assert ratio is None
    else:
        assert ratio is not None
        assert 0 <= ratio <= 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"policies": {"fix": "cluod"}},
            "`fix` is to be done by `cluod`, which is no backend of yours; known are `auto`",
        ),
        (
            {"policies": {"fxi": "large"}},
            "routing.policies: there is no action `fxi`; known are `completion`, `default`",
        ),
        ({"thresholds": {"fxi": 0.5}}, "routing.thresholds: there is no action `fxi`"),
        ({"chain": ["small", "cluod"]}, "routing.chain: `cluod` is no backend of yours; known are `large`, `small`."),
        ({"policies": {"fix": "static", "completion": "large", "default": "small"}}, ""),
    ],
)
def test_wishes_that_name_nobody_are_told(settings: dict[str, Any], said: str) -> None:
    problems = Policy(RoutingConfig(**settings)).problems(["small", "large"], ["fix"])
    assert said in " ".join(f"{each}." for each in problems)
    assert bool(problems) == bool(said)


@pytest.mark.parametrize(
    ("chain", "ordered"),
    [
        ([], ["small", "large", "cloud"]),
        (["small", "cloud", "large"], ["small", "cloud", "large"]),
        (["cloud"], ["small", "large", "cloud"]),
        (["large", "gone", "small", "large"], ["cloud", "large", "small"]),
    ],
)
def test_the_chain_is_as_the_user_orders_it(chain: list[str], ordered: list[str]) -> None:
    assert chain_of(RoutingConfig(chain=chain), ["small", "large", "cloud"]) == ordered


SURENESS = Sufficiency(Regression({"fix": 3.0}), Regression({"fix": 1.0}, {"sure": 1.0}))


@pytest.mark.parametrize(
    ("probability", "settings", "said"),
    [
        (0.99, {}, ""),
        (0.7, {}, "33% as likely right as the heaviest, under 80%"),
        (0.7, {"threshold": 0.3}, ""),
        (0.7, {"thresholds": {"fix": 0.2}}, ""),
        (0.7, {"thresholds": {"edit": 0.2}}, "33% as likely right as the heaviest, under 80%"),
        (0.0, {"threshold": 0.0}, ""),
        (1.0, {"threshold": 1.0}, ""),
    ],
)
def test_an_answer_is_judged_by_how_sure_its_model_was(probability: float, settings: dict[str, Any], said: str) -> None:
    policy = Policy(RoutingConfig(**({"threshold": 0.8} | settings)), SURENESS)
    assert policy.doubt(FIX, SURENESS.ratio(FIX, 0.5, 7.0, probability)) == said
    assert policy.doubt(EDIT, SURENESS.ratio(EDIT, 0.5, 7.0, probability)) == ""
    assert policy.doubt(FIX, SURENESS.ratio(FIX, None, 7.0, probability)) == ""
