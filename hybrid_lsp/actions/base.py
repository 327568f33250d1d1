"""What an action is, what it is given, and what it may end in.

A new action is one file with one class: how its prompt reads, how its reply is parsed, what it does with no model.
The pipeline does the rest (routing, secrets, streaming, the retry, the fallback).
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Protocol, runtime_checkable

import attrs

from hybrid_lsp.config import Config
from hybrid_lsp.context import symbols, target
from hybrid_lsp.document import Document, Span
from hybrid_lsp.routing.features import Features
from hybrid_lsp.types import DocumentEdit, Finding, Message, TierName


class Output(StrEnum):
    """What an action produces."""

    TEXT = "text"
    EDIT = "edit"
    FINDINGS = "findings"
    FILE = "file"
    """A new file."""


class Needs(StrEnum):
    """What an action works on beside the code."""

    SELECTION = "selection"
    """Nothing else."""
    DIAGNOSTIC = "diagnostic"
    """A problem that some server reports there: it is offered once for each."""
    INSTRUCTION = "instruction"
    """A text of the user's: it is run by a command that asks for one, and stands in no list."""


@attrs.frozen
class Terms:
    """When an action can be had: what it needs, and for which language ids (empty: for all)."""

    needs: Needs = Needs.SELECTION
    languages: frozenset[str] = frozenset()

    def allow(self, language: str) -> bool:
        return not self.languages or language in self.languages


ON_SELECTION = Terms()
BY_DIAGNOSTIC = Terms(Needs.DIAGNOSTIC)
BY_INSTRUCTION = Terms(Needs.INSTRUCTION)


@attrs.frozen
class ActionContext:
    """What an action works on: `span` is whole lines of one document version.

    `instruction` is the user's own text, `diagnostic` a problem that some server reports (`tool` is its name).
    """

    document: Document
    span: Span
    config: Config = attrs.field(factory=Config, repr=False)
    instruction: str = attrs.field(default="", repr=False)
    diagnostic: Finding | None = None

    @property
    def code(self) -> str:
        return self.document.slice(self.span)


@attrs.frozen
class Grounding:
    """What static analysis says, given to a model beside the code."""

    facts: str = ""
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


@attrs.frozen
class Trail:
    """How an answer was come to: `chosen` was put first, for a `reason` in words.

    `escalations` are the steps to a heavier model because a lighter one's answer did not do, `fallbacks` those that a
    failure forced, `refused` the replies that did not pass. `sufficient` is how likely the first one was thought to do,
    `assured` how likely its answer, once it had passed, was thought to be as good as the heaviest model's.
    """

    chosen: TierName
    reason: str
    features: Features
    sufficient: float | None = None
    escalations: int = 0
    fallbacks: int = 0
    refused: int = 0
    tokens: int = 0
    assured: float | None = None


@attrs.frozen
class By:
    """Who answered: `label` is a line for the user, `notes` what else they should know.

    `raw` is a model's reply that was refused, where there was one; `trail` is for the metrics.
    """

    tier: TierName
    label: str
    notes: tuple[str, ...] = ()
    raw: str = attrs.field(default="", repr=False)
    trail: Trail | None = attrs.field(default=None, repr=False, eq=False)

    def noting(self, *notes: str) -> By:
        """The same with further notes."""
        return attrs.evolve(self, notes=(*self.notes, *notes))


@attrs.frozen
class _Outcome:
    by: By

    @property
    def tier(self) -> TierName:
        return self.by.tier

    @property
    def label(self) -> str:
        return self.by.label

    @property
    def notes(self) -> tuple[str, ...]:
        return self.by.notes


@attrs.frozen
class TextOutcome(_Outcome):
    """Markdown to read."""

    markdown: str


@attrs.frozen
class EditOutcome(_Outcome):
    """A verified edit; `span` is the selection it was made for, which must not have changed when it is applied."""

    edit: DocumentEdit
    span: Span


@attrs.frozen
class FileOutcome(_Outcome):
    """A new file at a path where nothing is yet; `document` is the file it was made for.

    `path` is None where that file has none: then `content` is to be read and kept by the user.
    """

    path: Path | None
    content: str = attrs.field(repr=False)
    document: Document
    title: str


