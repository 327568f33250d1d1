"""How much to ask for and to keep: the rest of a line, or a block up to the end of its scope.

The position decides: a block only where a line is empty, or where one has just been opened. What leaves the scope of
the cursor (less indentation, or the bracket that closes it) is cut, and nothing beyond it need be generated.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

from hybrid_lsp.completion.place import TRIPLE_QUOTES, Place, where
from hybrid_lsp.context.scope import CLOSER_LINE, indent_of
from hybrid_lsp.document import Document

if TYPE_CHECKING:  # loaded at first use: an editor window starts without it
    from tree_sitter import Tree


_FAR = 1000
"""Lines above and below a cursor in which the next that is not blank is looked for."""
# A colon opens a block only after these words; in brackets it belongs to a dict, a slice or an annotation.
_COLON_OPENS = re.compile(
    r"\s*(?:(?:async\s+)?(?:def|for|with)|class|if|elif|else|while|try|except|finally|match|case|cases)\b.*:\s*(?:#.*)?$"
    r"|\s*\)(?:\s*->.*)?:\s*(?:#.*)?$"
)
_BRACKET_OPENS = re.compile(r"(?:[{(\[]|=>|->)\s*(?:(?://|#|--).*)?$")
_WORD_OPENS = {
    "lua": re.compile(r"\b(?:then|do|else|repeat)\s*$|\bfunction\b[^()]*\([^()]*\)\s*$"),
    "shellscript": re.compile(r"\b(?:then|do|else)\s*$|\bin\s*$"),
    "ruby": re.compile(
        r"^\s*(?:def|class|module|if|unless|while|until|case|when|else|elsif|begin|rescue|ensure)\b"
        r"|\bdo(?:\s*\|.*\|)?\s*$"
    ),
}  # fmt: skip
COLON_LANGUAGES = frozenset({"python", "nim", "gdscript"})
_CLOSED_BY_DEDENT = COLON_LANGUAGES | {"yaml", "haskell", "fsharp", "makefile"}


@attrs.frozen
class Shape:
    """What a suggestion may be.

    `max_lines` 1 is the rest of the line. `floor` is the least indentation, in columns, of each line after the first;
    `closes`: the line that closes the scope is still missing and may be written; `until` is a text that ends it.
    """

    max_lines: int = 1
    floor: int = 0
    column: int = 0
    closes: bool = False
    until: str = ""

    @property
    def single(self) -> bool:
        return self.max_lines == 1


def shape(document: Document, offset: int, tree: Tree | None, multiline: bool, max_lines: int) -> Shape:
    """The shape of a suggestion at an offset; `multiline` allows blocks, of at most `max_lines` lines."""
    number, column = document.position(offset)
    line = document.line(number)
    before, after = line[:column], line[column:]
    if not multiline or max_lines <= 1 or after.strip() or not _block_may_begin(document, number, before):
        return Shape()
    place = where(document, offset, tree)
    if place is Place.DOCSTRING:
        return Shape(max_lines, indent_of(before), indent_of(before), until=_quotes_before(document.text, offset))
    if place in (Place.COMMENT, Place.STRING):
        return Shape()
    floor = _floor(document, number, before)
    return Shape(max_lines, floor, indent_of(before), _is_open_below(document, number, floor))


def _block_may_begin(document: Document, number: int, before: str) -> bool:
    return not before.strip() or opens(before, document.language)


def _quotes_before(text: str, offset: int) -> str:
    """The quotes that opened the docstring around an offset."""
    return max(TRIPLE_QUOTES, key=lambda quotes: text.rfind(quotes, 0, offset))


def opens(line: str, language: str) -> bool:
    """Whether a line begins a block that goes on below it."""
    if language in COLON_LANGUAGES:
        return bool(_COLON_OPENS.match(line) or re.search(r"[(\[{]\s*(?:#.*)?$", line))
    if _BRACKET_OPENS.search(line):
        return True
    words = _WORD_OPENS.get(language)
    return bool(words and words.search(line)) or (language == "yaml" and line.rstrip().endswith(":"))


def _floor(document: Document, number: int, before: str) -> int:
    """The least indentation of what still belongs to the cursor's scope."""
    if before.strip():
        return indent_of(before) + 1
    above = next(
        (text for n in range(number - 1, max(-1, number - _FAR), -1) if (text := document.line(n)).strip()), ""
    )
    inside = indent_of(above) + 1 if opens(above, document.language) else 0
    return max(indent_of(before), inside)


def _is_open_below(document: Document, number: int, floor: int) -> bool:
    """Whether nothing below closes the scope, in a language where something must."""
    if document.language in _CLOSED_BY_DEDENT or floor == 0:
        return False
    below = next(
        (
            text
            for n in range(number + 1, min(number + _FAR, document.line_count))
            if (text := document.line(n)).strip()
        ),
        "",
    )
    return indent_of(below) < floor and not CLOSER_LINE.match(below)


def within_scope(text: str, shape: Shape) -> str:
    """A reply up to where it leaves the scope, and no longer than the shape allows."""
    lines = text.split("\n")
    if shape.single:
        return lines[0]
    if shape.until and shape.until in text:
        lines = text[: text.index(shape.until) + len(shape.until)].split("\n")
    return "\n".join(lines[: _inside(lines, shape)]).rstrip()


def _inside(lines: list[str], shape: Shape) -> int:
    """How many lines belong to the scope."""
    # The first line goes on at the cursor: what it begins with is indentation as well.
    base = shape.column + indent_of(lines[0]) if lines[0].strip() else 0
    floor = max(shape.floor, base)
    deeper = False
    written = 0
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        if number and indent_of(line) < floor:
            return number + _is_closer(line, shape, floor)
        if number and deeper and indent_of(line) == base and not lines[number - 1].strip():
            return number  # a unit has ended; what comes is another
        deeper = deeper or (number > 0 and bool(lines[0].strip()) and indent_of(line) > base)
        written += 1
        if written > shape.max_lines:
            return number
    return len(lines)


def _is_closer(line: str, shape: Shape, floor: int) -> bool:
    return shape.closes and shape.floor == floor and bool(CLOSER_LINE.match(line))


def ended(text: str, shape: Shape) -> bool:
    """Whether the complete lines of a reply say already that no more of it will be kept."""
    *complete, _ = text.split("\n")
    if not complete:
        return False
    if shape.single:
        return True
    whole = "\n".join(complete)
    written = sum(1 for line in complete if line.strip())
    return written >= shape.max_lines or within_scope(whole, shape) != whole.rstrip()
