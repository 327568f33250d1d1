"""What reviews found in the open documents, kept where it belongs while the text changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import attrs

from hybrid_lsp.actions.findings import MODEL
from hybrid_lsp.document import Document, Span, difference, line_diff
from hybrid_lsp.types import Finding, Tier, TierName

_MOST_LINES = 600
"""Of a longer change only lines that are there once are known again: a line diff takes quadratic time, at each key."""


class Findings:
    """The findings of each document, with the text that was reviewed: an edit that is undone brings them back."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[Document, tuple[Finding, ...]]] = {}

    def __contains__(self, uri: str) -> bool:
        return uri in self._found

    def replace(self, reviewed: Document, span: Span, found: Iterable[Finding], tier: TierName = Tier.LARGE) -> None:
        """Put what a review of `span` found in place of what was known there.

        A static review says nothing of what a model found: that stays.
        """
        end = span.end + (span.end == len(reviewed.text))  # with what stands at the very end of the text
        kept = [
            each
            for each in self.of(reviewed)
            if not _meet(each.span, Span(span.start, end)) or (tier == Tier.STATIC and each.tool == MODEL)
        ]
        everything = sorted([*kept, *found], key=lambda each: (each.span.start, each.span.end))
        self._found[reviewed.uri] = (reviewed, tuple(everything))

    def of(self, document: Document) -> list[Finding]:
        """What is known of a document, at its places in this version of it."""
        reviewed, found = self._found.get(document.uri, (document, ()))
        return carried(found, reviewed, document)

    def forget(self, uri: str) -> None:
        """Drop a document's findings."""
        self._found.pop(uri, None)


def carried(findings: Iterable[Finding], old: Document, new: Document) -> list[Finding]:
    """The findings whose lines are still there, moved with them; one on a line that changed is no longer known."""
    findings = list(findings)
    if old.text == new.text or not findings:
        return findings
    moved: list[Finding] = []
    places = _unchanged_lines(old, new)
    for each in findings:
        lines = old.lines_of(each.span)
        start = places.get(lines.start)
        if start is not None and all(places.get(line) == start + line - lines.start for line in lines):
            by = new.line_starts[start] - old.line_starts[lines.start]
            moved.append(attrs.evolve(each, span=Span(each.span.start + by, each.span.end + by)))
    return moved


def _unchanged_lines(old: Document, new: Document) -> dict[int, int]:
    """Where each line of the old text that is still there stands in the new one."""
    replaced, by = difference(old.text, new.text)
    head = min(each.position(replaced.start)[0] for each in (old, new))
    ends = ((old, replaced.end), (new, replaced.start + len(by)))
    tail = min(document.line_count - 1 - document.position(end)[0] for document, end in ends)
    found = {line: line for line in range(head)}
    found.update((old.line_count - line, new.line_count - line) for line in range(1, tail + 1))
    before, after = ([each.line(n) for n in range(head, each.line_count - tail)] for each in (old, new))
    if len(before) + len(after) > _MOST_LINES:
        return found | _unique_lines(before, after, head)
    for block in line_diff(before, after).get_matching_blocks():
        found.update((head + block.a + n, head + block.b + n) for n in range(block.size))
    return found


def _unique_lines(before: list[str], after: list[str], head: int) -> dict[int, int]:
    """Lines that both have once and in the same order, from the line `head` on; in linear time."""
    places = {line: number for number, line in enumerate(after)}
    once = [{line for line, count in Counter(lines).items() if count == 1} for lines in (before, after)]
    found, last = dict[int, int](), -1
    for number, line in enumerate(before):
        if line in once[0] and line in once[1] and places[line] > last:
            last = places[line]
            found[head + number] = head + last
    return found


def _meet(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < max(one.end, one.start + 1)
