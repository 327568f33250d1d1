"""What the user takes corrects what is shown."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.completion.acceptance import SEEN_S, Acceptance
from hybrid_lsp.completion.experience import TAKEN_OF_RIGHT, Experience, shifted
from hybrid_lsp.document import Document, Span
from hybrid_lsp.types import Suggestion, Tier

DOCUMENT = Document("file:///a.py", "x = ", 1, "python")


def test_nothing_is_known_at_first_nor_from_a_backend_without_probabilities() -> None:
    experience = Experience()
    assert experience.shift("python") == 0.0
    experience.settled("python", math.nan, taken=False)
    assert experience.shift("python") == 0.0


def test_as_many_taken_as_expected_changes_nothing() -> None:
    experience = Experience()
    for number in range(200):
        experience.settled("python", 0.5, taken=number % 10 < 10 * TAKEN_OF_RIGHT * 0.5)
    assert experience.shift("python") == pytest.approx(0.0, abs=0.1)


def test_who_ignores_sees_surer_ones_and_only_in_that_language() -> None:
    experience = Experience()
    shifts = []
    for _ in range(60):
        experience.settled("go", 0.5, taken=False)
        shifts.append(experience.shift("go"))
    assert shifts == sorted(shifts, reverse=True)
    assert -1.0 <= shifts[-1] < -0.5
    assert experience.shift("python") == 0.0
    assert shifted(0.5, shifts[-1]) < 0.4
    assert math.isnan(shifted(math.nan, -1.0))


@given(st.floats(0, 1), st.floats(-1, 1))
def test_a_shift_keeps_the_order(probability: float, by: float) -> None:
    moved = shifted(probability, by)
    assert 0 <= moved <= 1
    assert (moved - probability) * by >= -1e-5


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=300))
def test_the_shift_is_bounded(settled: list[tuple[float, bool]]) -> None:
    experience = Experience()
    for probability, taken in settled:
        experience.settled("c", probability, taken=taken)
    assert -1.0 <= experience.shift("c") <= 0.4


def test_it_is_learnt_from_what_becomes_of_what_is_shown() -> None:
    now = 0.0
    tracker = Acceptance(lambda event: None, lambda uri: None, lambda: now, lambda delay, call: _Timer())

    def show(name: str) -> None:
        suggestion = Suggestion(name, "value_of_it", Span(4, 4), Tier.SMALL, "model", 0.8)
        tracker.shown(suggestion, DOCUMENT)

    for number in range(5):
        show(f"ignored-{number}")
        now += SEEN_S
        tracker.changed(DOCUMENT, DOCUMENT.replace(Span(4, 4), "no"))
    down = tracker.experience.shift("python")
    assert down < 0
    for number in range(5):
        show(f"taken-{number}")
        assert tracker.accepted_part(f"taken-{number}", rest=3)
        assert tracker.accepted(f"taken-{number}")
        tracker.changed(DOCUMENT, DOCUMENT.replace(Span(4, 4), "value_of_it"))
    assert tracker.experience.shift("python") > down
    show("unread")
    tracker.changed(DOCUMENT, DOCUMENT.replace(Span(4, 4), "no"))
    tally = tracker.experience._tallies["python"]
    assert tally.taken == pytest.approx(5, abs=0.2)


class _Timer:
    def cancel(self) -> None:
        """Nothing waits."""
