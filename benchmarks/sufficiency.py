"""Fits the router's regressions (`hybrid_lsp.routing.sufficiency`) to what models made of tasks with tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.outcomes import Row
from hybrid_lsp.routing.features import Features
from hybrid_lsp.routing.sufficiency import Regression, Sufficiency, inputs

_RIDGE = 1.0
_STEPS = 50
_WITHOUT = ("references", "hard", "easy")
"""What the tasks do not vary in: nothing can be said of it."""
Floats = npt.NDArray[np.float64]
Case = tuple[Features, float, float | None, bool]
"""The task, billions of parameters, the probability of the answer where that is looked at, and whether it was right."""


def fit(rows: Sequence[Row], billions: Mapping[str, float]) -> Sufficiency:
    """Both regressions, from rows of models whose size `billions` tells by their name there."""
    before = [(row.features, billions[row.model], None, bool(row.right)) for row in rows]
    answered = [row for row in rows if row.at_once and row.probability is not None]
    after = [(row.features, billions[row.model], row.probability, bool(row.right)) for row in answered]
    return Sufficiency(regression(before), regression(after))


def regression(cases: Sequence[Case]) -> Regression:
    """A logistic regression with a ridge on all weights but a common intercept (Newton's method)."""
    actions = sorted({task.action for task, _, _, _ in cases})
    seen = [inputs(task, size, probability) for task, size, probability, _ in cases]
    names = [name for name in seen[0] if name not in _WITHOUT]
    of_action = [[float(task.action == each) for each in actions] for task, _, _, _ in cases]
    values = np.array(
        [
            [1.0, *own, *(flag * each["size"] for flag in own), *(each[name] for name in names)]
            for own, each in zip(of_action, seen, strict=True)
        ]
    )
    weights = _newton(values, np.array([right for _, _, _, right in cases], dtype=np.float64))
    count = len(actions)
    intercepts = _named(actions, weights[0] + weights[1 : 1 + count])
    return Regression(
        intercepts, _named(names, weights[1 + 2 * count :]), _named(actions, weights[1 + count : 1 + 2 * count])
    )


def _named(names: Sequence[str], values: Floats) -> dict[str, float]:
    return {name: round(float(each), 3) for name, each in zip(names, values, strict=True)}


def _newton(values: Floats, right: Floats) -> Floats:
    weights = np.zeros(values.shape[1])
    penalty = np.full(len(weights), _RIDGE)
    penalty[0] = 1e-6
    for _ in range(_STEPS):
        likely = 1 / (1 + np.exp(-values @ weights))
        slope = values.T @ (right - likely) - penalty * weights
        curve = (values * (likely * (1 - likely))[:, None]).T @ values + np.diag(penalty)
        step = np.linalg.solve(curve, slope)
        weights += step
        if np.abs(step).max() < 1e-8:
            break
    return weights
