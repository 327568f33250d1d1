"""What the typing path is asked and what it answers."""

from __future__ import annotations

import attrs

from hybrid_lsp.document import Document, Span
from hybrid_lsp.types import Reason, Suggestion, TierName


@attrs.frozen
class Selected:
    """The entry that is selected in the editor's own completion list: `text` would replace `span`."""

    span: Span
    text: str


@attrs.frozen
class Query:
    """One inline request; `invoked` when the user asked for it by hand."""

    document: Document
    offset: int
    invoked: bool = False
    selected: Selected | None = None


@attrs.frozen
class Answer:
    """Suggestions, best first, or the reason why there is none, in a code and in words.

    `left_out` says in words what was not looked at because the file is too large or too odd; shown or not.
    `model_ms` is the time that the model took, `tokens` what it decoded; `reused`: known from an earlier request.
    """

    suggestions: tuple[Suggestion, ...] = ()
    reason: Reason | None = None
    detail: str = ""
    tier: TierName | None = None
    model: str | None = None
    model_ms: float = 0.0
    tokens: int = 0
    reused: bool = False
    left_out: str = ""


WORDS = {
    Reason.EMPTY_REPLY: "The model has nothing to add here.",
    Reason.DUPLICATE_OF_SUFFIX: "What the model wrote stands after the cursor already.",
    Reason.REPETITION: "The model repeated itself.",
    Reason.SYNTAX_ERROR: "What the model wrote does not fit into the syntax here.",
}
"""What is said of an answer that trimming left nothing of."""


def nothing(reason: Reason, detail: str = "") -> Answer:
    """An empty answer that says why."""
    return Answer(reason=reason, detail=detail)