@attrs.frozen
class FindingsOutcome(_Outcome):
    """Findings in `span` of `document`; they take the place of earlier ones there."""

    findings: tuple[Finding, ...]
    document: Document
    span: Span


@attrs.frozen
class NothingOutcome(_Outcome):
    """Nothing to show or to change, and why: `message` is for the user."""

    message: str


Outcome = TextOutcome | EditOutcome | FileOutcome | FindingsOutcome | NothingOutcome


class Action(Protocol):
    """One thing that can be done with a selection.

    `kind` is LSP's (`refactor.rewrite`); `languages` are those that `static` works for; `schema` is the JSON schema
    of the reply, where it is JSON.
    """

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def output(self) -> Output: ...
    @property
    def languages(self) -> frozenset[str]: ...
    @property
    def schema(self) -> dict[str, object] | None: ...
    @property
    def terms(self) -> Terms: ...

    def target(self, document: Document, span: Span) -> Span | None:
        """What a selection means to this action, as whole lines; None where there is nothing to work on."""
        ...

    async def ground(self, context: ActionContext) -> Grounding:
        """Facts for the prompt. Raises AnalysisError where there are none to be had."""
        ...

    def messages(self, context: ActionContext, grounding: Grounding) -> tuple[Message, ...]:
        """The prompt; secrets are taken out of it afterwards."""
        ...

    def parse(self, context: ActionContext, grounding: Grounding, reply: str, by: By) -> Outcome:
        """What a reply amounts to. Raises ReplyRejected with the reason in words that a model can act on."""
        ...

    async def static(self, context: ActionContext, by: By) -> Outcome:
        """The same with no model. Raises AnalysisError."""
        ...

    def insistence(self, context: ActionContext, grounding: Grounding) -> tuple[Message, ...]:
        """The prompt for a model that gave the code back as it was; empty where that may well be the answer."""
        ...

    def expected_chars(self, context: ActionContext) -> int:
        """About how long a reply will be, so that an end of it can be told."""
        ...

    def most_tokens(self, context: ActionContext) -> int:
        """How long a reply may be; a text that is longer is ended where a sentence does."""
        ...

    def shorter(self, context: ActionContext) -> str:
        """What to ask for where a reply was cut off at its limit."""
        ...

    def is_settled(self, context: ActionContext, text: str) -> bool:
        """Whether what is still to come of a reply may be left out."""
        ...


_EXPECTED_CHARS = 800
"""A reply of no action in particular."""


class Prompted:
    """What actions have in common that work on selected code by a prompt alone: no facts, and no static way."""

    __slots__ = ()

    def target(self, document: Document, span: Span) -> Span | None:
        return selected(document, span)

    async def ground(self, context: ActionContext) -> Grounding:
        return Grounding()

    async def static(self: Action, context: ActionContext, by: By) -> Outcome:
        return NothingOutcome(by, f"`{self.title}` needs a model.")

    def insistence(self, context: ActionContext, grounding: Grounding) -> tuple[Message, ...]:
        return ()

    def expected_chars(self, context: ActionContext) -> int:
        return _EXPECTED_CHARS

    def most_tokens(self, context: ActionContext) -> int:
        return context.config.actions.max_tokens

    def shorter(self, context: ActionContext) -> str:
        return "Write less: the most important only."

    def is_settled(self, context: ActionContext, text: str) -> bool:
        return False


@runtime_checkable
class InParts(Protocol):
    """An action that may ask the model several times, about one part of the code after the other."""

    def parts(self, context: ActionContext) -> list[Span]:
        """The parts of the context's span, in order."""
        ...


def selected(document: Document, span: Span) -> Span | None:
    """A selection as whole statements; an empty one means the function or class around it, or its statement."""
    if document.slice(span).strip():
        return target.with_head(document, symbols.widen(document, span))
    chosen = around(document, span) or symbols.widen(document, span)
    return chosen if document.slice(chosen).strip() else None


def around(document: Document, span: Span) -> Span | None:
    """The whole lines of the smallest function or class around a span, with the comments and attributes that belong to
    it; None outside of all, or without a grammar."""
    return target.around(document, span)
