"""Tabs or spaces, and how many: told by the lines of code alone, and given to code that a model wrote.

What stands inside strings is data and never changes. Lines inside a comment keep what they have beyond the comment's
own indentation (` * ` in JSDoc), which says nothing about the code's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import attrs

from hybrid_lsp.context import grammars, scope, symbols
from hybrid_lsp.document import Document, Span

if TYPE_CHECKING:  # loaded at first use: an editor window starts without it
    from tree_sitter import Node

# What grammars call a string: `template_string`, `raw_string_literal`, `heredoc_body`.
_STRINGS = ("string", "string_literal", "heredoc_body", "heredoc", "nowdoc", "raw_text", "here_string")
_INDENT = re.compile(r"[ \t]*")
_USUAL = 4
_WIDTHS = (2, 4)
"""Levels of spaces in use; other steps are more likely to be an alignment."""
_STAR = re.compile(r"[ \t]*\*(?:[ /]|$)")
_OPENS = re.compile(
    r"[:{(\[]\s*(?:\|[^|]*\|\s*)?(?:#.*|//.*)?$|\b(?:do|then|else|begin)\s*(?:\|[^|]*\|\s*)?$|=>\s*$"
    r"|\{[^{}]*(?:->|\bin)\s*$"
)
_LABEL = re.compile(r"\s*(?:(?P<branch>case\b|default\b|when\b)|(?P<item>-\s))")
"""What stands beside others of its kind: a branch, an item of a list."""
_LEAVES = re.compile(r"\s*(?:return|raise|throw|break|continue|exit|pass)\b")
_DEFINES = re.compile(
    r"\s*(?:@\w|#\[|///|/\*\*|(?:(?:export|default|public|private|protected|internal|static|abstract|final|async|pub"
    r"|override|virtual|inline|const|unsafe|extern|get|set)(?:\([a-z]+\))?\s+)*"
    r"(?:def|class|fn|func|function|fun|sub|interface|struct|enum|trait|impl|mod|module|namespace|type|record)\b)"
)
_METHOD = re.compile(r"\s*(?:async\s+)?def\s+\w+\s*\(\s*(?:self|cls)\b|\s*@(?:property|staticmethod|classmethod)\b")
_METHOD_LIKE = re.compile(
    r"\s*(?!(?:if|for|while|switch|catch|return|else|do|with|match|try)\b)[\w<>\[\], ]+\([^;]*\)[^;=]*\{\s*$"
)


@attrs.frozen
class Style:
    """How a level of indentation is written: a tab, or so many spaces.

    `certain`: the code at hand and all of its file say the same.
    """

    unit: str
    certain: bool = False

    @property
    def tabs(self) -> bool:
        return self.unit == "\t"


def of(document: Document, span: Span) -> Style:
    """The style of a span where it is indented, or else of its file; four spaces where nothing is."""
    lines = _code_lines(document)
    first, last = document.position(span.start)[0], document.position(span.end)[0]
    for chosen in ([line for number, line in lines if first <= number <= last], [line for _, line in lines]):
        tabs, spaces = _counts(chosen)
        if tabs or spaces:
            step = _step(line for _, line in lines)
            return Style("\t") if tabs >= spaces else Style(" " * (step or _USUAL), _step(chosen) == step)
    return Style(" " * _USUAL)


def converted(code: str, language: str, style: Style) -> str:
    """Code whose lines are indented in a style's kind; a level is what the code itself uses for one."""
    document = Document("", code, language=language)
    lines = _code_lines(document)
    tabs, spaces = _counts(line for _, line in lines)
    step = _step(line for _, line in lines) or _USUAL
    if (style.tabs and not spaces) or (not style.tabs and not tabs and not _differs(style, step, lines)):
        return code
    inside = lines_in_strings(code, language)
    owners = _comments(document)
    texts = code.split("\n")
    new = [line if number in inside else _rewritten(line, style, step) for number, line in enumerate(texts)]
    for number, first in owners.items():  # as far from its comment's first line as it was
        if number not in inside:
            new[number] = _moved(texts[number], texts[first], new[first])
    return "\n".join(new)


def _differs(style: Style, step: int, lines: Iterable[tuple[int, str]]) -> bool:
    """Whether code that is indented by spaces has levels of another width than its file, and nothing but levels."""
    known = style.certain and {step, len(style.unit)} == set(_WIDTHS)
    return known and all(len(_indent(line)) % step == 0 for _, line in lines)


