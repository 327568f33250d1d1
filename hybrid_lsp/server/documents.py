"""The open documents, kept in step with the editor.

pygls keeps a workspace too, but it splits lines with `str.splitlines` (so a form feed shifts every position below it)
and clamps positions otherwise than LSP says; ours is tested against both in every encoding.
"""

from __future__ import annotations

import re
import weakref
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import attrs
from lsprotocol import types as lsp

from hybrid_lsp.document import Document
from hybrid_lsp.errors import DocumentRejected
from hybrid_lsp.server.convert import Encoding, span_of
from hybrid_lsp.types import TextEdit

_REMEMBERED = 5000
"""Notifications of a document that are kept: what is typed while an action runs."""
_SURROGATES = re.compile("[\ud800-\udfff]")


@attrs.frozen
class _Step:
    """One notification: the version before it, held by whoever works on it and not here, and its changes in order."""

    before: weakref.ref[Document]
    changes: tuple[TextEdit, ...]


_AS_SENT: ContextVar[Mapping[str, Document] | None] = ContextVar("documents as a message was sent", default=None)


@attrs.define
class Documents:
    """The open documents by URI; `max_bytes` bounds what is kept of any one of them."""

    max_bytes: int
    encoding: Encoding = lsp.PositionEncodingKind.Utf16
    _open: dict[str, Document] = attrs.field(factory=dict)
    _given_up: dict[str, Document] = attrs.field(factory=dict)
    """Those that are open and not kept, without their text."""
    _too_large: set[str] = attrs.field(factory=set)
    _journal: dict[str, deque[_Step]] = attrs.field(factory=dict)

    def __iter__(self) -> Iterator[Document]:
        return iter(self._open.values())

    def get(self, uri: str) -> Document | None:
        return self._open.get(uri)

    @contextmanager
    def held(self) -> Iterator[None]:
        """While a message is taken: tasks that it starts run later, when changes sent after it may have been made."""
        token = _AS_SENT.set(dict(self._open))
        try:
            yield
        finally:
            _AS_SENT.reset(token)

    def as_sent(self, uri: str) -> Document | None:
        """The document that a request is about: as it was when the client sent it."""
        held = _AS_SENT.get()
        return self._open.get(uri) if held is None else held.get(uri)

    def is_too_large(self, uri: str) -> bool:
        return uri in self._too_large

    def is_lost(self, uri: str) -> bool:
        """Whether a document is not kept since a message about it could not be read."""
        return uri in self._given_up and uri not in self._too_large

    def lose(self, uri: str) -> bool:
        """Keep a document no longer until it comes whole: what it holds is not known. False where it was not kept."""
        if (document := self._open.get(uri)) is None:
            return False
        self._give_up(document)
        return True

    def open(self, item: lsp.TextDocumentItem, notebook: str = "") -> Document:
        """Take a document in; raises DocumentRejected (and remembers why) when it is too large to keep.

        A cell's `notebook` is the URI of its notebook, whose file is the cell's.
        """
        document = Document(
            uri=item.uri,
            text=_valid(item.text),
            version=item.version,
            language=str(item.language_id),
            path=path_of(notebook or item.uri),
        )
        self._journal.pop(item.uri, None)
        return self._keep(document)

    def change(
        self, identifier: lsp.VersionedTextDocumentIdentifier, changes: list[lsp.TextDocumentContentChangeEvent]
    ) -> Document | None:
        """Apply the changes in order; None for a document that is not kept."""
        document = self._open.get(identifier.uri)
        if document is None:
            return self._whole_again(identifier, changes)
        before, steps = document, list[TextEdit]()
        for change in changes:
            document = self._changed(document, change, steps)
        kept = self._keep(attrs.evolve(document, version=identifier.version))
        self._note(before, steps, complete=len(steps) == len(changes))
        return kept

    def changes_since(self, document: Document) -> list[TextEdit] | None:
        """What was changed since that version, in order; None where it is not known change by change."""
        if self._open.get(document.uri) is document:
            return []
        changes: list[TextEdit] = []
        for step in reversed(self._journal.get(document.uri, ())):
            changes[:0] = step.changes
            if step.before() is document:
                return changes
        return None

    def close(self, uri: str) -> None:
        self._journal.pop(uri, None)
        self._open.pop(uri, None)
        self._given_up.pop(uri, None)
        self._too_large.discard(uri)

    def _changed(
        self, document: Document, change: lsp.TextDocumentContentChangeEvent, steps: list[TextEdit]
    ) -> Document:
        """The document after one change, which is added to `steps` where it says what it replaces."""
        if isinstance(change, lsp.TextDocumentContentChangePartial):
            step = TextEdit(span_of(document, change.range, self.encoding), _valid(change.text))
            steps.append(step)
            return document.replace(step.span, step.new_text)
        return attrs.evolve(document, text=_valid(change.text))

    def _note(self, before: Document, steps: list[TextEdit], *, complete: bool) -> None:
        """Keep what a notification changed; one that sends the whole text says nothing of what was changed."""
        journal = self._journal.setdefault(before.uri, deque(maxlen=_REMEMBERED))
        if complete:
            journal.append(_Step(weakref.ref(before), tuple(steps)))
        else:
            journal.clear()

    def _whole_again(
        self, identifier: lsp.VersionedTextDocumentIdentifier, changes: list[lsp.TextDocumentContentChangeEvent]
    ) -> Document | None:
        """A document that was too large or lost is taken back when its client sends it whole."""
        for number, change in enumerate(changes):
            known = self._given_up.get(identifier.uri)
            if known is not None and isinstance(change, lsp.TextDocumentContentChangeWholeDocument):
                self._keep(attrs.evolve(known, text=_valid(change.text), version=identifier.version))
                return self.change(identifier, changes[number + 1 :])
        return None

    def _give_up(self, document: Document) -> None:
        self.close(document.uri)
        self._given_up[document.uri] = attrs.evolve(document, text="")

    def _keep(self, document: Document) -> Document:
        # Four bytes is the most that a code point takes: only a text near the limit is encoded to be sure.
        size = len(document.text)
        if size * 4 > self.max_bytes:
            size = len(document.text.encode("utf-8"))
        if size > self.max_bytes:
            self._give_up(document)
            self._too_large.add(document.uri)
            raise DocumentRejected(
                f"{Path(document.path or document.uri).name} has {size / 1e6:.1f} MB, more than the "
                f"{self.max_bytes / 1e6:g} MB that are read: it gets no suggestions.",
                "Raise files.max_bytes, or make it smaller and open it again.",
            )
        self._given_up.pop(document.uri, None)
        self._too_large.discard(document.uri)
        self._open[document.uri] = document
        return document


def path_of(uri: str) -> Path | None:
    """The local path of a `file:` URI, None for any other."""
    parts = urlsplit(uri)
    if parts.scheme != "file":
        return None
    local = url2pathname(parts.path)
    return Path(f"//{parts.netloc}{local}" if parts.netloc not in ("", "localhost") else local)


def _valid(text: str) -> str:
    """JSON may carry half a surrogate pair, which no encoder takes; U+FFFD has the same length in every encoding."""
    return _SURROGATES.sub("\ufffd", text)
