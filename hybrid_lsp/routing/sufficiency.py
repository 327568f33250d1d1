"""How likely a model's answer to a task is right, by the task's features, the model's size and, once there is an
answer, how probable its tokens were: logistic regressions.

Fitted on tasks with tests of their own (`benchmarks/routing.py`, docs/routing.md); the numbers are data. Of an action
that was never measured nothing is claimed: only the heaviest model is taken to do.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Any

import attrs

from hybrid_lsp.routing.features import Features

_FILE = "sufficiency.json"
_LOG_TOKENS_AT = 4.5
"""Where the logarithm is nought: 90 tokens of code."""
_WHEN = ("before", "after")
_LEAST_DOUBT, _DOUBT_AT = 1e-4, 3.0


def inputs(task: Features, billions: float, probability: float | None = None) -> dict[str, float]:
    """What the regressions see, each of about the same spread; `probability` is the mean one of a reply's tokens."""
    seen = {
        "size": math.log(billions),
        "tokens": math.log(max(task.code_tokens, 1)) - _LOG_TOKENS_AT,
        "complexity": math.log(max(task.complexity, 1)),
        "definitions": min(task.definitions, 10) / 10,
        "references": min(task.references, 10) / 10,
        "findings": min(task.findings, 5) / 5,
        "words": math.log1p(task.words) / 3,
        "hard": float(task.hard_words > 0),
        "easy": float(task.easy_words > 0),
        "python": float(task.language == "python"),
    }
    if probability is not None:
        seen["sure"] = -math.log(max(1 - probability, _LEAST_DOUBT)) - _DOUBT_AT
    return seen


@attrs.frozen
class Regression:
    """`actions` are its intercepts, `weights` those of `inputs`; what is not named counts nothing.

    `sizes` are how much more a model's size counts in an action than in others.
    """

    actions: Mapping[str, float] = attrs.field(factory=dict)
    weights: Mapping[str, float] = attrs.field(factory=dict)
    sizes: Mapping[str, float] = attrs.field(factory=dict)

    def right(self, task: Features, billions: float, probability: float | None = None) -> float | None:
        """How likely an answer is right, 0 to 1; None where the action was never measured."""
        if (intercept := self.actions.get(task.action)) is None:
            return None
        seen = inputs(task, billions, probability)
        by_size = self.sizes.get(task.action, 0.0) * seen["size"]
        known = sum(self.weights.get(name, 0.0) * value for name, value in seen.items())
        return _logistic(intercept + by_size + known)


@attrs.frozen
class Sufficiency:
    """What is expected of models `before` they answer, and `after` an answer that passed all checks."""

    before: Regression = attrs.field(factory=Regression)
    after: Regression = attrs.field(factory=Regression)

    @classmethod
    def measured(cls) -> Sufficiency:
        """The one that is shipped."""
        return _shipped()

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Sufficiency:
        return cls(*(Regression(**{name: dict(numbers) for name, numbers in values[each].items()}) for each in _WHEN))

    def ratio(
        self, task: Features, light: float | None, heavy: float | None, probability: float | None = None
    ) -> float | None:
        """How likely a model of `light` billions does as well as one of `heavy`, 0 to 1; None where nobody knows.

        `probability` is the mean one of the tokens of the light one's answer, where there is an answer.
        """
        # Of two that are as large, and both may be guesses, nobody knows which is better.
        if light is None or heavy is None or light == heavy:
            return None
        if light > heavy:
            return 1.0
        one = self.before.right(task, light) if probability is None else self.after.right(task, light, probability)
        other = self.before.right(task, heavy)
        return None if one is None or other is None else min(1.0, one / max(other, 1e-9))


@lru_cache(maxsize=1)
def _shipped() -> Sufficiency:
    return Sufficiency.read(json.loads(resources.files(__package__).joinpath(_FILE).read_text(encoding="utf-8")))


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, x))))
