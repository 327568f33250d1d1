"""The time for one reply: what is left of it, and what of it may be spent waiting for a server that is busy."""

from __future__ import annotations

import time

import attrs

from hybrid_lsp.backends.failures import Refusal
from hybrid_lsp.types import Chat, Request

_BUSY_S = 60.0
"""So long altogether a chat waits for a server that is busy; who types waits for no server."""
_LEAST_WAIT_S = 0.5
_BRIEFLY_S = 1.0
"""So long where nothing says that it will be back."""


@attrs.define
class Clock:
    """The time for one reply, in seconds. It stands still while the model is seen to think."""

    left_s: float
    waits_s: float
    """What of it may be spent waiting for a busy server."""
    next_wait_s: float = 1.0
    """How long the next time, where the server does not say."""
    _since: float = attrs.field(factory=time.monotonic)

    @property
    def remaining_s(self) -> float:
        return self.left_s - (time.monotonic() - self._since)

    def tick(self, *, thinking: bool) -> None:
        """Something has come; a thought was worth the time since the last."""
        now = time.monotonic()
        self.left_s -= 0.0 if thinking else now - self._since
        self._since = now

    def wait(self, refusal: Refusal) -> float | None:
        """How long to wait for a busy server; None: it is not worth it."""
        wanted_s = refusal.wait_s()
        wait_s = self.next_wait_s if wanted_s is None else wanted_s
        gone = wanted_s is None and not refusal.comes_back and wait_s > _BRIEFLY_S
        if gone or wait_s > min(self.waits_s, self.remaining_s):
            return None
        self.waits_s -= max(wait_s, _LEAST_WAIT_S)
        self.next_wait_s *= 2
        return wait_s


def patience_s(request: Request) -> float:
    """How long a request may wait for a busy server."""
    if not isinstance(request.prompt, Chat):
        return 0.0
    return _BUSY_S if request.time_budget_ms is None else min(_BUSY_S, request.time_budget_ms / 1000)
