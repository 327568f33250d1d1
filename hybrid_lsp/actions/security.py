"""Review code for security: findings of bandit and ruff, and with a large model its own beside them."""

from __future__ import annotations

import attrs

from hybrid_lsp.actions import findings, prompts
from hybrid_lsp.actions.base import (
    ON_SELECTION,
    ActionContext,
    By,
    FindingsOutcome,
    Grounding,
    Outcome,
    Output,
    Prompted,
    Terms,
)
from hybrid_lsp.actions.parts import parts
from hybrid_lsp.analysis import review
from hybrid_lsp.context import symbols
from hybrid_lsp.document import Document, Span
from hybrid_lsp.types import Finding, Message

_TASK = """\
Review this code for security: injection, unsafe deserialisation, path traversal, secrets in code, weak cryptography, \
missing checks of access or of input, races, resource exhaustion. Report only what the code itself shows, and nothing \
that static analysis has found already."""


@attrs.frozen
class Security(Prompted):
    """Findings in a selection, or in the file: where nothing is selected, and always with `whole`."""

    name: str = "security"
    title: str = "Review security"
    kind: str = "refactor.review"
    whole: bool = False
    output: Output = Output.FINDINGS
    languages: frozenset[str] = frozenset({"python"})
    schema: dict[str, object] | None = attrs.field(factory=lambda: findings.SCHEMA, repr=False)
    terms: Terms = ON_SELECTION

    def target(self, document: Document, span: Span) -> Span | None:
        if not self.whole and document.slice(span).strip():
            return symbols.widen(document, span)
        return Span(0, len(document.text)) if document.text.strip() else None

    def parts(self, context: ActionContext) -> list[Span]:
        """What a model reads at a time."""
        return parts(context.document, context.span, context.config.actions.review_chars)

    async def ground(self, context: ActionContext) -> Grounding:
        if context.document.language not in self.languages:
            return Grounding()
        found = await review.security(context.document, context.span)
        return Grounding("\n".join(_fact(context, each) for each in found.findings), found.findings, found.notes)

    def messages(self, context: ActionContext, grounding: Grounding) -> tuple[Message, ...]:
        return prompts.chat(
            _TASK,
            prompts.code(context),
            prompts.surroundings(context),
            prompts.facts("Static analysis has found already", [grounding.facts]),
            findings.FORM,
        )

    def parse(self, context: ActionContext, grounding: Grounding, text: str, by: By) -> Outcome:
        read = findings.read(context.document, context.span, text)
        found = findings.merged(context.document, grounding.findings, read.findings)
        by = by.noting(*grounding.notes, *read.notes)
        return FindingsOutcome(by, tuple(found), context.document, context.span)

    def shorter(self, context: ActionContext) -> str:
        return "Report only the three gravest weaknesses, each message in one sentence."

    async def static(self, context: ActionContext, by: By) -> Outcome:
        found = await review.security(context.document, context.span)
        return FindingsOutcome(by.noting(*found.notes), found.findings, context.document, context.span)


def of_file() -> Security:
    """The review of a whole file, which editors list among their source actions."""
    return Security("security-file", "Review security of the whole file", "source.review", whole=True)


def _fact(context: ActionContext, finding: Finding) -> str:
    line = context.document.position(finding.span.start)[0]
    return f"{finding.code}: {finding.message} At: {context.document.line(line).strip()}"
