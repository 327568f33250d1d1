"""What a cursor stands in: code, a comment, a string, a docstring, an import."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from hybrid_lsp.context import grammars, scope
from hybrid_lsp.context.grammars import MOST_CHILDREN, first_children, path_to
from hybrid_lsp.context.lexical import PROSE, Scanner, code_from, first_unescaped, in_block_comment, scan
from hybrid_lsp.document import Document

if TYPE_CHECKING:  # loaded at first use: an editor window starts without it
    from tree_sitter import Node, Tree


class Place(StrEnum):
    """What a cursor stands in."""

    CODE = "code"
    COMMENT = "comment"
    STRING = "string"
    DOCSTRING = "docstring"
    IMPORT = "import"


_CODE_INSIDE = re.compile(r"interpolation|substitution|template_expression")
"""Nodes inside of a string that hold code."""
LONGEST_LINE = 1000
"""Characters of a line that are looked at by themselves; what has more is data."""
_BELOW_CHARS = 20_000
_FAR = 1000
"""Lines above a cursor in which the next that is not blank is looked for."""
TRIPLE_QUOTES = ('"' * 3, "'" * 3)
_BLOCK_COMMENT = ("/*", "--[", "=begin", "<!--", "{-")

# How a string ends, by the text of its node: quotes, those of raw strings, Lua's and C++'s brackets.
_STRING_END = re.compile(r"(?:\"{3}|'{3}|\)\w{0,16}\"|[\"'`]#{0,9}|\]=*\])\Z")
_HEREDOC_END = re.compile(r"\w+\Z")
_DELIMITER_CHARS = 64


def where(document: Document, offset: int, tree: Tree | None) -> Place:
    """What a cursor stands in, by the tree, and by its line where the tree is broken there or missing."""
    number, column = document.position(offset)
    before = document.line(number)[:column]
    chain = list(_chain(tree, offset)) if tree is not None else []
    found = _by_tree(document, offset, chain)
    if not chain or _broken(chain, document.line_starts[number], offset):
        if in_block_comment(document.language, document.text, offset):
            return Place.COMMENT  # its end is not written yet, so that no grammar knows it
        if found is Place.CODE:
            found = _by_line(document, number, before, scanned(document, offset))
    if found in (Place.CODE, Place.STRING) and tree is not None and document.language == "python":
        # What looks like a string in one that is still open is an example in a docstring.
        found = _open_above(document, offset, tree) or found
    if found is Place.CODE and (scope.IMPORT_LINE.match(before) or any(node.type in scope.IMPORTS for node in chain)):
        return Place.IMPORT
    return found


def _chain(tree: Tree, offset: int) -> Iterator[Node]:
    """The nodes that hold the character before an offset and touch the offset, the smallest first."""
    return reversed(path_to(tree, max(0, offset - 1), offset))


def _broken(chain: list[Node], line_start: int, offset: int) -> bool:
    """Whether the tree says nothing certain about this line."""
    return any(
        node.is_error
        or node.start_byte >= line_start
        or node.child_count > MOST_CHILDREN
        or any(child.is_error and line_start <= child.start_byte < offset for child in node.children)
        for node in chain
        if node.has_error
    )


def _by_tree(document: Document, offset: int, chain: list[Node]) -> Place:
    for at, node in enumerate(chain):
        inside = node.start_byte < offset < node.end_byte
        if _CODE_INSIDE.search(node.type) and inside:
            return Place.CODE
        if "comment" in node.type and _in_comment(document, node, offset):
            return Place.COMMENT
        if scope.TEXT.search(node.type) and "comment" not in node.type and inside:
            return Place.DOCSTRING if _is_docstring(chain[at:]) else Place.STRING
    return Place.CODE


def _in_comment(document: Document, node: Node, offset: int) -> bool:
    """A line comment goes on at its end; some grammars count the line's end to it."""
    text = document.text[node.start_byte : offset]
    if text.startswith(_BLOCK_COMMENT):
        return offset < node.end_byte or not document.text[: node.end_byte].endswith(("*/", "]]", "=end", "-->", "-}"))
    return bool(text) and "\n" not in text


