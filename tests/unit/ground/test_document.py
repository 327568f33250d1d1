from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.document import Document, Span

texts = st.text(alphabet=st.sampled_from(list("ab \n\r\té\u2028\x0c😋𝔸")), max_size=60)


def test_lines_end_where_lsp_says() -> None:
    document = Document("file:///a", "a\nb\r\nc\rd\x0ce\u2028f\x85g")
    assert [document.line(n) for n in range(document.line_count)] == ["a", "b", "c", "d\x0ce\u2028f\x85g"]


def test_an_empty_text_has_one_line() -> None:
    assert Document("file:///a", "").line_count == 1


@given(texts, st.data())
def test_offset_and_position_are_inverse(text: str, data: st.DataObject) -> None:
    document = Document("file:///a", text)
    offset = data.draw(st.integers(0, len(text)))
    line, column = document.position(offset)
    between_cr_and_lf = 0 < offset < len(text) and text[offset - 1 : offset + 1] == "\r\n"
    if not between_cr_and_lf:
        assert document.offset(line, column) == offset


@given(texts, texts, st.data())
def test_replace_is_slicing(text: str, new: str, data: st.DataObject) -> None:
    start, end = sorted((data.draw(st.integers(0, len(text))), data.draw(st.integers(0, len(text)))))
    replaced = Document("file:///a", text, version=3).replace(Span(start, end), new)
    assert replaced.text == text[:start] + new + text[end:]
    assert replaced.version == 4


def test_positions_outside_are_clamped() -> None:
    document = Document("file:///a", "ab\ncd")
    assert document.offset(0, 99) == 2
    assert document.offset(9, 0) == 5
    assert document.offset(-1, 0) == 0
    assert document.position(99) == (1, 2)
