"""How long to wait for the next keystroke before a model is asked.

The pause is a quantile of the user's own recent gaps between keystrokes, chosen so that the model is started at most so
often: a share of keystrokes that shrinks as the model gets slower, so that typing never keeps a slow machine busy.
What reuse and copying answer does not count against it: where they answer much, the pause is shorter. What is worked
out ahead counts: each start lengthens the pause a little, each keystroke without one shortens it, so that the share
holds whatever the user types (stochastic approximation: Robbins and Monro 1951).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import attrs

from hybrid_lsp.document import Document, difference

MODEL_STARTS = 0.11
"""Starts a keystroke that are aimed at, for a model that answers within `_FAST_S`."""
LIGHTER_STARTS, SECOND_STARTS = 0.4, 0.15
"""The same for a model that is asked before another, where a start costs about a seventh and often spares one of those,
and for the one that is asked after it."""
_SLOW_S = 0.7
"""Nothing is told from an answer that took longer but that: it may have been loading, or asked anew."""
_LESS = 0.93
"""What a start makes of the share of gaps that may outlive the pause."""
_LEAST_LEAVE, _MOST_LEAVE = 0.3, 1.5
_FAST_S = 0.25
_LONGEST_GAP_S = 5.0
"""A longer one is no rhythm: the user has looked elsewhere."""
_SHORTEST_S, _LONGEST_S = 0.05, 0.7
_TYPICAL_GAPS_S = (0.056, 0.09, 0.12, 0.154, 0.2, 0.263, 0.4, 0.693)
"""Until the user's own are known: quantiles of a recorded editing session (10, 25, ... 90 %)."""
_REMEMBERED = 64
_INERTIA = 0.95
"""Weight of the past in the running means."""
_LEAST_NEED = 0.05
"""Fewer requests, of those that need one, are no longer told apart."""


def _now() -> float:
    return asyncio.get_running_loop().time()


@attrs.define
class Pace:
    """How often one model may be started: `starts` are those that are aimed at for each keystroke if it is fast."""

    starts: float = MODEL_STARTS
    _latency: float = _FAST_S
    _leave: float = 0.6
    _needed: float = 1.0

    def typed(self) -> None:
        """A keystroke."""
        self._leave = min(_MOST_LEAVE, self._leave * _LESS**-self._share)

    def started(self) -> None:
        """The model was started, for a request or ahead of one."""
        self._leave = max(_LEAST_LEAVE, self._leave * _LESS)

    def answered(self, seconds: float) -> None:
        """The model took so long."""
        self._latency = _mean(self._latency, min(seconds, _SLOW_S))

    def needed(self, needed: bool) -> None:
        """A lighter model was asked, and this one had to be asked as well (or not)."""
        self._needed = _mean(self._needed, needed)

    @property
    def outlived(self) -> float:
        """The share of gaps that may outlive the pause, where each request needs a model."""
        return self._leave * self._share / max(self._needed, _LEAST_NEED)

    @property
    def _share(self) -> float:
        """Starts a keystroke that are aimed at."""
        return self.starts * min(1.0, _FAST_S / self._latency)


class Rhythm:
    """The typing rhythm, and the pause before a model that follows from it and from the model's pace, in seconds."""

    def __init__(self, clock: Callable[[], float] = _now) -> None:
        self._clock = clock
        self._gaps: deque[float] = deque(_TYPICAL_GAPS_S, maxlen=_REMEMBERED)
        self._last: float | None = None
        self._needs_model = 0.8
        self.deleted: dict[str, bool] = {}
        """Of each document: whether its last change only deleted."""

    def changed(self, old: Document, new: Document) -> None:
        """A keystroke, as far as a server can see one."""
        now = self._clock()
        if self._last is not None and (gap := now - self._last) <= _LONGEST_GAP_S:
            self._gaps.append(gap)
        self._last = now
        self.deleted[new.uri] = _only_deletes(old.text, new.text)

    def closed(self, uri: str) -> None:
        self.deleted.pop(uri, None)

    def asked(self, *, needs_model: bool) -> None:
        """A request came, and only a model can answer it (or not)."""
        self._needs_model = _mean(self._needs_model, needs_model)

    def wait_s(self, pace: Pace, fixed_ms: int, *, client_waited: bool) -> float:
        """What is left to wait now for a model: the pause less the time since the last keystroke.

        `fixed_ms` is the user's own pause, -1 for the rhythm's; a client that has waited itself is not kept waiting.
        """
        if client_waited and fixed_ms < 0:
            return 0.0
        pause = self.pause_s(pace) if fixed_ms < 0 else fixed_ms / 1000
        passed = self._clock() - self._last if self._last is not None else pause
        return max(0.0, pause - passed)

    def pause_s(self, pace: Pace) -> float:
        """The pause that so few of the gaps outlive."""
        outlived = min(1.0, pace.outlived / max(self._needs_model, _LEAST_NEED))
        gaps = sorted(self._gaps)
        quantile = gaps[min(len(gaps) - 1, int(len(gaps) * (1 - outlived)))]
        return max(_SHORTEST_S, min(_LONGEST_S, quantile))


def _mean(past: float, new: float) -> float:
    """A running mean."""
    return _INERTIA * past + (1 - _INERTIA) * new


def _only_deletes(old: str, new: str) -> bool:
    span, text = difference(old, new)
    return not text and not span.empty
