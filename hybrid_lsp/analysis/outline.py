"""Facts about code in any language with a grammar: what it defines, how it branches and what it calls.

Grammars name the same things alike but not equally (`if_statement`, `if_expression`, `if`), so nodes are read by words
in their names. What only one language has is not looked for; for Python `syntax.py` says more.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

import attrs

from hybrid_lsp.analysis.syntax import Facts
from hybrid_lsp.document import Document, Span

if TYPE_CHECKING:  # loaded at first use: an editor window starts without it
    from tree_sitter import Node

# One more way through: a condition, a loop, an arm of a choice, a handler.
_BRANCHES = (
    {"if_statement", "if_expression", "if", "elif_clause", "elsif", "elseif_statement", "else_if_clause", "unless"}
    | {"if_modifier", "unless_modifier", "conditional", "conditional_expression", "ternary_expression"}
    | {"for_statement", "for_expression", "for_in_statement", "for_range_loop", "for", "foreach_statement"}
    | {"enhanced_for_statement", "c_style_for_statement", "while_statement", "while_expression", "while"}
    | {"while_modifier", "until", "until_modifier", "do_statement", "loop_expression", "repeat_statement"}
    | {"expression_case", "type_case", "communication_case", "switch_case", "case_statement", "switch_label"}
    | {"switch_section", "switch_expression_arm", "match_arm", "match_conditional_expression", "case_item", "when"}
    | {"in_clause", "catch_clause", "rescue", "rescue_modifier"}
)
_OTHERWISE = ("default", "_", "*)")
"""How an arm begins that is taken when no other is."""
_OPERATORS = {"&&", "||", "and", "or", "??"}
_CALL = re.compile(r"(?:function_|method_|object_|member_|scoped_)?(?:call|invocation|creation|macro_invocation)"
                   r"(?:_expression)?|(?:method|macro)_invocation|new_expression|command")  # fmt: skip
_CALLED = ("function", "method", "name", "macro", "constructor", "type")
_OWNERS = ("object", "receiver", "scope")
_NAMES = ("name", "declarator", "type")
_QUALIFIED = {"qualified_identifier", "scoped_identifier", "scoped_type_identifier"}
_WORDS = {"item": "", "specifier": "", "definition": "", "declaration": "", "statement": "", "impl": "implementation"}
_SPACES = re.compile(r"\s+")
_LEVELS = 3
"""How deep definitions within definitions are listed."""
_SHORT = 60
_SIGNATURE = 200


def describe(document: Document, root: Node, span: Span, definitions: Collection[str]) -> Facts | None:
    """Facts of the definitions in a span, or of the one around it; None where it has and is in none.

    `definitions` are the names of nodes that define something. Offsets in the tree are code points of the document.
    """
    reader = _Reader(document, root, frozenset(definitions))
    inside = list(reader.outermost(root, span))
    if len(inside) == 1:
        return reader.facts(inside[0])
    if inside:
        return reader.together(inside)
    around = reader.around(span)
    return reader.facts(around) if around else None


class _Reader:
    def __init__(self, document: Document, root: Node, definitions: frozenset[str]) -> None:
        self._document = document
        self._root = root
        self._definitions = definitions
        # The library finds a parent by going down from the root each time.
        self._parents = {child.id: node for node in _walk(root) for child in node.children}
        self._callers: dict[str, list[str]] | None = None

    def outermost(self, node: Node, span: Span) -> Iterator[Node]:
        """The definitions below a node that lie within a span, not those within another."""
        stack = list(reversed(node.named_children))
        while stack:
            child = stack.pop()
            if child.end_byte <= span.start or child.start_byte >= span.end:
                continue
            if self._defines(child) and span.start <= child.start_byte and child.end_byte <= span.end:
                yield child
            else:
                stack.extend(reversed(child.named_children))

    def around(self, span: Span) -> Node | None:
        node = self._root.descendant_for_byte_range(span.start, span.end)
        while node is not None and not self._defines(node):
            node = self._parents.get(node.id)
        return node

    def facts(self, node: Node, levels: int = _LEVELS) -> Facts:
        """One definition and those within it."""
        within = self.outermost(node, Span(node.start_byte, node.end_byte)) if levels else ()
        members = tuple(self.facts(each, levels - 1) for each in within)
        kind, name = _kind(node.type), self._name(node)
        called_from = self._called_from(name) if name and not members else ()
        return attrs.evolve(
            self._counted([node], kind, members), name=name, signature=self._head(node), called_from=called_from
        )

    def together(self, nodes: list[Node]) -> Facts:
        return self._counted(nodes, "statements", tuple(self.facts(each) for each in nodes))

    def _counted(self, nodes: list[Node], kind: str, members: tuple[Facts, ...]) -> Facts:
        everything = [node for each in nodes for node in _walk(each)]
        return Facts(
            kind=kind,
            name="",
            signature="",
            first_line=self._document.position(nodes[0].start_byte)[0] + 1,
            last_line=self._document.position(nodes[-1].end_byte)[0] + 1,
            complexity=1 + sum(map(self._branches, everything)),
            calls=_unique(self._calls(everything)),
            members=members,
        )

    def _defines(self, node: Node) -> bool:
        return (
            node.type in self._definitions and node.id in self._parents and node.child_by_field_name("body") is not None
        )

    def _name(self, node: Node) -> str:
        """The name in a definition; C hides it below declarators, Rust's `impl` has a type."""
        named: Node | None = node
        while named is not None and named.named_children:
            inner = next((found for field in _NAMES if (found := named.child_by_field_name(field)) is not None), None)
            if inner is None or named.type in _QUALIFIED:
                break
            named = inner
        return self._text(named) if named is not None and named != node else ""

    def _head(self, node: Node) -> str:
        body = node.child_by_field_name("body")
        head = self._document.text[node.start_byte : body.start_byte if body else node.end_byte]
        head = _SPACES.sub(" ", head).strip()
        return head if len(head) <= _SIGNATURE else head[: _SIGNATURE - 3] + "..."

    def _calls(self, nodes: Iterable[Node]) -> Iterator[str]:
        for node in nodes:
            for called in self._called(node):
                owner = next((each for field in _OWNERS if (each := node.child_by_field_name(field)) is not None), None)
                start = min(called.start_byte, owner.start_byte) if owner is not None else called.start_byte
                yield _short(self._document.text[start : min(called.end_byte, start + _SIGNATURE)])

    @staticmethod
    def _called(node: Node) -> Iterator[Node]:
        """What a node calls, where it is a call."""
        if node.is_named and _CALL.fullmatch(node.type):
            found = (each for field in _CALLED if (each := node.child_by_field_name(field)) is not None)
            yield from islice(found, 1)

    def _branches(self, node: Node) -> bool:
        if not node.is_named:
            parent = self._parents.get(node.id)
            return node.type in _OPERATORS and parent is not None and parent.type.startswith(("bin", "log"))
        if node.type not in _BRANCHES or any(child.type == "case_item" for child in node.named_children):
            return False
        return not self._document.text.startswith(_OTHERWISE, node.start_byte)

    def _called_from(self, name: str) -> tuple[str, ...]:
        """Names of the definitions that call one of this name, whatever it is called on."""
        if self._callers is None:
            self._callers = {}
            stack = [(self._root, "outside of all")]
            while stack:
                node, caller = stack.pop()
                for called in self._names_of_called(node):
                    self._callers.setdefault(called, []).append(caller)
                inner = self._name(node) if self._defines(node) else caller
                stack.extend((child, inner) for child in reversed(node.children))
        return _unique(each for each in self._callers.get(name, ()) if each != name)

    def _names_of_called(self, node: Node) -> Iterator[str]:
        """The last part of the name that a node calls."""
        for called in self._called(node):
            text = self._document.text[max(called.start_byte, called.end_byte - _SIGNATURE) : called.end_byte]
            yield re.split(r"\W+", text)[-1]

    def _text(self, node: Node) -> str:
        return _short(self._document.text[node.start_byte : min(node.end_byte, node.start_byte + _SIGNATURE)])


def _kind(node_type: str) -> str:
    """`function_item` is a function."""
    words = [_WORDS.get(word, word) for word in node_type.split("_")]
    return " ".join(word for word in words if word) or node_type


def _walk(node: Node) -> Iterator[Node]:
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(current.children))


def _short(text: str) -> str:
    text = _SPACES.sub(" ", text)
    return text if len(text) <= _SHORT else text[: _SHORT - 3] + "..."


def _unique(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))
