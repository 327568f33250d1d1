"""What reviews found in the open documents, kept where it belongs while the text changes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import attrs

from hybrid_lsp.document import Document, Span
from hybrid_lsp.types import Finding


class Findings:
    """The findings of each document, with the version of it that their spans are of."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[Document, tuple[Finding, ...]]] = {}

    def replace(self, reviewed: Document, span: Span, found: Iterable[Finding], current: Document) -> list[Finding]:
        """Put what a review of `span` found in place of what was known there; returns all, for the current text."""
        before, known = self._found.get(current.uri, (reviewed, ()))
        kept = [each for each in carried(known, before, reviewed) if not _meet(each.span, span)]
        everything = carried(sorted([*kept, *found], key=lambda each: each.span.start), reviewed, current)
        self._found[current.uri] = (current, tuple(everything))
        return everything

    def forget(self, uri: str) -> bool:
        """Drop a document's findings; False where there were none."""
        return bool(self._found.pop(uri, (None, ()))[1])


def carried(findings: Iterable[Finding], old: Document, new: Document) -> list[Finding]:
    """The findings whose lines are still there, moved with them; one on a line that changed is no longer known."""
    if old.text == new.text:
        return list(findings)
    moved: list[Finding] = []
    lines = _unchanged_lines(old, new)
    for each in findings:
        first, last = (old.position(offset)[0] for offset in (each.span.start, each.span.end))
        # A span that ends where a line begins does not reach into it.
        last -= last > first and old.line_starts[last] == each.span.end
        start = lines.get(first)
        if start is not None and all(lines.get(first + n) == start + n for n in range(last - first + 1)):
            by = new.line_starts[start] - old.line_starts[first]
            moved.append(attrs.evolve(each, span=Span(each.span.start + by, each.span.end + by)))
    return moved


def _unchanged_lines(old: Document, new: Document) -> dict[int, int]:
    """Where each line of the old text that is still there stands in the new one."""
    before, after = ([document.line(number) for number in range(document.line_count)] for document in (old, new))
    found: dict[int, int] = {}
    for block in difflib.SequenceMatcher(None, before, after).get_matching_blocks():
        found.update((block.a + n, block.b + n) for n in range(block.size))
    return found


def _meet(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < max(one.end, one.start + 1)
