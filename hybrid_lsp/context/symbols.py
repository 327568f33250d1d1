"""What the syntax tree says about a document: which function a span is in, what a module offers to others.

Offsets are code points everywhere (see `grammars.py`). What is said in Python's terms is said of Python alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

import attrs

from hybrid_lsp.context import grammars
from hybrid_lsp.document import Document, Span

if TYPE_CHECKING:  # loaded at first use: an editor window starts without it
    from tree_sitter import Node, Tree

_LANGUAGES = {"python"}
_SPACES = re.compile(r"\s+")

FUNCTION = "function_definition"
CLASS = "class_definition"
DECORATED = "decorated_definition"
_BLOCKS = {"module", "block"}
# Within these stands no block and no definition, however deep they are.
_SIMPLE = frozenset(
    {"expression_statement", "return_statement", "assert_statement", "raise_statement", "delete_statement"}
)
# Statements whose bodies belong to the scope around them.
_TRANSPARENT = {"if_statement", "else_clause", "elif_clause", "try_statement", "except_clause", "finally_clause"} | {
    "with_statement",
    "block",
}


@attrs.frozen
class Definition:
    """A function, class or assigned name: `name` is dotted inside classes (`Shape.area`).

    `signature` is what a caller depends on, with white space and annotations left out; `span` includes decorators.
    `decorators` and `annotations` are those of this definition itself, without white space.
    """

    name: str
    kind: str
    signature: str
    span: Span
    decorators: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()


def is_public(name: str) -> bool:
    """Whether others may use a dotted name: no part is private; `__init__` and its like are public."""
    return not any(part.startswith("_") and not part.endswith("__") for part in name.split("."))


def parse(document: Document) -> Tree | None:
    """The syntax tree; None for every language but Python."""
    return tree(document) if document.language in _LANGUAGES else None


def tree(document: Document) -> Tree | None:
    """The same for every language that has a grammar."""
    parsed = grammars.parsed(document.language, document.text)
    return parsed.tree if parsed else None


def span_of(node: Node) -> Span:
    """The code points that a node covers."""
    return Span(node.start_byte, node.end_byte)


def text_of(document: Document, node: Node) -> str:
    """The text that a node covers."""
    return document.slice(span_of(node))


def syntax_errors(document: Document) -> list[int]:
    """Offsets of what the grammar cannot read; empty for a language without a grammar."""
    found = tree(document)
    return [node.start_byte for node in grammars.errors(found)] if found else []


def enclosing(document: Document, span: Span, kinds: Iterable[str] = (FUNCTION, CLASS)) -> Node | None:
    """The smallest function or class that holds the span; its decorators count as part of it."""
    tree = parse(document)
    span = trimmed(document, span)
    node = tree.root_node.descendant_for_byte_range(span.start, span.end) if tree else None
    wanted = set(kinds)
    for each in upward(tree, node, _SIMPLE):
        inner = undecorated(each)
        if inner is not None and inner.type in wanted:
            return inner
    return None


def upward(tree: Tree | None, node: Node | None, without: Collection[str] = ()) -> list[Node]:
    """A node and those that it is in, up to the root; `Node.parent` goes down from the root again for each.

    What stands in a node of the kinds `without` is left out, so that a chain of thousands of calls costs nothing.
    """
    if tree is None or node is None:
        return []
    found = [tree.root_node]
    while found[-1] != node and (below := found[-1].child_with_descendant(node)) is not None:
        found.append(below)
        if below.type in without:
            break
    return found[::-1]


def undecorated(node: Node) -> Node | None:
    """What decorators stand before, or the node itself; None where they stand before nothing."""
    return node.child_by_field_name("definition") if node.type == DECORATED else node


def with_decorators(node: Node) -> Node:
    """The decorated definition around a function or class, or the node itself."""
    parent = node.parent
    return parent if parent is not None and parent.type == DECORATED else node


def in_comment(document: Document, offset: int) -> bool:
    """Whether a comment stands at an offset."""
    found = tree(document)
    node = found.root_node.descendant_for_byte_range(offset, offset + 1) if found else None
    while node is not None and "comment" not in node.type:
        node = node.parent
    return node is not None


def is_docstring(node: Node) -> bool:
    """Whether a statement of Python is a bare string."""
    named = node.named_children if node.type == "expression_statement" else []
    return len(named) == 1 and named[0].type == "string"


def enclosing_span(document: Document, span: Span) -> Span | None:
    """The whole lines of the smallest function, or else class, around a span; None outside of both."""
    node = enclosing(document, span, {FUNCTION}) or enclosing(document, span, {CLASS})
    return whole_lines(document, span_of(with_decorators(node))) if node else None


def widen(document: Document, span: Span) -> Span:
    """A selection as whole lines of whole statements.

    Exactly selected statements stay as they are. A selection that cuts a statement becomes the function or class
    around it, or else the statements it touches. Without a grammar it becomes whole lines.
    """
    inner = trimmed(document, span)
    touched = statements(document, inner)
    if not touched:
        return whole_lines(document, inner)
    covered = whole_lines(document, Span(touched[0].start_byte, touched[-1].end_byte))
    exact = not inner.empty and whole_lines(document, inner) == covered and not _cuts_line(document, inner)
    return covered if exact else enclosing_span(document, inner) or covered


def _cuts_line(document: Document, span: Span) -> bool:
    """Whether text stands left or right of a trimmed span on its first and last line."""
    lines = whole_lines(document, span)
    return bool(document.text[lines.start : span.start].strip() or document.text[span.end : lines.end].strip())


def statements(document: Document, span: Span) -> list[Node]:
    """The sibling statements that a span touches, in the innermost block that holds it all."""
    tree = parse(document)
    span = trimmed(document, span)
    node = tree.root_node.descendant_for_byte_range(span.start, max(span.start, span.end)) if tree else None
    block = next((each for each in upward(tree, node, _SIMPLE) if each.type in _BLOCKS), None)
    if block is None:
        return []
    return [
        child
        for child in block.named_children
        if child.start_byte < max(span.end, span.start + 1) and child.end_byte > span.start
    ]


def trimmed(document: Document, span: Span) -> Span:
    """A span without white space at its ends; an empty or blank one moves to the text of its line, if any."""
    text = document.text
    span = Span(min(span.start, len(text)), min(span.end, len(text)))
    chosen = document.slice(span)
    if chosen.strip():
        start = span.start + len(chosen) - len(chosen.lstrip())
        return Span(start, span.start + len(chosen.rstrip()))
    line, column = document.position(span.start)
    content = document.line(line)
    indent = len(content) - len(content.lstrip())
    if content.strip():  # behind the last character of a function one is still in that function
        column = min(max(column, indent), len(content.rstrip()) - 1)
    start = document.line_starts[line] + column
    return Span(start, start)


def whole_lines(document: Document, span: Span) -> Span:
    """From the start of the span's first line to the end of its last, without the last line ending."""
    first, _ = document.position(span.start)
    last, column = document.position(span.end)
    if last > first and column == 0:
        last -= 1
    return Span(document.line_starts[first], document.line_starts[last] + len(document.line(last)))


