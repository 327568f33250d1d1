"""Guesses at the next tokens, which a model confirms several at a time.

What is guessed changes nothing of what is written: of each guess only as much is taken as the model would have chosen
itself (Leviathan et al. 2023, "Fast Inference from Transformers via Speculative Decoding"). The guesses here cost
nothing: what the client expects, then what followed the same tokens earlier in the text (Saxena 2023, "Prompt Lookup
Decoding").
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

LONGEST = 8
"""Tokens of a guess: a pass over so many takes about twice as long as over one."""
_ORDERS = (4, 3, 2)
"""Tokens that must be the same before a guess, the most first."""
_TRIED = 3
"""Guesses in a row that may fail before only longer agreements are believed."""


@attrs.define(eq=False)
class Drafter:
    """Guesses for one generation; `expected` are the tokens that the client expects from its first on."""

    prompt: Sequence[int]
    expected: Sequence[int] = ()
    guessed: int = 0
    confirmed: int = 0
    _text: list[int] = attrs.field(init=False)
    _written: int = 0
    _places: list[dict[tuple[int, ...], int]] = attrs.field(init=False)
    _failures: int = 0

    def __attrs_post_init__(self) -> None:
        self._text = []
        self._places = [{} for _ in _ORDERS]
        for token in self.prompt:
            self._add(token)

    def written(self, token: int) -> None:
        """A token was chosen."""
        if self._written < len(self.expected) and self.expected[self._written] != token:
            self.expected = ()
        self._written += 1
        self._add(token)

    def told(self, guessed: int, confirmed: int) -> None:
        """How much of the latest guess was right."""
        self.guessed += guessed
        self.confirmed += confirmed
        if guessed:
            self._failures = 0 if confirmed else self._failures + 1

    def guess(self, most: int) -> list[int]:
        """The next tokens, at most so many, most often none."""
        most = min(most, LONGEST)
        if most <= 0:
            return []
        if self._written < len(self.expected):
            return list(self.expected[self._written : self._written + most])
        orders = _ORDERS if self._failures < _TRIED else _ORDERS[:1]
        for order, places in zip(orders, self._places, strict=False):
            start = places.get(tuple(self._text[-order:]), -1)
            if start >= 0:
                return self._text[start : start + most]
        return []

    def _add(self, token: int) -> None:
        """Remember what this token follows; the latest place counts."""
        for order, places in zip(_ORDERS, self._places, strict=True):
            if len(self._text) >= order:
                places[tuple(self._text[-order:])] = len(self._text)
        self._text.append(token)
