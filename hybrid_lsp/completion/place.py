"""What a cursor stands in: code, a comment, a string, a docstring, an import."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from hybrid_lsp.context import grammars, scope
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
TRIPLE_QUOTES = ('"' * 3, "'" * 3)
_BLOCK_COMMENT = ("/*", "--[", "=begin", "<!--", "{-")

_MARKS = {
    **dict.fromkeys(
        ("python", "ruby", "shellscript", "yaml", "toml", "perl", "r", "dockerfile", "makefile", "elixir", "julia"), "#"
    ),
    **dict.fromkeys(("lua", "sql", "haskell", "ada"), "--"),
    **dict.fromkeys(("json", "plaintext", "markdown"), r"(?!)"),
    "php": r"//|/\*|#(?!\[)",
}
_MARK = r"//|/\*"
"""What begins a comment in all other languages."""
_PROSE = frozenset({"plaintext", "markdown", "latex", "restructuredtext"})


def where(document: Document, offset: int, tree: Tree | None) -> Place:
    """What a cursor stands in, by the tree, and by its line where the tree is broken there or missing."""
    number, column = document.position(offset)
    before = document.line(number)[:column]
    chain = list(_chain(tree, offset)) if tree is not None else []
    found = _by_tree(document, offset, chain)
    if found is Place.CODE and (not chain or _broken(chain, document.line_starts[number], offset)):
        found = _by_line(document, number, before)
    if found is Place.CODE and tree is not None and document.language == "python":
        found = _open_above(document, offset, tree)
    if found is Place.CODE and (scope.IMPORT_LINE.match(before) or any(node.type in scope.IMPORTS for node in chain)):
        return Place.IMPORT
    return found


def _chain(tree: Tree, offset: int) -> Iterator[Node]:
    """The nodes that hold the character before an offset and touch the offset, the smallest first."""
    node: Node | None = tree.root_node.descendant_for_byte_range(max(0, offset - 1), offset)
    while node is not None:
        yield node
        node = node.parent


def _broken(chain: list[Node], line_start: int, offset: int) -> bool:
    """Whether the tree says nothing certain about this line."""
    return any(
        node.is_error
        or node.start_byte >= line_start
        or any(child.is_error and line_start <= child.start_byte < offset for child in node.children)
        for node in chain
        if node.has_error
    )


def _by_tree(document: Document, offset: int, chain: list[Node]) -> Place:
    for node in chain:
        inside = node.start_byte < offset < node.end_byte
        if _CODE_INSIDE.search(node.type) and inside:
            return Place.CODE
        if "comment" in node.type and _in_comment(document, node, offset):
            return Place.COMMENT
        if scope.TEXT.search(node.type) and "comment" not in node.type and inside:
            return Place.DOCSTRING if _is_docstring(node) else Place.STRING
    return Place.CODE


def _in_comment(document: Document, node: Node, offset: int) -> bool:
    """A line comment goes on at its end; some grammars count the line's end to it."""
    text = document.text[node.start_byte : offset]
    if text.startswith(_BLOCK_COMMENT):
        return offset < node.end_byte or not document.text[: node.end_byte].endswith(("*/", "]]", "=end", "-->", "-}"))
    return bool(text) and "\n" not in text


def _is_docstring(node: Node) -> bool:
    """Whether a string stands first in a Python module, class or function."""
    string: Node | None = node
    while string is not None and string.type != "string":
        string = string.parent
    statement = string.parent if string is not None else None
    if statement is None or statement.type != "expression_statement" or statement.parent is None:
        return False
    first = next((child for child in statement.parent.named_children if child.type != "comment"), None)
    return statement.parent.type in {"module", "block"} and first == statement


@lru_cache(maxsize=64)
def _scanner(language: str) -> re.Pattern[str]:
    """Finds a comment, a whole string, or one that is still open, whichever comes first."""
    # In Rust a single quote begins a lifetime as well.
    quotes = '"' if language == "rust" else "\"'`"
    triple = r"|(?P<triple>\"{3}|'{3})" if language == "python" else ""
    return re.compile(
        rf"(?P<comment>{_MARKS.get(language, _MARK)})"
        r"|\"{3}.*?\"{3}|'{3}.*?'{3}" + triple + r"|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`"
        rf"|(?P<open>[{quotes}])"
    )


def _by_line(document: Document, number: int, before: str) -> Place:
    """By the cursor's line alone, as if it began in code."""
    if document.language in _PROSE:
        return Place.CODE
    for match in _scanner(document.language).finditer(before):
        if match.lastgroup == "comment":
            return Place.COMMENT
        if match.lastgroup == "triple":
            return Place.DOCSTRING if _begins_body(document, number, before[: match.start()]) else Place.STRING
        if match.lastgroup == "open":
            return Place.STRING
    return Place.CODE


def _open_above(document: Document, offset: int, tree: Tree) -> Place:
    """Whether a docstring that is still being written began on a line above."""
    for node in grammars.errors(tree):
        if node.start_byte >= offset:
            break
        quotes = document.text[node.start_byte : node.end_byte].lstrip("rRuU")[:3]
        number, column = document.position(node.start_byte)
        if quotes in TRIPLE_QUOTES and quotes not in document.text[node.end_byte : offset]:
            return Place.DOCSTRING if _begins_body(document, number, document.line(number)[:column]) else Place.STRING
    return Place.CODE


def _begins_body(document: Document, number: int, before: str) -> bool:
    """Whether nothing but a line that opens a block stands above a quote."""
    above = next((text for n in range(number - 1, -1, -1) if (text := document.line(n)).strip()), ":")
    return not before.strip(" \trRuU") and above.rstrip().endswith(":")