def _is_docstring(chain: Sequence[Node]) -> bool:
    """Whether a string stands first in a Python module, class or function; what it stands in comes after it."""
    at = next((at for at, node in enumerate(chain) if node.type == "string"), len(chain))
    if len(chain) < at + 3 or chain[at + 1].type != "expression_statement":
        return False
    statement, block = chain[at + 1 : at + 3]
    first = next((child for child in first_children(block) if child.is_named and child.type != "comment"), None)
    return block.type in {"module", "block"} and first == statement


def scanned(document: Document, offset: int) -> Scanner:
    """What is open on a line up to an offset, where the line begins in code or a string that began above ends on it."""
    number, _ = document.position(offset)
    start = document.line_starts[number]
    end = min(offset, start + LONGEST_LINE)
    return scan(document.language, document.text[code_from(document.language, document.text, start, end) : end])


def delimiter(document: Document, offset: int, tree: Tree | None, scanner: Scanner) -> str:
    """What ends the string around an offset, where that stands after it; empty elsewhere, and in code. `scanner` has
    read the line up to it.

    By the line where the string begins on it, by the tree where it began above.
    """
    number, column = document.position(offset)
    line = document.line(number)
    if len(line) > LONGEST_LINE:
        return ""
    on_line = scanner.string
    if len(on_line) == 3 or on_line == "`":
        # One that is still open ends nowhere: those below come in pairs.
        return on_line if document.text[offset : offset + _BELOW_CHARS].count(on_line) % 2 else ""
    if on_line and first_unescaped(line[column:], (on_line,)) >= 0:
        return on_line
    if document.language in PROSE or tree is None or scanner.comment:
        return ""
    by_tree = _delimiter_by_tree(document, offset, tree)
    # A string that is open, and may go on below, seems to end where the next one begins.
    return by_tree if not on_line or len(by_tree) > 1 else ""


def _delimiter_by_tree(document: Document, offset: int, tree: Tree) -> str:
    """The end of the outermost node of text around an offset, unless code stands between."""
    text: Node | None = None
    for node in path_to(tree, offset, offset):
        inside = node.start_byte < offset < node.end_byte
        if inside and _CODE_INSIDE.search(node.type):
            text = None
        elif inside and text is None and scope.TEXT.search(node.type) and "comment" not in node.type:
            text = node
    if text is None:
        return ""
    end = document.text[max(offset, text.end_byte - _DELIMITER_CHARS) : text.end_byte]
    pattern = _HEREDOC_END if "heredoc" in text.type else _STRING_END
    found = pattern.search(end.rstrip())
    return found.group() if found else ""


def _by_line(document: Document, number: int, before: str, scanner: Scanner) -> Place:
    """By the cursor's line alone."""
    if scanner.comment:
        return Place.COMMENT
    if document.language in PROSE:
        return Place.CODE
    if (string := scanner.string) in TRIPLE_QUOTES and document.language == "python":
        start = before.rindex(string)
        return Place.DOCSTRING if _begins_body(document, number, before[:start]) else Place.STRING
    return Place.STRING if string else Place.CODE


def _open_above(document: Document, offset: int, tree: Tree) -> Place | None:
    """The docstring or the string of three quotes that is still being written, which began on a line above."""
    for node in grammars.errors(tree):
        if node.start_byte >= offset:
            break
        quotes = document.text[node.start_byte : node.end_byte].lstrip("rRuU")[:3]
        number, column = document.position(node.start_byte)
        if quotes in TRIPLE_QUOTES and quotes not in document.text[node.end_byte : offset]:
            return Place.DOCSTRING if _begins_body(document, number, document.line(number)[:column]) else Place.STRING
    return None


def _begins_body(document: Document, number: int, before: str) -> bool:
    """Whether nothing but a line that opens a block stands above a quote."""
    above = next(
        (text for n in range(number - 1, max(-1, number - _FAR), -1) if (text := document.line(n)).strip()), ":"
    )
    return not before.strip(" \trRuU") and above.rstrip().endswith(":")
