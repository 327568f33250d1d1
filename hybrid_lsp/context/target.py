"""Which definition a place in a file belongs to, with all that belongs to that: its comments, attributes, wrappers.

In Python decorators are part of a definition, and what documents it stands inside; comments above it are left alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hybrid_lsp.context import grammars, scope, symbols
from hybrid_lsp.document import Document, Span

if TYPE_CHECKING:  # loaded at first use: an editor window starts without it
    from tree_sitter import Node

_DEFINITIONS = scope.SCOPES | {"type_declaration", "type_alias_declaration", "type_item", "type_definition"}
_FUNCTIONS = frozenset({"arrow_function", "function_expression", "generator_function"})
"""Functions that have their name from what they are assigned to."""
_ASSIGNED = frozenset(
    {
        "variable_declarator",
        "lexical_declaration",
        "variable_declaration",
        "assignment_expression",
        "expression_statement",
    }
    | {"pair", "public_field_definition", "field_definition"}
)
_HEAD = re.compile(r"comment|attribute|decorator|annotation")
_SHEBANG = "#!"


def around(document: Document, span: Span) -> Span | None:
    """The whole lines of the smallest function or class around a span; None outside of all, or without a grammar.

    A cursor in the comments or attributes above a definition is in that definition.
    """
    if document.language == "python":
        return symbols.enclosing_span(document, span)
    tree, inner = symbols.tree(document), symbols.trimmed(document, span)
    if tree is None:
        return None
    below = _headed(document, tree.root_node, inner)
    above = symbols.upward(tree, tree.root_node.descendant_for_byte_range(below.start, below.end))
    node = next((each for each in above if _is_definition(each)), None)
    if node is None:
        return None
    return with_head(document, symbols.whole_lines(document, symbols.span_of(_outer(node))))


def with_head(document: Document, span: Span) -> Span:
    """Whole lines that begin with a definition, with the comments and attributes right above it as well."""
    tree = symbols.tree(document)
    if tree is None or document.language == "python":
        return span
    line = document.position(span.start)[0]
    begins = _begins(tree.root_node, span.start + len(document.slice(span)) - len(document.slice(span).lstrip()))
    while begins and line > 0 and (above := _head_above(document, tree.root_node, line)) is not None:
        line = above
    return Span(document.line_starts[line], span.end)


def _is_definition(node: Node) -> bool:
    if node.type in _FUNCTIONS:
        return node.parent is not None and node.parent.type in _ASSIGNED
    # The keyword `class` is a node of that type too, as is a Ruby class.
    return node.is_named and node.type in _DEFINITIONS and node.parent is not None


def _outer(node: Node) -> Node:
    """A definition with what it is wrapped in or assigned to."""
    assigned = node.type in _FUNCTIONS
    while (parent := node.parent) is not None and (
        parent.type in scope.WRAPPERS or (assigned and parent.type in _ASSIGNED)
    ):
        node = parent
    return node


def _head_above(document: Document, root: Node, line: int) -> int | None:
    """The first line of the comment or attribute that ends on the line before; None where there is none."""
    above = line - 1
    node = _head_at(document, root, above)
    if node is None or document.line(above).lstrip().startswith(_SHEBANG):
        return None
    first, column = document.position(node.start_byte)
    alone = not document.line(first)[:column].strip("\ufeff \t")
    last, after = document.position(node.end_byte)
    ends = last == above or (last == line and after == 0)
    return first if alone and ends and not document.text[node.end_byte : _end(document, above)].strip() else None


def _head_at(document: Document, root: Node, line: int) -> Node | None:
    """The comment or attribute that the text of a line is in."""
    text = document.line(line)
    if not text.strip():
        return None
    at = document.line_starts[line] + len(text.rstrip()) - 1
    node: Node | None = root.descendant_for_byte_range(at, at + 1)
    found = None
    while node is not None and node.parent is not None and not _is_definition(node):
        found = node if _HEAD.search(node.type) else found
        node = node.parent
    return found


def _end(document: Document, line: int) -> int:
    return document.line_starts[line] + len(document.line(line))


def _headed(document: Document, root: Node, span: Span) -> Span:
    """A place in the comments or attributes above a definition as the beginning of that definition."""
    line = document.position(span.start)[0]
    below = line
    while below < document.line_count and _head_at(document, root, below) is not None:
        below += 1
    if below in (line, document.line_count) or not document.line(below).strip():
        return span
    text = document.line(below)
    start = document.line_starts[below] + len(text) - len(text.lstrip())
    return Span(start, start) if _begins(root, start) else span


def _begins(root: Node, start: int) -> bool:
    """Whether a definition, with what it is wrapped in, begins at an offset."""
    node = root.descendant_for_byte_range(start, start)
    while node is not None and (parent := node.parent) is not None and parent.start_byte == start and parent.parent:
        node = parent
    found = next((each for each in grammars.walk(node) if _is_definition(each)), None) if node is not None else None
    return found is not None and _outer(found).start_byte == start
