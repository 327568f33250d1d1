"""Facts that the syntax tree gives about a function, a class or some statements of Python.

A node comes from a tree whose byte offsets are code-point offsets of the document (`context.symbols` makes those), so
that text is read from the document.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs

from hybrid_lsp.document import Document

if TYPE_CHECKING:  # loaded at first use: an editor window starts without it
    from tree_sitter import Node

_SPACES = re.compile(r"\s+")
_SCOPES = {"function_definition", "class_definition"}
# McCabe: one way through, and one more for each place where it parts.
_BRANCHES = {
    "if_statement",
    "elif_clause",
    "for_statement",
    "while_statement",
    "except_clause",
    "case_clause",
    "conditional_expression",
    "boolean_operator",
    "for_in_clause",
    "if_clause",
}
# Where an identifier is bound rather than read: node type to its fields, None for all of its children.
_BINDING = {
    "assignment": "left",
    "augmented_assignment": "left",
    "named_expression": "name",
    "for_statement": "left",
    "for_in_clause": "left",
    "as_pattern": "alias",
    "function_definition": "name",
    "class_definition": "name",
    "keyword_argument": "name",
    "typed_default_parameter": "name",
    "default_parameter": "name",
    "attribute": "attribute",
}
# What targets stand in together.
_TARGETS = {"pattern_list", "tuple_pattern", "list_pattern", "list_splat_pattern", "as_pattern_target", "tuple", "list"}
# Nodes whose first identifier only names a keyword.
_KEYWORDS = {"keyword_pattern"}
_BUILTINS = frozenset(dir(builtins))
_LEVELS = 3
"""How deep classes within classes are listed."""
_NAME = 200
"""Characters of a name; a chain of calls has thousands."""
_NESTED = 50
"""Tuples within tuples of targets that are looked through."""


@attrs.frozen
class Facts:
    """What is plain from the text, each list without repetition and in the order of the text.

    `reads` are names from outside and attributes of `self`; `writes` are what outlives the call: attributes, items
    and global or outer names. `complexity` is McCabe's number with conditional expressions, boolean operators and
    comprehensions counted. `first_line` and `last_line` count from 1.
    """

    kind: str
    name: str
    signature: str
    first_line: int
    last_line: int
    complexity: int
    decorators: tuple[str, ...] = ()
    docstring: str = ""
    calls: tuple[str, ...] = ()
    raises: tuple[str, ...] = ()
    returns: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    yields: bool = False
    called_from: tuple[str, ...] = ()
    members: tuple[Facts, ...] = ()

    @property
    def lines(self) -> int:
        return self.last_line - self.first_line + 1


def describe(document: Document, nodes: Sequence[Node]) -> Facts:
    """Facts of one function or class (decorated or not), or of sibling statements taken together."""
    sites = _call_sites(document, _root(nodes[0])) if nodes else {}
    members = _members(document, nodes, sites, _LEVELS)
    if len(nodes) == 1 and members:
        return members[0]
    first = document.position(nodes[0].start_byte)[0] + 1 if nodes else 1
    last = document.position(nodes[-1].end_byte)[0] + 1 if nodes else 1
    return _Reader(document).facts(nodes, "statements", "", "", first, last, members=members)


def _members(
    document: Document, nodes: Iterable[Node], sites: Mapping[str, Sequence[str]], levels: int
) -> tuple[Facts, ...]:
    defined = ((node, _definition(node)) for node in nodes) if levels else ()
    return tuple(
        _describe_definition(document, node, inner, sites, levels - 1) for node, inner in defined if inner is not None
    )


def _root(node: Node) -> Node:
    while node.parent is not None:
        node = node.parent
    return node


def _call_sites(document: Document, root: Node) -> dict[str, list[str]]:
    """Last part of each called name, with the functions that call it (or `module level`)."""
    found: dict[str, list[str]] = {}
    stack: list[tuple[Node, str]] = [(root, "")]
    while stack:
        node, scope = stack.pop()
        target = node.child_by_field_name("function") if node.type == "call" else None
        if target is not None:
            name = document.text[max(target.start_byte, target.end_byte - _NAME) : target.end_byte].rsplit(".", 1)[-1]
            found.setdefault(name, []).append(scope or "module level")
        inner = _scope_within(document, node, scope)
        stack.extend((child, inner) for child in reversed(node.children))
    return found


def _scope_within(document: Document, node: Node, scope: str) -> str:
    """The dotted name of what a node is, or is in."""
    name = node.child_by_field_name("name") if node.type in _SCOPES else None
    if name is None or len(scope) > _NAME:
        return scope
    return ".".join(filter(None, (scope, _text(document, name))))


def _definition(node: Node) -> Node | None:
    inner = node.child_by_field_name("definition") if node.type == "decorated_definition" else node
    return inner if inner is not None and inner.type in _SCOPES else None


def _describe_definition(
    document: Document, outer: Node, node: Node, sites: Mapping[str, Sequence[str]], levels: int
) -> Facts:
    body = node.child_by_field_name("body")
    name_node = node.child_by_field_name("name")
    name = _text(document, name_node) if name_node else ""
    is_class = node.type == "class_definition"
    children = body.named_children if is_class and body else []
    facts = _Reader(document).facts(
        [node],
        "class" if is_class else "function",
        name,
        _signature(document, node, body),
        document.position(outer.start_byte)[0] + 1,
        document.position(outer.end_byte)[0] + 1,
        members=_members(document, children, sites, levels),
    )
    decorators = [_text(document, child)[1:].strip() for child in outer.children if child.type == "decorator"]
    return attrs.evolve(
        facts,
        decorators=tuple(decorators),
        docstring=_docstring(document, body),
        called_from=() if is_class else _unique(each for each in sites.get(name, ()) if each != name),
    )


def _signature(document: Document, node: Node, body: Node | None) -> str:
    """The head of a definition in one line, without the colon."""
    end = body.start_byte if body else node.end_byte
    parts, start = [], node.start_byte
    for comment in _walk([child for child in node.children if child.end_byte <= end]):
        if comment.type == "comment":
            parts.append(document.text[start : comment.start_byte])
            start = comment.end_byte
    head = "".join([*parts, document.text[start:end]])
    return _SPACES.sub(" ", head).strip().removesuffix(":").strip()


def _docstring(document: Document, body: Node | None) -> str:
    first = next((child for child in body.named_children if child.type != "comment"), None) if body else None
    if first is None or first.type != "expression_statement" or not first.named_children:
        return ""
    literal = first.named_children[0]
    if literal.type not in {"string", "concatenated_string"}:
        return ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in the user's text is not ours to tell
            value = ast.literal_eval(_text(document, literal))
    except (ValueError, SyntaxError):
        return ""
    return inspect.cleandoc(value) if isinstance(value, str) else ""


class _Reader:
    """Collects the facts of one piece of code."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._parents = _Parents((), ())

    def facts(
        self,
        nodes: Sequence[Node],
        kind: str,
        name: str,
        signature: str,
        first: int,
        last: int,
        members: tuple[Facts, ...],
    ) -> Facts:
        everything = list(_walk(nodes))
        self._parents = _Parents(nodes, everything)
        return Facts(
            kind=kind,
            name=name,
            signature=signature,
            first_line=first,
            last_line=last,
            complexity=1 + sum(_is_branch(self._document, node) for node in everything),
            calls=_unique(self._texts(everything, "call", "function")),
            raises=_unique(self._raised(everything)),
            returns=_unique(self._returned(everything)),
            reads=self._reads(everything),
            writes=self._writes(everything),
            yields=any(node.type == "yield" for node in everything),
            members=members,
        )

    def _texts(self, nodes: Iterable[Node], kind: str, field: str) -> Iterator[str]:
        for node in nodes:
            child = node.child_by_field_name(field) if node.type == kind else None
            if child is not None:
                yield _short(self._document, child)

    def _raised(self, nodes: Iterable[Node]) -> Iterator[str]:
        for node in nodes:
            if node.type != "raise_statement":
                continue
            what = node.named_children[0] if node.named_children else None
            if what is not None and what.type == "call":
                what = what.child_by_field_name("function")
            yield _short(self._document, what) if what is not None else "the exception being handled"

    def _returned(self, nodes: Iterable[Node]) -> Iterator[str]:
        for node in nodes:
            if node.type == "return_statement":
                yield _short(self._document, node.named_children[0]) if node.named_children else "None"

    def _reads(self, nodes: Sequence[Node]) -> tuple[str, ...]:
        bound = {_text(self._document, node) for node in nodes if node.type == "identifier" and self._binds(node)}
        bound -= self._outer_names(nodes)
        found = []
        for node in nodes:
            if node.type == "identifier" and not self._binds(node):
                name = _text(self._document, node)
                if name not in bound and name not in _BUILTINS:
                    found.append(name)
            elif node.type == "attribute" and self._is_read_of_self(node):
                found.append(_short(self._document, node))
        return _unique(found)

    def _is_read_of_self(self, node: Node) -> bool:
        owner = node.child_by_field_name("object")
        is_own = owner is not None and owner.type == "identifier" and _text(self._document, owner) == "self"
        return is_own and not self._is_call(node) and not self._is_target(node)

    def _writes(self, nodes: Sequence[Node]) -> tuple[str, ...]:
        outer = self._outer_names(nodes)
        found = []
        for node in nodes:
            if node.type in {"attribute", "subscript"} and self._is_target(node):
                found.append(_short(self._document, node))
            elif node.type == "identifier" and self._is_target(node) and _text(self._document, node) in outer:
                found.append(_text(self._document, node))
        return _unique(found)

    def _outer_names(self, nodes: Iterable[Node]) -> set[str]:
        """Names that `global` and `nonlocal` speak of."""
        return {
            _text(self._document, child)
            for node in nodes
            if node.type in {"global_statement", "nonlocal_statement"}
            for child in node.named_children
        }

    def _binds(self, node: Node) -> bool:
        """Whether an identifier gives a name here (target, parameter, import, keyword) and does not read one."""
        parent = self._parents.of(node)
        if parent is None:
            return False
        if parent.type in {"parameters", "lambda_parameters", "global_statement", "nonlocal_statement"}:
            return True
        if parent.type == "typed_parameter":
            return parent.named_children[0] == node
        if parent.type in _KEYWORDS:
            return parent.named_children[0] == node
        if parent.type in {"dotted_name", "aliased_import"}:
            return self._names_import_or_capture(parent) or parent.named_children[0] != node
        if parent.type in {"list_splat_pattern", "dictionary_splat_pattern"}:
            return True
        field = _BINDING.get(parent.type)
        if field is not None and parent.child_by_field_name(field) == node:
            return True
        return self._is_target(node)

    def _names_import_or_capture(self, node: Node) -> bool:
        """In imports every name is bound; in `case` a plain name is a capture, a called or dotted one is read."""
        parent = self._parents.of(node)
        if parent is None or parent.type == "class_pattern":
            return False
        return (parent.type != "decorator" and node.named_child_count == 1) or "import" in parent.type

    def _is_target(self, node: Node) -> bool:
        """Whether something is assigned to, also within a tuple of targets."""
        parent = self._parents.of(node)
        for _ in range(_NESTED):
            if parent is None or parent.type not in _TARGETS:
                break
            if parent.type == "as_pattern_target":
                return True
            node, parent = parent, self._parents.of(parent)
        if parent is None:
            return False
        if parent.type in {"assignment", "augmented_assignment", "for_statement", "for_in_clause"}:
            return parent.child_by_field_name("left") == node
        return parent.type == "delete_statement"

    def _is_call(self, node: Node) -> bool:
        parent = self._parents.of(node)
        return parent is not None and parent.type == "call" and parent.child_by_field_name("function") == node


class _Parents:
    """Who is above a node: the library finds that by going down from the root each time."""

    def __init__(self, tops: Iterable[Node], nodes: Iterable[Node]) -> None:
        self._of = {child.id: node for node in nodes for child in node.children}
        self._of.update((top.id, above) for top in tops if (above := top.parent) is not None)

    def of(self, node: Node) -> Node | None:
        return self._of.get(node.id)


def _is_branch(document: Document, node: Node) -> bool:
    if node.type == "case_clause":  # `case _:` is the `else` of a match
        pattern = next((child for child in node.named_children if child.type == "case_pattern"), None)
        return pattern is None or _text(document, pattern) != "_"
    return node.type in _BRANCHES


def _walk(nodes: Sequence[Node]) -> Iterator[Node]:
    stack = list(reversed(nodes))
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children))


def _text(document: Document, node: Node) -> str:
    return document.text[node.start_byte : node.end_byte]


def _short(document: Document, node: Node) -> str:
    text = document.text[node.start_byte : min(node.end_byte, node.start_byte + _NAME)]
    text = _SPACES.sub(" ", text)
    return text if len(text) <= 60 else text[:57] + "..."


def _unique(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))
