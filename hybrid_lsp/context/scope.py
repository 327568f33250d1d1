"""What encloses a place in a file, and what the file imports: by the syntax tree, else by indentation.

Text that is being written is often broken, and then a tree says little: indentation says nearly the same and holds
for every language, so each question here has an answer by both.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import attrs

from hybrid_lsp.context.grammars import first_children, path_to
from hybrid_lsp.document import Document, Span

if TYPE_CHECKING:  # loaded at first use: an editor window starts without it
    from tree_sitter import Node, Tree

TAB = 4
"""Columns that a tab counts in indentation."""
_MOST_LINES_UP = 2000
"""Lines above a place in which what encloses it is looked for."""
_MOST_IMPORT_LINES = 2000
_MOST_IMPORT_CHARS = 100_000
"""Lines and characters from the top in which imports are looked for."""
_MOST_LINE_CHARS = 500
"""Characters by which a line is taken for a head."""
_MOST_SIGNATURE_LINES = 12

SCOPES = frozenset(
    {"function_definition", "class_definition"}  # Python, C, C++, shell, PHP
    | {"function_declaration", "generator_function_declaration", "class_declaration", "method_definition"}  # JavaScript
    | {"abstract_class_declaration", "interface_declaration", "enum_declaration", "internal_module"}  # TypeScript
    | {"function_item", "impl_item", "trait_item", "mod_item", "struct_item", "enum_item"}  # Rust
    | {"method_declaration", "constructor_declaration", "record_declaration", "annotation_type_declaration"}  # Java
    | {"namespace_definition", "class_specifier", "struct_specifier", "union_specifier", "enum_specifier"}  # C++
    | {"namespace_declaration", "struct_declaration", "local_function_statement", "property_declaration"}  # C#
    | {"method", "singleton_method", "singleton_class", "class", "module"}  # Ruby
    | {"trait_declaration"}  # PHP
)
"""Definitions that hold others or statements; `module` is the root in Python, which is never a scope."""

TEXT = re.compile(r"comment|string|heredoc|char(?:acter)?_literal")
"""Names of nodes whose text is not code."""

WRAPPERS = frozenset({"decorated_definition", "export_statement", "template_declaration"})
"""Nodes around a definition that belong to its head."""
_ATTRIBUTES = frozenset({"attribute_item", "attribute_list", "decorator", "annotation"})
"""Siblings above a definition that belong to its head."""

IMPORTS = frozenset(
    {"import_statement", "import_from_statement", "future_import_statement"}  # Python, JavaScript
    | {"import_declaration", "package_clause", "package_declaration"}  # Go, Java
    | {"use_declaration", "extern_crate_declaration"}  # Rust
    | {"preproc_include", "using_declaration", "using_directive"}  # C, C++, C#
    | {"namespace_use_declaration"}  # PHP
)
IMPORT_LINE = re.compile(
    r"(?:import\b|from\s+\S+\s+import\b|use\s+[\w:{]|(?:pub\s+)?mod\s+\w+;|#\s*include\b|using\s+[\w.]|package\s+\w"
    r"|require(?:_relative)?\b|(?:const|let|var|local)\s.*\brequire\s*\(|source\s|extern\s+crate\b|@import\b)"
)
"""How an import begins, in any language."""
_IMPORT_WORD = re.compile(
    r"(?:\A|(?<=[\n\r]))(?:import|from|use|using|pub|mod|#|package|require|const|let|var|local|source|extern|@import)"
)
"""What may be one: found without a look at each line by itself."""
CLOSER_LINE = re.compile(r"\s*(?:[)\]}]|(?:end|fi|done|esac|until)\b)")
"""A line that closes what an earlier one opened."""
_DECLARES = re.compile(
    r"\s*(?:[\w@]+\s+){0,4}(?:class|def|fn|func|fun|function|impl|struct|trait|interface|enum|module|namespace|object"
    r"|extension|protocol|record|sub|proc)\b"
)
_C_FUNCTION = re.compile(
    r"\s*(?!(?:if|for|while|switch|catch|return|else|do|match|foreach)\b)[\w~][^;=]*\([^;]*\)?[^;]*\{?\s*$"
)
_ATTRIBUTE_LINE = re.compile(r"\s*(?:@|#\[|\[\w)")
_HEAD_ENDS = re.compile(r"[:{=]\s*(?:#.*|//.*)?$|\bdo\s*$|\bthen\s*$")


@attrs.frozen
class Scope:
    """A function, class or the like. `head` holds whole lines: decorators, and the signature up to its body."""

    head: Span
    end: int


def indent_of(line: str) -> int:
    """Columns of white space that a line begins with."""
    column = len(line) - len(line.lstrip(" "))
    for character in line[column:]:
        if character == "\t":
            column += TAB - column % TAB
        elif character == " ":
            column += 1
        else:
            break
    return column


def enclosing(document: Document, line: int, tree: Tree | None) -> list[Scope]:
    """What begins above a line (from 0) and goes on in it, the outermost first."""
    found = _by_tree(document, line, tree) if tree is not None else None
    return list(reversed(_by_indent(document, line))) if found is None else found


def _by_tree(document: Document, line: int, tree: Tree) -> list[Scope] | None:
    """None where the tree is broken around the line."""
    start = document.line_starts[line]
    at = start + len(document.line(line)) - len(document.line(line).lstrip())
    path = path_to(tree, at, at)
    if any(node.is_error for node in path):
        return None
    return [
        Scope(head_of(document, node, path[:depth]), node.end_byte)
        for depth, node in enumerate(path)
        if depth and node.type in SCOPES and node.start_byte < start < node.end_byte
    ]


def head_of(document: Document, node: Node, above: Sequence[Node] | None = None) -> Span:
    """The whole lines of a definition's head; `above` is what it stands in, the outermost first, if that is known."""
    around = wrappers(node, above)
    outer = around[-1] if around else node
    first = next(iter(attributes(node, above)), outer)
    first = first if first.start_byte < outer.start_byte else outer
    body = node.child_by_field_name("body") or _last_block(node)
    end = node.start_byte
    if body is not None and body.start_byte > node.start_byte:
        # A brace stands on the head's line and belongs to it; a body of statements begins below.
        end = body.start_byte if document.text[body.start_byte : body.start_byte + 1] == "{" else body.start_byte - 1
    top, _ = document.position(first.start_byte)
    bottom, _ = document.position(len(document.text[:end].rstrip()))
    bottom = min(max(bottom, document.position(node.start_byte)[0]), top + _MOST_SIGNATURE_LINES - 1)
    return Span(document.line_starts[top], _line_end(document, bottom))


