"""Who may answer, and what is heard while they are asked."""

from __future__ import annotations

from enum import StrEnum

import attrs

from hybrid_lsp.backends.base import Backend
from hybrid_lsp.types import Piece, TierName


class Task(StrEnum):
    """What is asked for."""

    COMPLETION = "completion"
    DEEP_COMPLETION = "deep-completion"
    """A completion that was asked for by hand, which the small model is not sure of."""
    ACTION = "action"


_AFTER_BACKEND_S = 5.0


@attrs.frozen
class Patience:
    """How long a backend may be silent, in seconds.

    An absent or killed backend does not wait for any of these: its connection is refused or breaks, and the next
    candidate is asked at once. A live model that is slow to start is told apart by not being given up:

    `notice_s`: after so long without a piece the caller gets a `Waiting`, to show a static answer meanwhile; with what
    that takes to work out, it is there within 1.5 s.
    `first_piece_s`: time for loading a cold model and reading the prompt; a 7B model on a CPU takes a minute or two.
    `quiet_s`: longest pause between two pieces once they flow; a thought is a piece too.
    """

    notice_s: float = 1.0
    first_piece_s: float = 120.0
    quiet_s: float = 30.0

    @classmethod
    def beside(cls, timeout_s: float) -> Patience:
        """That with a backend which limits its whole reply itself: it is the one to say that it is too slow."""
        return cls(first_piece_s=max(cls().first_piece_s, timeout_s + _AFTER_BACKEND_S))


@attrs.frozen
class Candidate:
    """Who may answer: `backend` is None for the static tier. `reason` is a sentence for the user.

    `rises`: it is heavier than the one that is listed before it. `task` is what it is asked for; `fills_in`: it was
    taught to write what belongs between two texts.
    """

    tier: TierName
    backend: Backend | None
    reason: str
    rises: bool = False
    task: Task = Task.ACTION
    fills_in: bool = False

    @property
    def name(self) -> str:
        return self.backend.name if self.backend else str(self.tier)


@attrs.frozen
class Waiting:
    """The candidate is alive as far as is known and has said nothing for `seconds`."""

    candidate: Candidate
    seconds: float


Event = Candidate | Waiting | Piece
"""What a stream yields: a Candidate each time another one is asked, then its pieces."""


def instead(candidate: Candidate, why: str) -> Candidate:
    """A candidate that takes the place of another; `why` is a sentence without its full stop."""
    choice = "static analysis" if candidate.backend is None else f"{candidate.tier} model {candidate.name}"
    return attrs.evolve(candidate, reason=f"{why}: {choice} instead.")