def definitions(document: Document) -> list[Definition]:
    """What a module and its classes define: functions, classes, methods and assigned names, in order.

    A name defined twice (overloads, branches of an `if`) is listed twice. Imports are not definitions.
    """
    tree = parse(document)
    return list(_definitions(document, tree.root_node, "")) if tree else []


def _definitions(document: Document, node: Node, scope: str) -> Iterator[Definition]:
    for child in node.named_children:
        inner = undecorated(child)
        if inner is None:
            continue
        if inner.type in {FUNCTION, CLASS}:
            yield from _definition(document, child, inner, scope)
        elif inner.type in _TRANSPARENT:
            yield from _definitions(document, inner, scope)
        elif inner.type == "expression_statement":
            yield from _assigned(document, inner, scope)


def _definition(document: Document, outer: Node, node: Node, scope: str) -> Iterator[Definition]:
    name_node, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    if name_node is None:
        return
    name = scope + text_of(document, name_node)
    if node.type == FUNCTION:
        signature, types = call_signature(document, outer, node), _annotations(document, node)
        yield Definition(name, "function", signature, span_of(outer), _decorators(document, outer), types)
        return
    parts = (node.child_by_field_name(field) for field in ("type_parameters", "superclasses"))
    signature = "class" + "".join(_compact(document, each) for each in parts if each)
    yield Definition(name, "class", signature, span_of(outer), _decorators(document, outer))
    if body is not None:
        yield from _definitions(document, body, name + ".")


def _assigned(document: Document, statement: Node, scope: str) -> Iterator[Definition]:
    """`NAME = value`, `a, b = pair`, `NAME: type`; not `object.attribute = value`."""
    for assignment in statement.named_children:
        left = assignment.child_by_field_name("left") if assignment.type == "assignment" else None
        if left is None:
            continue
        for target in [left] if left.type == "identifier" else left.named_children:
            if target.type == "identifier" and left.type in {"identifier", "pattern_list", "tuple_pattern"}:
                types = _annotations(document, assignment)
                yield Definition(scope + text_of(document, target), "name", "", span_of(statement), (), types)


def _decorators(document: Document, outer: Node) -> tuple[str, ...]:
    return tuple(_compact(document, child) for child in outer.named_children if child.type == "decorator")


def _annotations(document: Document, node: Node) -> tuple[str, ...]:
    """The types of an assigned name, or of a function's parameters and result."""
    parameters = node.child_by_field_name("parameters")
    typed = [(node, "type"), (node, "return_type"), *((each, "type") for each in _children(parameters))]
    found = ((each, each.child_by_field_name(field)) for each, field in typed)
    return tuple(
        f"{_compact(document, each.named_children[0]) if each != node else '->'}:{_compact(document, type_)}"
        for each, type_ in found
        if type_ is not None
    )


def _children(node: Node | None) -> list[Node]:
    return node.named_children if node is not None else []


# A decorator that changes how a function is called; others (a cache, a registration) may come and go.
_CALL_DECORATORS = {"property", "staticmethod", "classmethod", "overload", "typing.overload", "contextmanager"}


def call_signature(document: Document, outer: Node, node: Node) -> str:
    """`async(a, b=1, *, c)`: how a function is called, without annotations; `outer` holds the decorators."""
    parameters = node.child_by_field_name("parameters")
    listed = (
        [child for child in parameters.children if child.is_named or child.type in {"*", "/"}] if parameters else []
    )
    shown = ",".join(_parameter(document, child) for child in listed if child.type != "comment")
    marks = [
        name
        for child in outer.named_children
        if child.type == "decorator" and (name := _compact(document, child)[1:]) in _CALL_DECORATORS
    ]
    is_async = bool(node.children) and node.children[0].type == "async"
    types = node.child_by_field_name("type_parameters")
    return " ".join(
        [*marks, "async" if is_async else "", f"{_compact(document, types) if types else ''}({shown})"]
    ).strip()


def _parameter(document: Document, node: Node) -> str:
    """A parameter with its default and without its annotation."""
    name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
    if node.type == "typed_parameter":  # its first child is the name or `*name`
        name = node.named_children[0]
    shown = _compact(document, name or node)
    return f"{shown}={_compact(document, value)}" if value else shown


def _compact(document: Document, node: Node) -> str:
    return _SPACES.sub("", text_of(document, node))
