"""Ways of sharing tasks between a small and a large model, played on recorded outcomes: quality, cost and time of each.

The measures are those of the field (Ong et al., RouteLLM, 2024): the performance gap recovered (PGR) is 0 for the small
model alone and 1 for the large one; APGR is its mean over all shares of tasks that the large model is asked; CPT(x) the
least such share that recovers x of the gap. Intervals are of a bootstrap over programs: tasks of one belong together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from benchmarks.outcomes import Reply, Row
from hybrid_lsp.config import RoutingConfig
from hybrid_lsp.routing.features import CHARS_A_TOKEN
from hybrid_lsp.routing.policy import Link, Policy
from hybrid_lsp.routing.sufficiency import Sufficiency
from hybrid_lsp.types import Tier

RESAMPLES = 1000
_SEED = 3
_SHARES = np.linspace(0, 1, 101)


@attrs.frozen
class Pair:
    """One task by both models."""

    small: Row
    large: Row

    @property
    def program(self) -> str:
        return self.small.key.rpartition("/")[2].partition(":")[0]


@attrs.frozen
class Done:
    """What came of one task: whether it is right, processor seconds, seconds, whether the large model was asked and
    whether a light one (or static analysis) answered, and the tokens that the large one read and wrote."""

    right: float
    cpu_s: float
    seconds: float
    asked_large: float
    light: float
    large_tokens: float


@attrs.frozen
class Mean(Done):
    """Of many tasks."""

    p95_s: float


Way = Callable[[Pair], Done]


def pairs(rows: Sequence[Row], held_out: bool) -> list[Pair]:
    """The tasks that both models have done."""
    by: defaultdict[str, dict[str, Row]] = defaultdict(dict)
    for row in rows:
        if row.held_out == held_out:
            by[row.key][row.model] = row
    return [Pair(each["small"], each["large"]) for each in by.values() if {"small", "large"} <= each.keys()]


def _alone(row: Row, *, asked_large: bool) -> Done:
    right, tokens = float(bool(row.right)), _tokens(row) if asked_large else 0.0
    return Done(right, row.cpu_s, row.seconds, float(asked_large), float(not asked_large), tokens)


def small_alone(pair: Pair) -> Done:
    return _alone(pair.small, asked_large=False)


def large_alone(pair: Pair) -> Done:
    return _alone(pair.large, asked_large=True)


def mixed(share: float) -> Way:
    """The expectation of asking the large model for a share of tasks drawn at random."""

    def way(pair: Pair) -> Done:
        one, other = attrs.astuple(small_alone(pair)), attrs.astuple(large_alone(pair))
        return Done(*(a + (b - a) * share for a, b in zip(one, other, strict=True)))

    return way


def routed(known: Sufficiency, threshold: float, sizes: Mapping[str, float]) -> Way:
    """What the product does: the policy chooses who begins; an answer that is refused or doubted goes up, and after the
    large model that has none the small one is asked."""
    policy = Policy(RoutingConfig(threshold=threshold), known)
    links = [Link(tier, tier, sizes[tier]) for tier in (Tier.SMALL, Tier.LARGE)]

    def way(pair: Pair) -> Done:
        task = pair.small.features
        # A line that is asked for by hand is the small model's first in any case.
        if pair.small.kind != "infill" and policy.plan(task, links).chosen == Tier.LARGE:
            return _from_above(pair)
        first = pair.small.replies[:1]
        likely = known.ratio(task, sizes["small"], sizes["large"], pair.small.probability)
        doubted = pair.small.probability is not None and bool(policy.doubt(task, likely))
        if pair.small.at_once and not doubted:
            return Done(float(bool(pair.small.right)), _cpu(first), _seconds(first), 0.0, 1.0, 0.0)
        large, light = pair.large, float(not pair.large.passed)
        cpu_s, seconds = _cpu(first) + large.cpu_s, _seconds(first) + large.seconds
        return Done(float(bool(large.right)), cpu_s, seconds, 1.0, light, _tokens(large))

    return way


def _from_above(pair: Pair) -> Done:
    large, small = pair.large, pair.small
    if large.passed:
        return large_alone(pair)
    cpu_s, seconds = large.cpu_s + small.cpu_s, large.seconds + small.seconds
    return Done(float(bool(small.right)), cpu_s, seconds, 1.0, 1.0, _tokens(large))


def _tokens(row: Row) -> float:
    return sum(each.read_chars / CHARS_A_TOKEN + each.tokens for each in row.replies)


def _cpu(replies: Sequence[Reply]) -> float:
    return sum(each.cpu_s for each in replies)


def _seconds(replies: Sequence[Reply]) -> float:
    return sum(each.seconds for each in replies)


Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]


def played(way: Way, tasks: Sequence[Pair]) -> Floats:
    """What comes of each task: one row a task, columns as the fields of Done."""
    return np.array([attrs.astuple(way(each)) for each in tasks])


def mean(done: Floats) -> Mean:
    return Mean(*map(float, (*done.mean(axis=0), np.quantile(done[:, 2], 0.95))))


@attrs.frozen
class Curve:
    """A router's quality by the share of tasks that the large model is asked, thresholds from 0 to 1."""

    shares: tuple[float, ...]
    recovered: tuple[float, ...]

    @property
    def apgr(self) -> float:
        return float(np.trapezoid(self._at(_SHARES), _SHARES))

    def cpt(self, recovered: float) -> float:
        """The least share with so much of the gap recovered, 0 to 1; 1 where the curve does not reach it."""
        reached = _SHARES[self._at(_SHARES) >= recovered]
        return float(reached[0]) if len(reached) else 1.0

    def _at(self, shares: Floats) -> Floats:
        order = np.argsort(self.shares, kind="stable")
        # Between two points one may toss a coin; the ends are the models alone.
        xs = np.concatenate(([0.0], np.array(self.shares)[order], [1.0]))
        ys = np.concatenate(([0.0], np.array(self.recovered)[order], [1.0]))
        return np.interp(shares, xs, ys)


THRESHOLDS = tuple(round(each, 3) for each in np.linspace(0, 1.0, 41))


@attrs.frozen
class Curves:
    """A router played with all thresholds, so that it can be measured on any choice of the tasks."""

    small: Floats
    large: Floats
    routers: tuple[Floats, ...]

    @classmethod
    def of(cls, tasks: Sequence[Pair], ways: Sequence[Way]) -> Curves:
        small, large = played(small_alone, tasks), played(large_alone, tasks)
        return cls(small, large, tuple(played(way, tasks) for way in ways))

    def drawn(self, chosen: Indices) -> Curve:
        """The curve on some tasks, by their numbers."""
        low, high = self.small[chosen, 0].mean(), self.large[chosen, 0].mean()
        gap = max(high - low, 1e-9)
        shares = tuple(float(each[chosen, 3].mean()) for each in self.routers)
        return Curve(shares, tuple(float((each[chosen, 0].mean() - low) / gap) for each in self.routers))


def bootstrap(tasks: Sequence[Pair], measure: Callable[[Indices], float]) -> tuple[float, float]:
    """The 95 % interval of a measure of tasks by their numbers, programs drawn anew with replacement."""
    by: defaultdict[str, list[int]] = defaultdict(list)
    for number, each in enumerate(tasks):
        by[each.program].append(number)
    programs, draw = [np.array(each) for each in by.values()], np.random.default_rng(_SEED)
    found = []
    for _ in range(RESAMPLES):
        drawn = draw.integers(0, len(programs), len(programs))
        found.append(measure(np.concatenate([programs[number] for number in drawn])))
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)
