"""The static security review: bandit and ruff together, each weakness once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

import attrs

from hybrid_lsp.analysis import bandit, ruff, rules
from hybrid_lsp.document import Document, Span
from hybrid_lsp.errors import AnalysisError
from hybrid_lsp.types import Finding

_RANK = {"error": 0, "warning": 1, "information": 2, "hint": 3}


@attrs.frozen
class Review:
    """Findings in the order of the text; `notes` names a tool that could not be used."""

    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()


async def security(document: Document, span: Span | None = None) -> Review:
    """Findings of both tools in a document, or in the lines of a span.

    One tool is enough. Raises AnalysisError when neither works, as for a text that is not valid Python.
    """
    results = await asyncio.gather(bandit.security(document), ruff.security(document), return_exceptions=True)
    failures = [each for each in results if isinstance(each, BaseException)]
    for failure in failures:
        if not isinstance(failure, AnalysisError):
            raise failure
    if len(failures) == len(results):
        raise failures[-1]  # ruff's names the line
    first, second = ([] if isinstance(each, BaseException) else each for each in results)
    findings = merge(document, first, second)
    if span is not None:
        findings = [each for each in findings if _shares_line(document, each.span, span)]
    return Review(tuple(findings), tuple(str(each) for each in failures))


def merge(document: Document, ours: Iterable[Finding], theirs: Sequence[Finding]) -> list[Finding]:
    """Both lists with each weakness once, one to one: two calls in a line stay two findings.

    A pair is the same rule where the spans overlap, or else where they share a line.
    """
    left = list(theirs)
    merged = list(ours)
    for alike in (_overlapping, _on_one_line):
        for index, mine in enumerate(merged):
            twin = next((each for each in left if alike(document, mine, each)), None)
            if twin is not None and twin.tool not in mine.tool:
                left.remove(twin)
                merged[index] = _united(document, mine, twin)
    clipped = [_clipped(document, each) for each in (*merged, *left)]
    return sorted(clipped, key=lambda each: (each.span.start, each.span.end, each.code))


def _overlapping(document: Document, one: Finding, other: Finding) -> bool:
    overlap = one.span.start < other.span.end and other.span.start < one.span.end
    return overlap and rules.same_rule(one.code, other.code)


def _on_one_line(document: Document, one: Finding, other: Finding) -> bool:
    return rules.same_rule(one.code, other.code) and _shares_line(document, one.span, other.span)


def _united(document: Document, mine: Finding, twin: Finding) -> Finding:
    """bandit's words and weakness number; the tighter of the two places; both sources named."""
    place = min(mine.span, twin.span, key=lambda span: _lines(document, span)[1] - _lines(document, span)[0])
    grave = min(mine.severity, twin.severity, key=lambda each: _RANK[each])
    return attrs.evolve(mine, span=place, severity=grave, cwe=mine.cwe or twin.cwe, tool=f"{mine.tool}, {twin.tool}")


def _clipped(document: Document, finding: Finding) -> Finding:
    """A finding about a whole function or block is shown at its first line."""
    first, last = _lines(document, finding.span)
    if first == last:
        return finding
    end = document.line_starts[first] + len(document.line(first).rstrip())
    return attrs.evolve(finding, span=Span(finding.span.start, max(finding.span.start, end)))


def _lines(document: Document, span: Span) -> tuple[int, int]:
    return document.position(span.start)[0], document.position(max(span.start, span.end - 1))[0]


def _shares_line(document: Document, one: Span, other: Span) -> bool:
    (first, last), (start, end) = _lines(document, one), _lines(document, other)
    return first <= end and start <= last
