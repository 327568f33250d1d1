"""The static security review: bandit and ruff together, each weakness once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator

import attrs

from hybrid_lsp.analysis import bandit, ruff, rules
from hybrid_lsp.document import Document, Span
from hybrid_lsp.errors import AnalysisError
from hybrid_lsp.types import Finding

# Texts whose findings are kept: a review in parts, or of one function after the other, runs the tools once.
_KEPT = 4
_RANK = {"error": 0, "warning": 1, "information": 2, "hint": 3}


@attrs.frozen
class Review:
    """Findings in the order of the text; `notes` names a tool that could not be used."""

    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()


_reviews: dict[tuple[str, bool], Review] = {}


async def security(document: Document, span: Span | None = None) -> Review:
    """Findings of both tools in a document, or in the lines of a span; those of the last few texts are kept.

    One tool is enough. Raises AnalysisError when neither works, as for a text that is not valid Python.
    """
    key = (document.text, ruff.is_stub(document))
    review = _reviews.get(key) or await _whole(document)
    if not review.notes:  # a tool that failed may be there the next time
        _reviews[key] = review
        while len(_reviews) > _KEPT:
            del _reviews[next(iter(_reviews))]
    if span is None:
        return review
    return attrs.evolve(
        review, findings=tuple(each for each in review.findings if document.share_line(each.span, span))
    )


async def _whole(document: Document) -> Review:
    """Both tools at the same time, each in a process of its own."""
    results = await asyncio.gather(bandit.security(document), ruff.security(document), return_exceptions=True)
    failures = [each for each in results if isinstance(each, BaseException)]
    for failure in failures:
        if not isinstance(failure, AnalysisError):
            raise failure
    if len(failures) == len(results):
        raise failures[-1]  # ruff's names the line
    if isinstance(results[0], bandit.Unreadable):  # ruff has read it
        failures = [AnalysisError(f"{results[0]} Its findings are missing here, ruff's are not.")]
    first, second = ([] if isinstance(each, BaseException) else each for each in results)
    return Review(tuple(merge(document, first, second)), tuple(str(each) for each in failures))


def merge(document: Document, ours: Iterable[Finding], theirs: Iterable[Finding]) -> list[Finding]:
    """Both lists with each weakness once, one to one: two calls in a line stay two findings.

    A pair is the same rule where the spans overlap, or else where they share a line.
    """
    alone, unpaired, merged = list(ours), _Unpaired(document, theirs), []
    for alike in (_overlap, _anywhere):
        tried, alone = alone, []
        for mine in tried:
            twin = unpaired.take(mine, alike)
            if twin is None:
                alone.append(mine)
            else:
                merged.append(_united(document, mine, twin))
    clipped = [_clipped(document, each) for each in (*merged, *alone, *unpaired)]
    return sorted(clipped, key=lambda each: (each.span.start, each.span.end, each.code))


class _Unpaired:
    """The findings of one tool that have no pair yet, by rule and line: a long file has thousands."""

    def __init__(self, document: Document, findings: Iterable[Finding]) -> None:
        self._document = document
        self._left = dict(enumerate(findings))
        self._at: dict[tuple[str, int], list[int]] = {}
        for number, each in self._left.items():
            for place in self._places(each):
                self._at.setdefault(place, []).append(number)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._left.values())

    def take(self, mine: Finding, alike: Callable[[Span, Span], bool]) -> Finding | None:
        """The first of the same rule in the same lines whose span is alike; it is left no more."""
        for place in self._places(mine):
            for number in self._at.get(place, ()):
                if number in self._left and alike(mine.span, self._left[number].span):
                    return self._left.pop(number)
        return None

    def _places(self, finding: Finding) -> Iterator[tuple[str, int]]:
        return ((rules.name(finding.code), line) for line in self._document.lines_of(finding.span))


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _anywhere(one: Span, other: Span) -> bool:
    return True


def _united(document: Document, mine: Finding, twin: Finding) -> Finding:
    """bandit's words and weakness number; the tighter of the two places; both sources named."""
    place = min(mine.span, twin.span, key=lambda span: len(document.lines_of(span)))
    grave = min(mine.severity, twin.severity, key=lambda each: _RANK[each])
    return attrs.evolve(mine, span=place, severity=grave, cwe=mine.cwe or twin.cwe, tool=f"{mine.tool}, {twin.tool}")


def _clipped(document: Document, finding: Finding) -> Finding:
    """A finding about a whole function or block is shown at its first line."""
    lines = document.lines_of(finding.span)
    if len(lines) == 1:
        return finding
    end = document.line_starts[lines.start] + len(document.line(lines.start).rstrip())
    return attrs.evolve(finding, span=Span(finding.span.start, max(finding.span.start, end)))
