"""What a piece of code defines, in languages other than Python: names, heads and marks, by the syntax tree.

What a file gives to others or says of itself without defining it (`export { a }`, `'use client'`) is a name too.

A head is what stands before a body, as it is written. Of what has no body (a field, a constant) it is the words that
say what it is (`static`, `readonly`, `pub`), its tag, and how it is called; its type and value may change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from hybrid_lsp.actions import headlines
from hybrid_lsp.context import scope, symbols
from hybrid_lsp.document import Document

if TYPE_CHECKING:  # loaded at first use: an editor window starts without it
    from tree_sitter import Node

_CONTAINERS = re.compile(r"class|interface|impl|trait|mod_item|module|namespace|struct|enum|record|union")
_PLAIN = frozenset(
    {"variable_declarator", "const_spec", "var_spec", "type_spec", "const_item", "static_item", "type_item"}
    | {"type_alias_declaration", "field_declaration", "public_field_definition", "field_definition"}
    | {"property_signature", "method_signature", "abstract_method_signature", "function_signature"}
    | {"function_signature_item", "method_elem", "enum_variant", "enum_constant", "enumerator"}
    | {"enum_member_declaration", "macro_definition", "alias_declaration", "type_definition"}
    | {"declaration", "preproc_def", "preproc_function_def"}  # C
    | {"event_field_declaration"}  # C#
    | {"const_declaration", "enum_case"}  # PHP
    | {"type_alias"}  # Go
    | {"assignment_statement"}  # Lua
)
"""Definitions that hold no others, but for a type of their own."""
_CALLED = re.compile(r"signature(?:_item)?$|^method_elem$|^preproc_function_def$")
"""Definitions of nothing but how something is called."""
_DIRECTIVES = frozenset({"declare_statement", "preproc_call", "inner_attribute_item"})
"""Lines that say how a file, or a class, is read."""
_MEMBERS = frozenset({"use_declaration"})
"""The same, where they stand in a class (PHP)."""
_DECLARATORS = frozenset(
    {"variable_declaration", "variable_declarator", "property_element", "const_element", "variable_list"}
)
"""What holds the names of a declaration of several."""
_AROUND = frozenset(
    {"lexical_declaration", "variable_declaration", "export_statement", "ambient_declaration", "field_declaration"}
)
"""What the words before a plain definition may stand in."""
_WORDS = re.compile(r"modifier|specifier|qualifier")
_COMMON = frozenset({"var", "let", "const", "type", "using", "namespace"})
"""Words before a name that may change, or that its kind says."""
_INITIALIZERS = frozenset({"field_initializer_list", "constructor_initializer"})
"""What stands before a constructor's body and belongs to it."""
_ACCESS = {"class_specifier": "private", "struct_specifier": "public", "union_specifier": "public"}
"""Who may use a member of C++ that stands below no label."""
_CLOSURES = frozenset(
    {"arrow_function", "function_expression", "generator_function", "func_literal", "closure_expression", "lambda"}
    | {"lambda_expression", "anonymous_function", "anonymous_method_expression", "do_block", "block"}
)
"""Functions without a name: what they define nobody else sees."""
_CODE = re.compile(r"lambda|method")
_WITH_END = frozenset({"ruby", "lua"})
"""Languages in which an empty body is none to the grammar."""
_EMPTY_BODY = re.compile(r";?end$")
_EMBEDDED = frozenset({"type_identifier", "qualified_type", "generic_type"})
_SPACES = re.compile(r"\s+")


@attrs.frozen
class Definition:
    """A name (dotted inside types), its head and the decorators and attributes above it, all without white space."""

    name: str
    head: str
    marks: tuple[str, ...]


def of(document: Document, *, fields: bool = False) -> list[Definition]:
    """What is defined outside of functions, in order; without a grammar what lines say, if they are read.

    With `fields` those within types that are defined by a name of their own (Go) as well.
    """
    tree = symbols.tree(document)
    if tree is None:
        lines = headlines.of(document.text, document.language)
        return [Definition(each.name, each.head, each.marks) for each in lines]
    return list(_Reader(document, fields).inside(tree.root_node, ""))


