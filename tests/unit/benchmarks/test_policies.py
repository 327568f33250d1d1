"""The measures of routers, on outcomes of which everything is known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import policies, sufficiency, tasks
from benchmarks.outcomes import Reply, Row
from benchmarks.policies import Curve, Curves, Pair
from hybrid_lsp.routing.features import Features
from hybrid_lsp.routing.sufficiency import Regression, Sufficiency

SIZES = {"small": 0.5, "large": 1.5}


def row(model: str, program: str, *, right: bool, passed: bool = True, replies: int = 1, sure: float = 0.99) -> Row:
    cost = {"small": 1.0, "large": 4.0}[model]
    reply = Reply(cost, cost, 100, 10, sure, 0.1)
    features = Features("edit", "edit", "python", 50)
    at_once = passed and replies == 1
    return Row(f"edit/python/{program}", "edit", model, True, features, passed, at_once, right, "", [reply] * replies)


def pair(program: str, small: bool, large: bool, **of_small: object) -> Pair:
    return Pair(row("small", program, right=small, **of_small), row("large", program, right=large))  # type: ignore[arg-type]


PAIRS = [
    pair("easy", True, True),
    pair("hard", False, True),
    pair("refused", False, True, passed=False, replies=2),
    pair("hopeless", False, False),
]
ALL = np.arange(len(PAIRS))


def rated(before: float, after: float = 0.0, sure: float = 0.0) -> Sufficiency:
    return Sufficiency(Regression({"edit": before}, {"size": 1.0}), Regression({"edit": after}, {"sure": sure}))


def test_alone_and_at_random() -> None:
    small, large, half = (
        policies.mean(policies.played(way, PAIRS))
        for way in (policies.small_alone, policies.large_alone, policies.mixed(0.5))
    )
    assert (small.right, small.cpu_s, small.asked_large) == (0.25, 1.25, 0)
    assert (large.right, large.cpu_s, large.asked_large) == (0.75, 4, 1)
    assert (half.right, half.cpu_s, half.asked_large) == (0.5, 2.625, 0.5)


def test_an_answer_that_passes_at_once_is_taken_and_one_that_does_not_goes_up() -> None:
    done = policies.played(policies.routed(rated(5.0, 9.0), 0.0, SIZES), PAIRS)
    # Only the first reply of the refused one is paid: a second try is for the heaviest model.
    assert done[:, 1].tolist() == [1, 1, 5, 1]
    assert done[:, 0].tolist() == [1, 0, 1, 0]
    assert done[:, 3].tolist() == [0, 0, 1, 0]


def test_always_the_large_one() -> None:
    done = policies.played(policies.routed(rated(5.0), 1.0, SIZES), PAIRS)
    assert done[:, 1].tolist() == [4] * 4


def test_an_unsure_answer_goes_up() -> None:
    unsure = [pair("a", True, True, sure=0.999), pair("b", False, True, sure=0.5)]
    done = policies.played(policies.routed(rated(9.0, 0.0, 2.0), 0.8, SIZES), unsure)
    assert done[:, 3].tolist() == [0, 1]
    assert done[:, 0].tolist() == [1, 1]


def test_where_the_large_one_has_no_answer_the_small_one_is_asked() -> None:
    large = row("large", "x", right=False, passed=False, replies=2)
    done = policies.played(policies.routed(rated(0.0), 1.0, SIZES), [Pair(row("small", "x", right=True), large)])
    assert done[0, :5].tolist() == [1, 9, 9, 1, 1]


@pytest.mark.parametrize(
    ("shares", "recovered", "apgr", "half"),
    [
        ((0.0, 1.0), (0.0, 1.0), 0.5, 0.5),
        ((0.5,), (0.5,), 0.5, 0.5),
        ((0.25,), (1.0,), 0.875, 0.13),
        ((0.5,), (0.0,), 0.25, 0.75),
        ((0.0,), (1.0,), 1.0, 0.0),
    ],
)
def test_what_a_curve_is_worth(
    shares: tuple[float, ...], recovered: tuple[float, ...], apgr: float, half: float
) -> None:
    curve = Curve(shares, recovered)
    assert curve.apgr == pytest.approx(apgr, abs=0.006)
    assert curve.cpt(0.5) == pytest.approx(half, abs=0.011)


def test_a_perfect_router_beats_a_coin() -> None:
    ways = [policies.routed(rated(9.0, 0.0, 2.0), each, SIZES) for each in policies.THRESHOLDS]
    known = [pair(f"p{n}", n % 2 == 0, True, sure=0.9999 if n % 2 == 0 else 0.6) for n in range(40)]
    curves = Curves.of(known, ways)
    assert curves.drawn(np.arange(40)).apgr > 0.7
    low, high = policies.bootstrap(known, lambda chosen: curves.drawn(chosen).apgr)
    assert 0.5 < low <= curves.drawn(np.arange(40)).apgr <= high <= 1.0


def test_the_regressions_find_what_was_put_in() -> None:
    draw = np.random.default_rng(1)
    rows = []
    for number in range(600):
        sure = float(draw.uniform(0.6, 0.9999))
        likely = 1 / (1 + np.exp(-(-np.log(1 - sure) - 3)))
        rows.append(row("small", f"p{number}", right=bool(draw.random() < likely), sure=sure))
        rows.append(row("large", f"p{number}", right=bool(draw.random() < 0.8), sure=0.99))
    fitted = sufficiency.fit(rows, SIZES)
    task = rows[0].features
    assert fitted.before.right(task, 1.5) == pytest.approx(0.8, abs=0.06)
    unsure, sure = (fitted.after.right(task, 0.5, each) for each in (0.65, 0.999))
    assert unsure is not None
    assert sure is not None
    assert unsure < 0.3 < 0.8 < sure


@pytest.mark.shared_data
def test_tasks_are_the_same_each_time_and_programs_stay_together() -> None:
    first, again = tasks.load(6, 6, 6), tasks.load(6, 6, 6)
    assert [each.key for each in first] == [each.key for each in again]
    assert len({each.key for each in first}) == len(first)
    sides: dict[str, set[bool]] = {}
    for each in first:
        sides.setdefault(each.name.partition(":")[0], set()).add(each.is_held_out)
    assert all(len(each) == 1 for each in sides.values())
    for each in first:
        if each.kind == "repair":
            assert not each.check(each.document.text)
