"""Review code for security: findings of bandit and ruff, and with a large model its own beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from hybrid_lsp.actions import prompts, reply
from hybrid_lsp.actions.base import ActionContext, By, FindingsOutcome, Grounding, Outcome, Output
from hybrid_lsp.analysis import review
from hybrid_lsp.analysis.rules import cwe_url
from hybrid_lsp.context import symbols
from hybrid_lsp.document import Document, Span
from hybrid_lsp.errors import ReplyRejected
from hybrid_lsp.types import Finding, Message, Severity

_TASK = """\
Review this code for security: injection, unsafe deserialisation, path traversal, secrets in code, weak cryptography, \
missing checks of access or of input, races, resource exhaustion. Report only what the code itself shows, and nothing \
that static analysis has found already."""
_FORM = """\
Reply with JSON and nothing else: {"findings": [{"quote": ..., "message": ..., "severity": ..., "cwe": ...}]}. `quote` \
is a short piece of the code, copied exactly, that shows the weakness; `message` says what can happen and how to mend \
it; `severity` is "error", "warning", "information" or "hint"; `cwe` is the weakness number or null. Where there is \
nothing to report: {"findings": []}."""

_ITEM: dict[str, object] = {
    "type": "object",
    "properties": {
        "quote": {"type": "string"},
        "message": {"type": "string"},
        "severity": {"enum": [str(each) for each in Severity]},
        "cwe": {"type": ["integer", "null"]},
    },
    "required": ["quote", "message", "severity", "cwe"],
    "additionalProperties": False,
}
SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"findings": {"type": "array", "items": _ITEM}},
    "required": ["findings"],
    "additionalProperties": False,
}
_SEVERITIES = [str(each) for each in Severity]
_QUOTE_CHARS = 2000
_MESSAGE_CHARS = 1000
_MOST = 200


@attrs.frozen
class Security:
    """Findings in a selection, or in the file where nothing is selected."""

    name: str = "security"
    title: str = "Review security"
    kind: str = "refactor.review"
    output: Output = Output.FINDINGS
    languages: frozenset[str] = frozenset({"python"})
    schema: dict[str, object] | None = attrs.field(factory=lambda: SCHEMA, repr=False)

    def target(self, document: Document, span: Span) -> Span | None:
        if document.slice(span).strip():
            return symbols.widen(document, span)
        return Span(0, len(document.text)) if document.text.strip() else None

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
            _FORM,
        )

    def parse(self, context: ActionContext, grounding: Grounding, text: str, by: By) -> Outcome:
        items = _items(text)
        own = list(_located(context, items))
        if lost := len(items) - len(own):
            by = by.noting(f"{lost} of the model's {len(items)} findings quote code that is not there: left out.")
        kept = [each for each in own if not _known(context.document, each, grounding.findings)]
        findings = sorted((*grounding.findings, *kept), key=lambda each: (each.span.start, each.span.end))
        return FindingsOutcome(by.noting(*grounding.notes), tuple(findings), context.document, context.span)

    async def static(self, context: ActionContext, by: By) -> Outcome:
        found = await review.security(context.document, context.span)
        return FindingsOutcome(by.noting(*found.notes), found.findings, context.document, context.span)


def _fact(context: ActionContext, finding: Finding) -> str:
    line = context.document.position(finding.span.start)[0]
    return f"{finding.code}: {finding.message} At: {context.document.line(line).strip()}"


def _items(text: str) -> list[dict[str, Any]]:
    """The findings in a reply that have the right form; raises ReplyRejected."""
    value = reply.json_value(text)
    items = value.get("findings") if isinstance(value, dict) else value
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ReplyRejected('The reply is not of the form {"findings": [...]}.', raw=text)
    for item in items:
        if not isinstance(item.get("quote"), str) or not isinstance(item.get("message"), str):
            raise ReplyRejected("A finding in the reply has no `quote` or no `message`.", raw=text)
    return items[:_MOST]


def _located(context: ActionContext, items: Iterable[dict[str, Any]]) -> Iterator[Finding]:
    """Findings whose quote stands in the code; one quote twice means its next place."""
    after: dict[str, int] = {}
    for item in items:
        quote = item["quote"].strip()
        span = _find(context, quote, after.get(quote, context.span.start))
        span = span or (_find(context, quote, context.span.start) if quote in after else None)
        if span is None:
            continue
        after[quote] = span.end
        yield _finding(span, item)


def _find(context: ActionContext, quote: str, start: int) -> Span | None:
    """Where a quote stands, however its white space was changed."""
    words = quote.split()
    if not words or len(quote) > _QUOTE_CHARS:
        return None
    match = re.compile(r"\s+".join(map(re.escape, words))).search(context.document.text, start, context.span.end)
    return Span(match.start(), match.end()) if match else None


def _finding(span: Span, item: dict[str, Any]) -> Finding:
    cwe, severity = _cwe(item.get("cwe")), item.get("severity")
    return Finding(
        span=span,
        message=item["message"].strip()[:_MESSAGE_CHARS],
        severity=Severity(severity) if severity in _SEVERITIES else Severity.WARNING,
        code=f"CWE-{cwe}" if cwe else "model",
        tool="model",
        cwe=cwe,
        url=cwe_url(cwe) if cwe else None,
    )


def _cwe(value: object) -> int | None:
    """A weakness number; anything else that a model may have put there counts as none."""
    return value if type(value) is int and 0 < value < 100_000 else None


def _known(document: Document, finding: Finding, others: Iterable[Finding]) -> bool:
    """Whether static analysis reports this weakness on the same line."""
    lines = _lines(document, finding.span)
    return any(each.cwe == finding.cwe and lines & _lines(document, each.span) for each in others if finding.cwe)


def _lines(document: Document, span: Span) -> set[int]:
    return set(range(document.position(span.start)[0], document.position(span.end)[0] + 1))
