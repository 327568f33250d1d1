"""What becomes of the edits of actions: applied, kept or undone, read from the changes of the text.

So it is known in any editor, whether it was sent the edit or has resolved it, whether it applies it at once, after a
preview or piece by piece.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence

import attrs

from hybrid_lsp.completion.kept import Later, Timer, call_later, carried, parts, share_kept, with_lf
from hybrid_lsp.document import Document, Span, difference
from hybrid_lsp.metrics.events import ActionApplied, ActionKept, ActionUndone, Event
from hybrid_lsp.types import DocumentEdit, TextEdit

KEPT_AFTER_S = 600
_REMEMBERED = 64
"""Edits that are followed at once; the oldest is forgotten."""


@attrs.define(eq=False)
class _Piece:
    """Text that an edit has put in, and where it stands now."""

    text: str = attrs.field(repr=False)
    span: Span


@attrs.define(eq=False)
class _Edit:
    """An edit of a run: `before` is to become `after`, in a place that begins at `start` and has `tail` characters
    behind it.

    `since` is when it was offered, and once `stands` when it was applied; `told`: the client has said that it was.
    """

    run: str
    uri: str
    before: str = attrs.field(repr=False)
    after: str = attrs.field(repr=False)
    start: int
    tail: int
    since: float
    pieces: list[_Piece] = attrs.field(factory=list)
    told: bool = False
    stands: bool = False
    undone: bool = False
    timer: Timer | None = None

    def place(self, text: str) -> Span:
        return Span(self.start, max(self.start, len(text) - self.tail))


@attrs.define(eq=False)
class Aftermath:
    """Follows the edits of all documents of one window.

    `record` takes the events, `read` gives a document as it is now. A document that is closed ends the watch over it:
    what is not known by then is never recorded.
    """

    record: Callable[[Event], None]
    read: Callable[[str], Document | None]
    clock: Callable[[], float] = lambda: asyncio.get_running_loop().time()
    later: Later = call_later
    _edits: OrderedDict[str, _Edit] = attrs.field(factory=OrderedDict)

    def offered(self, run: str, edit: DocumentEdit) -> None:
        """An edit for a document as it is now goes out to the client; for a new file, the document is empty."""
        if not edit.edits:
            return
        text, hull = edit.document.text, Span(edit.edits[0].span.start, edit.edits[-1].span.end)
        whole, tail = edit.apply(), len(text) - hull.end
        before, after = text[hull.start : hull.end], whole[hull.start : len(whole) - tail]
        self._edits[run] = _Edit(run, edit.document.uri, before, after, hull.start, tail, self.clock())
        while len(self._edits) > _REMEMBERED:
            self._forget(next(iter(self._edits.values())))

    def answered(self, run: str, *, applied: bool) -> None:
        """The client says whether it has applied an edit that it was sent."""
        if (edit := self._edits.get(run)) is None:
            return
        if not applied and not edit.stands:
            self._forget(edit)
        elif applied and not edit.told and not edit.stands:
            edit.told = True
            self.record(ActionApplied(run, (self.clock() - edit.since) * 1000))

    def opened(self, document: Document) -> None:
        """A document was opened: a new file may come with its text."""
        for edit in self._of(document.uri):
            self._look(edit, document.text)

    def changed(self, old: Document, new: Document, changes: Sequence[TextEdit] | None = None) -> None:
        """A document was edited; `changes` one after the other, None where only both texts are known."""
        if not (followed := self._of(old.uri)):
            return
        text = old.text
        for change in [TextEdit(*difference(old.text, new.text))] if changes is None else changes:
            after = text[: change.span.start] + change.new_text + text[change.span.end :]
            for edit in followed:
                for piece in edit.pieces:
                    piece.span = carried(piece.span, text, change)
                # Of a line that is there twice a change may name either: first as if it were in the edit's place.
                if not self._look(edit, after):
                    _carry(edit, text, change)
                    self._look(edit, after)
            text = after

    def closed(self, uri: str) -> None:
        """A document was closed, or is not kept any more."""
        for edit in self._of(uri):
            self._forget(edit)

    def close(self) -> None:
        """The connection ends."""
        for edit in list(self._edits.values()):
            self._forget(edit)

    def _of(self, uri: str) -> list[_Edit]:
        """The newest first: of two offers of the same it is the one that is applied."""
        return [edit for edit in reversed(self._edits.values()) if edit.uri == uri]

    def _look(self, edit: _Edit, text: str) -> bool:
        """See whether an edit has come to stand, or has gone again."""
        if edit.undone or edit.run not in self._edits:
            return False
        place = edit.place(text)
        if with_lf(text[place.start : place.end]) != with_lf(edit.before if edit.stands else edit.after):
            return False
        if edit.stands:
            edit.undone = True
            self.record(ActionUndone(edit.run, self.clock() - edit.since))
        else:
            self._begin(edit, text[place.start : place.end])
        return True

    def _begin(self, edit: _Edit, stands: str) -> None:
        """An edit stands in the text, with the editor's own line ends."""
        if not edit.told:
            self.record(ActionApplied(edit.run, (self.clock() - edit.since) * 1000))
        edit.stands, edit.since = True, self.clock()
        edit.pieces = list(_put_in(edit, stands))
        edit.timer = self.later(KEPT_AFTER_S, lambda: self._end(edit))
        for other in self._of(edit.uri):
            if not other.stands and not other.told and other.after == edit.after:
                self._forget(other)

    def _end(self, edit: _Edit) -> None:
        """Ten minutes later."""
        if (document := self.read(edit.uri)) is not None:
            self.record(ActionKept(edit.run, KEPT_AFTER_S, _share(edit, document)))
        self._forget(edit)

    def _forget(self, edit: _Edit) -> None:
        if edit.timer is not None:
            edit.timer.cancel()
        self._edits.pop(edit.run, None)


def _put_in(edit: _Edit, stands: str) -> Iterator[_Piece]:
    """What is new of an edit, word by word."""
    shift = edit.start
    change = TextEdit(Span(0, len(edit.before)), stands)
    for part in sorted(parts(change, edit.before), key=lambda each: each.span.start):
        start = part.span.start + shift
        shift += len(part.new_text) - (part.span.end - part.span.start)
        if part.new_text:
            yield _Piece(part.new_text, Span(start, start + len(part.new_text)))


def _share(edit: _Edit, document: Document) -> float:
    """How much of what was put in still stands, 0 to 1; of an edit that only takes away, whether it still does."""
    whole = sum(len(piece.text) for piece in edit.pieces)
    if not whole:
        return float(with_lf(document.slice(edit.place(document.text))) != with_lf(edit.before))
    return sum(share_kept(each.text, document.slice(each.span)) * len(each.text) for each in edit.pieces) / whole


def _carry(edit: _Edit, text: str, change: TextEdit) -> None:
    """Keep an edit's place while the text changes. Until the edit stands, and where its place is empty, what is put in
    at an end is part of it."""
    place = edit.place(text)
    trimmed, new_text = difference(text[change.span.start : change.span.end], change.new_text)
    start, end = change.span.start + trimmed.start, change.span.start + trimmed.end
    grown = len(new_text) - (end - start)
    open_ = not edit.stands or place.empty
    if place.start <= start and end <= place.end and (open_ or (end > place.start and start < place.end)):
        return
    if end <= place.start:
        edit.start += grown
    elif start >= place.end:
        edit.tail += grown
    else:
        moved = carried(place, text, change)
        edit.start, edit.tail = moved.start, len(text) + grown - moved.end
