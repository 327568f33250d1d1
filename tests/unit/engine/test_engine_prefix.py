"""Which beginnings of prompts are kept: a matter of lengths and counts, without a model."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.engine.prefix import MARGIN, SETTLED, STEP, Plan, Reuse, boundary

TEXT = [number % 97 for number in range(2000)]
SHARED = st.integers(0, 600)


def reuse(budget: int = 10**9, patience: float = float("inf")) -> Reuse:
    return Reuse(bytes_a_token=10, budget=budget, patience=patience)


@given(st.integers(0, 5000))
def test_a_head_keeps_clear_of_the_cursor_and_is_shared_by_many_keystrokes(shared: int) -> None:
    size = boundary(shared)
    assert size % STEP == 0
    assert size == 0 or MARGIN <= shared - size < MARGIN + STEP


def test_what_is_typed_on_finds_the_head_of_before() -> None:
    kept = reuse()
    plans = [kept.plan(TEXT[:size], size) for size in range(400, 401 + 3 * STEP)]
    misses = [plan for plan in plans if not plan.known]
    assert len(misses) == 4  # the first, and one at each boundary
    assert all(plan.keep for plan in misses)
    assert (kept.misses, kept.hits, kept.entries) == (4, len(plans) - 4, 4)
    assert kept.reused_tokens == sum(plan.reused for plan in plans)


@given(st.lists(SHARED, max_size=30), SHARED)
def test_how_a_prompt_is_cut_does_not_depend_on_what_is_kept(before: list[int], shared: int) -> None:
    warm, cold = reuse(2000), reuse()
    for size in before:
        warm.plan(TEXT[:size], size)
    assert warm.plan(TEXT[:shared], shared).head == cold.plan(TEXT[:shared], shared).head == boundary(shared)


@given(st.lists(st.tuples(SHARED, st.integers(0, 5)), max_size=40), st.integers(1, 20_000))
def test_the_budget_holds_for_all_but_a_first_head(asked: list[tuple[int, int]], budget: int) -> None:
    kept = reuse(budget)
    for shared, start in asked:
        kept.plan(TEXT[start : start + shared], shared)
        assert kept.bytes <= budget or kept.entries == 1
        if ahead := kept.ahead():
            assert kept.add(len(ahead) - 1)
            assert kept.bytes <= budget or kept.entries == 1


def test_one_head_is_kept_however_small_the_budget() -> None:
    kept = reuse(budget=1)
    assert kept.plan(TEXT[:500], 500).keep
    assert kept.plan(TEXT[:500], 500).known
    assert not kept.plan(TEXT[700:1200], 500).keep
    assert kept.is_full()


def test_without_a_budget_a_prompt_is_computed_in_one_part() -> None:
    kept = reuse(0)
    assert kept.plan(TEXT[:500], 500) == Plan()
    assert (kept.misses, kept.ahead(), kept.is_full()) == (0, (), False)


def test_what_follows_the_shared_part_does_not_count() -> None:
    kept = reuse()
    kept.plan([*TEXT[:300], 1, 2, 3], 300)
    assert kept.plan([*TEXT[:301], 7, 7], 301).known
    assert not kept.plan([5, *TEXT[:300]], 300).known


def test_the_next_head_is_computed_ahead_once_its_tokens_are_settled() -> None:
    kept = reuse()
    edge = 5 * STEP
    kept.plan(TEXT[: edge + SETTLED - 1], edge + SETTLED - 1)
    assert kept.ahead() == ()
    kept.plan(TEXT[: edge + SETTLED], edge + SETTLED)
    assert list(kept.ahead()) == TEXT[: edge + 1]
    assert kept.add(edge)
    assert kept.ahead() == ()
    size = edge + MARGIN
    assert kept.plan(TEXT[:size], size).known


def test_a_long_prompt_goes_on_from_a_shorter_head() -> None:
    kept = reuse(patience=300)
    kept.plan(TEXT[:400], 400)
    plan = kept.plan(TEXT[:500], 500)
    assert plan == Plan(boundary(400), known=True)
    assert list(kept.ahead()) == TEXT[: boundary(500) + 1]  # to be made good in an idle moment
    assert not kept.plan(TEXT[:1500], 1500).known  # too much would be computed again
    assert not reuse(patience=300).plan(TEXT[:500], 500).known


def test_it_is_full_when_dropping_what_is_stale_makes_room() -> None:
    kept = reuse(budget=3 * 500 * 10)
    for start in (0, 1, 2):
        assert not kept.is_full()
        kept.plan(TEXT[start : start + 420], 420)
    assert kept.is_full()
    assert kept.plan(TEXT[3:423], 420) == Plan(boundary(420), keep=False)
    kept.clear()
    assert (kept.entries, kept.bytes, kept.resets, kept.is_full()) == (0, 0, 1, False)
    assert list(kept.ahead()) == TEXT[3 : 3 + boundary(420) + 1]


def test_what_is_wanted_alone_never_makes_it_drop_all() -> None:
    """Else it would drop and compute the same again in each idle moment."""
    kept = reuse(budget=450 * 10)
    kept.plan(TEXT[:420], 420)
    assert not kept.is_full()


@given(st.integers(1, 30_000), st.lists(st.tuples(SHARED, st.integers(0, 3)), min_size=1, max_size=6))
def test_idle_work_comes_to_an_end(budget: int, asked: list[tuple[int, int]]) -> None:
    kept = reuse(budget)
    for shared, start in asked:
        kept.plan(TEXT[start : start + shared], shared)
    for count in itertools.count():
        assert count < 5
        if kept.is_full():
            kept.clear()
        elif ahead := kept.ahead():
            assert kept.add(len(ahead) - 1)
        else:
            break
