"""Syntax trees by LSP's language id, from wheels that carry their parsers: nothing is fetched at run time.

tree-sitter counts bytes, our offsets are code points. It is therefore given a text in which each character outside
ASCII is one ASCII byte: its byte offsets are then ours, with no table to keep, for astral characters and lone
surrogates too. Names and strings are read from the document, never from the tree's own bytes.
"""

from __future__ import annotations

import importlib
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeVar

import attrs

from hybrid_lsp.document import Document, difference

if TYPE_CHECKING:  # loaded at first use: an editor window starts without it
    from tree_sitter import Node, Parser, Tree

_GRAMMARS = {
    "python": ("tree_sitter_python", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "javascriptreact": ("tree_sitter_javascript", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "typescriptreact": ("tree_sitter_typescript", "language_tsx"),
    "go": ("tree_sitter_go", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "java": ("tree_sitter_java", "language"),
    "c": ("tree_sitter_c", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
    "csharp": ("tree_sitter_c_sharp", "language"),
    "shellscript": ("tree_sitter_bash", "language"),
    "lua": ("tree_sitter_lua", "language"),
    "ruby": ("tree_sitter_ruby", "language"),
    "php": ("tree_sitter_php", "language_php"),
    "json": ("tree_sitter_json", "language"),
    "jsonc": ("tree_sitter_json", "language"),
}
"""The module that holds a language's grammar, and its function that gives it."""
LANGUAGES = frozenset(_GRAMMARS)

_FAMILIES = (
    frozenset({"javascript", "javascriptreact", "typescript", "typescriptreact"}),
    frozenset({"c", "cpp", "objective-c", "objective-cpp", "cuda-cpp"}),
    frozenset({"java", "kotlin", "scala", "groovy"}),
)
"""Languages whose files use each other."""

MOST_TREES = 8
"""Documents whose trees are kept; a tree takes some 20 times the text."""
# The grammars let these pass as white space (their `extras`); every other character stands for a letter.
_INVISIBLE = "\ufeff\u2060\u200b"
_LONE_CR = re.compile(r"\r(?!\n)")
_QUESTION = "\x1a"
"""Stands for a question mark while other characters are turned into question marks."""
_FROM_ENCODED = bytes.maketrans(b"?" + _QUESTION.encode("ascii"), b"_?")


def known(language: str) -> bool:
    """Whether there is a grammar for a language id."""
    return language in _GRAMMARS


def relatives(language: str) -> frozenset[str]:
    """The language ids whose files belong together with files of this one."""
    return next((family for family in _FAMILIES if language in family), frozenset({language}))


def parser(language: str) -> Parser:
    """This thread's parser of a known language."""
    made: dict[str, Parser] = _parsers.__dict__
    if language not in made:
        import tree_sitter

        module, function = _GRAMMARS[language]
        made[language] = tree_sitter.Parser(tree_sitter.Language(getattr(importlib.import_module(module), function)()))
    return made[language]


_parsers = threading.local()


def as_ascii(text: str) -> str:
    """A text of the same length, one byte a character, that parses the same."""
    if "\r" in text and text.count("\r") != text.count("\r\n"):
        text = _LONE_CR.sub("\n", text)
    if text.isascii():
        return text
    for character in _INVISIBLE:
        text = text.replace(character, " ")
    encoded = text.replace("?", _QUESTION).encode("ascii", "replace")
    return encoded.translate(_FROM_ENCODED).decode("ascii")


@attrs.frozen
class Parsed:
    """A tree and the ASCII text that it was made from."""

    language: str
    source: str = attrs.field(repr=False)
    tree: Tree

    @classmethod
    def of(cls, language: str, text: str) -> Parsed:
        source = as_ascii(text)
        return cls(language, source, parser(language).parse(source.encode("ascii")))

    def changed(self, text: str) -> Parsed:
        """The tree of another version of the text; what both have in common is not parsed again."""
        source = as_ascii(text)
        if source == self.source:
            return self
        replaced, by = difference(self.source, source)
        end = replaced.start + len(by)
        tree = self.tree.copy()  # whoever holds the older tree keeps it as it is
        tree.edit(
            replaced.start,
            replaced.end,
            end,
            _point(self.source, replaced.start),
            _point(self.source, replaced.end),
            _point(source, end),
        )
        return Parsed(self.language, source, parser(self.language).parse(source.encode("ascii"), tree))


def _point(source: str, offset: int) -> tuple[int, int]:
    """(row, column), as tree-sitter wants them beside the offset."""
    return source.count("\n", 0, offset), offset - (source.rfind("\n", 0, offset) + 1)


_Key = TypeVar("_Key")


def _keep(known: OrderedDict[_Key, Parsed], key: _Key, parsed: Parsed, most: int) -> Parsed:
    """Remember a tree as the one used last; those used longest ago are forgotten."""
    known[key] = parsed
    known.move_to_end(key)
    while len(known) > most:
        known.popitem(last=False)
    return parsed


class _Recent:
    """What was parsed last, by language and text, whoever wanted it: a large file takes long enough once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[tuple[str, str], Parsed] = OrderedDict()

    def parsed(self, language: str, text: str, older: Parsed | None = None) -> Parsed:
        """The tree of a text in a known language; `older` is that of an earlier version, to start from."""
        key = language, text
        found = self._known.get(key) or (older.changed(text) if older else Parsed.of(language, text))
        return _keep(self._known, key, found, self._most)


_recent = _Recent(MOST_TREES)


def parsed(language: str, text: str) -> Parsed | None:
    """The tree of a text, with its source; None for a language without a grammar."""
    return _recent.parsed(language, text) if known(language) else None


class Trees:
    """The trees of the documents that were parsed last, by URI: a keystroke parses only what it changed."""

    def __init__(self, most: int = MOST_TREES) -> None:
        self._most = most
        self._known: OrderedDict[str, Parsed] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def parse(self, document: Document) -> Tree | None:
        """The document's tree; None for a language without a grammar."""
        found = self.parsed(document)
        return found.tree if found else None

    def parsed(self, document: Document) -> Parsed | None:
        """The document's tree with its source, from which further versions can be parsed without being kept."""
        if not known(document.language):
            return None
        older = self._known.get(document.uri)
        if older is not None and older.language != document.language:
            older = None
        newer = _recent.parsed(document.language, document.text, older)
        return _keep(self._known, document.uri, newer, self._most)

    def forget(self, uri: str) -> None:
        """Drop the tree of a closed document."""
        self._known.pop(uri, None)


def walk(node: Node) -> Iterator[Node]:
    """A node and all below it, in the order of the text, without recursion: an expression can nest very deep."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(current.children))


def errors(tree: Tree) -> Iterator[Node]:
    """What the grammar could not read or had to invent, in the order of the text; sound parts are not visited."""
    stack = [tree.root_node]
    while stack:
        current = stack.pop()
        if current.is_error or current.is_missing:
            yield current
        stack.extend(child for child in reversed(current.children) if child.has_error)
