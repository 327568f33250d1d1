"""What is recorded. Each event is one row; no field ever holds source text, a path or a prompt."""

from __future__ import annotations

from enum import StrEnum

import attrs

from hybrid_lsp.types import Reason, Tier


class AcceptKind(StrEnum):
    """How a suggestion got into the text: all that was left of it, up to a line's or a word's end, or up to some other
    place, or by its being typed by hand."""

    FULL = "full"
    LINE = "line"
    WORD = "word"
    PARTIAL = "partial"
    TYPED = "typed"


class ActionEnd(StrEnum):
    """How an action ended."""

    DONE = "done"
    NOTHING = "nothing"
    FAILED = "failed"
    CANCELLED = "cancelled"


@attrs.frozen
class InlineAnswered:
    """One inline request: what it was answered with (`shown` suggestions, or the reason for none) and how long it took.

    `latency_ms` runs from the request's arrival to its answer, `model_ms` is the part that a model took.
    """

    suggestion: str | None
    reason: Reason | None
    language: str
    tier: Tier | None
    model: str | None
    latency_ms: float
    model_ms: float
    tokens: int
    characters: int
    reused: bool = False
    """Known from an earlier request: no model was asked."""


@attrs.frozen
class InlineAccepted:
    """A shown suggestion was taken, `characters` of it by this accept: word by word, there is one of these each."""

    suggestion: str
    kind: AcceptKind
    characters: int


@attrs.frozen
class InlineIgnored:
    """A suggestion was shown for so long and not taken."""

    suggestion: str
    seen_ms: float


@attrs.frozen
class InlineKept:
    """`share` (0 to 1) of an accepted text's characters stood `after_s` seconds after the last of it was accepted."""

    suggestion: str
    after_s: int
    share: float


@attrs.frozen
class ActionEnded:
    """One run of a code action; `tier` is the one that answered, `fallback` whether a better one had failed."""

    action: str
    language: str
    tier: Tier | None
    ending: ActionEnd
    fallback: bool
    latency_ms: float
    tokens: int


Event = InlineAnswered | InlineAccepted | InlineIgnored | InlineKept | ActionEnded
EVENT_TYPES: tuple[type[Event], ...] = (InlineAnswered, InlineAccepted, InlineIgnored, InlineKept, ActionEnded)
