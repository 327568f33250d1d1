"""Syntax trees by LSP's language id, from wheels that carry their parsers: nothing is fetched at run time.

tree-sitter counts bytes, our offsets are code points. It is therefore given a text in which each character outside
ASCII is one ASCII byte: its byte offsets are then ours, with no table to keep, for astral characters and lone
surrogates too. Names and strings are read from the document, never from the tree's own bytes.
"""

from __future__ import annotations

import importlib
import math
import re
import threading
import time
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
_OF_PARTS = {"php": "php without tags"}
"""Languages whose code is mere text until a tag opens it: what a part of a file without one is parsed as."""
_GRAMMARS["php without tags"] = ("tree_sitter_php", "language_php_only")

_FAMILIES = (
    frozenset({"javascript", "javascriptreact", "typescript", "typescriptreact", "svelte", "vue", "astro"}),
    frozenset({"css", "scss", "less", "sass"}),
    frozenset({"html", "xhtml", "django-html", "jinja-html", "handlebars", "erb", "blade", "twig"}),
    frozenset({"c", "cpp", "objective-c", "objective-cpp", "cuda-cpp"}),
    frozenset({"java", "kotlin", "scala", "groovy"}),
)
"""Languages whose files use each other."""

DEEPEST = 500
"""Levels of a tree that are gone into: what is nested deeper was written by no one."""
PARSE_S, PARSE_ASIDE_S = 0.012, 3.0
"""Seconds of computing that a document's tree may take while one types, and the first one on a thread of its own."""
_LESS = 0.8
"""A text that was too slow to parse is tried again when so much is left of it."""
LARGE = 30_000
"""Characters from which on a document is parsed ahead."""
MOST_NODES = 500_000
"""Nodes of a tree that is kept: to let go of one takes its time as well."""
_DEPTHS = 64
"""Places of a tree at which its depth is looked at."""
_READ_BYTES = 512
MOST_CHILDREN = 5000
"""Parts of a node that are looked through."""
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
    return language in LANGUAGES


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
    def of(cls, language: str, text: str, until: float = math.inf) -> Parsed:
        """The tree of a text; raises TooSlow when it is not ready by a time of `time.thread_time`."""
        source = as_ascii(text)
        return cls(language, source, _parse(parser(language), source, None, until))

    def changed(self, text: str, until: float = math.inf) -> Parsed:
        """The tree of another version of the text; what both have in common is not parsed again. Raises TooSlow."""
        if time.thread_time() > until:
            raise TooSlow
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
        return Parsed(self.language, source, _parse(parser(self.language), source, tree, until))


class TooSlow(Exception):
    """A text that was not parsed in time."""


def _parse(by: Parser, source: str, older: Tree | None, until: float) -> Tree:
    """Parse; the parser is told that the text is over when the time is, and what it makes of that is thrown away."""
    encoded = source.encode("ascii")
    if until == math.inf:
        return by.parse(encoded, older) if older is not None else by.parse(encoded)
    stopped = False

    def read(offset: int, point: object) -> bytes:
        nonlocal stopped
        stopped = stopped or time.thread_time() > until
        return b"" if stopped else encoded[offset : offset + _READ_BYTES]

    tree = by.parse(read, older) if older is not None else by.parse(read)
    if stopped:
        raise TooSlow
    return tree


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

    def parsed(self, language: str, text: str, older: Parsed | None = None, until: float = math.inf) -> Parsed:
        """The tree of a text in a known language; `older` is that of an earlier version, to start from. As Parsed.of,
        it raises TooSlow."""
        key = language, text
        found = self._known.get(key)
        if found is None:
            found = older.changed(text, until) if older else Parsed.of(language, text, until)
        return _keep(self._known, key, found, self._most)


_recent = _Recent(MOST_TREES)


def parsed(language: str, text: str) -> Parsed | None:
    """The tree of a text, with its source; None for a language without a grammar. The text may be a part of a file."""
    if not known(language):
        return None
    tagged = "<?" in text or "?>" in text or text.lstrip().startswith("<")
    return _recent.parsed(language if tagged else _OF_PARTS.get(language, language), text)


