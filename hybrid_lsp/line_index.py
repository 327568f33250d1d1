"""Where the lines of a text begin, worked out piece by piece: a keystroke in a long file needs a few of its lines.

Lines end at LF, CR LF or CR and nowhere else, as LSP defines them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import overload

PIECE = 4096
"""Characters in which line ends are counted at once, and found only where one of them is asked for."""
_LINE_END = re.compile(r"\r\n|\n|\r")


class LineStarts(Sequence[int]):
    """The offsets at which the lines of a text begin, ascending; there is always at least one line."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._cr = "\r" in text
        self._bounds = list(self._cut()) if self._cr else [*range(0, len(text), PIECE), len(text)]
        # The first line begins before all pieces.
        self._before = list(accumulate(map(self._count, self._bounds, self._bounds[1:]), initial=1))
        self._found: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return self._before[-1]

    @overload
    def __getitem__(self, at: int) -> int: ...
    @overload
    def __getitem__(self, at: slice) -> list[int]: ...
    def __getitem__(self, at: int | slice) -> int | list[int]:
        if isinstance(at, slice):
            return [self[number] for number in range(*at.indices(len(self)))]
        number = at + len(self) if at < 0 else at
        if not 0 <= number < len(self):
            raise IndexError(at)
        if number == 0:
            return 0
        piece = bisect_right(self._before, number) - 1
        return self._starts(piece)[number - self._before[piece]]

    def __iter__(self) -> Iterator[int]:
        yield 0
        for piece in range(len(self._before) - 1):
            yield from self._starts(piece)

    def line_of(self, offset: int) -> int:
        """The number of the line in which an offset stands; the text's end belongs to its last line."""
        # A piece holds the lines that begin after its first character and up to its end.
        piece = bisect_right(self._bounds, offset - 1) - 1
        if offset <= 0 or piece < 0:
            return 0
        if piece >= len(self._before) - 1:
            return len(self) - 1
        return self._before[piece] + bisect_right(self._starts(piece), offset) - 1

    def _cut(self) -> Iterator[int]:
        """The pieces' bounds; no line end is cut in two."""
        text, at = self._text, 0
        while at < len(text):
            yield at
            at += PIECE
            at += text[at - 1 : at + 1] == "\r\n"
        yield len(text)

    def _count(self, start: int, end: int) -> int:
        lf = self._text.count("\n", start, end)
        if not self._cr:
            return lf
        return lf + self._text.count("\r", start, end) - self._text.count("\r\n", start, end)

    def _starts(self, piece: int) -> list[int]:
        """The starts of the lines whose line ends stand in a piece."""
        if piece not in self._found:
            start, end = self._bounds[piece], self._bounds[piece + 1]
            self._found[piece] = [match.end() for match in _LINE_END.finditer(self._text, start, end)]
        return self._found[piece]
