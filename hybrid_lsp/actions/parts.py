"""Code that is too long for a model's window, in parts: cut between functions where it can be."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from hybrid_lsp.actions.base import By, FindingsOutcome, NothingOutcome, Outcome
from hybrid_lsp.document import Document, Span
from hybrid_lsp.types import Tier


def parts(document: Document, span: Span, most: int) -> list[Span]:
    """A span as spans of whole lines, of at most `most` characters each; a longer line is a part of its own.

    A part ends where code begins that is not indented, or else after a blank line, or else anywhere.
    """
    first, last = document.position(span.start)[0], document.position(span.end)[0]
    starts = [span.start, *document.line_starts[first + 1 : last + 1], span.end]
    found, begin = list[Span](), 0
    while starts[begin] < span.end or not found:
        end = _end(document, starts, begin, most)
        found.append(Span(starts[begin], starts[end]))
        begin = end
    return found


def _end(document: Document, starts: Sequence[int], begin: int, most: int) -> int:
    """The index of the line start at which a part that begins at another one ends."""
    fits = begin + 1
    while fits + 1 < len(starts) and starts[fits + 1] - starts[begin] <= most:
        fits += 1
    if fits == len(starts) - 1:
        return fits
    half = [index for index in range(fits, begin, -1) if starts[index] - starts[begin] > most // 2]
    for good in (_is_outermost, _is_after_blank):
        if (found := next((index for index in half if good(document, starts[index])), None)) is not None:
            return found
    return fits


def _is_outermost(document: Document, start: int) -> bool:
    """Whether a statement of the module begins here, and not one that belongs to those above (`else`, a bracket)."""
    return _is_after_blank(document, start) and document.text[start : start + 1].strip() not in ("", "#", ")", "]", "}")


def _is_after_blank(document: Document, start: int) -> bool:
    line = document.position(start)[0]
    return line > 0 and not document.line(line - 1).strip()


def united(outcomes: Sequence[Outcome], document: Document, span: Span) -> Outcome:
    """What the parts came to, as one; where no part has findings to show, the first part's answer stands for all."""
    found = [each for each in outcomes if isinstance(each, FindingsOutcome)]
    if not found or len(outcomes) == 1:
        return outcomes[0]
    findings = {finding: None for each in found for finding in each.findings}
    return FindingsOutcome(_by(outcomes), tuple(findings), document, span)


def _by(outcomes: Sequence[Outcome]) -> By:
    """Who answered: the model's label where it did, and as notes what holds for single parts."""
    count = len(outcomes)
    deep = [each for each in outcomes if each.tier != Tier.STATIC]
    label = (deep or outcomes)[0].label
    notes = [f"Reviewed in {count} parts."]
    for number, each in enumerate(outcomes, 1):
        own = each.notes if each.label == label else (each.label, *each.notes)
        if isinstance(each, NothingOutcome):
            own = (*own, each.message)
        notes += [f"Part {number}: {note}" for note in own]
    return attrs.evolve((deep or outcomes)[0].by, label=label, notes=tuple(notes), raw="")
