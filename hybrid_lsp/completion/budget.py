"""How much text a model may be given, so that it begins to answer in time on this machine.

Additive growth and multiplicative decrease (as in TCP's congestion control, Jacobson 1988) on the measured time to the
first token. It needs nothing from the backend, so it holds for any server, and follows a machine that gets busy. The
budget moves in coarse steps: one that grows cuts the window anew, and an engine then has to read all of it. So it grows
only by what was quick where all was read: a key that goes on is quick on any machine, and says nothing of the next
place. It begins small, lest the first answer keeps a slow machine busy for seconds; the first in time opens it.
"""

from __future__ import annotations

import math

import attrs

TARGET_MS = 350.0
"""Time to the first token that is aimed at."""
_LEAST_CHARS = 1500
_STEP = 1.5
_TELLS_CHARS = 1000
"""A shorter text is quickly read anywhere."""
_QUICK_ANSWERS = 8
"""Quick answers in a row to what was read anew before the budget grows by a step."""


@attrs.define
class ContextBudget:
    """Characters of context; `most` is the user's limit."""

    _steps_down: int = 0
    _quick: int = 0
    _begins: bool = True

    def chars(self, most: int) -> int:
        """The budget now."""
        return min(most, _LEAST_CHARS if self._begins else max(_LEAST_CHARS, int(most / _STEP**self._steps_down)))

    def answered(self, first_ms: float, most: int, *, read: int) -> None:
        """A model began to answer after so many milliseconds; `read`: the characters of its window if it had to read
        all of it, 0 where it went on from what it had read."""
        if self._begins:
            self._begins = first_ms > TARGET_MS or read < _TELLS_CHARS
        elif first_ms > TARGET_MS:
            self._quick = 0
            # At once as far down as the time tells, for each step has to be read.
            steps = max(1, int(math.log(first_ms / TARGET_MS, _STEP))) if read else 1
            while steps and self.chars(most) > _LEAST_CHARS:
                self._steps_down, steps = self._steps_down + 1, steps - 1
        elif read >= _TELLS_CHARS and first_ms < TARGET_MS / 2 and self._steps_down:
            self._quick += 1
            if self._quick >= _QUICK_ANSWERS:
                self._quick, self._steps_down = 0, self._steps_down - 1
