"""What should be changed, what that would have meant for the recorded tasks, and when there is nothing to say."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np

from hybrid_lsp.audit.estimate import Range, Shift, Vector, fit, likely, wilson
from hybrid_lsp.audit.evidence import Case, Evidence

LEAST = 30
"""Judged runs on lighter models, of an action, below which nothing is advised."""
_LEAST_CHANGE = 0.02
_MARGIN = 0.01
"""From 0 and 1, which would ask for one model whatever the task: a wish, which is the user's alone."""
_FURTHEST = 0.15
"""A threshold goes so far below the least likely task that a lighter model was seen to do: what is further down was
never tried, and the next audit will know more."""


@attrs.frozen
class Effect:
    """Something a task, as it is and as it would be with the new threshold; `change` is the difference."""

    now: float
    then: float
    change: Range


@attrs.frozen
class Advice:
    """What is said of one action. `threshold` is the present one, `wish` what it should mean, `advised` the one that
    does mean it, None where nothing is to be changed; `why` says why in words.

    `light` and `heavy` are shares of good answers. `needed` counts judged runs that are still missing.
    """

    action: str
    runs: int
    judged: int
    unclear: int
    light: Range | None
    heavy: Range | None
    escalated: float | None
    threshold: float
    wish: float
    advised: float | None
    interval: Range | None
    why: str
    needed: int = 0
    unit: str = ""
    on_light: Effect | None = None
    cost: Effect | None = None
    latency_ms: Effect | None = None
    quality: Effect | None = None


def advise(evidence: Evidence, threshold: float, wish: float) -> Advice:
    """What a threshold should be, by the tasks of an action."""
    judged, base = evidence.judged, _seen(evidence, threshold, wish)
    if not evidence.edits:
        why = "No edit of a model's was recorded. Of a text nobody says whether it was right: that is yours to judge."
        return attrs.evolve(base, why=why)
    if not evidence.cases:
        return attrs.evolve(base, why="The router had no choice here, or no numbers to choose by.")
    if wish in (0, 1):
        who = "heaviest" if wish else "lightest"
        return attrs.evolve(
            base, why=f"Your settings ask for the {who} model whatever the task (a threshold of {wish:g})."
        )
    if len(judged) < LEAST:
        missing = LEAST - len(judged)
        why = f"Too little is known: {len(judged)} of {LEAST} edits by a lighter model, {missing} more are needed."
        return attrs.evolve(base, why=why, needed=missing)
    highest = base.heavy.high if base.heavy else 1.0
    likelihoods = np.array([each.sufficient for each in judged])
    shift = fit(likelihoods, np.array([each.success(highest) for each in judged]), highest)
    meant = shift.threshold(wish)
    low = max(0.0, float(likelihoods.min()) - _FURTHEST)
    advised = round(min(max(meant.value, low, _MARGIN), 1 - _MARGIN), 2)
    if meant.low <= threshold <= meant.high or abs(advised - threshold) < _LEAST_CHANGE:
        return attrs.evolve(base, interval=meant, **_nothing_to_change(base, meant))
    better, more = ("better", "more") if advised < threshold else ("worse", "less")
    why = f"Lighter models do {better} at this than the router thinks: they should get {more} of it."
    effects: dict[str, Any] = _effects(evidence, shift, threshold, advised)
    return attrs.evolve(base, advised=advised, interval=meant, why=why, **effects)


def _seen(evidence: Evidence, threshold: float, wish: float) -> Advice:
    judged = evidence.judged
    heavy = [each.heavy_good for each in evidence.cases if each.heavy_good is not None]
    share = sum(heavy) / len(heavy) if heavy else 1.0
    return Advice(
        action=evidence.action,
        runs=len(evidence.cases),
        judged=len(judged),
        unclear=evidence.unclear,
        light=wilson(sum(each.success(share) or 0.0 for each in judged), len(judged)),
        heavy=wilson(sum(heavy), len(heavy)),
        escalated=sum(each.escalated for each in judged) / len(judged) if judged else None,
        threshold=threshold,
        wish=wish,
        advised=None,
        interval=None,
        why="",
        unit=evidence.unit,
    )


