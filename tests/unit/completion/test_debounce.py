"""The pause before a model is asked, and how much it is given to read."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.completion.budget import TARGET_MS, ContextBudget
from hybrid_lsp.completion.debounce import LIGHTER_STARTS, Pace, Rhythm
from hybrid_lsp.completion.habits import Habits
from hybrid_lsp.document import Document


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def doc(text: str) -> Document:
    return Document("file:///a.py", text)


@attrs.define
class Typist:
    """A user, and a model that is asked while they type."""

    clock: Clock = attrs.field(factory=Clock)
    pace: Pace = attrs.field(factory=Pace)
    rhythm: Rhythm = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.rhythm = Rhythm(self.clock)

    def type(self, gap: float = 0.0) -> None:
        self.clock.now += gap
        self.rhythm.changed(doc("a"), doc("ab"))
        self.pace.typed()

    @property
    def pause_s(self) -> float:
        return self.rhythm.pause_s(self.pace)

    def wait_s(self, fixed_ms: int = -1, *, client_waited: bool = False) -> float:
        return self.rhythm.wait_s(self.pace, fixed_ms, client_waited=client_waited)


GAPS = [n / 100 for n in range(5, 69)]


def typed(gaps: list[float], pace: Pace | None = None) -> Typist:
    typist = Typist(pace=pace or Pace())
    for gap in gaps:
        typist.type(gap)
    return typist


def test_a_fast_typist_is_waited_for_shorter_than_a_slow_one() -> None:
    assert typed([0.08] * 64).pause_s < typed([0.3] * 64).pause_s


def test_long_pauses_are_no_rhythm() -> None:
    assert typed([0.1] * 64 + [60.0] * 64).pause_s == typed([0.1] * 64).pause_s


def test_a_slow_model_is_started_more_rarely() -> None:
    fast, slow = typed(GAPS), typed(GAPS)
    for _ in range(200):
        slow.pace.answered(2.0)
    assert slow.pause_s > fast.pause_s


def test_one_answer_that_was_very_late_says_little() -> None:
    """It may have been loading: the next hundred keys are not to wait for that."""
    usual, late = Pace(), Pace()
    late.answered(15.0)
    assert late.outlived > 0.9 * usual.outlived


def test_a_lighter_model_is_asked_sooner() -> None:
    assert typed(GAPS, Pace(LIGHTER_STARTS)).pause_s < typed(GAPS).pause_s


def test_where_little_needs_the_model_the_pause_is_shorter() -> None:
    busy, known = typed(GAPS), typed(GAPS)
    for number in range(200):
        busy.rhythm.asked(needs_model=True)
        known.rhythm.asked(needs_model=number % 5 == 0)
    assert known.pause_s < busy.pause_s


def test_where_a_lighter_model_decides_much_the_pause_is_shorter() -> None:
    alone, second = typed(GAPS), typed(GAPS)
    for number in range(200):
        second.pace.needed(number % 5 == 0)
    assert second.pause_s < alone.pause_s


def test_starts_lengthen_the_pause_and_keystrokes_without_one_shorten_it() -> None:
    typist = typed(GAPS)
    before = typist.pause_s
    for _ in range(10):
        typist.pace.started()
    longer = typist.pause_s
    assert longer > before
    for _ in range(200):
        typist.type()
    assert typist.pause_s < longer


@given(st.lists(st.floats(0.0, 10.0), max_size=80))
def test_the_pause_has_bounds(gaps: list[float]) -> None:
    assert 0.05 <= typed(gaps).pause_s <= 0.7


def test_what_has_passed_since_the_keystroke_counts() -> None:
    typist = typed([0.2] * 64)
    whole = typist.wait_s()
    typist.clock.now += whole / 2
    assert typist.wait_s() == pytest.approx(whole / 2)
    typist.clock.now += 10
    assert typist.wait_s() == 0


def test_no_wait_is_added_where_the_editor_has_waited() -> None:
    typist = typed([0.2] * 64)
    assert typist.wait_s(client_waited=True) == 0
    assert typist.wait_s(300, client_waited=True) > 0.2


def test_the_first_request_of_all_is_not_kept_waiting() -> None:
    assert Typist().wait_s() == 0


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


FULL = 6000


def opened() -> ContextBudget:
    """One that has seen that the machine can read."""
    budget = ContextBudget()
    budget.answered(TARGET_MS / 2, FULL, read=1500)
    assert budget.chars(FULL) == FULL
    return budget


def test_a_slow_model_reads_less_in_coarse_steps_and_more_again_when_it_is_fast() -> None:
    budget = opened()
    budget.answered(TARGET_MS * 2, FULL, read=FULL)
    budget.answered(TARGET_MS * 2, FULL, read=4000)
    assert budget.chars(FULL) == 2666
    for _ in range(20):
        budget.answered(TARGET_MS * 2, FULL, read=1500)
    assert budget.chars(FULL) == 1500
    for _ in range(7):
        budget.answered(TARGET_MS / 4, FULL, read=1500)
    assert budget.chars(FULL) == 1500
    for _ in range(100):
        budget.answered(TARGET_MS / 4, FULL, read=1500)
    assert budget.chars(FULL) == FULL


def test_it_reads_little_until_a_first_answer_was_in_time() -> None:
    """Else the first place of all keeps a slow machine busy for seconds, and nobody sees anything."""
    budget = ContextBudget()
    for first_ms, read in [(TARGET_MS * 9, 1500), (TARGET_MS / 9, 0), (TARGET_MS / 9, 200)]:
        budget.answered(first_ms, FULL, read=read)
        assert budget.chars(FULL) == 1500
    budget.answered(TARGET_MS, FULL, read=1400)
    assert budget.chars(FULL) == FULL


def test_a_slow_machine_is_known_from_one_answer() -> None:
    budget = opened()
    budget.answered(TARGET_MS * 7, FULL, read=FULL)
    assert budget.chars(FULL) == 1500


def test_keys_that_go_on_are_no_reason_to_read_more() -> None:
    """They are quick on any machine; and the larger window would have to be read, and then the smaller one again."""
    budget = opened()
    budget.answered(TARGET_MS * 7, FULL, read=FULL)
    for _ in range(100):
        budget.answered(TARGET_MS / 10, FULL, read=0)
    assert budget.chars(FULL) == 1500


def test_a_model_that_reads_all_of_it_at_each_key_reads_less() -> None:
    budget = opened()
    budget.answered(TARGET_MS * 7, FULL, read=0)
    assert budget.chars(FULL) == 4000


def test_the_budget_never_exceeds_the_users_limit() -> None:
    assert ContextBudget().chars(200) == 200
    assert opened().chars(200) == 200


def test_a_model_that_was_stopped_before_it_said_anything_is_known_to_be_slow() -> None:
    habits = Habits(budget=opened())
    habits.given_up(TARGET_MS / 2, "file:///a.py", FULL, read=FULL)
    assert habits.budget.chars(FULL) == FULL
    habits.given_up(TARGET_MS * 3, "file:///a.py", FULL, read=FULL)
    assert habits.budget.chars(FULL) == 2666


def test_a_window_stands_when_less_may_be_read_unless_it_has_to_be_read_again() -> None:
    """It has been read: to go on from it costs nothing. But an engine may have lost it, and others keep nothing."""
    habits, text = Habits(budget=opened()), "x = 1\n" * 2000
    habits.windows.read(doc(text), 6000, 4500, FULL)
    habits.began(TARGET_MS * 4, "file:///a.py", FULL, read=4500)
    for first_ms, stands in [(TARGET_MS / 4, True), (TARGET_MS * 4, False)]:
        habits.began(first_ms, "file:///a.py", FULL, read=0)
        found = habits.windows.read(doc(text), 6000, habits.budget.chars(FULL), FULL)
        assert (len(found.prefix) + len(found.suffix) > 4000, habits.windows.anew) == (stands, not stands)
