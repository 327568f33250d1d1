"""Which tokens of earlier prompts are known, and what is given up for others."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.engine.latest import Latest
from hybrid_lsp.engine.slots import LOST, SMALLEST_ROOM, Slot, Slots, shared

BYTES_A_TOKEN = 2 * 2 * 1 * 4 * 4


def slots(budget: int = 1 << 30, most: int = 4096) -> Slots:
    return Slots(layers=2, kv_heads=1, head_size=4, most=most, budget=budget)


def compute(slot: Slot, prompt: list[int]) -> None:
    """As a model does: the state of a token tells which it is."""
    for at in range(len(slot.tokens), len(prompt)):
        slot.state[..., at, :] = prompt[at]
        slot.tokens.append(prompt[at])


def test_a_prompt_goes_on_from_what_it_shares_with_an_earlier_one() -> None:
    kept = slots()
    compute(kept.take([1, 2, 3, 4]), [1, 2, 3, 4])
    assert kept.take([1, 2, 3, 9, 9]).tokens == [1, 2, 3]
    assert (kept.hits, kept.misses, kept.reused_tokens, kept.entries) == (1, 1, 3, 1)


def test_the_last_token_of_a_prompt_is_always_computed() -> None:
    kept = slots()
    compute(kept.take([1, 2, 3]), [1, 2, 3])
    assert kept.take([1, 2, 3]).tokens == [1, 2]


def test_what_would_lose_much_is_copied() -> None:
    kept, long = slots(), list(range(LOST + 20))
    compute(kept.take(long), long)
    other = kept.take([*long[:10], 999])
    assert other.tokens == long[:10]
    assert kept.entries == 2
    assert kept.take(long).tokens == long[:-1]  # the first is as it was


def test_the_one_in_use_is_kept_however_small_the_budget() -> None:
    kept = slots(budget=1)
    compute(kept.take([1, 2, 3]), [1, 2, 3])
    assert kept.take([1, 2, 3, 4]).tokens == [1, 2, 3]
    assert kept.entries == 1


def test_what_was_used_longest_ago_gives_way() -> None:
    kept = slots(budget=25 * BYTES_A_TOKEN)
    for first in (100, 200, 300):
        compute(kept.take([first] * 10), [first] * 10)
    assert kept.resets == 1
    assert kept.take([100] * 10).tokens == []
    assert kept.bytes <= 25 * BYTES_A_TOKEN


def test_without_a_budget_nothing_is_kept() -> None:
    kept = slots(budget=0)
    compute(kept.take([1, 2, 3]), [1, 2, 3])
    assert kept.take([1, 2, 3, 4]).tokens == []
    assert (kept.hits, kept.misses) == (0, 2)


def test_a_growing_text_finds_room_and_keeps_its_state() -> None:
    kept, text = slots(), list(range(SMALLEST_ROOM * 3))
    compute(kept.take(text[:10]), text[:10])
    slot = kept.take(text)
    assert slot.tokens == text[:10]
    assert slot.room >= len(text)
    assert (slot.state[0, 0, 0, 0, :10, 0] == text[:10]).all()


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=130), min_size=1, max_size=12),
    st.integers(0, 300).map(lambda tokens: tokens * BYTES_A_TOKEN),
)
def test_a_slot_always_holds_the_state_of_the_prompts_own_tokens(prompts: list[list[int]], budget: int) -> None:
    kept = slots(budget)
    for prompt in prompts:
        slot = kept.take(prompt)
        known = len(slot.tokens)
        assert slot.tokens == prompt[:known]
        assert known < len(prompt)
        assert np.array_equal(slot.state[1, 1, 0, 0, :known, 2], prompt[:known])
        compute(slot, prompt)
    assert kept.bytes <= max(budget, len(prompts[-1]) * BYTES_A_TOKEN)


@given(st.lists(st.integers(0, 2), max_size=20), st.lists(st.integers(0, 2), min_size=1, max_size=20))
def test_the_common_beginning(known: list[int], prompt: list[int]) -> None:
    size = shared(known, prompt)
    assert known[:size] == prompt[:size]
    assert size == min(len(known), len(prompt) - 1) or known[size] != prompt[size]


def test_the_latest_prompt_alone_is_kept_where_the_library_holds_the_state() -> None:
    kept = Latest(budget=1)
    assert kept.take([1, 2, 3]) == 0
    kept.tokens = [1, 2, 3]
    assert kept.take([1, 2, 4]) == 2
    assert (kept.entries, kept.hits, kept.misses, kept.reused_tokens) == (1, 1, 1, 2)
    kept.budget = 0
    assert kept.take([1, 2, 4]) == 0
