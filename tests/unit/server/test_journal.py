"""An edit made for one version lands exactly where it belongs in a later one, or is refused: never anywhere else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types as lsp

from hybrid_lsp.actions import edits
from hybrid_lsp.document import Document, Span
from hybrid_lsp.errors import StaleDocument
from hybrid_lsp.server.convert import range_of
from hybrid_lsp.server.documents import Documents
from hybrid_lsp.types import DocumentEdit, TextEdit

URI = "file:///a.py"
UTF16 = lsp.PositionEncodingKind.Utf16
texts = st.text(alphabet=st.sampled_from(list("ab\n😋\r")), max_size=10)


def opened(text: str) -> tuple[Documents, Document]:
    documents = Documents(10**6)
    return documents, documents.open(lsp.TextDocumentItem(URI, "python", 1, text))


def send(documents: Documents, version: int, *changes: lsp.TextDocumentContentChangeEvent) -> Document:
    new = documents.change(lsp.VersionedTextDocumentIdentifier(version, URI), list(changes))
    assert new is not None
    return new


@given(st.text(alphabet=st.sampled_from(list("abcd\n😋")), max_size=20), st.data())
def test_every_edit_for_changed_text_is_refused_or_rightly_moved(text: str, data: st.DataObject) -> None:
    documents, made_for = opened(text)
    start = data.draw(st.integers(0, len(text)))
    span = Span(start, data.draw(st.integers(start, len(text))))
    edit = DocumentEdit(made_for, (TextEdit(span, "<NEW>"),), "Optimize")
    # The selected characters, followed one by one through each change.
    place, current, touched = span.start, made_for, False
    for version in range(2, 2 + data.draw(st.integers(0, 4))):
        first = data.draw(st.integers(0, len(current.text)))
        last = data.draw(st.integers(first, min(len(current.text), first + 4)))
        new_text = data.draw(texts)
        change = lsp.TextDocumentContentChangePartial(range_of(current, Span(first, last), UTF16), new_text)
        # What the client means, which is not always what was drawn: no position lies within CR LF.
        before = current
        current = send(documents, version, change)
        (step,) = documents.changes_since(before) or [TextEdit(Span(0, 0), "")]
        end = place + span.end - span.start
        if step.span.end < place:
            place += len(step.new_text) - (step.span.end - step.span.start)
        elif step.span.start <= end:
            touched = True
    try:
        moved = edits.rebase(edit, current, span, documents.changes_since(made_for))
    except StaleDocument:
        assert touched
        return
    assert not touched
    length = span.end - span.start
    assert moved.apply() == current.text[:place] + "<NEW>" + current.text[place + length :]
    assert moved.document is current


@given(st.lists(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5), texts), max_size=3), max_size=5))
def test_the_journal_makes_the_new_text_of_the_old(steps: list[list[tuple[int, int, str]]]) -> None:
    documents, first = opened("abc\n😋def\nghi\n")
    current = first
    for version, changes in enumerate(steps, 2):
        sent = []
        text = current
        for start, length, new_text in changes:
            span = Span(min(start, len(text.text)), min(start + length, len(text.text)))
            sent.append(lsp.TextDocumentContentChangePartial(range_of(text, span, UTF16), new_text))
            text = send_alone(text, sent[-1])
        current = send(documents, version, *sent)
        assert current.text == text.text
    replayed = first.text
    for change in documents.changes_since(first) or []:
        replayed = replayed[: change.span.start] + change.new_text + replayed[change.span.end :]
    assert replayed == current.text


def send_alone(document: Document, change: lsp.TextDocumentContentChangePartial) -> Document:
    documents, _ = opened(document.text)
    return send(documents, 2, change)


def test_what_is_not_known_change_by_change_is_none() -> None:
    documents, first = opened("abc")
    second = send(documents, 2, lsp.TextDocumentContentChangeWholeDocument("abcd"))
    assert documents.changes_since(first) is None
    assert documents.changes_since(second) == []
    third = send(documents, 3, change_at(0, "x"))
    assert documents.changes_since(second) == [TextEdit(Span(0, 0), "x")]
    documents.close(URI)
    assert documents.changes_since(third) is None


def test_a_document_opened_again_is_another() -> None:
    documents, first = opened("abc")
    send(documents, 2, change_at(0, "x"))
    documents.open(lsp.TextDocumentItem(URI, "python", 1, "abc"))
    assert documents.changes_since(first) is None


def test_only_the_last_changes_are_kept() -> None:
    documents, first = opened("")
    for version in range(2, 5005):
        send(documents, version, change_at(0, "x"))
    assert documents.changes_since(first) is None


def change_at(character: int, text: str) -> lsp.TextDocumentContentChangePartial:
    position = lsp.Position(0, character)
    return lsp.TextDocumentContentChangePartial(lsp.Range(position, position), text)
