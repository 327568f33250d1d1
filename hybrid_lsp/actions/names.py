"""What others depend on in a piece of code: the names that it defines, and how each is called.

In Python signatures are compared without annotations; in other languages heads are compared as they are written, and
new names may be added, since what is public is said in too many ways.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hybrid_lsp.context import scope, symbols
from hybrid_lsp.document import Document, Span

if TYPE_CHECKING:  # loaded at first use: an editor window starts without it
    from tree_sitter import Node

Signatures = dict[str, tuple[str, ...]]
"""Dotted names, each with the signatures of its definitions in order."""

_CONTAINERS = re.compile(r"class|interface|impl|trait|mod_item|module|namespace|struct|enum|record|union")
_PLAIN = frozenset(
    {"variable_declarator", "const_spec", "var_spec", "type_spec", "const_item", "static_item", "type_item"}
    | {"type_alias_declaration"}
)
"""Definitions of a name that holds no others."""
_SPACES = re.compile(r"\s+")


def complaint(whole: Document, span: Span, old: Document, new: Document) -> str | None:
    """What others would miss: public names and signatures, and private ones that the rest of the file uses.

    `old` and `new` are the same piece of `whole` before and after `span` of it is replaced.
    """
    before, after = defined(old), defined(new)
    for name, signatures in before.items():
        if after.get(name) == signatures or not _needed(whole, span, name):
            continue
        if name not in after:
            return f"The code no longer defines `{name}`, which is public or used elsewhere in the file."
        return f"The code changes `{name}`: {_shown(signatures)} became {_shown(after[name])}."
    if old.language != "python":
        return None
    added = [name for name in after if name not in before and symbols.is_public(name)]
    return f"The code adds the public name `{added[0]}`; a name that begins with `_` may be added." if added else None


def changed(old: Document, new: Document) -> tuple[str, ...]:
    """What becomes of public names, in sentences for the user."""
    before, after = (
        {name: how for name, how in defined(each).items() if symbols.is_public(name)} for each in (old, new)
    )
    told = (
        ("Public names that are gone", [name for name in before if name not in after]),
        ("New public names", [name for name in after if name not in before]),
        ("Changed signatures", [name for name in before if name in after and before[name] != after[name]]),
    )
    return tuple(f"{title}: {', '.join(f'`{name}`' for name in names)}." for title, names in told if names)


def defined(document: Document) -> Signatures:
    """The names that a piece of code defines outside of its functions; none in a language without a grammar."""
    found: Signatures = {}
    if document.language == "python":
        pairs: Iterator[tuple[str, str]] = ((each.name, each.signature) for each in symbols.definitions(document))
    else:
        tree = symbols.tree(document)
        pairs = _heads(document, tree.root_node, "") if tree else iter(())
    for name, signature in pairs:
        found[name] = (*found.get(name, ()), signature)
    return found


def _heads(document: Document, node: Node, outer: str) -> Iterator[tuple[str, str]]:
    for child in node.named_children:
        if child.type not in scope.SCOPES and child.type not in _PLAIN:
            yield from _heads(document, child, outer)
            continue
        if (name := _name(document, child)) is None:
            continue
        yield outer + name, _head(document, child)
        body = child.child_by_field_name("body")
        if body is not None and _CONTAINERS.search(child.type):
            yield from _heads(document, body, f"{outer}{name}.")


def _name(document: Document, node: Node) -> str | None:
    named = node.child_by_field_name("name") or (node.type == "impl_item" and node.child_by_field_name("type")) or None
    inner = node.child_by_field_name("declarator")
    while named is None and inner is not None:  # C: `int *name(int a)`
        named = inner if inner.child_count == 0 else None
        inner = inner.child_by_field_name("declarator")
    return document.text[named.start_byte : named.end_byte] if named is not None else None


def _head(document: Document, node: Node) -> str:
    """A definition up to its body, without white space; of a variable that holds a function, the parameters."""
    if node.type in _PLAIN:
        value = node.child_by_field_name("value")
        parameters = value and (value.child_by_field_name("parameters") or value.child_by_field_name("parameter"))
        return _compact(document, parameters.start_byte, parameters.end_byte) if parameters else ""
    body = node.child_by_field_name("body")
    return _compact(document, node.start_byte, body.start_byte if body is not None else node.end_byte)


def _compact(document: Document, start: int, end: int) -> str:
    return _SPACES.sub("", document.text[start:end])


def _needed(document: Document, span: Span, name: str) -> bool:
    if symbols.is_public(name):
        return True
    word = re.compile(rf"(?<!\w){re.escape(name.rsplit('.', 1)[-1])}(?!\w)")
    return bool(word.search(document.text, 0, span.start) or word.search(document.text, span.end))


def _shown(signatures: tuple[str, ...]) -> str:
    return " and ".join(f"`{each}`" for each in signatures if each) or "a plain name"