def _nothing_to_change(base: Advice, meant: Range) -> dict[str, Any]:
    """The present threshold may be right; how many runs would tell."""
    off = abs(meant.value - base.threshold)
    why = f"The present threshold lies within what {base.judged} runs say ({meant.low:.2f} to {meant.high:.2f})."
    if off < _LEAST_CHANGE:
        return {"why": why}
    # Intervals shrink with the root of the count.
    needed = math.ceil(base.judged * ((meant.high - meant.low) / 2 / off) ** 2) - base.judged
    if needed <= 0:
        return {"why": why}
    return {"why": f"{why} About {needed} more could show that {meant.value:.2f} is better.", "needed": needed}


def _effects(evidence: Evidence, shift: Shift, now: float, then: float) -> dict[str, Effect | None]:
    """The recorded tasks once more, with both thresholds."""
    cases = evidence.cases
    rates = _Rates.of(cases)
    likelihoods = np.array([each.sufficient for each in cases])
    draws = np.random.default_rng(1).multinomial(len(cases), np.full(len(cases), 1 / len(cases)), len(shift.resampled))

    def effect(of: Callable[[float], tuple[Vector, Vector]]) -> Effect:
        """`of` gives, for a shift, what each task comes to on a lighter model and on the heaviest."""

        def means(shifted: float, weights: Vector) -> tuple[float, float]:
            light, heavy = of(shifted)
            both = (np.where(likelihoods >= each, light, heavy) for each in (now, then))
            before, after = (float(np.average(each, weights=weights)) for each in both)
            return before, after

        before, after = means(shift.value, np.ones(len(cases)))
        resampled = [means(float(one), weights) for one, weights in zip(shift.resampled, draws, strict=True)]
        low, high = np.quantile([two - one for one, two in resampled], [0.025, 0.975])
        return Effect(before, after, Range(after - before, float(low), float(high)))

    def sent_on(shifted: float) -> tuple[Vector, Vector]:
        """How likely a lighter model's answer is good, and how likely the heaviest one is asked after it."""
        right = rates.heavy * likely(likelihoods, shifted)
        return right, right * rates.good_sent_on + (1 - right) * rates.bad_sent_on

    def going_on(light: float, heavy: float) -> Callable[[float], tuple[Vector, Vector]]:
        return lambda shifted: (light + heavy * sent_on(shifted)[1], np.full(len(cases), heavy))

    def good(shifted: float) -> tuple[Vector, Vector]:
        right, on = sent_on(shifted)
        return right * (1 - rates.good_sent_on) + on * rates.heavy, np.full(len(cases), rates.heavy)

    ones, noughts = np.ones(len(cases)), np.zeros(len(cases))
    return {
        "on_light": effect(lambda _: (ones, noughts)),
        "quality": effect(good),
        "cost": effect(going_on(*rates.costs)) if rates.costs else None,
        "latency_ms": effect(going_on(*rates.latencies)) if rates.latencies else None,
    }


@attrs.frozen
class _Rates:
    """Means of the recorded tasks: `heavy` is the heaviest model's share of good answers; of the good and of the bad
    answers of lighter ones the shares after which the heaviest was asked; costs and latencies of each of them."""

    heavy: float
    good_sent_on: float
    bad_sent_on: float
    costs: tuple[float, float] | None
    latencies: tuple[float, float] | None

    @classmethod
    def of(cls, cases: Sequence[Case]) -> _Rates:
        heavy = [each.heavy_good for each in cases if each.heavy_good is not None]
        share = (sum(heavy) + 1) / (len(heavy) + 2) if heavy else 1.0
        known = [(each, good) for each in cases if each.light and (good := each.success(share)) is not None]
        sent_on = [pair for pair in known if pair[0].escalated]
        light = [each.latency_ms for each in cases if each.light and not each.escalated]
        return cls(
            heavy=share,
            good_sent_on=_ratio(sum(good for _, good in sent_on), sum(good for _, good in known)),
            bad_sent_on=_ratio(sum(1 - good for _, good in sent_on), sum(1 - good for _, good in known)),
            costs=_both([each.light_cost for each in cases], [each.heavy_cost for each in cases]),
            latencies=_both(light, [each.latency_ms for each in cases if not each.light]),
        )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _both(light: Sequence[float | None], heavy: Sequence[float | None]) -> tuple[float, float] | None:
    known = [[each for each in side if each is not None] for side in (light, heavy)]
    if not all(known):
        return None
    one, other = (float(np.mean(side)) for side in known)
    return one, other
