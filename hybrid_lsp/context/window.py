"""The text around the cursor that goes into a prompt.

Where a file is longer than there is room, the nearest text is kept, and above it what one must know to read it: the
imports, and the heads of the functions and classes that the kept text begins inside of. The lines between are left
out without a word: models have seen no marks for it.

An engine can go on from what it has read already only as long as the prompt begins the same. So the place where the
text is cut moves in coarse steps, and depends on nothing that changes while one types on a line.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

import attrs

from hybrid_lsp.context import scope
from hybrid_lsp.document import Document, Span
from hybrid_lsp.types import Infill

if TYPE_CHECKING:  # loaded at first use: an editor window starts without it
    from tree_sitter import Tree

# What was written before the cursor says more about what comes than what follows it; the engine shares its own
# window out the same way.
_SUFFIX_SHARE = 0.25
_HEAD_SHARE = 0.2
"""Most of the prefix's room that imports and heads may take."""
_NEAREST = 1200
"""Characters before the cursor that they never take: with less, the embedded model is right less often."""
_STEPS = 8
"""The cut moves by this part of the limit."""
_MOST_LINES = 200
"""Lines among which the best to cut at is chosen."""


@attrs.frozen
class Window:
    """What is read around a cursor: `head`, the text from the offset `start` up to the cursor, and `suffix`."""

    head: str = attrs.field(repr=False)
    start: int
    suffix: str = attrs.field(repr=False)

    def read(self, document: Document, offset: int) -> Infill:
        return Infill(self.head + document.text[self.start : offset], self.suffix)

    def size(self, offset: int) -> int:
        """Characters in all, with the cursor at an offset."""
        return len(self.head) + offset - self.start + len(self.suffix)


def around(document: Document, offset: int, limit: int, tree: Tree | None = None) -> Infill:
    """The prefix's end and the suffix's start, `limit` characters in all, cut at line starts and line ends.

    A side that is shorter than its share leaves the rest to the other.
    """
    return cut(document, offset, limit, tree).read(document, offset)


def cut(document: Document, offset: int, limit: int, tree: Tree | None = None) -> Window:
    """Where `around` cuts."""
    if len(document.text) <= limit:
        return Window("", 0, document.text[offset:])
    step = max(1, limit // _STEPS)
    # In steps as well: with each character of a short prefix, the suffix would lose one.
    suffix_room = max(int(limit * _SUFFIX_SHARE), limit - _up(offset, step))
    suffix = _below(document, offset, suffix_room)
    return Window(*_above(document, offset, limit - len(suffix), step, tree), suffix)


def _up(number: int, step: int) -> int:
    """Rounded up to a whole number of steps."""
    return -(-number // step) * step


def _above(document: Document, offset: int, room: int, step: int, tree: Tree | None) -> tuple[str, int]:
    """The prefix: as much of imports and heads as fits, and where the nearest text begins."""
    if offset <= room:
        return "", 0
    most = max(0, min(int(room * _HEAD_SHARE), room - _NEAREST)) // step * step
    first = _cut(document, offset, room, step, tree)
    # The head takes its room from the text, in whole steps; what lies between the two cuts may add to it.
    reserved = min(most, _up(len(_head(document, first, most, tree)), step))
    start = _cut(document, offset, room - reserved, step, tree)
    return _head(document, start, reserved, tree), start


def _cut(document: Document, offset: int, room: int, step: int, tree: Tree | None) -> int:
    """Where the nearest text begins: at a line, at most `room` characters before the cursor."""
    start = _up(offset - room, step)
    cut = _line_from(document, start)
    if tree is not None and (end := scope.text_end(tree, cut)) > cut and end - start <= step:
        # The rest of a docstring would be read as code, and the code as a string.
        cut = _line_from(document, end)
    # One endless line is cut where it must be.
    return cut if cut < offset else min(start, offset)


def _line_from(document: Document, offset: int) -> int:
    """The first line start at an offset or after it; the text's end where there is none."""
    following = bisect_left(document.line_starts, offset)
    return document.line_starts[following] if following < document.line_count else len(document.text)


def _head(document: Document, cut: int, room: int, tree: Tree | None) -> str:
    """Imports and heads above the cut, as whole lines in order; the innermost heads first, then the first imports."""
    line = bisect_right(document.line_starts, cut) - 1
    if document.line_starts[line] != cut or not room:
        return ""
    line = next((n for n in range(line, document.line_count) if document.line(n).strip()), line)
    heads = [each.head for each in scope.enclosing(document, line, tree) if each.head.end <= cut]
    kept: list[Span] = []
    for span in (*reversed(heads), *scope.imports(document, tree, cut)):
        size = span.end - span.start
        if size <= room and span.end <= cut and span not in kept:
            kept.append(span)
            room -= size
    return "".join(document.slice(span) for span in sorted(kept, key=lambda span: span.start))


def _below(document: Document, offset: int, room: int) -> str:
    """The suffix, cut where a scope ends if one does in the farther half of the room, else at a line's end."""
    text = document.text
    if len(text) - offset <= room:
        return text[offset:]
    first = bisect_right(document.line_starts, offset + room // 2)
    last = bisect_right(document.line_starts, offset + room) - 1
    if last < 0 or document.line_starts[last] <= offset:
        return text[offset : offset + room]
    lines = range(last, max(first - 1, last - _MOST_LINES), -1)
    best = min(lines, key=lambda number: _depth(document, number), default=last)
    return text[offset : document.line_starts[best]]


def _depth(document: Document, line: int) -> int:
    """How deep the text is nested where a line begins; a cut there is the better the smaller this is."""
    text = document.line(line)
    if not text.strip() or scope.CLOSER_LINE.match(text):
        return 1_000
    return scope.indent_of(text)
