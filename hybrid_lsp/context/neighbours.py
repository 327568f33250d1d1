"""Excerpts of other files that help at a cursor: what they define, where they were edited, what resembles it.

In the order of their worth: the heads of definitions that are used near the cursor, from files that this one imports
and from open ones; places that were edited just now; parts of open files that use the same words (Jaccard similarity
of the sets of words, as in the retrieval of RepoCoder, Zhang et al. 2023). Only files of the same family of languages.

An engine goes on from what it has read only while the prompt begins the same. So the choice stays as it is while one
types in one place; a definition whose name has just been written is added at the end.
"""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from itertools import pairwise
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import attrs

from hybrid_lsp.context.grammars import Parsed, known, relatives
from hybrid_lsp.context.imports import Import, imported, places
from hybrid_lsp.context.outline import outline
from hybrid_lsp.document import Document, difference
from hybrid_lsp.paths import read_plain
from hybrid_lsp.types import ContextFile

MOST_DOCUMENTS = 24
MOST_CHARS = 300_000
"""A longer file is no neighbour."""
MOST_FILES = 64
"""Files on disk whose definitions are remembered."""
MOST_EDITS = 12
_CHUNK = 40
"""Lines of an excerpt."""
_NEAR = 30
"""Lines above and below the cursor whose words count."""
_BLOCK = 16
"""Lines that the cursor may move within before similar parts are looked for again."""
_SAME_PLACE = 20
"""Lines between two edits that are one place."""
_LEAST_SIMILAR = 0.08
_MOST_SIMILAR = 3
_MOST_NEW_CHARS = 40_000
"""Text that is looked through for the first time in one call, in one file at least: the next call reads on."""
_MOST_DEFINITIONS = 0.6
"""Most of the room that definitions may take."""
_WORD = re.compile(r"[^\W\d]\w{2,}")
_DEFINES = re.compile(r"\b(?:def|class|fn|func|function|struct|enum|trait|interface|type|const|let|var)\s+(\w+)")
_STATEMENTS = re.compile(
    r"^[ \t]*(?:import|from|(?:pub\s+)?use|#\s*include)\b[^\n({]*(?:\([^)]*\)|\{[^}]*\})?[^\n]*", re.MULTILINE
)
"""Import statements, over several lines where they have brackets."""
_IMPORT_CHARS = 20_000
"""Text at a file's start in which it imports."""
_COMMON = frozenset(
    {"self", "this", "return", "def", "class", "import", "from", "None", "True", "False", "for", "not", "and", "else"}
    | {"elif", "with", "let", "mut", "pub", "fn", "const", "function", "var", "new", "null", "true", "false", "int"}
    | {"void", "public", "private", "static", "final", "struct", "impl", "use", "if", "while", "try", "except", "str"}
)

Allowed = Callable[[Document], bool]
"""Whether a file may go into a prompt: an open document, or one on disk whose text has not been read."""


def words(text: str) -> frozenset[str]:
    """The names in a text."""
    return frozenset(_WORD.findall(text)) - _COMMON


@attrs.define(frozen=True, slots=False)
class _Known:
    """A version of a file, with what has been found out about it."""

    document: Document

    @cached_property
    def defined(self) -> dict[str, str]:
        if not known(self.document.language):
            return {}
        return outline(self.document, Parsed.of(self.document.language, self.document.text).tree)

    @cached_property
    def parts(self) -> list[tuple[int, frozenset[str]]]:
        """(first line, words) of overlapping excerpts."""
        half = _CHUNK // 2
        bounds = [*self.document.line_starts[::half], len(self.document.text)]
        halves = [words(self.document.text[start:end]) for start, end in pairwise(bounds)]
        return [(number * half, one | other) for number, (one, other) in enumerate(pairwise([*halves, frozenset()]))]

    def has(self, *facts: str) -> bool:
        """Whether these have been found out."""
        return all(fact in self.__dict__ for fact in facts)

    def excerpt(self, first: int) -> str:
        starts = self.document.line_starts
        last = first + _CHUNK
        return self.document.text[starts[first] : starts[last] if last < len(starts) else len(self.document.text)]


@attrs.define
class _Allowance:
    """How much text may still be looked through in one call."""

    chars: int = _MOST_NEW_CHARS

    def permits(self, each: _Known, fact: str) -> bool:
        """Whether a fact about a file is known, or may be found out now."""
        return each.has(fact) or self.spend(len(each.document.text))

    def spend(self, chars: int) -> bool:
        enough = self.chars > 0
        self.chars -= chars
        return enough


@attrs.frozen
class _Edit:
    uri: str
    line: int


