"""Positions in all three encodings, against the plain definition: count code units of the text before."""

from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types as lsp

from hybrid_lsp.document import Document, Span
from hybrid_lsp.server import convert
from hybrid_lsp.types import DocumentEdit, Finding, Severity, TextEdit

CODECS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}
encodings = st.sampled_from([lsp.PositionEncodingKind(name) for name in CODECS])
texts = st.text(alphabet=st.sampled_from(list("ab\n\r\té€\u2028\x0c😋𝔸")), max_size=40)


@given(texts, encodings, st.data())
def test_a_position_counts_code_units(text: str, encoding: lsp.PositionEncodingKind, data: st.DataObject) -> None:
    document = Document("file:///a", text)
    offset = data.draw(st.integers(0, len(text)))
    position = convert.position_of(document, offset, encoding)
    codec, width = CODECS[encoding.value]
    line_start = document.line_starts[position.line]
    before = (
        text[line_start:offset].rstrip("\r\n") if text[offset - 1 : offset + 1] == "\r\n" else text[line_start:offset]
    )
    assert position.character == len(before.encode(codec)) // width


@given(texts, encodings, st.data())
def test_there_and_back(text: str, encoding: lsp.PositionEncodingKind, data: st.DataObject) -> None:
    document = Document("file:///a", text)
    offset = data.draw(st.integers(0, len(text)))
    if text[offset - 1 : offset + 1] != "\r\n":
        assert convert.offset_of(document, convert.position_of(document, offset, encoding), encoding) == offset


@given(texts, encodings, st.integers(0, 50), st.integers(0, 50))
def test_any_position_gives_an_offset_in_the_text(
    text: str, encoding: lsp.PositionEncodingKind, line: int, character: int
) -> None:
    document = Document("file:///a", text)
    offset = convert.offset_of(document, lsp.Position(line, character), encoding)
    assert 0 <= offset <= len(text)


def test_a_position_past_the_lines_end_is_its_end() -> None:
    document = Document("file:///a", "😋a\nbc")
    for encoding in CODECS:
        assert convert.offset_of(document, lsp.Position(0, 99), encoding) == 2
        assert convert.offset_of(document, lsp.Position(9, 0), encoding) == 5


def test_a_position_inside_a_character_is_its_start() -> None:
    document = Document("file:///a", "😋a")
    assert convert.offset_of(document, lsp.Position(0, 1), lsp.PositionEncodingKind.Utf16) == 0
    assert convert.offset_of(document, lsp.Position(0, 2), lsp.PositionEncodingKind.Utf8) == 0


def test_a_reversed_range_is_read_the_right_way_round() -> None:
    document = Document("file:///a", "abcd")
    reversed_range = lsp.Range(lsp.Position(0, 3), lsp.Position(0, 1))
    assert convert.span_of(document, reversed_range, "utf-16") == Span(1, 3)


def test_a_finding_becomes_a_diagnostic() -> None:
    document = Document("file:///a", "x = '😋' + eval(y)")
    finding = Finding(Span(10, 14), "Use of eval", Severity.WARNING, "B307", "bandit", cwe=78, url="https://x/b307")
    diagnostic = convert.diagnostic_of(document, finding, "utf-16")
    assert diagnostic.range == lsp.Range(lsp.Position(0, 11), lsp.Position(0, 15))
    assert diagnostic.message == "Use of eval (CWE-78)"
    assert diagnostic.severity is lsp.DiagnosticSeverity.Warning
    assert diagnostic.source == "hybrid-lsp"
    assert diagnostic.code_description == lsp.CodeDescription("https://x/b307")


def edit() -> DocumentEdit:
    document = Document("file:///a", "ab", version=7)
    return DocumentEdit(document, (TextEdit(Span(0, 1), "x"),), "Optimize", "why")


def test_an_edit_carries_the_version_and_asks_for_confirmation() -> None:
    made = convert.workspace_edit_of(edit(), "utf-16", versioned=True, annotated=True)
    assert made.changes is None
    assert made.document_changes is not None
    change = made.document_changes[0]
    assert isinstance(change, lsp.TextDocumentEdit)
    assert change.text_document.version == 7
    assert isinstance(change.edits[0], lsp.AnnotatedTextEdit)
    assert made.change_annotations is not None
    assert made.change_annotations[change.edits[0].annotation_id].needs_confirmation


def test_an_edit_for_simple_clients() -> None:
    plain = convert.workspace_edit_of(edit(), "utf-16", versioned=True, annotated=False)
    assert plain.change_annotations is None
    oldest = convert.workspace_edit_of(edit(), "utf-16", versioned=False, annotated=False)
    assert oldest.changes == {"file:///a": [lsp.TextEdit(lsp.Range(lsp.Position(0, 0), lsp.Position(0, 1)), "x")]}
