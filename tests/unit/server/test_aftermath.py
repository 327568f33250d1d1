"""What becomes of an action's edit, told from the changes alone, however an editor makes them."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest
from clock import Clock
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.document import Document, Span, difference
from hybrid_lsp.metrics.events import ActionApplied, ActionKept, ActionUndone, Event
from hybrid_lsp.server.aftermath import KEPT_AFTER_S, Aftermath
from hybrid_lsp.types import DocumentEdit, TextEdit

URI = "file:///a.py"
TEXT = "import os\n\n\ndef add(a, b):\n    total = a + b\n    return total\n\n\nprint(add(1, 2))\n"
OLD = "    total = a + b\n    return total\n"
NEW = "    return a + b\n"
RUN = "r"


class Editor:
    """One document, a clock that is turned by hand, and what reads along."""

    def __init__(self, text: str = TEXT) -> None:
        self.clock = Clock()
        self.events: list[Event] = []
        self.document: Document | None = Document(URI, text, 1, "python")
        self.aftermath = Aftermath(self.events.append, lambda _: self.document, self.clock.time, self.clock.later)

    @property
    def text(self) -> str:
        assert self.document is not None
        return self.document.text

    def offer(self, old: str = OLD, new: str = NEW, run: str = RUN) -> DocumentEdit:
        assert self.document is not None
        start = self.text.index(old)
        edit = DocumentEdit(self.document, (TextEdit(Span(start, start + len(old)), new),), "Simplify")
        self.aftermath.offered(run, edit)
        return edit

    def change(self, *edits: TextEdit, known: bool = True) -> None:
        assert self.document is not None
        old = self.document
        for edit in edits:
            self.document = self.document.replace(edit.span, edit.new_text)
        self.aftermath.changed(old, self.document, list(edits) if known else None)

    def replace(self, old: str, new: str) -> None:
        start = self.text.index(old)
        self.change(TextEdit(Span(start, start + len(old)), new))

    def become(self, text: str) -> None:
        """The whole text is sent."""
        self.change(TextEdit(Span(0, len(self.text)), text), known=False)

    def of(self, kind: type[Event]) -> list[Event]:
        return [each for each in self.events if isinstance(each, kind)]


def as_it_is(editor: Editor, edit: DocumentEdit) -> None:
    editor.change(*reversed(edit.edits))


def one_by_one(editor: Editor, edit: DocumentEdit) -> None:
    for each in reversed(edit.edits):
        editor.change(each)


def least(editor: Editor, edit: DocumentEdit) -> None:
    span, text = difference(editor.text, edit.apply())
    editor.change(TextEdit(span, text))


def whole_text(editor: Editor, edit: DocumentEdit) -> None:
    editor.become(edit.apply())


def taken_out_then_put_in(editor: Editor, edit: DocumentEdit) -> None:
    for each in reversed(edit.edits):
        editor.change(TextEdit(each.span, ""))
        editor.change(TextEdit(Span(each.span.start, each.span.start), each.new_text))


WAYS = [as_it_is, one_by_one, least, whole_text, taken_out_then_put_in]


@pytest.mark.parametrize("way", WAYS)
def test_an_edit_that_is_applied_is_kept_or_not(way: Callable[[Editor, DocumentEdit], None]) -> None:
    editor = Editor()
    edit = editor.offer()
    editor.clock.wait(2)
    way(editor, edit)
    assert editor.events == [ActionApplied(RUN, 2000.0)]
    editor.clock.wait(KEPT_AFTER_S)
    assert editor.events[1:] == [ActionKept(RUN, KEPT_AFTER_S, 1.0)]


@pytest.mark.parametrize("way", WAYS)
def test_an_edit_that_is_taken_back_is_undone(way: Callable[[Editor, DocumentEdit], None]) -> None:
    editor = Editor()
    way(editor, editor.offer())
    editor.clock.wait(7)
    editor.become(TEXT)
    assert editor.events[1:] == [ActionUndone(RUN, 7.0)]
    editor.clock.wait(KEPT_AFTER_S)
    (kept,) = editor.of(ActionKept)
    assert isinstance(kept, ActionKept)
    assert kept.share < 0.5


def test_an_edit_that_is_undone_and_made_again_is_kept() -> None:
    editor = Editor()
    edit = editor.offer("return total\n", "return total  # the sum\n")
    as_it_is(editor, edit)
    editor.become(TEXT)
    editor.become(edit.apply())
    editor.clock.wait(KEPT_AFTER_S)
    assert len(editor.of(ActionApplied)) == len(editor.of(ActionUndone)) == 1
    assert editor.of(ActionKept)


def test_what_is_typed_elsewhere_is_no_answer() -> None:
    editor = Editor()
    edit = editor.offer()
    editor.change(TextEdit(Span(0, 0), "import re\n"))
    editor.change(TextEdit(Span(len(editor.text), len(editor.text)), "print(3)\n"))
    assert not editor.events
    editor.replace(OLD, NEW)
    assert len(editor.events) == 1
    editor.replace("import os\n", "")
    editor.replace(NEW, OLD)
    assert isinstance(editor.events[1], ActionUndone)
    assert edit.edits


def test_part_of_it_is_changed_by_hand() -> None:
    editor = Editor()
    as_it_is(editor, editor.offer("print(add(1, 2))\n", "print(add(1, 2), flush=True)\n"))
    editor.replace(", flush=True", ", flush=yes")
    editor.clock.wait(KEPT_AFTER_S)
    (kept,) = editor.of(ActionKept)
    assert isinstance(kept, ActionKept)
    assert 0.5 < kept.share < 1
    assert not editor.of(ActionUndone)


def test_only_what_is_new_of_an_edit_counts_as_kept() -> None:
    """A whole function is replaced by itself and one word: what was there before says nothing."""
    editor = Editor()
    body = TEXT[TEXT.index("def add") : TEXT.index("print")]
    as_it_is(editor, editor.offer(body, body.replace("total\n", "total + 1\n", 1)))
    editor.replace(" + 1", "")
    assert editor.of(ActionUndone)
    editor.clock.wait(KEPT_AFTER_S)
    (kept,) = editor.of(ActionKept)
    assert isinstance(kept, ActionKept)
    assert kept.share == 0


def test_an_edit_that_only_takes_away() -> None:
    editor = Editor()
    as_it_is(editor, editor.offer("import os\n", ""))
    editor.clock.wait(KEPT_AFTER_S)
    assert editor.events[1:] == [ActionKept(RUN, KEPT_AFTER_S, 1.0)]
    editor = Editor()
    as_it_is(editor, editor.offer("import os\n", ""))
    editor.change(TextEdit(Span(0, 0), "import os\n"))
    editor.clock.wait(KEPT_AFTER_S)
    assert editor.events[1:] == [ActionUndone(RUN, 0.0), ActionKept(RUN, KEPT_AFTER_S, 0.0)]


def test_an_edit_that_only_puts_in() -> None:
    editor = Editor()
    doc = '    """The sum."""\n'
    start = TEXT.index("    total")
    assert editor.document is not None
    editor.aftermath.offered(RUN, DocumentEdit(editor.document, (TextEdit(Span(start, start), doc),), "Document"))
    editor.change(TextEdit(Span(start, start), doc))
    assert editor.of(ActionApplied)
    editor.replace(doc, "")
    assert editor.of(ActionUndone)


def test_a_line_like_the_one_beside_it_may_be_put_in_on_either_side() -> None:
    """Editors send the least difference of two texts, which may name another place than the edit did."""
    editor = Editor("x\nx\ny\n")
    assert editor.document is not None
    editor.aftermath.offered(RUN, DocumentEdit(editor.document, (TextEdit(Span(0, 2), "x\nx\n"),), "More"))
    editor.change(TextEdit(Span(4, 4), "x\n"))
    assert editor.of(ActionApplied)


def test_several_hunks_are_applied_when_the_last_one_is() -> None:
    editor = Editor()
    assert editor.document is not None
    first, second = TEXT.index("    total"), TEXT.index("    return")
    edits = (TextEdit(Span(first, first), "    # sum\n"), TextEdit(Span(second, second), "    # result\n"))
    editor.aftermath.offered(RUN, DocumentEdit(editor.document, edits, "Document"))
    editor.change(edits[1])
    assert not editor.events
    editor.change(edits[0])
    assert len(editor.events) == 1


def test_an_editor_keeps_its_own_line_ends() -> None:
    text = TEXT.replace("\n", "\r\n")
    editor = Editor(text)
    edit = editor.offer(OLD.replace("\n", "\r\n"), NEW)
    editor.replace(edit.document.slice(edit.edits[0].span), NEW.replace("\n", "\r\n"))
    assert editor.of(ActionApplied)
    editor.become(text)
    assert editor.of(ActionUndone)


def test_the_clients_word_counts_once() -> None:
    editor = Editor()
    edit = editor.offer()
    as_it_is(editor, edit)
    editor.aftermath.answered(RUN, applied=True)
    assert len(editor.events) == 1
    editor = Editor()
    edit = editor.offer()
    editor.aftermath.answered(RUN, applied=True)
    as_it_is(editor, edit)
    assert len(editor.events) == 1
    editor.become(TEXT)
    assert editor.of(ActionUndone)


def test_an_edit_that_the_client_did_not_apply_is_forgotten() -> None:
    editor = Editor()
    edit = editor.offer()
    editor.aftermath.answered(RUN, applied=False)
    as_it_is(editor, edit)
    assert not editor.events
    editor.aftermath.answered("unknown", applied=True)
    assert not editor.events


def test_of_two_offers_of_the_same_the_newest_is_applied() -> None:
    editor = Editor()
    editor.offer(run="first")
    as_it_is(editor, editor.offer(run="second"))
    assert editor.events == [ActionApplied("second", 0.0)]
    editor.become(TEXT)
    as_it_is(editor, editor.offer(run="third"))
    assert [each.run for each in editor.of(ActionApplied) if isinstance(each, ActionApplied)] == ["second", "third"]


def test_a_document_that_is_closed_is_not_watched() -> None:
    editor = Editor()
    as_it_is(editor, editor.offer())
    editor.aftermath.closed(URI)
    editor.clock.wait(KEPT_AFTER_S)
    editor.become(TEXT)
    assert len(editor.events) == 1
    as_it_is(editor, editor.offer())
    editor.aftermath.close()
    assert not [each for each in editor.clock.timers if not each.cancelled]


@pytest.mark.parametrize("at_once", [True, False])
def test_a_new_file_comes_with_its_text_or_gets_it_then(at_once: bool) -> None:
    editor = Editor("")
    content = "def test_add():\n    assert True\n"
    new = Document("file:///test_a.py", "")
    editor.aftermath.offered(RUN, DocumentEdit(new, (TextEdit(Span(0, 0), content),), "Tests"))
    editor.aftermath.opened(attrs.evolve(new, text=content if at_once else ""))
    if not at_once:
        assert not editor.events
        editor.aftermath.changed(new, new.replace(Span(0, 0), content), [TextEdit(Span(0, 0), content)])
    assert len(editor.of(ActionApplied)) == 1


def test_so_many_are_followed_and_no_more() -> None:
    editor = Editor()
    first = editor.offer()
    for number in range(64):
        editor.offer("import os\n", f"import os{number}\n", run=str(number))
    as_it_is(editor, first)
    assert not editor.events


LINES = st.lists(st.sampled_from(["a\n", "b\n", "  c\n", "\n", "d = '😋'\n"]), max_size=6).map("".join)


@given(LINES, LINES, LINES, LINES, LINES, LINES, st.sampled_from(WAYS))
def test_whatever_the_texts_applied_and_undone_are_seen_once(
    head: str, old: str, tail: str, new: str, above: str, below: str, way: Callable[[Editor, DocumentEdit], None]
) -> None:
    if old == new:
        return
    editor = Editor(head + old + tail)
    assert editor.document is not None
    place = Span(len(head), len(head) + len(old))
    edit = DocumentEdit(editor.document, (TextEdit(place, new),), "Any")
    editor.aftermath.offered(RUN, edit)
    way(editor, edit)
    assert len(editor.of(ActionApplied)) == 1
    editor.change(TextEdit(Span(0, 0), above))
    editor.change(TextEdit(Span(len(editor.text), len(editor.text)), below))
    if not above and not below:
        editor.become(head + old + tail)
        assert len(editor.of(ActionUndone)) == 1
    editor.clock.wait(KEPT_AFTER_S)
    (kept,) = editor.of(ActionKept)
    assert isinstance(kept, ActionKept)
    assert 0 <= kept.share <= 1
    if above or below:
        assert kept.share == 1 or editor.of(ActionUndone)
