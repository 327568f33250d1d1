"""What an audit advises: by histories whose truth is known."""

from __future__ import annotations

import random

import attrs
import numpy as np
import pytest

from hybrid_lsp.audit.advice import LEAST, Advice, advise
from hybrid_lsp.audit.estimate import fit, likely, moved, wilson
from hybrid_lsp.audit.evidence import Case, Evidence

WISH = 0.8


def cases(count: int, shift: float, heavy: float = 0.9, *, threshold: float = WISH, seed: int = 1) -> list[Case]:
    """Tasks of users whose lighter model is off by `shift`, routed by the threshold."""
    draw = random.Random(seed)
    found = []
    for _ in range(count):
        sufficient = draw.uniform(0.5, 0.99)
        light = sufficient >= threshold
        right = float(likely(np.array([sufficient]), shift)[0]) * heavy
        good = draw.random() < (right if light else heavy)
        escalated = light and not good and draw.random() < 0.5
        found.append(
            Case(
                sufficient=sufficient,
                light=light,
                escalated=escalated,
                good=good if light else None,
                heavy_good=draw.random() < heavy if escalated else None if light else good,
                latency_ms=2000.0 if light else 10_000.0,
                light_cost=1.0 if light else None,
                heavy_cost=20.0 if escalated or not light else None,
            )
        )
    return found


def evidence(found: list[Case]) -> Evidence:
    return Evidence("fix", tuple(found), 0, "CPU seconds")


def advised(found: list[Case], threshold: float = WISH) -> Advice:
    return advise(evidence(found), threshold, WISH)


def test_a_lighter_model_that_does_better_than_thought_gets_more() -> None:
    advice = advised(cases(800, shift=1.5))
    assert advice.advised is not None
    assert advice.advised < WISH
    assert advice.interval is not None
    assert advice.interval.high < WISH
    assert "better" in advice.why
    assert advice.on_light is not None
    assert advice.cost is not None
    assert advice.latency_ms is not None
    assert advice.on_light.change.value > 0
    assert advice.cost.change.high < 0
    assert advice.latency_ms.change.high < 0


def test_a_lighter_model_that_does_worse_gets_less() -> None:
    advice = advised(cases(800, shift=-1.5))
    assert advice.advised is not None
    assert advice.advised > WISH
    assert "worse" in advice.why
    assert advice.quality is not None
    assert advice.quality.change.low > 0
    assert advice.on_light is not None
    assert advice.on_light.then < advice.on_light.now


def test_a_router_that_is_right_is_left_alone() -> None:
    told = [advised(cases(400, shift=0.0, heavy=1.0, seed=seed)) for seed in range(20)]
    # An interval of 95 % may miss one or two of twenty.
    assert sum(each.advised is not None for each in told) <= 3
    assert all(each.why for each in told)


def test_the_interval_holds_the_truth() -> None:
    truth = 1.0
    held = 0
    for seed in range(40):
        seen = [each for each in cases(400, shift=truth, heavy=1.0, seed=seed) if each.light]
        likelihoods = np.array([each.sufficient for each in seen])
        shift = fit(likelihoods, np.array([float(bool(each.good)) for each in seen]), 1.0)
        low, high = np.quantile(shift.resampled, [0.025, 0.975])
        held += low <= truth <= high
    assert held >= 34


@pytest.mark.parametrize("count", [0, 1, LEAST - 1])
def test_too_little_is_refused_and_how_much_is_missing_told(count: int) -> None:
    light = [each for each in cases(400, shift=3.0) if each.light][:count]
    heavy = [each for each in cases(400, shift=3.0) if not each.light]
    advice = advised(light + heavy)
    assert advice.advised is None
    assert advice.needed == LEAST - count
    assert f"{LEAST - count} more are needed" in advice.why


def test_data_that_does_not_decide_says_how_much_would() -> None:
    undecided = [
        each
        for each in (advised(cases(150, shift=0.4, heavy=1.0, seed=seed)) for seed in range(20))
        if each.advised is None and each.needed and each.judged >= LEAST
    ]
    assert undecided
    assert all(f"{each.needed} more could show" in each.why for each in undecided)


def test_a_threshold_goes_no_further_than_what_was_tried() -> None:
    light = [attrs.evolve(each, good=True, escalated=False) for each in cases(400, shift=0.0) if each.light]
    advice = advised(light)
    assert advice.advised is not None
    assert advice.advised >= round(min(each.sufficient for each in light) - 0.15, 2) - 0.005


def test_a_lighter_model_that_always_fails_does_not_end_all_choice() -> None:
    light = [attrs.evolve(each, good=False) for each in cases(800, shift=0.0) if each.light]
    assert advised(light).advised == 0.99


@pytest.mark.parametrize("wish", [0.0, 1.0])
def test_who_wants_one_model_whatever_the_task_is_left_alone(wish: float) -> None:
    advice = advise(evidence(cases(400, shift=2.0)), wish, wish)
    assert advice.advised is None
    assert "whatever the task" in advice.why


def test_texts_and_actions_without_a_choice_say_so() -> None:
    assert "Of a text nobody says" in advise(Evidence("explain", (), 7, "money", edits=False), WISH, WISH).why
    assert "no choice" in advise(Evidence("fix", (), 7, "money"), WISH, WISH).why


def test_the_heaviest_models_own_failures_are_not_laid_to_the_lighter_one() -> None:
    """Of a user who takes half of all edits, whoever made them, a lighter model that is as good gets no less."""
    advice = advised(cases(800, shift=0.0, heavy=0.5))
    assert advice.advised is None or advice.advised < WISH


def test_answers_that_were_doubted_count_by_their_likelihood() -> None:
    """A router that is right, and that does not take the half of the answers it is least sure of, is left alone: taken
    for wrong, they would speak against the lighter model."""

    def doubting(seed: int) -> list[Case]:
        draw = random.Random(seed)
        return [
            attrs.evolve(each, good=None, escalated=True, doubted=each.sufficient)
            if each.light and draw.random() < 0.5
            else each
            for each in cases(600, shift=0.0, heavy=1.0, seed=seed)
        ]

    told = [advised(doubting(seed)) for seed in range(10)]
    assert sum(each.advised is not None for each in told) <= 2
    taken_for_wrong = [
        advised([attrs.evolve(each, good=False, doubted=None) if each.doubted else each for each in doubting(seed)])
        for seed in range(10)
    ]
    assert all(each.advised is not None and each.advised > WISH for each in taken_for_wrong)


def test_advice_is_the_same_each_time() -> None:
    found = cases(300, shift=1.5)
    assert advised(found) == advised(found)


def test_wilsons_interval() -> None:
    found = wilson(8, 10)
    assert found is not None
    # Worked out by hand, as in Wilson's own formula.
    assert (round(found.low, 3), round(found.high, 3)) == (0.49, 0.943)
    assert wilson(0, 0) is None


def test_moving_there_and_back() -> None:
    assert moved(moved(0.7, 1.3), -1.3) == pytest.approx(0.7)
