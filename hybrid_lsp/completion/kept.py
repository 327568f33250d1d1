"""How much of an accepted text still stands some time later, wherever the edits since have moved it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher
from typing import Protocol

from hybrid_lsp.document import Span
from hybrid_lsp.models.copying import lex
from hybrid_lsp.types import TextEdit

_MOST_LINES, _MOST_WORDS = 2000, 300
"""Larger replacements are not looked into: comparing takes time with the square of their size."""
_MOST_CHARACTERS = 20_000
"""Of what stands now that is compared."""


class Timer(Protocol):
    """What `call_later` returns."""

    def cancel(self) -> None: ...


Later = Callable[[float, Callable[[], None]], Timer]
"""Calls something after so many seconds."""


def call_later(delay_s: float, call: Callable[[], None]) -> Timer:
    """By the running event loop."""
    return asyncio.get_running_loop().call_later(delay_s, call)


def with_lf(text: str) -> str:
    """A text with its line ends as LF: editors keep their own, so texts are compared without them."""
    return text.replace("\r\n", "\n")


def share_kept(accepted: str, now: str) -> float:
    """The share of a text's characters that still stand in this order: longest common subsequence, 0 to 1.

    Bit-parallel (Hyyrö 2004, "Bit-parallel LCS-length computation revisited"): one step a character of `now`.
    """
    if not accepted:
        return 1.0
    places: dict[str, int] = {}
    for number, char in enumerate(accepted):
        places[char] = places.get(char, 0) | 1 << number
    everything = (1 << len(accepted)) - 1
    row = everything
    for char in now[:_MOST_CHARACTERS]:
        matches = row & places.get(char, 0)
        row = (row + matches | row - matches) & everything
    return (len(accepted) - row.bit_count()) / len(accepted)


def carried(span: Span, text: str, edit: TextEdit) -> Span:
    """Where a span of a text is after an edit of it: what is inserted at its ends is no part of it.

    An edit over one of its ends (a formatter's, often of whole lines) is looked into for what it really changes.
    """
    if not _crosses(edit.span, span):
        return _moved(span, edit)
    for part in sorted(parts(edit, text), key=lambda each: each.span.start, reverse=True):
        span = _moved(span, part)
    return span


def _crosses(edit: Span, span: Span) -> bool:
    """Whether an edit reaches over an end of a span, from the inside or over all of it."""
    apart = edit.end <= span.start or edit.start >= span.end
    inside = span.start <= edit.start and edit.end <= span.end
    return not apart and not inside


def _moved(span: Span, edit: TextEdit) -> Span:
    """After one edit; of an edit over an end of the span, nothing new counts as part of it."""
    start, end = edit.span.start, edit.span.end
    grown = len(edit.new_text) - (end - start)
    if end <= span.start:
        return Span(span.start + grown, span.end + grown)
    if start >= span.end:
        return span
    if start < span.start:
        after = start + len(edit.new_text)
        return Span(after, max(after, span.end + grown))
    return Span(span.start, span.end + grown if end <= span.end else start)


def parts(edit: TextEdit, text: str) -> Iterator[TextEdit]:
    """The edits of single words that make up a larger one, by lines first."""
    old = text[edit.span.start : edit.span.end]
    for lines in _compared(old.splitlines(keepends=True), edit.new_text.splitlines(keepends=True), _MOST_LINES):
        for words in _compared(lex(old[lines.span.start : lines.span.end]), lex(lines.new_text), _MOST_WORDS):
            start = edit.span.start + lines.span.start
            yield TextEdit(Span(start + words.span.start, start + words.span.end), words.new_text)


def _compared(old: list[str], new: list[str], most: int) -> Iterator[TextEdit]:
    """What turns pieces of text into others, in offsets of the old text; one edit where they are too many."""
    if max(len(old), len(new)) > most:
        yield TextEdit(Span(0, sum(map(len, old))), "".join(new))
        return
    offsets = [0]
    for piece in old:
        offsets.append(offsets[-1] + len(piece))
    for name, low, high, first, last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if name != "equal":
            yield TextEdit(Span(offsets[low], offsets[high]), "".join(new[first:last]))
