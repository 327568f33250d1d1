"""Whether a suggestion is sure enough to be shown."""

from __future__ import annotations

import json
import math

import attrs

from hybrid_lsp.config import Config
from hybrid_lsp.errors import ModelError
from hybrid_lsp.models.store import locate
from hybrid_lsp.types import Piece


@attrs.frozen
class Thresholds:
    """Least confidence at which a suggestion is shown, from the model's evaluation on held-out code.

    `languages` are those the model was evaluated on; others need `elsewhere`.
    """

    at: float = 0.0
    elsewhere: float = 0.0
    languages: frozenset[str] = frozenset()

    def for_language(self, language: str) -> float:
        return self.at if not self.languages or language in self.languages else self.elsewhere


def mean_probability(pieces: list[Piece]) -> float:
    """The geometric mean probability of the tokens, 0 to 1; NaN where the backend gives none."""
    tokens = sum(piece.tokens for piece in pieces)
    total = sum(piece.logprob for piece in pieces if piece.tokens)
    return math.exp(total / tokens) if tokens and not math.isnan(total) else math.nan


def sure_enough(confidence: float, threshold: float) -> bool:
    """A backend that gives no probabilities is not held back: its user chose it."""
    return math.isnan(confidence) or confidence >= threshold


def thresholds(config: Config) -> Thresholds:
    """The thresholds that an engine's model was evaluated to need; none for a model without an evaluation."""
    if config.small.backend != "engine":
        return Thresholds()
    try:
        found = json.loads((locate(config.small.model) / "evaluation.json").read_text("utf-8"))["threshold"]
        languages = frozenset(str(name) for name in found["languages"])
        return Thresholds(float(found["at"]), float(found["elsewhere"]), languages)
    except (ModelError, OSError, ValueError, KeyError, TypeError):
        return Thresholds()
