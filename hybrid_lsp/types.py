"""The words that the floors speak to each other in. Standard library and attrs only."""

from __future__ import annotations

import math
from enum import StrEnum

import attrs

from hybrid_lsp.document import Document, Span


class Tier(StrEnum):
    """How much work an answer costs, cheapest first."""

    STATIC = "static"
    SMALL = "small"
    LARGE = "large"


TierName = str
"""A `Tier`, or the name of a further backend in the user's settings (`[backends.NAME]`), which is a tier of its own."""


class Reason(StrEnum):
    """Why an inline completion shows nothing. Every empty answer carries one of these."""

    DISABLED = "disabled"
    PAUSED = "paused"
    LANGUAGE_DISABLED = "language-disabled"
    GLOB_DISABLED = "glob-disabled"
    READ_ONLY = "read-only"
    IGNORED_FILE = "ignored-file"
    SECRET_FILE = "secret-file"  # noqa: S105 (a reason code)
    TOO_LARGE = "too-large"
    BINARY = "binary"
    NOT_OPEN = "not-open"
    MID_WORD = "mid-word"
    AFTER_DELETION = "after-deletion"
    IN_COMMENT = "in-comment"
    IN_STRING = "in-string"
    NO_BACKEND = "no-backend"
    BACKEND_FAILED = "backend-failed"
    TIMEOUT = "timeout"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    EMPTY_REPLY = "empty-reply"
    DUPLICATE_OF_SUFFIX = "duplicate-of-suffix"
    REPETITION = "repetition"
    SYNTAX_ERROR = "syntax-error"
    LOW_CONFIDENCE = "low-confidence"
    SHUTTING_DOWN = "shutting-down"


class Finish(StrEnum):
    """Why a generation ended, in the words of the OpenAI API plus `time` (a time budget ran out)."""

    STOP = "stop"
    LENGTH = "length"
    TIME = "time"


class Severity(StrEnum):
    """Severity of a finding, as LSP's diagnostics have it."""

    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"
    HINT = "hint"


@attrs.frozen
class ContextFile:
    """A file given to the model beside the one being edited."""

    filename: str
    text: str = attrs.field(repr=False)


@attrs.frozen
class Infill:
    """Fill in the middle: what stands before and after the cursor, in the file named so, with `extra` files beside."""

    prefix: str = attrs.field(repr=False)
    suffix: str = attrs.field(default="", repr=False)
    extra: tuple[ContextFile, ...] = ()
    filename: str = ""


@attrs.frozen
class Message:
    """One turn of a chat; `role` is `system`, `user` or `assistant`."""

    role: str
    content: str = attrs.field(repr=False)


@attrs.frozen
class Chat:
    """A conversation that the model continues."""

    messages: tuple[Message, ...]


@attrs.frozen
class Request:
    """One generation.

    `stop` strings end it and are not part of the reply; `time_budget_ms` ends it with what there is
    (None: no limit); `temperature` 0 is greedy; `json_schema` constrains the reply where the backend can;
    `background` work gives way to any other; `logprobs` asks a chat, too, how likely its tokens were; `draft` is a
    guess at the reply, which an engine of ours confirms faster than it writes, and which changes nothing of what it
    writes; where the log-probabilities of the first line's tokens, in nats, sum to less than `least_logprob`, the reply
    is not wanted any more, and an engine of ours ends it there.
    """

    prompt: Infill | Chat
    max_tokens: int = 64
    stop: tuple[str, ...] = ()
    temperature: float = 0.0
    time_budget_ms: int | None = None
    json_schema: dict[str, object] | None = None
    background: bool = False
    logprobs: bool = False
    draft: str = attrs.field(default="", repr=False)
    least_logprob: float = -math.inf


class Kind(StrEnum):
    """What a piece of a reply is."""

    ANSWER = "answer"
    THOUGHT = "thought"
    """The model reasons before it answers: a sign of life, whose text is nobody's answer and is left out."""
    RETRACTION = "retraction"
    """What came before turned out to be thought: the answer begins after this piece."""
    BILL = "bill"
    """After the end: what the reply has cost (`Piece.usage`). A router keeps the accounts and hands none of them on."""


@attrs.frozen
class Usage:
    """What one reply has cost, as its server says: tokens `read` (of which `cached` were known already) and `written`.

    `cpu_s` are seconds of this machine's processors, NaN where nobody says.
    """

    read: int
    written: int
    cached: int = 0
    cpu_s: float = math.nan


@attrs.frozen
class Piece:
    """A streamed fragment of a reply.

    `tokens` counts the tokens behind `text`; `logprob` is the sum of their natural log-probabilities, NaN where
    the backend does not say. The last piece of a reply carries `finish`, and the tokens that ended it; a bill may
    follow. Only an answer has text.
    """

    text: str
    tokens: int = 1
    logprob: float = math.nan
    finish: Finish | None = None
    kind: Kind = Kind.ANSWER
    usage: Usage | None = None


@attrs.frozen
class Suggestion:
    """What is shown as ghost text: `text` replaces `span` of the document version it was made for."""

    id: str
    text: str
    span: Span
    tier: TierName
    model: str
    confidence: float = math.nan


@attrs.frozen
class TextEdit:
    """Replace `span` by `new_text`."""

    span: Span
    new_text: str


@attrs.frozen
class DocumentEdit:
    """Edits of one document version, sorted and not overlapping; refused when the version is no longer current."""

    document: Document
    edits: tuple[TextEdit, ...]
    label: str
    description: str = ""

    def apply(self) -> str:
        """The text after the edits."""
        text = self.document.text
        for edit in reversed(self.edits):
            text = text[: edit.span.start] + edit.new_text + text[edit.span.end :]
        return text


@attrs.frozen
class Finding:
    """One result of a review, at a span of one document version.

    `code` is the rule's id (`B602`, `S608`), `cwe` the weakness number (78), `url` its documentation.
    """

    span: Span
    message: str
    severity: Severity
    code: str
    tool: str
    cwe: int | None = None
    url: str | None = None
