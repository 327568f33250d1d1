"""Fix one problem that any language server reports, where it stands."""

from __future__ import annotations

import re

import attrs

from hybrid_lsp.actions import leftout
from hybrid_lsp.actions.base import (
    BY_DIAGNOSTIC,
    ActionContext,
    By,
    EditOutcome,
    Grounding,
    NothingOutcome,
    Outcome,
    Terms,
    around,
    selected,
)
from hybrid_lsp.actions.rewrite import Rewrite
from hybrid_lsp.analysis import ruff
from hybrid_lsp.context import symbols
from hybrid_lsp.document import Document, Span
from hybrid_lsp.types import DocumentEdit, Finding

_TASK = """\
A checker reports a problem in this code. Correct its cause with the smallest change that keeps the behaviour \
otherwise, and nothing else; never silence the checker with a comment. Where the report is wrong, reply with the code \
as it is."""
_RULE = re.compile(r"[A-Z]{1,4}\d{3,4}")
_LONGEST = 200
"""Lines; a problem in the fields of a longer class is fixed where it stands, without the rest."""
_SPEAK_RUFF = ("ruff", "flake8", "pyflakes", "pycodestyle")


@attrs.frozen
class Fix(Rewrite):
    """With no model: ruff's own safe fix, where the problem is one of ruff's rules."""

    name: str = "fix"
    title: str = "Fix"
    task: str = _TASK
    kind: str = "quickfix"
    keep_marks: bool = False
    languages: frozenset[str] = frozenset({"python"})
    terms: Terms = BY_DIAGNOSTIC

    def target(self, document: Document, span: Span) -> Span | None:
        # What is wrong on a line is often mended on another one: at the declaration, before the loop, in the signature.
        hull = around(document, span)
        if hull is None or document.slice(hull).count("\n") >= _LONGEST:
            return selected(document, span)
        return hull

    def may_empty(self, context: ActionContext) -> bool:
        return context.diagnostic is not None and leftout.is_needless(context.diagnostic.message)

    def keeps_comments(self, context: ActionContext) -> bool:
        # A problem may well be that of the comment: code that is commented out, a note that is out of date.
        found = context.diagnostic
        return found is None or not symbols.in_comment(context.document, found.span.start)

    async def ground(self, context: ActionContext) -> Grounding:
        found = context.diagnostic
        if found is None:
            return Grounding()
        document = context.document
        line = document.position(found.span.start)[0]
        within = line - document.position(context.span.start)[0] + 1
        rule = " ".join(part for part in (found.tool, found.code) if part)
        return Grounding(f"Line {within} ({rule}): {found.message}\nThat line: {document.line(line).strip()}")

    async def static(self, context: ActionContext, by: By) -> Outcome:
        found = context.diagnostic
        if found is None or not without_model(found):
            return NothingOutcome(by, "Only a model could fix this problem.")
        fix = await ruff.fix(context.document, found.span, found.code)
        if fix is None:
            return NothingOutcome(by, f"ruff has no safe fix for this {found.code}.")
        description = f"{by.label} {fix.code}: {fix.message}"
        return EditOutcome(by, DocumentEdit(context.document, fix.edits, titled(found), description), _hull(fix))


def titled(diagnostic: Finding) -> str:
    """How the fix of a problem is called in a list, short and in one line."""
    message = " ".join(diagnostic.message.split())
    return f"Fix: {message if len(message) <= 60 else message[:57] + '...'}"


def without_model(diagnostic: Finding) -> bool:
    """Whether ruff may have a fix for it: its rule's name tells."""
    speaks = any(name in diagnostic.tool.lower() for name in _SPEAK_RUFF)
    return speaks and _RULE.fullmatch(diagnostic.code) is not None


def near(document: Document, span: Span, diagnostic: Finding) -> bool:
    """Whether a problem lies in the lines of a selection."""
    return _share_line(document, span, diagnostic.span)


def _hull(fix: ruff.Diagnostic) -> Span:
    return Span(
        min(fix.span.start, fix.edits[0].span.start),
        max(fix.span.end, *(edit.span.end for edit in fix.edits)),
    )


def _share_line(document: Document, one: Span, other: Span) -> bool:
    (first, last), (start, end) = (
        (document.position(span.start)[0], document.position(span.end)[0]) for span in (one, other)
    )
    return first <= end and start <= last