def attributes(node: Node, above: Sequence[Node] | None = None) -> list[Node]:
    """The decorators and attributes that stand apart from a definition, above it or at its wrapper's beginning.

    `above` is what it stands in, the outermost first, if that is known.
    """
    around = wrappers(node, above)
    found: list[Node] = []
    for outer in around:
        found = [child for child in outer.named_children if child.type in _ATTRIBUTES] + found
    sibling = (around[-1] if around else node).prev_named_sibling
    while sibling is not None and (sibling.type in _ATTRIBUTES or "comment" in sibling.type):
        found = [sibling, *found] if sibling.type in _ATTRIBUTES else found
        sibling = sibling.prev_named_sibling
    return found


def wrappers(node: Node, above: Sequence[Node] | None = None) -> list[Node]:
    """What is around a definition and belongs to it, the innermost first."""
    outwards = reversed(above) if above is not None else _parents(node)
    return list(itertools.takewhile(lambda outer: outer.type in WRAPPERS, outwards))


def _parents(node: Node) -> Iterator[Node]:
    while (parent := node.parent) is not None:
        yield parent
        node = parent


def _last_block(node: Node) -> Node | None:
    """The body of a definition whose grammar has no field for it."""
    last = node.named_children[-1] if node.named_children else None
    return last if last is not None and ("block" in last.type or "body" in last.type or "list" in last.type) else None


def _line_end(document: Document, line: int) -> int:
    """Where a line ends, its line ending included."""
    return document.line_starts[line + 1] if line + 1 < document.line_count else len(document.text)


def _by_indent(document: Document, line: int) -> list[Scope]:
    """Lines above with less and less indentation that look like heads, the innermost first."""
    found: list[Scope] = []
    limit = next((indent_of(text) for text in _lines(document, range(line, document.line_count)) if text.strip()), 0)
    for number in range(line - 1, max(-1, line - _MOST_LINES_UP), -1):
        if limit <= 0:
            break
        line_text = document.line(number)
        # Without its indentation, which the patterns would try again and again.
        text, indent = line_text.strip()[:_MOST_LINE_CHARS], indent_of(line_text)
        if not text or indent >= limit or CLOSER_LINE.match(text):
            continue
        limit = indent
        if _DECLARES.match(text) or _C_FUNCTION.match(text):
            found.append(Scope(_head_lines(document, number, line), len(document.text)))
    return found


def _head_lines(document: Document, first: int, before: int) -> Span:
    """A head from its first line: with the attributes above it, down to where its body begins."""
    last = first
    while last + 1 < min(before, first + _MOST_SIGNATURE_LINES) and not _HEAD_ENDS.search(document.line(last)):
        last += 1
    if not _HEAD_ENDS.search(document.line(last)):
        last = first
    while first > 0 and _ATTRIBUTE_LINE.match(document.line(first - 1)):
        first -= 1
    return Span(document.line_starts[first], _line_end(document, last))


def _lines(document: Document, numbers: Iterable[int]) -> Iterator[str]:
    return (document.line(number) for number in numbers)


def text_end(tree: Tree, offset: int) -> int:
    """Where the string or comment ends that an offset is inside of; the offset itself in code."""
    inside = (
        node
        for node in path_to(tree, offset, offset)
        if TEXT.search(node.type) and node.start_byte < offset < node.end_byte
    )
    outermost = next(inside, None)
    return outermost.end_byte if outermost is not None else offset


def imports(document: Document, tree: Tree | None, before: int) -> list[Span]:
    """The whole lines of the imports that begin before an offset, in order."""
    found = _imports_by_tree(tree.root_node, before) if tree is not None else None
    if found is None:
        return list(_imports_by_line(document, before))
    lines = ((document.position(node.start_byte)[0], document.position(node.end_byte - 1)[0]) for node in found)
    return [Span(document.line_starts[first], _line_end(document, last)) for first, last in lines]


def _imports_by_line(document: Document, before: int) -> Iterator[Span]:
    starts, most = document.line_starts, min(_MOST_IMPORT_LINES, document.position(before)[0])
    for found in _IMPORT_WORD.finditer(document.text, 0, min(starts[most], _MOST_IMPORT_CHARS)):
        number = document.position(found.start())[0]
        if IMPORT_LINE.match(document.line(number)):
            yield Span(found.start(), _line_end(document, number))


def _imports_by_tree(node: Node, before: int) -> list[Node]:
    found: list[Node] = []
    for child in first_children(node):
        if child.start_byte >= before:
            break
        if child.type in IMPORTS:
            found.append(child)
        elif child.type.startswith("preproc_if") or child.type == "ERROR":
            found += _imports_by_tree(child, before)
    return found