@attrs.frozen
class _Reader:
    document: Document
    fields: bool

    def inside(self, node: Node, outer: str) -> Iterator[Definition]:
        access = _ACCESS.get(node.parent.type, "") if node.parent else ""
        for child in node.named_children:
            if child.type == "access_specifier":
                access = self._text(child)
            for each in self._of(child, outer):
                yield attrs.evolve(each, head=f"{access} {each.head}".strip())

    def _of(self, node: Node, outer: str) -> Iterator[Definition]:
        for said in self._directives(node, outer):
            yield Definition(outer + said, "", ())
        if node.type in _DIRECTIVES or node.type in _CLOSURES:
            return
        known = node.type in scope.SCOPES or node.type in _PLAIN
        names = [symbols.text_of(self.document, each) for each in _named(node)] if known else []
        head, marks = (self._head(node), self._marks(node)) if names else ("", ())
        for name in names:
            yield Definition(outer + name, head, marks)
        body = node.child_by_field_name("body")
        if names:
            yield from self._held(node, outer, names[0])
        elif node.type not in scope.SCOPES:
            yield from self.inside(node, outer)
        elif body is not None and _CONTAINERS.search(node.type):  # a type without a name, `class << self`
            yield from self.inside(body, outer)

    def _directives(self, node: Node, outer: str) -> Iterator[str]:
        """What says how a file or class is read, and what it gives to others without defining it there."""
        first = node.named_children[0] if node.named_children else None
        if node.type in _DIRECTIVES or (outer and node.type in _MEMBERS):
            yield self._text(node)
        elif node.type == "export_statement" and node.child_by_field_name("declaration") is None:
            yield from self._exported(node)
        elif node.type == "expression_statement" and first is not None and first.type == "string":
            if (said := symbols.text_of(self.document, first)[1:-1]).startswith("use "):
                yield said
        elif node.type == "expression_statement" and first is not None and first.type == "assignment_expression":
            yield from self._assigned(first)

    def _exported(self, node: Node) -> Iterator[str]:
        """`default`, or each name of a list."""
        if node.child_by_field_name("value") is not None:
            yield "export default"
            return
        clause = next((each for each in node.named_children if each.type == "export_clause"), None)
        listed = clause.named_children if clause is not None else []
        for each in listed:
            name = each.child_by_field_name("alias") or each.child_by_field_name("name") or each
            yield f"export {symbols.text_of(self.document, name)}"
        if not listed:
            yield self._text(node)

    def _assigned(self, node: Node) -> Iterator[str]:
        """What CommonJS gives to others: `module.exports`, with the keys of its object."""
        left, right = (node.child_by_field_name(field) for field in ("left", "right"))
        name = self._text(left) if left is not None else ""
        if not re.match(r"(?:module\.)?exports\b", name):
            return
        yield name
        keys = right.named_children if right is not None and right.type == "object" else []
        for each in keys:
            key = each.child_by_field_name("key") or each.child_by_field_name("name") or each
            yield f"{name}.{self._text(key)}"

    def _held(self, node: Node, outer: str, name: str) -> Iterator[Definition]:
        """What stands in a definition: members, or a type that is declared along with a name."""
        type_ = node.child_by_field_name("type")
        if type_ is not None and node.type in ("declaration", "field_declaration", "type_definition"):
            yield from self._of(type_, outer)
            return
        of_type = type_ if self.fields and node.type == "type_spec" else None
        body = of_type or node.child_by_field_name("body")
        if body is not None and _CONTAINERS.search((of_type or node).type):
            yield from self.inside(body, f"{outer}{name}.")

    def _head(self, node: Node) -> str:
        if node.type in _PLAIN or (node.type == "property_declaration" and node.child_by_field_name("name") is None):
            return self._prototype(node) or self._words(node) + self._call(node)
        wrappers, above = scope.wrappers(node), scope.attributes(node)
        attributes = [each for outer in wrappers for each in outer.named_children if each in above]
        start = attributes[-1].end_byte if attributes else (wrappers[-1] if wrappers else node).start_byte
        body = node.child_by_field_name("body") or node.child_by_field_name("value")
        body = next((each for each in node.named_children if each.type in _INITIALIZERS), body)
        end = body.start_byte if body is not None else node.end_byte
        accessors = node.child_by_field_name("accessors")
        bodies = [each.child_by_field_name("body") for each in accessors.named_children] if accessors else []
        inner = [each for each in node.named_children if "comment" in each.type and start <= each.start_byte < end]
        head = self._compact(start, end, [*inner, *(each for each in bodies if each is not None)]).rstrip("=")
        return _EMPTY_BODY.sub("", head) if self.document.language in _WITH_END and body is None else head

    def _prototype(self, node: Node) -> str:
        """All of a declaration of a function in C."""
        declarator = node.child_by_field_name("declarator")
        while declarator is not None and declarator.type != "function_declarator":
            declarator = declarator.child_by_field_name("declarator")
        return self._text(node) if declarator is not None else ""

    def _words(self, node: Node) -> str:
        """The words before a name that say what it is, and a tag behind it."""
        outer = [node]
        while (parent := outer[-1].parent) is not None and parent.type in _AROUND:
            outer.append(parent)
        first = _named(node)[0].start_byte
        before = (each for level in reversed(outer) for each in level.children if each.start_byte < first)
        found = [word for each in before if (word := self._word(each))]
        tag = node.child_by_field_name("tag")
        return " ".join([*found, *([self._text(tag)] if tag is not None else [])])

    def _word(self, node: Node) -> str:
        text = self._text(node)
        if node.is_named:
            return text if _WORDS.search(node.type) and not node.child_by_field_name("body") else ""
        return text if text.isalpha() and text not in _COMMON else ""

    def _call(self, node: Node) -> str:
        """How what has no body is called."""
        value = node.child_by_field_name("value") or (node if _CALLED.search(node.type) else None)
        value = node if node.type == "preproc_function_def" else value
        parameters = value and (value.child_by_field_name("parameters") or value.child_by_field_name("parameter"))
        if not parameters or value is None:
            return ""
        returned = value.child_by_field_name("return_type")
        is_async = "async" if value.children[0].type == "async" else ""
        return f"{is_async}{self._text(parameters)}{self._text(returned) if returned is not None else ''}"

    def _marks(self, node: Node) -> tuple[str, ...]:
        above = tuple(self._text(each) for each in scope.attributes(node))
        body = node.child_by_field_name("body") if self.document.language == "ruby" else None
        declared = body.named_children if body is not None and _CONTAINERS.search(node.type) else ()
        return above + tuple(self._declaration(each) for each in declared if each.type in ("call", "identifier"))

    def _declaration(self, node: Node) -> str:
        """What a class of Ruby says of itself by calling something (`attr_reader :a`), without blocks of code."""
        arguments = node.child_by_field_name("arguments")
        method = node.child_by_field_name("method") or node
        given = [each for each in arguments.named_children if not _CODE.search(each.type)] if arguments else []
        return " ".join([self._text(method), ",".join(map(self._text, given))]).strip()

    def _text(self, node: Node) -> str:
        return self._compact(node.start_byte, node.end_byte, ())

    def _compact(self, start: int, end: int, without: list[Node] | tuple[()]) -> str:
        """The text between two places, without some nodes and without white space."""
        parts = list[str]()
        for node in without:
            parts.append(self.document.text[start : node.start_byte])
            start = node.end_byte
        return _SPACES.sub("", "".join([*parts, self.document.text[start:end]]))


def _named(node: Node) -> list[Node]:
    """The names that a definition gives."""
    field = "type" if node.type == "impl_item" else "name"
    found = node.children_by_field_name(field) or node.children_by_field_name("property")
    found = [each for each in found if each.is_named]
    found = found or [_declared(each) for each in node.children_by_field_name("declarator")]
    found = found or list(_listed(node))
    type_ = node.child_by_field_name("type") if node.type == "field_declaration" and not found else None
    return [type_] if type_ is not None and type_.type in _EMBEDDED else found


def _declared(node: Node) -> Node:
    """The name within a declarator (`*name(int a)` of C)."""
    while node.type.endswith("_declarator"):
        inner = node.child_by_field_name("declarator") or node.child_by_field_name("name")
        inner = inner or next(iter(reversed(node.named_children)), None)
        if inner is None:
            break
        node = inner
    return node


def _listed(node: Node) -> Iterator[Node]:
    """The names of a declaration that lists them."""
    for child in node.named_children:
        if child.type in _DECLARATORS:
            name = child.child_by_field_name("name")
            name = name or (child.named_children[0] if child.type == "const_element" else None)
            yield from [name] if name is not None else _listed(child)
