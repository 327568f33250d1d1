"""What is recorded. Each event is one row; no field ever holds source text, a path or a prompt."""

from __future__ import annotations

from enum import StrEnum
from typing import get_args

import attrs

from hybrid_lsp.types import Reason, TierName


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
    tier: TierName | None
    model: str | None
    latency_ms: float
    model_ms: float
    tokens: int
    characters: int
    reused: bool = False
    """Known from an earlier request: no model was asked."""
    escalated: bool = False
    """A heavier model was asked, since the lighter one was not sure."""


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


class Ask(StrEnum):
    """How one request to a model ended."""

    ANSWERED = "answered"
    STOPPED = "stopped"
    """Nobody wanted more of it."""
    REFUSED = "refused"
    FAILED = "failed"


@attrs.frozen
class ModelAsked:
    """One request to one model: what for (a `Task`), who was asked (`tier` and `model`, as everywhere), and its cost.

    All requests for one action or one suggestion have the same `run` (None: written before suggestions had one).
    `tokens_in` of which `cached` were known to the model, and `tokens_out`, are the server's own count or, where
    `counted` is false, estimated. `cost` is money in the user's own currency (0 for a model of this machine), `cpu_s`
    seconds of this machine's processors (None: unknown).
    """

    run: str | None
    task: str
    tier: TierName
    model: str
    ending: Ask
    first_ms: float | None
    latency_ms: float
    tokens_in: int
    cached: int
    tokens_out: int
    counted: bool
    cost: float
    cpu_s: float | None


@attrs.frozen
class ActionEnded:
    """One run of a code action; `tier` is the one that answered, `fallback` whether a better one had failed.

    `run` names it in the events of its models and of what became of it. `chosen` is the tier that the router put first,
    `reason` why, in words; `escalations` counts the steps to a heavier model because a lighter one's answer did not do,
    `fallbacks` those that a failure or a limit forced. `verified`: whether checks passed an edit (None where there are
    none). The rest are the features that the router looked at, see `routing.features`; `sufficient` is how likely it
    thought that the model it put first would do, None where it had no choice; `assured` how likely a lighter model's
    answer, which had passed its checks, was thought to be as good as the heaviest one's, None where nobody thought
    about it.
    """

    action: str
    language: str
    tier: TierName | None
    ending: ActionEnd
    fallback: bool
    latency_ms: float
    tokens: int
    run: str | None = None
    chosen: TierName | None = None
    reason: str | None = None
    escalations: int = 0
    fallbacks: int = 0
    verified: bool | None = None
    code_tokens: int = 0
    complexity: int = 0
    definitions: int = 0
    references: int = 0
    findings: int = 0
    words: int = 0
    sufficient: float | None = None
    assured: float | None = None


@attrs.frozen
class ActionApplied:
    """An edit of a run stands in the user's text."""

    run: str
    after_ms: float
    """Since it was offered."""


@attrs.frozen
class ActionKept:
    """`share` (0 to 1) of what a run's edit put in stood `after_s` seconds after it was applied."""

    run: str
    after_s: int
    share: float


@attrs.frozen
class ActionUndone:
    """The text went back to what it was before a run's edit, `after_s` seconds after it was applied."""

    run: str
    after_s: float


Event = (
    InlineAnswered
    | InlineAccepted
    | InlineIgnored
    | InlineKept
    | ModelAsked
    | ActionEnded
    | ActionApplied
    | ActionKept
    | ActionUndone
)
EVENT_TYPES: tuple[type[Event], ...] = get_args(Event)
