import re
from bisect import bisect_right

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp import line_index
from hybrid_lsp.document import Document, Span
from hybrid_lsp.line_index import LineStarts

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


@given(texts, st.integers(1, 9))
def test_lines_begin_after_each_line_end_however_the_text_is_cut(text: str, piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_index, "PIECE", piece)
        starts = LineStarts(text)
        expected = [0, *(match.end() for match in re.finditer("\r\n|\n|\r", text))]
        assert [*starts] == [starts[number] for number in range(len(starts))] == starts[:] == expected
        assert starts[-1] == expected[-1]
        for offset in range(-1, len(text) + 2):
            assert starts.line_of(offset) == max(0, bisect_right(expected, offset) - 1)
    with pytest.raises(IndexError):
        _ = starts[len(starts)]


def test_one_line_of_many_needs_no_other_pieces() -> None:
    document = Document("file:///a", "\n" * 900_000)
    assert document.position(450_000) == (450_000, 0)
    assert document.line(450_000) == ""
    assert len(document.line_starts._found) <= 3


def test_tabs_of_an_endless_file_stay() -> None:
    small, large = (
        Document("file:///a.py", "if a:\n\tb = 1\t# c\n" * count, language="python") for count in (9, 45_000)
    )
    assert "\n    b = 1\t# c" in small.plain.text
    assert large.plain is large
    assert not large.tabbed


@pytest.mark.parametrize(("docstring", "tabbed"), [("  aligned\n", True), ("    x = 1\n" * 9, False)])
def test_most_lines_decide_how_a_file_is_indented(docstring: str, tabbed: bool) -> None:
    document = Document("file:///a.py", "def f():\n\ta = 1\n\tb = 2\n" + docstring, language="python")
    assert document.tabbed is tabbed
    assert ("\n    a = 1" in document.plain.text) is tabbed
    assert document.plain.line_count == document.line_count
