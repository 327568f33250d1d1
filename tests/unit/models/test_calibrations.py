"""Which numbers a model is judged by, and when a lighter one is as good."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.models import calibrations
from hybrid_lsp.models.calibrations import Calibration
from hybrid_lsp.models.confidence import Calibrator, Confidence, Measured
from hybrid_lsp.models.contest import LATE, WAITING, Contest, place
from hybrid_lsp.models.store import embedded_dir


def numbers(threshold: float) -> Confidence:
    known = Confidence.load(embedded_dir() / "confidence.json")
    return Confidence(known.calibrators, threshold, languages={"go": Measured(threshold, 0.5, 0.7, 40)})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "some-model"
    made.mkdir()
    (made / "family.json").write_text(json.dumps({"name": "Some-Model"}), encoding="utf-8")
    return made


def test_a_model_that_nobody_measured_has_assumed_numbers(folder: Path) -> None:
    found = calibrations.find(str(folder))
    assert found is not None
    assert not found.measured
    assert "not been measured" in found.source
    assert calibrations.find("no-such/model-at-all") == found


def test_numbers_in_the_folder_come_before_the_assumed_and_the_users_before_those(folder: Path) -> None:
    (folder / "confidence.json").write_text(json.dumps(numbers(0.3).as_dict()), encoding="utf-8")
    found = calibrations.find(str(folder))
    assert found is not None
    assert (found.confidence.threshold, found.measured) == (0.3, True)
    path = calibrations.write(str(folder), Calibration(numbers(0.4)))
    assert folder not in path.parents
    found = calibrations.find(str(folder))
    assert found is not None
    assert (found.confidence.threshold, found.source) == (0.4, "measured on this machine")
    assert found.confidence.languages == {"go": Measured(0.4, 0.5, 0.7, 40)}
    calibrations.forget(str(folder))
    found = calibrations.find(str(folder))
    assert found is not None
    assert found.confidence.threshold == 0.3


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"calibrators": 1}', '{"calibrators": {}, "threshold": 1, "contest": 3}']
)
def test_a_broken_file_is_passed_over(folder: Path, content: str) -> None:
    path = calibrations.write(str(folder), Calibration(numbers(0.4)))
    path.write_text(content, encoding="utf-8")
    found = calibrations.find(str(folder))
    assert found is not None
    assert not found.measured


def test_the_embedded_model_has_its_own() -> None:
    found = calibrations.find("embedded")
    assert found is not None
    assert found.confidence == Confidence.load(embedded_dir() / "confidence.json")
    assert calibrations.contest("embedded") == Contest()


def test_a_contest_survives_saving(folder: Path) -> None:
    decided = Contest(Calibrator([1.0, 0, 0], [2.0, 1, 1], [0.1, 0.2, 0.3, 0.4]))
    calibrations.write(str(folder), Calibration(numbers(0.4), decided))
    assert calibrations.contest(str(folder)) == decided


@given(sure=st.floats(0, 1), text=st.text(max_size=80), before=st.text(max_size=20))
def test_a_late_model_loses_what_one_in_time_loses(sure: float, text: str, before: str) -> None:
    features = place(sure, text, before)
    contest = Contest()
    assert contest.decided(features, late=True) or not contest.decided(features)
    assert LATE > WAITING


def test_a_surer_line_is_taken_and_an_unsure_one_is_not() -> None:
    decided = [Contest().decided(place(sure / 100, "x", "")) for sure in range(101)]
    assert decided == sorted(decided)
    assert (decided[30], decided[90]) == (False, True)
