"""A circuit breaker for one backend: after a failure it is left alone for a while, then tried once.

closed ──failures──> open ──cool-down over──> half-open ──success──> closed
                      ^                           └──failure: twice the cool-down──┘
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum

import attrs

from hybrid_lsp.errors import BackendError


class State(StrEnum):
    """Whether a backend is asked."""

    CLOSED = "closed"
    """Yes: it works as far as is known."""
    OPEN = "open"
    """No: it failed and cools down."""
    HALF_OPEN = "half-open"
    """One request at a time finds out whether it is back."""


@attrs.define
class Health:
    """What is known about one backend.

    `threshold` failures in a row open the circuit for `cool_down_s` seconds; each failed trial doubles that, up to
    `longest_s`. `clock` gives seconds that only grow.
    """

    threshold: int = 1
    cool_down_s: float = 1.0
    longest_s: float = 60.0
    clock: Callable[[], float] = time.monotonic
    last_error: BackendError | None = None
    _failures: int = 0
    _retry_at: float = 0.0
    _probing: bool = False

    @property
    def state(self) -> State:
        if self._failures < self.threshold:
            return State.CLOSED
        return State.OPEN if self.clock() < self._retry_at else State.HALF_OPEN

    @property
    def retry_in_s(self) -> float:
        """Seconds until the next trial; 0 where it may be asked now."""
        return max(0.0, self._retry_at - self.clock()) if self.state is State.OPEN else 0.0

    @property
    def allows(self) -> bool:
        """Whether a request may go there now."""
        return self.state is State.CLOSED or (self.state is State.HALF_OPEN and not self._probing)

    def begin(self) -> None:
        """A request goes there; each must end in `success`, `failure` or `abandon`."""
        self._probing = self.state is State.HALF_OPEN

    def success(self) -> None:
        """It answered."""
        self._failures, self._probing, self.last_error = 0, False, None

    def failure(self, error: BackendError) -> None:
        """It did not answer."""
        self._failures += 1
        self._probing, self.last_error = False, error
        over = self._failures - self.threshold
        if over >= 0:
            # The exponent is bounded so that a backend that is away for days does not overflow a float.
            self._retry_at = self.clock() + min(self.longest_s, self.cool_down_s * 2 ** min(over, 32))

    def abandon(self) -> None:
        """The request was cancelled: nothing was learnt."""
        self._probing = False
