"""How long a reply still takes: by what was measured of a model, first by its earlier replies and then by this one.

Rates are in characters, which a reply's length can be told in beforehand; tokens are a model's own.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import attrs

_FEW_CHARS = 40
"""So much of a reply is needed to tell how fast it comes."""
_WEIGHT = 0.5
"""Of the newest measurement among earlier ones: what else a machine does changes quickly."""


@attrs.define
class Rates:
    """Characters a second that a model reads and writes; None where that was not measured yet."""

    read: float | None = None
    written: float | None = None

    def seconds(self, prompt_chars: int, expected_chars: int) -> float | None:
        """How long a reply of such a length takes, in seconds; None where that was not measured yet."""
        if self.read is None or self.written is None:
            return None
        return prompt_chars / self.read + expected_chars / self.written


@attrs.define
class Pace:
    """One reply of a model: `prompt_chars` are read first, then some `expected_chars` are written.

    What is measured is kept in `rates`, for the next reply.
    """

    rates: Rates
    prompt_chars: int
    expected_chars: int
    clock: Callable[[], float] = time.monotonic
    started: float = attrs.field(init=False)
    first: float | None = attrs.field(default=None, init=False)
    first_chars: int = attrs.field(default=0, init=False)
    chars: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.started = self.clock()

    def grown(self, chars: int) -> None:
        """The reply has so many characters now."""
        if chars > 0 and self.first is None:
            self.first, self.first_chars = self.clock(), chars
        self.chars = chars

    def left(self) -> str:
        """How long it still takes, in words; empty where that cannot be told."""
        written = self._written() or self.rates.written
        if written is None or self.chars >= self.expected_chars:
            return ""
        seconds = (self.expected_chars - self.chars) / written
        if self.first is None:
            if self.rates.read is None:
                return ""
            seconds += max(0.0, self.prompt_chars / self.rates.read - (self.clock() - self.started))
        return about(seconds)

    def end(self) -> None:
        """Keep what was measured."""
        if self.first is not None:
            reading = max(self.first - self.started, 1e-3)
            self.rates.read = _mixed(self.rates.read, self.prompt_chars / reading)
            self.rates.written = _mixed(self.rates.written, self._written())

    def _written(self) -> float | None:
        """Characters a second of this reply."""
        more = self.chars - self.first_chars
        if self.first is None or more < _FEW_CHARS:
            return None
        return more / max(self.clock() - self.first, 1e-3)


def _mixed(old: float | None, new: float | None) -> float | None:
    if old is None or new is None:
        return old if new is None else new
    return (1 - _WEIGHT) * old + _WEIGHT * new


def about(seconds: float) -> str:
    """A time in words, as roughly as it is known."""
    if seconds < 10:
        return "a few seconds"
    if seconds < 90:
        return f"about {5 * round(seconds / 5)} s"
    return f"about {round(seconds / 60)} min"
