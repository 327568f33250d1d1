"""What is known of the documents beside and around a cursor, kept in step with each change.

Documents that must be left alone (ignored, secret) are never taken in: nothing is copied from them, and no prompt
holds any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import attrs

from hybrid_lsp.completion.cursor import Cursor
from hybrid_lsp.completion.length import shape
from hybrid_lsp.completion.place import LONGEST_LINE, Place, delimiter, scanned, where
from hybrid_lsp.completion.trim import Site
from hybrid_lsp.context.grammars import Trees, relatives
from hybrid_lsp.context.neighbours import Neighbours
from hybrid_lsp.context.standing import Windows
from hybrid_lsp.document import Document
from hybrid_lsp.models.copying import CopyIndex
from hybrid_lsp.types import Infill

_NEIGHBOURS_SHARE = 0.25
"""The part of the context that is kept for other files, where the model can tell them apart."""


@attrs.define
class Surroundings:
    """Syntax trees, the index to copy from, and the neighbouring files, of one window.

    `may_read` says whether a document may be taken in, `roots` gives the workspace's folders.
    """

    may_read: Callable[[Document], bool] = lambda document: True
    roots: Callable[[], Iterable[Path]] = tuple
    trees: Trees = attrs.field(factory=Trees)
    index: CopyIndex = attrs.field(factory=lambda: CopyIndex(relatives))
    neighbours: Neighbours = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.neighbours = Neighbours(lambda: self.roots())

    def opened(self, document: Document) -> None:
        """A document was opened."""
        if self.may_read(document):
            self.index.changed(document)
            self.neighbours.opened(document)
            self.trees.prepare(document)
        else:
            self._forget(document.uri)

    def changed(self, old: Document, new: Document) -> None:
        """A document was edited."""
        if self.may_read(new):
            self.index.changed(new)
            self.neighbours.changed(old, new)
        else:
            self._forget(new.uri)

    def closed(self, uri: str) -> None:
        """A document was closed; it may still be copied from."""
        self.index.closed(uri)
        self.neighbours.closed(uri)
        self.trees.forget(uri)

    def _forget(self, uri: str) -> None:
        self.index.forget(uri)
        self.neighbours.closed(uri)

    def place(self, cursor: Cursor) -> Place:
        """What the cursor stands in."""
        return where(cursor.document, cursor.offset, self.trees.parse(cursor.document))

    def site(self, cursor: Cursor, *, multiline: bool, max_lines: int) -> Site:
        """What trimming must know of the cursor's place, and the shape that a suggestion has there."""
        parsed = self.trees.parsed(cursor.document)
        tree = parsed.tree if parsed else None
        document, offset = cursor.document, cursor.offset
        line = scanned(document, offset)
        return Site(
            cursor.prefix,
            cursor.suffix,
            shape(document, offset, tree, multiline, max_lines),
            parsed=parsed,
            place=where(document, offset, tree),
            delimiter=delimiter(document, offset, tree, line),
            language=document.language,
            line=line,
        )

    def left_out(self, cursor: Cursor) -> str:
        """What is not looked at here because it would take too long at every keystroke, in words; mostly empty."""
        line = cursor.document.line(cursor.document.position(cursor.offset)[0])
        if len(line) > LONGEST_LINE:
            return f"The line is longer than {LONGEST_LINE} characters: only what is next to the cursor is looked at."
        if self.trees.gave_up(cursor.document):
            return "The file is too large or too deeply nested: suggestions are not checked against its syntax."
        return ""

    def context(self, cursor: Cursor, windows: Windows, chars: int, most: int, *, files: bool) -> Infill:
        """What a model reads whose windows these are: about so many characters around the cursor, never more than
        `most`, and of them, with `files`, excerpts of others."""
        share = int(chars * _NEIGHBOURS_SHARE) if files else 0
        tree = self.trees.parse(cursor.document)
        window = windows.read(cursor.document, cursor.offset, chars - share, most - share, tree)
        if not files:
            return window
        left = max(share, chars - len(window.prefix) - len(window.suffix))
        extra = self.neighbours.relevant(cursor.document, cursor.offset, left, self.may_read)
        return attrs.evolve(window, extra=extra, filename=self.neighbours.name(cursor.document))
