"""How far the router's likelihoods are off for the user's own tasks, with an interval.

The router thinks that a lighter model does as well as the heaviest with likelihood s. Here the lighter one's answer is
good with h * logistic(logit s + b): h is how often the heaviest one's are, and the shift b is what is estimated (Platt
1999, with the slope kept at 1: that takes least data). A wish of t for the real likelihood is then met by the threshold
logistic(logit t - b). Intervals: of b by the bootstrap (Efron 1979), of shares by Wilson's score (1927).
"""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from hybrid_lsp.training import scores

Vector = NDArray[np.float64]

RESAMPLES = 500
_SHIFTS = np.arange(-6.0, 6.0001, 0.02)
_PRIOR = 1.5
"""Standard deviation of the shift before anything is known: where all went well, it must not run away."""
_EDGE = 0.01


@attrs.frozen
class Range:
    """An estimate and its 95 % interval."""

    value: float
    low: float
    high: float


@attrs.frozen(eq=False)
class Shift:
    """The estimate of b, and those of the resamples, with how often each case counts in each of them."""

    value: float
    resampled: Vector
    weights: Vector

    def threshold(self, wish: float) -> Range:
        """The threshold that meets a wish."""
        ends = [float(end) for end in np.quantile(self.resampled, [0.975, 0.025])]
        return Range(*(moved(wish, -each) for each in (self.value, *ends)))


def wilson(good: float, count: int) -> Range | None:
    """A share with its interval; None of nothing."""
    if not count:
        return None
    return Range(good / count, *scores.wilson(good, count))


def moved(likelihood: float, shift: float) -> float:
    """A likelihood on the other side of a shift."""
    return float(likely(np.array([likelihood]), shift)[0])


def likely(sufficient: Vector, shift: float | Vector) -> Vector:
    """How likely a lighter model does as well as the heaviest, by the user's own tasks."""
    kept = np.clip(sufficient, _EDGE, 1 - _EDGE)
    result: Vector = 1 / (1 + np.exp(-(np.log(kept / (1 - kept)) + shift)))
    return result


def fit(sufficient: Vector, success: Vector, heaviest: float, seed: int = 0) -> Shift:
    """The shift of some tasks whose outcome is known, from 0 to 1 each; `heaviest` is the share of good answers of the
    heaviest model."""
    chance = np.clip(heaviest * likely(sufficient[:, None], _SHIFTS[None, :]), _EDGE / 10, 1 - _EDGE / 10)
    logs = success[:, None] * np.log(chance) + (1 - success[:, None]) * np.log(1 - chance)
    prior = -(_SHIFTS**2) / (2 * _PRIOR**2)
    # The same tasks give the same advice: the seed is fixed.
    draws = np.random.default_rng(seed).multinomial(len(success), np.full(len(success), 1 / len(success)), RESAMPLES)
    weights = draws.astype(np.float64)
    best = _SHIFTS[np.argmax(weights @ logs + prior, axis=1)]
    return Shift(float(_SHIFTS[int(np.argmax(logs.sum(axis=0) + prior))]), best, weights)