@attrs.frozen
class _Excerpt:
    """A part of a file; `first` is its first line, or None for definitions."""

    document: Document
    text: str
    first: int | None = None

    def overlaps(self, other: _Excerpt) -> bool:
        if self.document.uri != other.document.uri:
            return False
        if self.first is None or other.first is None:
            return self.text in other.text or other.text in self.text
        return abs(self.first - other.first) < _CHUNK


def read_text(path: Path) -> str | None:
    """The text of a file, None where there is none that can be read."""
    try:
        return read_plain(path, MOST_CHARS * 4).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


class Neighbours:
    """What was opened and edited last, and what of it is relevant at a cursor.

    `roots` gives the workspace folders: nothing outside of them is read from disk, and names are relative to them.
    """

    def __init__(
        self, roots: Callable[[], Iterable[Path]] = tuple, read: Callable[[Path], str | None] = read_text
    ) -> None:
        self._roots = roots
        self._read = read
        self._open: OrderedDict[str, _Known] = OrderedDict()
        self._files: OrderedDict[Path, tuple[tuple[int, int], _Known | None]] = OrderedDict()
        self._edits: list[_Edit] = []
        self._stable: tuple[object, list[_Excerpt]] | None = None
        self._own: tuple[object, frozenset[str]] | None = None

    def opened(self, document: Document) -> None:
        """A document was opened."""
        if len(document.text) > MOST_CHARS:
            self.closed(document.uri)
            return
        self._open[document.uri] = _Known(document)
        self._open.move_to_end(document.uri)
        while len(self._open) > MOST_DOCUMENTS:
            self.closed(next(iter(self._open)))

    def changed(self, old: Document, new: Document) -> None:
        """A document was edited; the place is remembered, and earlier places in it move along."""
        self.opened(new)
        if new.uri not in self._open:
            return
        span, text = difference(old.text, new.text)
        line = old.text.count("\n", 0, span.start)
        shift = text.count("\n") - old.text.count("\n", span.start, span.end)
        moved = [
            attrs.evolve(edit, line=max(line, edit.line + shift)) if edit.uri == new.uri and edit.line > line else edit
            for edit in self._edits
        ]
        others = [edit for edit in moved if edit.uri != new.uri or abs(edit.line - line) >= _SAME_PLACE]
        self._edits = [*others, _Edit(new.uri, line)][-MOST_EDITS:]

    def closed(self, uri: str) -> None:
        """A document was closed: nothing of it is kept."""
        self._open.pop(uri, None)
        self._edits = [edit for edit in self._edits if edit.uri != uri]
        self._stable = None

    def relevant(self, document: Document, offset: int, limit: int, allowed: Allowed) -> tuple[ContextFile, ...]:
        """Excerpts of at most `limit` characters in all, names included; the most relevant stand last."""
        line, _ = document.position(offset)
        family = relatives(document.language)
        others = [
            each
            for uri, each in self._open.items()
            if uri != document.uri and each.document.language in family and allowed(each.document)
        ]
        near = self._near(document, line)
        own = self._own_names(document, line)
        room = limit
        chosen: list[_Excerpt] = []
        for excerpt in self._definitions(document, near, own, others, allowed):
            size = self._size(excerpt)
            if size <= room - limit * (1 - _MOST_DEFINITIONS):
                chosen.append(excerpt)
                room -= size
        for excerpt in self._around(document, line, near, others):
            size = self._size(excerpt)
            if size <= room and not any(excerpt.overlaps(other) for other in chosen):
                chosen.append(excerpt)
                room -= size
        return tuple(ContextFile(self.name(each.document), each.text) for each in reversed(chosen))

    def name(self, document: Document) -> str:
        """A document's path inside of its workspace folder, else only its name: no prompt holds an absolute path."""
        path = document.path
        if path is None:
            return PurePosixPath(unquote(urlsplit(document.uri).path or document.uri)).name
        root = next((root for root in self._roots() if path.is_relative_to(root)), None)
        return path.relative_to(root).as_posix() if root else path.name

    def _size(self, excerpt: _Excerpt) -> int:
        return len(excerpt.text) + len(self.name(excerpt.document)) + 2

    @staticmethod
    def _near(document: Document, line: int) -> str:
        first, last = max(0, line - _NEAR), line + _NEAR
        starts = document.line_starts
        return document.text[starts[first] : starts[last] if last < len(starts) else len(document.text)]

    def _around(self, document: Document, line: int, near: str, others: list[_Known]) -> list[_Excerpt]:
        """Places of recent edits, newest first, then similar parts; the same while the cursor stays in its place."""
        edits = tuple(edit for edit in self._edits if edit.uri != document.uri)
        fresh = _Allowance()
        read = [each for each in reversed(others) if fresh.permits(each, "parts")]
        key = (document.uri, line // _BLOCK, edits, tuple(each.document for each in read))
        if self._stable is None or self._stable[0] != key:
            self._stable = (key, [*_edited(edits, others), *_similar(words(near), read[::-1])])
        return self._stable[1]

    def _own_names(self, document: Document, line: int) -> frozenset[str]:
        """What the file itself defines, as of when the cursor came to its place."""
        key = (document.uri, line // _BLOCK)
        if self._own is None or self._own[0] != key:
            self._own = (key, frozenset(_DEFINES.findall(document.text)))
        return self._own[1]

    def _definitions(
        self, document: Document, near: str, own: frozenset[str], others: list[_Known], allowed: Allowed
    ) -> Iterator[_Excerpt]:
        """Heads of what is used near the cursor, of imported files first; one excerpt a file."""
        used = words(near)
        fresh = _Allowance()
        by_path = {each.document.path: each for each in others if each.document.path is not None}
        seen: set[str] = set()
        for found in imported(document.language, _STATEMENTS.findall(document.text[:_IMPORT_CHARS])):
            wanted = found.wanted(used, near)
            source = self._source(document, found, by_path, allowed, fresh) if wanted else None
            if source is not None and source.document.uri not in seen:
                yield from _heads(source, wanted, seen)
        for each in reversed(others):
            if each.document.uri not in seen and fresh.permits(each, "defined"):
                yield from _heads(each, used - own, seen)

    def _source(
        self, document: Document, found: Import, by_path: dict[Path, _Known], allowed: Allowed, fresh: _Allowance
    ) -> _Known | None:
        """The file that an import names, open or on disk."""
        if document.path is None:
            return None
        for path in places(document.language, found.module, document.path, self._roots()):
            if (each := by_path.get(path)) is not None:
                return each if fresh.permits(each, "defined") else None
            if (each := self._on_disk(path, document, allowed, fresh)) is not None:
                return each
        return None

    def _on_disk(self, path: Path, document: Document, allowed: Allowed, fresh: _Allowance) -> _Known | None:
        """A file of the workspace that may go into a prompt: asked each time, read only when it has changed."""
        try:
            status = path.stat()
        except (OSError, ValueError):
            return None
        stamp = (status.st_mtime_ns, status.st_size)
        if status.st_size > MOST_CHARS or not allowed(Document(path.as_uri(), "", 0, document.language, path)):
            return None
        if self._files.get(path, ((), None))[0] != stamp:
            if not fresh.spend(status.st_size):
                return None
            self._files[path] = (stamp, self._load(path, document.language))
        self._files.move_to_end(path)
        while len(self._files) > MOST_FILES:
            self._files.popitem(last=False)
        return self._files[path][1]

    def _load(self, path: Path, language: str) -> _Known | None:
        real = Path(os.path.realpath(path))
        if not any(real.is_relative_to(os.path.realpath(root)) for root in self._roots()):
            return None
        text = self._read(path)
        return None if text is None else _Known(Document(path.as_uri(), text, 0, language, path))


def _heads(each: _Known, wanted: frozenset[str], seen: set[str]) -> Iterator[_Excerpt]:
    text = "".join(head for name, head in each.defined.items() if name in wanted)
    if text:
        seen.add(each.document.uri)
        yield _Excerpt(each.document, text)


def _edited(edits: Iterable[_Edit], others: list[_Known]) -> Iterator[_Excerpt]:
    by_uri = {each.document.uri: each for each in others}
    for edit in reversed(list(edits)):
        if (each := by_uri.get(edit.uri)) is not None:
            first = max(0, min(edit.line, each.document.line_count - 1) - _CHUNK // 2)
            yield _Excerpt(each.document, each.excerpt(first), first)


def _similar(used: frozenset[str], others: list[_Known]) -> list[_Excerpt]:
    """The part of each file that shares most words with the cursor's surroundings, the most similar first."""
    found: list[tuple[float, int, _Excerpt]] = []
    for number, each in enumerate(others):
        score, first = max(((_similarity(used, part), -start) for start, part in each.parts), default=(0.0, 0))
        if score >= _LEAST_SIMILAR:
            found.append((score, number, _Excerpt(each.document, each.excerpt(-first), -first)))
    return [excerpt for _, _, excerpt in sorted(found, key=lambda each: each[:2], reverse=True)[:_MOST_SIMILAR]]


def _similarity(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard's: what is common over what there is."""
    common = len(one & other)
    return common / (len(one) + len(other) - common) if common else 0.0