def _rewritten(line: str, style: Style, step: int) -> str:
    indent = _indent(line)
    if not line.strip():
        return line
    if style.tabs:
        width = len(indent.replace("\t", " " * step))
        new = "\t" * (width // step) + " " * (width % step)
    elif "\t" in indent:
        new = indent.replace("\t", style.unit)
    else:
        new = style.unit * (len(indent) // step) if style.certain and len(indent) % step == 0 else indent
    return new + line[len(indent) :]


def _moved(line: str, old_first: str, new_first: str) -> str:
    old, new = _indent(old_first), _indent(new_first)
    return new + line[len(old) :] if line.startswith(old) else line


def _indent(line: str) -> str:
    match = _INDENT.match(line)
    return match.group() if match else ""


def _counts(lines: Iterable[str]) -> tuple[int, int]:
    """How many lines begin with a tab, and with a space."""
    begins = Counter(line[:1] for line in lines)
    return begins["\t"], begins[" "]


def _step(lines: Iterable[str]) -> int | None:
    """The step that indentation by spaces most often grows by; a lone space is none."""
    widths = [len(_indent(line)) for line in lines if "\t" not in _indent(line)]
    grown = Counter(b - a for a, b in pairwise(widths) if b - a > 1)
    if not grown:
        return min((width for width in widths if width > 1), default=None)
    most = max(grown.values())
    return min(step for step, count in grown.items() if count == most)


def _code_lines(document: Document) -> list[tuple[int, str]]:
    """The lines that are code, with their numbers: not blank, and not within a string or comment."""
    inside = lines_in_strings(document.text, document.language, docstrings=True) | set(_comments(document))
    lines = ((number, document.line(number)) for number in range(document.line_count))
    return [(number, line) for number, line in lines if line.strip() and number not in inside]


def lines_in_strings(code: str, language: str, *, docstrings: bool = False) -> set[int]:
    """Lines that begin inside a string; docstrings, whose indentation means nothing, only where they are wanted."""
    document = Document("", code, language=language)
    found: set[int] = set()
    tree = symbols.tree(document)
    for node in grammars.walk(tree.root_node) if tree else ():
        if node.type.endswith(_STRINGS) and (
            docstrings or node.parent is None or not symbols.is_docstring(node.parent)
        ):
            first, last = document.position(node.start_byte)[0], document.position(node.end_byte)[0]
            found.update(range(first + (not _begins_its_line(document, node)), last + 1))
    return found


def _begins_its_line(document: Document, node: Node) -> bool:
    """Whether the white space before a node is data too: that of a here-document's first line."""
    line, column = document.position(node.start_byte)
    return node.type == "heredoc_body" and not document.line(line)[:column].strip()


def _comments(document: Document) -> dict[int, int]:
    """Lines within a comment or docstring, each with the line on which that begins."""
    tree = symbols.tree(document)
    if tree is None:
        return dict(_starred(document))
    found: dict[int, int] = {}
    for node in grammars.walk(tree.root_node):
        if "comment" in node.type or symbols.is_docstring(node):
            first, (last, column) = document.position(node.start_byte)[0], document.position(node.end_byte)
            found.update(dict.fromkeys(range(first + 1, last + (column > 0)), first))
    return found


def _starred(document: Document) -> Iterator[tuple[int, int]]:
    """The same without a grammar: lines that begin with a star, below the one that opens the comment."""
    first = None
    for number in range(document.line_count):
        line = document.line(number)
        if line.lstrip().startswith("/*"):
            first = number
        elif first is not None and _STAR.match(line):
            yield number, first
        else:
            first = None


def at_blank(document: Document, span: Span, code: str, style: Style) -> str:
    """The indentation of code that is written on blank lines: what its kind has among the lines around."""
    if own := _indent(document.slice(span)):
        return own
    first, last = document.position(span.start)[0], document.position(span.end)[0]
    above = next((line for n in range(first - 1, -1, -1) if (line := document.line(n)).strip()), "")
    below = next((line for n in range(last + 1, document.line_count) if (line := document.line(n)).strip()), "")
    if (said := _indent(code)) and said in {_indent(above), _indent(below), _indent(above) + style.unit}:
        return said
    return _between(document, first, above, below, code, style)


def _between(document: Document, line: int, above: str, below: str, code: str, style: Style) -> str:
    closes = bool(scope.CLOSER_LINE.match(below))
    if (beside := _beside(document, line, below, code)) is not None:
        return beside
    if _OPENS.search(above) and (closes or not _deeper(above, below)):
        return _indent(above) + style.unit
    if below and not closes and not _deeper(below, above):
        return _indent(below)
    if closes and _is_flat(above, below):
        return _indent(below)
    if closes and not _deeper(_inner(below, style), above):
        return _inner(below, style)
    if not _is_definition(code) and not _LEAVES.match(above):
        return _indent(above)
    if _METHOD.match(code) and (home := _class_above(document, line)) is not None:
        return home + style.unit
    return _inner(below, style) if closes else _indent(below)


def _beside(document: Document, line: int, below: str, code: str) -> str | None:
    """The indentation of the next line, or else the last one, that is a label of the same kind as the code."""
    first = _LABEL.match(code)
    if first is None:
        return None
    above = (document.line(number) for number in range(line - 1, -1, -1))
    for other in [below, *above]:
        found = _LABEL.match(other)
        if found is not None and found.lastgroup == first.lastgroup:
            return _indent(other)
    return None


def _is_flat(above: str, below: str) -> bool:
    """Whether what a line closes is not indented, as in a namespace of C++: a line of it stands as far out."""
    return below.lstrip().startswith("}") and bool(above.strip()) and not _deeper(below, above)


def _is_definition(code: str) -> bool:
    first = next((line for line in code.split("\n") if line.strip()), "")
    return bool(_DEFINES.match(first) or _METHOD_LIKE.match(first))


def _class_above(document: Document, line: int) -> str | None:
    """The indentation of the class that a line is still under, or was last."""
    for number in range(line - 1, -1, -1):
        text = document.line(number)
        if re.match(r"\s*class\b", text):
            return _indent(text)
        if text.strip() and not _indent(text) and not text.startswith((")", "]", "}", "#", "@")):
            return None
    return None


def _inner(line: str, style: Style) -> str:
    """The indentation of what a closing line closes."""
    return _indent(line) + style.unit


def _deeper(outer: str, inner: str) -> bool:
    """Whether a line is indented more than another one."""
    return scope.indent_of(inner) > scope.indent_of(outer)
