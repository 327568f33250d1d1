"""The pause before a model is asked, and how much it is given to read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.completion.budget import TARGET_MS, ContextBudget
from hybrid_lsp.completion.debounce import Rhythm
from hybrid_lsp.document import Document


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def doc(text: str) -> Document:
    return Document("file:///a.py", text)


def typed(gaps: list[float], clock: Clock | None = None) -> Rhythm:
    clock = clock or Clock()
    rhythm = Rhythm(clock)
    for gap in gaps:
        clock.now += gap
        rhythm.changed(doc("a"), doc("ab"))
    return rhythm


def test_a_fast_typist_is_waited_for_shorter_than_a_slow_one() -> None:
    assert typed([0.08] * 64).pause_s() < typed([0.3] * 64).pause_s()


def test_long_pauses_are_no_rhythm() -> None:
    assert typed([0.1] * 64 + [60.0] * 64).pause_s() == typed([0.1] * 64).pause_s()


def test_a_slow_model_is_started_more_rarely() -> None:
    gaps = [n / 100 for n in range(5, 69)]
    fast, slow = typed(gaps), typed(gaps)
    for _ in range(200):
        slow.answered(2.0)
    assert slow.pause_s() > fast.pause_s()


def test_where_little_needs_the_model_the_pause_is_shorter() -> None:
    gaps = [n / 100 for n in range(5, 69)]
    busy, known = typed(gaps), typed(gaps)
    for number in range(200):
        busy.asked(needs_model=True)
        known.asked(needs_model=number % 5 == 0)
    assert known.pause_s() < busy.pause_s()


def test_starts_lengthen_the_pause_and_keystrokes_without_one_shorten_it() -> None:
    gaps = [n / 100 for n in range(5, 69)]
    rhythm = typed(gaps)
    before = rhythm.pause_s()
    for _ in range(10):
        rhythm.started()
    longer = rhythm.pause_s()
    assert longer > before
    for _ in range(200):
        rhythm.changed(doc("a"), doc("ab"))
    assert rhythm.pause_s() < longer


@given(st.lists(st.floats(0.0, 10.0), max_size=80))
def test_the_pause_has_bounds(gaps: list[float]) -> None:
    assert 0.05 <= typed(gaps).pause_s() <= 0.7


def test_what_has_passed_since_the_keystroke_counts() -> None:
    clock = Clock()
    rhythm = typed([0.2] * 64, clock)
    whole = rhythm.wait_s(-1, client_waited=False)
    clock.now += whole / 2
    assert rhythm.wait_s(-1, client_waited=False) == pytest.approx(whole / 2)
    clock.now += 10
    assert rhythm.wait_s(-1, client_waited=False) == 0


def test_no_wait_is_added_where_the_editor_has_waited() -> None:
    rhythm = typed([0.2] * 64)
    assert rhythm.wait_s(-1, client_waited=True) == 0
    assert rhythm.wait_s(300, client_waited=True) > 0.2


def test_the_first_request_of_all_is_not_kept_waiting() -> None:
    assert Rhythm(Clock()).wait_s(-1, client_waited=False) == 0


def test_it_knows_that_text_was_only_taken_away() -> None:
    rhythm = Rhythm(Clock())
    rhythm.changed(doc("abc"), doc("ab"))
    assert rhythm.deleted["file:///a.py"]
    rhythm.changed(doc("abc"), doc("axc"))
    assert not rhythm.deleted["file:///a.py"]
    rhythm.changed(doc("abcd"), doc("x"))
    assert not rhythm.deleted["file:///a.py"]
    rhythm.closed("file:///a.py")
    assert not rhythm.deleted


def test_a_slow_model_reads_less_in_coarse_steps_and_more_again_when_it_is_fast() -> None:
    budget = ContextBudget()
    assert budget.chars(6000) == 6000
    budget.answered(TARGET_MS * 2, 6000, anew=True)
    budget.answered(TARGET_MS * 2, 6000, anew=True)
    assert budget.chars(6000) == 2666
    for _ in range(20):
        budget.answered(TARGET_MS * 2, 6000, anew=True)
    assert budget.chars(6000) == 1500
    for _ in range(7):
        budget.answered(TARGET_MS / 4, 6000, anew=True)
    assert budget.chars(6000) == 1500
    for _ in range(100):
        budget.answered(TARGET_MS / 4, 6000, anew=True)
    assert budget.chars(6000) == 6000


def test_a_slow_machine_is_known_from_one_answer() -> None:
    budget = ContextBudget()
    budget.answered(TARGET_MS * 7, 6000, anew=True)
    assert budget.chars(6000) == 1500


def test_keys_that_go_on_are_no_reason_to_read_more() -> None:
    """They are quick on any machine; and the larger window would have to be read, and then the smaller one again."""
    budget = ContextBudget()
    budget.answered(TARGET_MS * 7, 6000, anew=True)
    for _ in range(100):
        budget.answered(TARGET_MS / 10, 6000, anew=False)
    assert budget.chars(6000) == 1500


def test_a_model_that_reads_all_of_it_at_each_key_reads_less() -> None:
    budget = ContextBudget()
    budget.answered(TARGET_MS * 7, 6000, anew=False)
    assert budget.chars(6000) == 4000


def test_the_budget_never_exceeds_the_users_limit() -> None:
    assert ContextBudget().chars(200) == 200
