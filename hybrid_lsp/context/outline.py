"""What a file offers to others, short: the heads of its definitions, without their bodies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hybrid_lsp.context import scope
from hybrid_lsp.document import Document, Span

if TYPE_CHECKING:  # loaded at first use: an editor window starts without it
    from tree_sitter import Node, Tree

MOST_CHARS = 1200
"""Of one definition with its members."""
_MOST_LINE = 160
_NAMED = re.compile(r"declaration|definition|item|specifier|alias|expression_statement|module|class|method")
_DOCSTRING = re.compile(r"\s*[rRuU]?(\"{3}|'{3}|\"|')\s*(\S[^\n]*)")


def outline(document: Document, tree: Tree) -> dict[str, str]:
    """The top-level names of a file, each with its head, the first line of its docstring, and the heads of its members.

    What is said of one name in several places (a Rust type and its `impl` blocks) stands together.
    """
    found: dict[str, str] = {}
    for node in tree.root_node.named_children:
        for name, text in _entries(document, _inner(node)):
            known = found.get(name, "")
            if not known or (node.type in scope.SCOPES and len(known) + len(text) <= MOST_CHARS):
                found[name] = known + text
    return found


def _inner(node: Node) -> Node:
    """The definition inside of decorators, `export` and the like."""
    while node.type in scope.WRAPPERS:
        inner = node.child_by_field_name("definition") or node.child_by_field_name("declaration")
        inner = inner or next((child for child in node.named_children if _NAMED.search(child.type)), None)
        if inner is None:
            return node
        node = inner
    return node


def _entries(document: Document, node: Node) -> Iterator[tuple[str, str]]:
    if node.type in {"namespace_definition", "namespace_declaration", "mod_item", "internal_module"}:
        body = node.child_by_field_name("body")
        for child in body.named_children if body is not None else ():
            yield from _entries(document, _inner(child))
    elif (name := _name(document, node)) is not None:
        yield name, _described(document, node)


def _name(document: Document, node: Node) -> str | None:
    """The name that a definition binds, None where it is no definition."""
    if not _NAMED.search(node.type):
        return None
    named = node.child_by_field_name("name") or (node.type == "impl_item" and node.child_by_field_name("type")) or None
    if named is None:
        named = _declared(node)
    return document.text[named.start_byte : named.end_byte].split("<")[0] if named is not None else None


def _declared(node: Node) -> Node | None:
    """The name inside of `int (*name)(...)`, `const name = ...`, `name = ...`."""
    current: Node | None = node
    while current is not None and current.type not in {"identifier", "type_identifier", "field_identifier"}:
        inner = current.child_by_field_name("declarator") or current.child_by_field_name("left")
        inner = inner or current.child_by_field_name("name")
        if inner is None and current.type in {"lexical_declaration", "variable_declaration", "expression_statement"}:
            inner = current.named_children[0] if current.named_children else None
        if inner is None and current.type in {"type_declaration", "const_declaration", "var_declaration"}:
            inner = current.named_children[0] if current.named_children else None
        current = inner
    return current


def _described(document: Document, node: Node) -> str:
    head = _head(document, node)
    body = node.child_by_field_name("body") if node.type in scope.SCOPES else None
    if body is None:
        return head
    members = "".join(
        _head(document, inner)
        for child in body.named_children
        if (inner := _inner(child)).type in scope.SCOPES and _public(document, inner)
    )
    return (head + _docstring(document, body) + members)[:MOST_CHARS].rpartition("\n")[0] + "\n"


def _head(document: Document, node: Node) -> str:
    if node.type in scope.SCOPES:
        return document.slice(scope.head_of(document, node)).rstrip("\r\n") + "\n"
    line, _ = document.position(node.start_byte)
    return document.line(line)[:_MOST_LINE] + "\n"


def _public(document: Document, node: Node) -> bool:
    name = _name(document, node) or ""
    return not name.startswith("_") or name.endswith("__")


def _docstring(document: Document, body: Node) -> str:
    """The first line of a docstring, with its indentation and its quotes closed."""
    if document.language != "python" or not (
        match := _DOCSTRING.match(document.slice(Span(body.start_byte, body.end_byte)))
    ):
        return ""
    _, column = document.position(body.start_byte)
    quotes = match.group(1)
    return " " * column + quotes + match.group(2).split(quotes)[0].rstrip() + quotes + "\n"
