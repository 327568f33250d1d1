"""A window that was cut stands while one types, and is always one of the text as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_window import LONG

from hybrid_lsp.context.standing import Windows
from hybrid_lsp.context.window import around
from hybrid_lsp.document import Document
from hybrid_lsp.types import Infill

AT = LONG.index("def method_20")
CHARS, MOST = 1500, 6000
TYPED = "total = [each for each in self.values if each > limit]\n        " * 20


def document(before: str, after: str, uri: str = "file:///a") -> Document:
    return Document(uri, before + after, language="python")


def read(windows: Windows, before: str, after: str, chars: int = CHARS, most: int = MOST) -> Infill:
    found = windows.read(document(before, after), len(before), chars, most)
    assert (before + after).find(found.suffix, len(before)) == len(before)
    assert len(found.prefix) + len(found.suffix) <= most
    return found


def test_what_is_typed_makes_it_longer_up_to_a_third() -> None:
    windows, before, moved = Windows(), LONG[:AT], list[int]()
    last = read(windows, before, LONG[AT:])
    assert last == around(document(before, LONG[AT:]), AT, CHARS)
    for size in range(1, len(TYPED)):
        found = read(windows, before + TYPED[:size], LONG[AT:])
        assert len(found.prefix) + len(found.suffix) <= CHARS * 4 / 3
        if not found.prefix.startswith(last.prefix):
            moved.append(size)
        last = found
    assert len(moved) <= len(TYPED) / (CHARS / 3) + 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(LONG[: AT + 3000], LONG[AT + 3000 :], id="elsewhere"),
        pytest.param(LONG[: AT - 300], LONG[AT - 300 :], id="above"),
        pytest.param("import sys\n" + LONG[:AT], LONG[AT:], id="another text above"),
        pytest.param(LONG[:AT], "\n" + LONG[AT:], id="another text below"),
        pytest.param(LONG[: AT - 1200], LONG[AT:], id="much deleted"),
    ],
)
def test_it_is_cut_anew(before: str, after: str) -> None:
    windows = Windows()
    read(windows, LONG[:AT], LONG[AT:])
    assert read(windows, before, after) == around(document(before, after), len(before), CHARS)


def test_a_few_characters_may_be_deleted() -> None:
    windows = Windows()
    first = read(windows, LONG[:AT], LONG[AT:])
    found = read(windows, LONG[: AT - 20], LONG[AT:])
    assert found == Infill(first.prefix[:-20], first.suffix)


def test_at_the_end_of_a_file_the_cursor_may_go_back() -> None:
    windows = Windows()
    assert read(windows, LONG, "").suffix == ""
    assert read(windows, LONG[:-100], LONG[-100:]).suffix == LONG[-100:]


def test_where_twice_as_much_may_be_read_it_is_cut_anew() -> None:
    windows = Windows()
    first = read(windows, LONG[:AT], LONG[AT:])
    for chars in (CHARS * 3 // 2, 500):
        assert read(windows, LONG[:AT], LONG[AT:], chars) == first
    assert read(windows, LONG[:AT], LONG[AT:], 3000) == around(document(LONG[:AT], LONG[AT:]), AT, 3000)


def test_the_users_limit_is_the_most_after_it_has_grown() -> None:
    windows = Windows()
    for size in range(0, len(TYPED), 7):
        read(windows, LONG[:AT] + TYPED[:size], LONG[AT:], 1000, 1000)


def test_a_closed_document_is_forgotten() -> None:
    windows = Windows()
    read(windows, LONG[:AT], LONG[AT:])
    windows.forget("file:///a")
    windows.forget("file:///a")
    grown = LONG[:AT] + TYPED[:300]
    assert read(windows, grown, LONG[AT:]) == around(document(grown, LONG[AT:]), len(grown), CHARS)


@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.integers(0, 400), st.text("ab \n", max_size=60), st.integers(0, 400)),
        max_size=12,
    ),
    st.sampled_from([(100, 100), (100, 400), (60, 61)]),
)
def test_whatever_is_edited_it_is_of_the_text(edits: list[tuple[int, int, str, int]], sizes: tuple[int, int]) -> None:
    windows, text = Windows(), LONG[:300]
    for start, end, new, at in edits:
        start, end = sorted((min(start, len(text)), min(end, len(text))))
        text = text[:start] + new + text[end:]
        at = min(at, len(text))
        found = read(windows, text[:at], text[at:], *sizes)
        lines = found.prefix.split("\n")
        assert text[:at].endswith(lines[-1])
        assert set(lines[1:-1]) <= set(text[:at].split("\n"))
        assert found.prefix in text[:at] or len(text) > sizes[0]  # else there is no head
