"""How both sides of the cursor share a window, and that typing moves the cuts seldom."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.models import windows

LINE = 0
"""The token at which a line begins."""


def is_line(tokens: list[int], at: int) -> bool:
    return tokens[at] == LINE


def code(count: int, seed: int = 1) -> list[int]:
    """Lines of 2 to 16 tokens."""
    drawn = random.Random(seed)
    tokens: list[int] = []
    while len(tokens) < count:
        tokens += [LINE, *(drawn.randrange(1, 500) for _ in range(drawn.randrange(1, 16)))]
    return tokens[:count]


@given(st.integers(0, 200), st.integers(0, 300), st.integers(0, 300), st.sampled_from([0, 40]))
def test_both_sides_keep_what_is_at_the_cursor(room: int, before: int, after: int, most: int) -> None:
    prefix, suffix = code(before), list(range(1000, 1000 + after))
    kept_prefix, kept_suffix = windows.fit(prefix, suffix, room, most, lambda at: is_line(prefix, at))
    assert kept_prefix == prefix[len(prefix) - len(kept_prefix) :]
    assert kept_suffix == suffix[: len(kept_suffix)]
    assert len(kept_prefix) + len(kept_suffix) <= room
    assert len(kept_suffix) >= min(after, room // 4, most or after)
    share = room - room // 4
    assert len(kept_prefix) >= min(before, share - share // 5 - 1)


def test_a_cut_prefix_begins_at_a_line_where_one_is_near() -> None:
    prefix = code(1000)
    kept, _ = windows.fit(prefix, [], 300, 0, lambda at: is_line(prefix, at))
    assert kept[0] == LINE
    endless = list(range(1, 1000))
    kept, _ = windows.fit(endless, [], 300, 0, lambda _: False)
    assert 240 <= len(kept) <= 300


@pytest.mark.parametrize("seed", range(5))
def test_typing_seldom_moves_the_start(seed: int) -> None:
    """Counted over 1,000 tokens typed at the end of a file that fills the window."""
    text, suffix = code(2000, seed), list(range(1000, 1400))
    starts = []
    for end in range(1000, 2000):
        prefix = text[:end]
        kept, below = windows.fit(prefix, suffix, 470, 128, lambda at: is_line(text, at))
        starts.append((end - len(kept), len(below)))
    assert len(set(starts)) <= 1000 // 12


def test_the_start_does_not_depend_on_where_the_text_was_cut_before() -> None:
    text = code(2000)
    for cut in range(0, 500, 7):
        part = text[cut:]
        kept, _ = windows.fit(part, [], 400, 0, lambda at: is_line(part, at))  # noqa: B023 (called at once)
        assert kept == windows.fit(text, [], 400, 0, lambda at: is_line(text, at))[0]


def test_a_growing_prefix_takes_room_from_the_suffix_in_steps() -> None:
    text, suffix = code(400), list(range(1000, 1400))
    kept = [len(windows.fit(text[:size], suffix, 400, 0, lambda at: is_line(text, at))[1]) for size in range(400)]
    assert len(set(kept)) <= 8
    assert kept == sorted(kept, reverse=True)


@given(st.integers(8, 10_000), st.integers(0, 20_000))
def test_at_least_half_of_the_window_is_the_prompts(context: int, wanted: int) -> None:
    room = windows.room(context, wanted)
    assert context - context // 2 <= room < context
    assert context - room >= min(wanted, context // 8)