class Trees:
    """The trees of the documents that were parsed last, by URI: a keystroke parses only what it changed."""

    def __init__(self, most: int = MOST_TREES) -> None:
        self._most = most
        self._known: OrderedDict[str, Parsed] = OrderedDict()
        self._aside: dict[str, threading.Thread] = {}
        self._hopeless: dict[str, int] = {}
        self._late: dict[str, tuple[str, Parsed | None]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def parse(self, document: Document) -> Tree | None:
        """The document's tree; None for a language without a grammar."""
        found = self.parsed(document)
        return found.tree if found else None

    def parsed(self, document: Document) -> Parsed | None:
        """The document's tree with its source, from which further versions can be parsed without being kept.

        None also for a text that takes too long: its tree is then made aside, for the keystrokes to come.
        """
        if not known(document.language):
            return None
        older = self._known.get(document.uri)
        if older is not None and older.language != document.language:
            older = None
        if self._late.get(document.uri) == (document.text, older):
            return None
        try:
            if older is None and document.uri in self._hopeless:
                raise TooSlow
            newer = _recent.parsed(document.language, document.text, older, time.thread_time() + PARSE_S)
        except TooSlow:
            self._late[document.uri] = document.text, older
            if older is None:
                self._parsed_aside(document)
            return None
        return _keep(self._known, document.uri, newer, self._most)

    def prepare(self, document: Document) -> None:
        """Parse a large document ahead, on a thread."""
        if known(document.language) and len(document.text) >= LARGE and document.uri not in self._known:
            self._parsed_aside(document)

    def _parsed_aside(self, document: Document) -> None:
        """Parse on a thread, once; the parser lets others run. What it cannot read in time is not tried again."""
        length = len(document.text)
        if document.uri in self._aside or length >= _LESS * self._hopeless.get(document.uri, math.inf):
            return

        def run() -> None:
            source, until = as_ascii(document.text), time.thread_time() + PARSE_ASIDE_S
            try:
                tree = _parse(parser(document.language), source, None, until)
            except TooSlow:
                self._hopeless[document.uri] = length
            else:
                if unwieldy(tree):
                    self._hopeless[document.uri] = length
                elif self._aside.get(document.uri) is thread:
                    _keep(self._known, document.uri, Parsed(document.language, source, tree), self._most)
            if self._aside.get(document.uri) is thread:
                del self._aside[document.uri]

        self._aside[document.uri] = thread = threading.Thread(target=run, daemon=True, name="parsing aside")
        thread.start()

    def gave_up(self, document: Document) -> bool:
        """Whether the document's tree is not made, because that takes too long at every keystroke."""
        return document.uri in self._hopeless and document.uri not in self._known

    def settle(self) -> None:
        """Wait for the threads that still parse."""
        for thread in list(self._aside.values()):
            thread.join()

    def forget(self, uri: str) -> None:
        """Drop the tree of a closed document."""
        self._known.pop(uri, None)
        self._aside.pop(uri, None)
        self._hopeless.pop(uri, None)
        self._late.pop(uri, None)


def unwieldy(tree: Tree) -> bool:
    """Whether a tree is so large, or (at one of some places) so deep, that an edit of it takes long: it costs the
    depth of the place, without a chance to stop."""
    count, cursor = tree.root_node.descendant_count, tree.walk()
    if count > MOST_NODES:
        return True
    for number in range(1, _DEPTHS):
        cursor.reset(tree.root_node)
        cursor.goto_descendant(count * number // _DEPTHS)
        if cursor.depth > DEEPEST:
            return True
    return False


def walk(node: Node) -> Iterator[Node]:
    """A node and all below it, in the order of the text, without recursion: an expression can nest very deep."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(current.children))


def path_to(tree: Tree, start: int, end: int) -> list[Node]:
    """The smallest node that holds a range, after all that it stands in, the outermost first.

    From the root down: each `parent` would be looked for from there anew, which takes the square of the depth.
    """
    node: Node | None = tree.root_node
    smallest = tree.root_node.descendant_for_byte_range(start, end)
    found: list[Node] = []
    while node is not None and smallest is not None:
        found.append(node)
        if node == smallest or len(found) >= DEEPEST:
            break
        node = node.child_with_descendant(smallest)
    return found


def errors(tree: Tree) -> Iterator[Node]:
    """What the grammar could not read or had to invent, in the order of the text; sound parts are not visited.

    In a text with ever so many only the first are told.
    """
    stack = [tree.root_node]
    left = MOST_CHILDREN
    while stack and left > 0:
        current = stack.pop()
        if current.is_error or current.is_missing:
            yield current
        children = [child for child in first_children(current, left) if child.has_error]
        left -= 1 + len(children)
        stack.extend(reversed(children))


def first_children(node: Node, most: int = MOST_CHILDREN) -> Iterator[Node]:
    """The parts of a node, the first so many of them; a list of all would take as long as there are many."""
    cursor = node.walk()
    found = cursor.goto_first_child()
    while found and most > 0:
        child = cursor.node
        assert child is not None
        yield child
        most -= 1
        found = cursor.goto_next_sibling()
