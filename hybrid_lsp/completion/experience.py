"""How well the probabilities hold for this user: what was read and taken, of what was expected to be right."""

from __future__ import annotations

import math

import attrs

TAKEN_OF_RIGHT = 0.6
"""Of suggestions that are right to the letter so many are taken: people also type on, or want another line."""
_INERTIA = 20.0
"""Suggestions that the numbers measured beforehand weigh as much as."""
_FORGETS = 0.99
"""What an older suggestion weighs of the one after it: people, and what they write, change."""
_MOST_DOWN, _MOST_UP = -1.0, 0.4
_CERTAIN = 1 - 1e-6


def shifted(probability: float, by: float) -> float:
    """A probability whose log-odds are more by so much; NaN stays."""
    if not by or math.isnan(probability):
        return probability
    probability = min(_CERTAIN, max(1 - _CERTAIN, probability))
    return 1 / (1 + math.exp(-math.log(probability / (1 - probability)) - by))


@attrs.define
class _Tally:
    expected: float = 0.0
    taken: float = 0.0


@attrs.define
class Experience:
    """What became of the suggestions that were read, by language id."""

    _tallies: dict[str, _Tally] = attrs.field(factory=dict)

    def settled(self, language: str, probability: float, *, taken: bool) -> None:
        """A suggestion of that probability was taken, or read and ignored; NaN, of a backend that has none, says
        nothing."""
        if math.isnan(probability):
            return
        tally = self._tallies.setdefault(language, _Tally())
        tally.expected = _FORGETS * tally.expected + TAKEN_OF_RIGHT * probability
        tally.taken = _FORGETS * tally.taken + taken

    def shift(self, language: str) -> float:
        """What is added to the log-odds of each probability in a language."""
        tally = self._tallies.get(language, _Tally())
        prior = _INERTIA * TAKEN_OF_RIGHT / 2
        return max(_MOST_DOWN, min(_MOST_UP, math.log((tally.taken + prior) / (tally.expected + prior))))
