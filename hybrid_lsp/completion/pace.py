"""How long two models take, and whether the lighter one is worth asking first.

Asked first it costs its own time at every place, and spares the heavier one's at about a third of them. Where the
heavier one only goes on from what it has read, it may be nearly as quick; where it has to read a new prompt it is not.
"""

from __future__ import annotations

import attrs

WORTH = 3.0
"""How many times as long the heavier one must take."""
_INERTIA = 0.8


@attrs.define
class Pace:
    """Running means of milliseconds: of the lighter one, and of the heavier one where its window stood."""

    _lighter: float | None = None
    _going_on: float | None = None

    def lighter(self, elapsed_ms: float) -> None:
        """The lighter one took so long."""
        self._lighter = _blend(self._lighter, elapsed_ms)

    def heavier(self, elapsed_ms: float, *, stood: bool) -> None:
        """The heavier one took so long; `stood`: its window was the one that it had read before, and what was typed."""
        if stood:
            self._going_on = _blend(self._going_on, elapsed_ms)

    @property
    def quick(self) -> bool:
        """Whether the heavier one takes hardly longer wherever it goes on: asked at once it is dearer by nothing, and
        where it reads a place once, that is not lost on the next keys there."""
        if self._lighter is None or self._going_on is None:
            return False
        return self._going_on < WORTH * self._lighter


def _blend(mean: float | None, value: float) -> float:
    return value if mean is None else _INERTIA * mean + (1 - _INERTIA) * value
