"""Probabilities corrected by the place and the kind of file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.completion.confidence import Judge, Judgement
from hybrid_lsp.models.confidence import ALL, Calibrator, Confidence, Placed
from hybrid_lsp.models.placed import NEAR_CHARS, features, shifted, spot

SIZE = len(features(0.5, "x", False, spot("", "")))


def index(name: str) -> int:
    """Where a feature of a spot stands."""
    names = ["start", "dot", "after_open", "inside", "after_value", "in_word", "prose", "depth", "below", "line"]
    names += ["test_path", "tests", "script"]
    return names.index(name)


@pytest.mark.parametrize(
    ("prefix", "name"),
    [
        ("def f():\n    ", "start"),
        ("x = a.", "dot"),
        ("f(", "after_open"),
        ("f(a, b", "inside"),
        ("    return ", "after_value"),
        ("x = ", "after_value"),
        ("total = cou", "in_word"),
        ("    # so", "prose"),
        ('def f():\n    """Do ', "prose"),
    ],
)
def test_places_are_told_apart(prefix: str, name: str) -> None:
    assert spot(prefix, "\n").features[index(name)] == 1.0
    assert spot("value ", "\n").features[index(name)] == 0.0


def test_kinds_of_files_are_told_apart() -> None:
    assert spot("", "", "/home/a/tests/test_b.py").features[index("test_path")] == 1.0
    assert spot("", "", "/home/a/contest.py").features[index("test_path")] == 0.0
    assert spot("import pytest\n\ndef test_a():\n    assert b\n", "").features[index("tests")] == 1.0
    assert spot("#!/usr/bin/env python\n", "").features[index("script")] == 1.0
    assert spot("x", "\nif __name__ == '__main__':\n    main()\n").features[index("script")] == 1.0
    assert spot("x = 1\n", "").features[index("script")] == 0.0


@given(st.text(alphabet='ab(.)\n\t =#"é📦', max_size=80), st.text(max_size=30), st.floats(0, 1), st.booleans())
def test_features_are_numbers_of_about_one(prefix: str, text: str, sure: float, from_copy: bool) -> None:
    found = features(sure, text, from_copy, spot(prefix, text))
    assert len(found) == SIZE
    assert all(-4 <= each <= 4 for each in found)


def test_only_near_text_is_read() -> None:
    far = "import a\nx = 1\n" * 50_000
    assert spot(far, far).features[:8] == spot(far[-NEAR_CHARS:], far).features[:8]


@given(st.floats(0, 1), st.floats(-1, 1))
def test_a_shift_keeps_the_order(probability: float, by: float) -> None:
    moved = shifted(probability, by)
    assert 0 <= moved <= 1
    assert (moved - probability) * by >= -1e-5


def test_a_correction_is_that_of_the_language_or_of_all_others() -> None:
    def flat(score: float) -> Calibrator:
        return Calibrator([0.0] * SIZE, [1.0] * SIZE, [score] + [0.0] * SIZE)

    placed = {"python": Placed(flat(2.0), 0.4), ALL: Placed(flat(-2.0), 0.6)}
    judge = Judge(Confidence({}, 0.3, placed=placed), knows_network=True)
    judged, here = Judgement("x", 0.5, from_copy=False), spot("a", "b")
    assert judge.corrected(judged, "python", here) > 0.8 > 0.2 > judge.corrected(judged, "go", here)
    assert judge.corrected(judged, "python", here, -1.0) < judge.corrected(judged, "python", here)
    assert (judge.threshold("python"), judge.threshold("go")) == (0.4, 0.6)
    again = Confidence.of(judge.confidence.as_dict()) if judge.confidence else None
    assert again == judge.confidence
