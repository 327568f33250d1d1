"""An editor that helps along, as VS Code does and Neovim with a plug-in for pairs: pure text, no server.

It closes brackets and quotes, types over what it closed, surrounds a selection, indents new lines, ends lines as the
file does, undoes, and types with several cursors.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import attrs

from benchmarks.traces import Edit
from hybrid_lsp.document import Span, difference

PAIRS = {"(": ")", "[": "]", "{": "}", '"': '"', "'": "'"}
_BRACKETS = "([{"
INDENT = "    "
# VS Code closes where nothing, white space or another closer follows, and quotes not after a word.
_MAY_CLOSE_BEFORE = re.compile(r"[\s)\]}\"'`;:,.=]|\Z")
_AFTER_WORD = re.compile(r"\w\Z")
_OPENS_BLOCK = re.compile(r"[:(\[{]\s*\Z")


@attrs.define
class Simulated:
    """The text, and the cursors in it (offsets, ascending). `closes`: it closes pairs by itself.

    `sends` is told of each edit as it is made.
    """

    text: str
    cursors: list[int]
    closes: bool = True
    line_end: str = "\n"
    indent: str = INDENT
    sends: Callable[[Edit], None] = lambda edit: None
    _closed: list[int] = attrs.field(factory=list)
    """Where what it has closed stands: only that is typed over."""
    _history: list[tuple[str, list[int], list[int]]] = attrs.field(factory=list)

    @property
    def cursor(self) -> int:
        return self.cursors[-1]

    def press(self, key: str) -> None:
        """One key at each cursor, the last first, so that those before stay where they are."""
        self._begin()
        for number in reversed(range(len(self.cursors))):
            self._press(number, key)

    def surround(self, span: Span, key: str) -> None:
        """An opening key with a text selected puts the pair around it."""
        self._begin()
        self._replace(Span(span.end, span.end), PAIRS[key])
        self._replace(Span(span.start, span.start), key)
        self.cursors = [span.end + 1]

    def accept(self, span: Span, text: str) -> None:
        """Take a suggestion, which may replace what stands right of the cursor."""
        self._begin()
        self._replace(span, text)
        self.cursors = [span.start + len(text)]

    def undo(self) -> None:
        """Take back the last key; what is sent is the edit that does it."""
        before, cursors, closed = self._history.pop()
        span, text = difference(self.text, before)
        self.sends(Edit(span, text))
        self.text, self.cursors, self._closed = before, cursors, closed

    def type(self, text: str) -> None:
        """Text as a person types it, who deletes or adds what the editor indented otherwise, and goes down to a closer
        that stands below already."""
        for line, part in enumerate(text.split("\n")):
            keys = part.lstrip() if line else part
            if line and not self._goes_down(keys[:1]):
                self.press("\n")
                self._indent_as(part)
            for key in keys:
                self.press(key)

    def _goes_down(self, key: str) -> bool:
        blanks = len(self.text) - self.cursor - len(self.text[self.cursor :].lstrip())
        at = self.cursor + blanks
        found = bool(key) and blanks > 0 and at in self._closed and self.text[at] == key
        if found:
            self.cursors = [at]
        return found

    def _begin(self) -> None:
        self._history.append((self.text, list(self.cursors), list(self._closed)))

    def _press(self, number: int, key: str) -> None:
        at = self.cursors[number]
        if key == "\n":
            self._enter(number)
        elif self.closes and at in self._closed and self.text[at : at + 1] == key:
            self._closed.remove(at)
            self.cursors[number] = at + 1
        elif self.closes and self._closes(key, at):
            closers = PAIRS[key] * (3 if key not in _BRACKETS and self.text[:at].endswith(2 * key) else 1)
            self._insert(number, key + closers, len(key))
            self._closed += range(at + 1, at + 1 + len(closers))
        else:
            self._insert(number, key, len(key))

    def _closes(self, key: str, at: int) -> bool:
        if key not in PAIRS or not _MAY_CLOSE_BEFORE.match(self.text, at):
            return False
        line = self.text[self.text.rfind("\n", 0, at) + 1 : at]
        return key in _BRACKETS or (not _AFTER_WORD.search(line) and line.count(key) % 2 == 0)

    def _enter(self, number: int) -> None:
        """A new line, indented; between a pair, its closer goes to a line of its own."""
        at = self.cursors[number]
        line = re.split(r"[\r\n]", self.text[:at])[-1]
        indent = line[: len(line) - len(line.lstrip())]
        deeper = indent + self.indent if _OPENS_BLOCK.search(line) else indent
        between = at in self._closed and line.endswith(tuple(_BRACKETS))
        below = self.line_end + indent if between else ""
        self._insert(number, self.line_end + deeper + below, len(self.line_end + deeper))

    def _indent_as(self, line: str) -> None:
        """By hand: the indentation that a line is to have."""
        wanted = line[: len(line) - len(line.lstrip())]
        start = max(self.text.rfind("\n", 0, self.cursor), self.text.rfind("\r", 0, self.cursor)) + 1
        if self.text[start : self.cursor] != wanted:
            self._begin()
            self._replace(Span(start, self.cursor), wanted)
            self.cursors[-1] = start + len(wanted)

    def _insert(self, number: int, text: str, forward: int) -> None:
        at = self.cursors[number]
        self._replace(Span(at, at), text)
        self.cursors[number] = at + forward
        self.cursors[number + 1 :] = [cursor + len(text) for cursor in self.cursors[number + 1 :]]

    def _replace(self, span: Span, text: str) -> None:
        self.sends(Edit(span, text))
        self.text = self.text[: span.start] + text + self.text[span.end :]
        grown = len(text) - (span.end - span.start)
        self._closed = [each + grown if each >= span.end else each for each in self._closed if not _inside(each, span)]


def _inside(offset: int, span: Span) -> bool:
    return span.start <= offset < span.end
