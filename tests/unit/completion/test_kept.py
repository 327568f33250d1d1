"""What stands of an accepted text, and where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.completion.kept import carried, share_kept
from hybrid_lsp.document import Span
from hybrid_lsp.types import TextEdit

texts = st.text("ab (\n", max_size=30)


def longest_common(a: str, b: str) -> int:
    """Of subsequences, from its definition."""
    row = [0] * (len(b) + 1)
    for x in a:
        new = [0]
        for j, y in enumerate(b, 1):
            new.append(row[j - 1] + 1 if x == y else max(row[j], new[-1]))
        row = new
    return row[-1]


@given(accepted=st.text("abc", min_size=1, max_size=40), now=st.text("abc", max_size=60))
def test_the_share_is_that_of_the_longest_common_subsequence(accepted: str, now: str) -> None:
    assert share_kept(accepted, now) == longest_common(accepted, now) / len(accepted)


def test_nothing_is_kept_whole() -> None:
    assert share_kept("", "x") == 1.0


@st.composite
def edited(draw: st.DrawFn) -> tuple[str, Span, list[TextEdit]]:
    """A text, a span of it, and edits one after the other."""
    text = draw(texts)
    start = draw(st.integers(0, len(text)))
    span = Span(start, draw(st.integers(start, len(text))))
    edits, size = [], len(text)
    for _ in range(draw(st.integers(0, 6))):
        low = draw(st.integers(0, size))
        high = draw(st.integers(low, size))
        edits.append(TextEdit(Span(low, high), draw(texts)))
        size += len(edits[-1].new_text) - (high - low)
    return text, span, edits


@given(edited())
def test_a_span_follows_its_characters_through_any_edits(case: tuple[str, Span, list[TextEdit]]) -> None:
    text, span, edits = case
    marks = [at in span for at in range(len(text))]
    for edit in edits:
        low, high = edit.span.start, edit.span.end
        apart = high <= span.start or low >= span.end
        inside = not apart and span.start <= low and high <= span.end
        moved = carried(span, text, edit)
        text = text[:low] + edit.new_text + text[high:]
        marks = marks[:low] + [inside] * len(edit.new_text) + marks[high:]
        assert 0 <= moved.start <= moved.end <= len(text)
        if apart or inside or not edit.new_text:
            # What was there is in it, and nothing else is but what was put in between.
            assert [at in moved for at in range(len(text))] == marks
        else:
            assert all(at in moved for at, mine in enumerate(marks) if mine)
        span, marks = moved, [at in moved for at in range(len(text))]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param("x=[load(a,b)]\ny = 2\n", "x = [load(a, b)]\ny = 2\n", "load(a, b)", id="a formatter, the line"),
        pytest.param(
            "import b\n\nq=[load(a,b)]\n", "import a\nimport b\n\n\nq = load(\n    a,\n    b,\n)\n", None, id="the file"
        ),
        pytest.param("a = 1\n[load(a,b)]\n", "a = 1\n", "", id="the line is gone"),
    ],
)
def test_an_edit_over_more_than_the_text_is_looked_into(before: str, after: str, expected: str | None) -> None:
    start = before.index("[")
    end = before.index("]") - 1
    plain, wanted = before.replace("[", "").replace("]", ""), after.replace("[", "").replace("]", "")
    moved = carried(Span(start, end), plain, TextEdit(Span(0, len(plain)), wanted))
    stands = wanted[moved.start : moved.end]
    if expected is None:
        assert stands.startswith("load(")
        assert share_kept("load(a,b)", stands) == 1.0
    else:
        assert stands == expected


def test_a_replacement_too_large_to_compare_keeps_nothing() -> None:
    text = "".join(f"line {number}\n" for number in range(3000))
    assert carried(Span(10, 20), text, TextEdit(Span(0, len(text)), text.upper())).empty
