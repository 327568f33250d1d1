"""An open file as every floor sees it: immutable text with a version, addressed by code-point offsets.

Lines end at LF, CR LF or CR and nowhere else, as LSP defines them: `str.splitlines` also splits at form feeds
and U+2028, which would shift every position below such a character.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from functools import cached_property
from pathlib import Path

import attrs

from hybrid_lsp.line_index import LineStarts

TAB_BLANKS = "    "
"""What a tab counts for in indentation."""
MOST_TABBED = 200_000
"""Characters; in a longer text tabs stay tabs, since each keystroke would turn them all into blanks."""
_TAB_INSIDE = re.compile(r"[^\t\n]\t")
_TABS = re.compile(r"^\t+", re.MULTILINE)
_LINE_END = re.compile(r"\r\n|\n|\r")


@attrs.frozen
class Span:
    """A half-open range of code-point offsets, `start <= end`."""

    start: int
    end: int

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"a span needs 0 <= start <= end, got {self.start}..{self.end}")

    def __contains__(self, offset: int) -> bool:
        return self.start <= offset < self.end

    @property
    def empty(self) -> bool:
        return self.start == self.end


@attrs.define(frozen=True, slots=False)
class Document:
    """One version of one file's text.

    `path` is None for a buffer that was never saved; `language` is LSP's language id (`python`).
    """

    uri: str
    text: str = attrs.field(repr=False)
    version: int = 0
    language: str = "plaintext"
    path: Path | None = None

    @cached_property
    def line_starts(self) -> LineStarts:
        """The offset at which each line begins; there is always at least one line."""
        return LineStarts(self.text)

    @cached_property
    def lf(self) -> Document:
        """The same lines, each ended by LF; this very document where they are."""
        if "\r" not in self.text:
            return self
        return attrs.evolve(self, text=self.text.replace("\r\n", "\n").replace("\r", "\n"))

    @property
    def tabbed(self) -> bool:
        """Whether it is Python, not endless, most of whose lines are indented by tabs: docstrings, and what is aligned,
        begin with blanks in such files too."""
        if self.language != "python" or "\n\t" not in self.text or len(self.text) > MOST_TABBED:
            return False
        return self.text.count("\n\t") > self.text.count("\n  ")

    @cached_property
    def plain(self) -> Document:
        """The text as most of its language is written, line by line the same: LF, and in Python blanks for tabs.

        Copies from other files, and models, know text of either kind by it.
        """
        document = self.lf
        if not document.tabbed:
            return document
        if _TAB_INSIDE.search(document.text) is None:
            return attrs.evolve(document, text=document.text.replace("\t", TAB_BLANKS))
        text = _TABS.sub(lambda match: match.group().replace("\t", TAB_BLANKS), document.text)
        return attrs.evolve(document, text=text)

    def line_end(self, offset: int) -> str:
        """How the line of an offset ends, the file's last as the one above it; LF where there is none."""
        number = min(self.position(offset)[0], self.line_count - 2)
        if number < 0:
            return "\n"
        found = _LINE_END.search(self.text, self.line_starts[number])
        return found.group() if found else "\n"

    @property
    def line_count(self) -> int:
        return len(self.line_starts)

    def line(self, number: int) -> str:
        """The text of a line (from 0) without its line ending."""
        start = self.line_starts[number]
        end = self.line_starts[number + 1] if number + 1 < self.line_count else len(self.text)
        return self.text[start:end].rstrip("\r\n")

    def offset(self, line: int, column: int) -> int:
        """The offset of a column (code points) in a line, both from 0 and clamped to what exists."""
        if line < 0:
            return 0
        if line >= self.line_count:
            return len(self.text)
        return self.line_starts[line] + max(0, min(column, len(self.line(line))))

    def position(self, offset: int) -> tuple[int, int]:
        """(line, column in code points) of an offset, clamped to the text."""
        offset = max(0, min(offset, len(self.text)))
        line = self.line_starts.line_of(offset)
        return line, offset - self.line_starts[line]

    def lines_of(self, span: Span) -> range:
        """The numbers of the lines that a span touches; it does not reach into a line at whose start it ends."""
        return range(self.position(span.start)[0], self.position(max(span.start, span.end - 1))[0] + 1)

    def share_line(self, one: Span, other: Span) -> bool:
        """Whether there is a line that both spans touch."""
        mine, theirs = self.lines_of(one), self.lines_of(other)
        return mine.start < theirs.stop and theirs.start < mine.stop

    def slice(self, span: Span) -> str:
        return self.text[span.start : span.end]

    def replace(self, span: Span, new_text: str, version: int | None = None) -> Document:
        """The next version of this document with one span replaced."""
        text = self.text[: span.start] + new_text + self.text[span.end :]
        return attrs.evolve(self, text=text, version=self.version + 1 if version is None else version)


def difference(old: str, new: str) -> tuple[Span, str]:
    """The smallest single edit that makes one text of another: the span of `old` that is replaced, and by what."""
    start = _common(old, new, lambda text, low, high: text[low:high])
    most = min(len(old), len(new)) - start
    end = min(most, _common(old, new, lambda text, low, high: text[len(text) - high : len(text) - low]))
    return Span(start, len(old) - end), new[start : len(new) - end]


def line_diff(old: Sequence[str], new: Sequence[str]) -> SequenceMatcher[str]:
    """difflib's comparison of lines, in time that no text makes quadratic in how often a line stands in it.

    Lines that stand there often are matched only beside others, as patience diff does.
    """
    often = {line for lines in (old, new) for line, count in Counter(lines).items() if count > _OFTEN}
    return SequenceMatcher(lambda line: line in often, old, new, autojunk=False)


_OFTEN = 8


def _common(a: str, b: str, part: Callable[[str, int, int], str]) -> int:
    """The greatest length of which both have the same part; by bisection, since slices compare at memory speed."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if part(a, low, middle) == part(b, low, middle):  # up to `low` they are the same
            low = middle
        else:
            high = middle - 1
    return low
