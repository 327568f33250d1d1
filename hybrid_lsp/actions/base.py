"""What an action is, what it is given, and what it may end in.

A new action is one file with one class: how its prompt reads, how its reply is parsed, what it does with no model.
The pipeline does the rest (routing, secrets, streaming, the retry, the fallback).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import attrs

from hybrid_lsp.config import Config
from hybrid_lsp.context import symbols
from hybrid_lsp.document import Document, Span
from hybrid_lsp.types import DocumentEdit, Finding, Message, Tier


class Output(StrEnum):
    """What an action produces."""

    TEXT = "text"
    EDIT = "edit"
    FINDINGS = "findings"


@attrs.frozen
class ActionContext:
    """What an action works on: `span` is whole lines of one document version."""

    document: Document
    span: Span
    config: Config = attrs.field(factory=Config, repr=False)

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
class By:
    """Who answered: `label` is a line for the user, `notes` what else they should know.

    `raw` is a model's reply that was refused, where there was one.
    """

    tier: Tier
    label: str
    notes: tuple[str, ...] = ()
    raw: str = attrs.field(default="", repr=False)

    def noting(self, *notes: str) -> By:
        """The same with further notes."""
        return attrs.evolve(self, notes=(*self.notes, *notes))


@attrs.frozen
class _Outcome:
    by: By

    @property
    def tier(self) -> Tier:
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
class FindingsOutcome(_Outcome):
    """Findings in `span` of `document`; they take the place of earlier ones there."""

    findings: tuple[Finding, ...]
    document: Document
    span: Span


@attrs.frozen
class NothingOutcome(_Outcome):
    """Nothing to show or to change, and why: `message` is for the user."""

    message: str


Outcome = TextOutcome | EditOutcome | FindingsOutcome | NothingOutcome


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


def selected(document: Document, span: Span) -> Span | None:
    """A selection as whole statements; an empty one means the function or class around it, or its statement."""
    if document.slice(span).strip():
        return symbols.widen(document, span)
    chosen = symbols.enclosing_span(document, span) or symbols.widen(document, span)
    return chosen if document.slice(chosen).strip() else None
