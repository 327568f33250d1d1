"""Numbers for languages that the embedded model was not trained on: where they begin, how they are fitted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import elsewhere as fitting
from benchmarks.elsewhere import Row
from hybrid_lsp.models import calibrations
from hybrid_lsp.models.confidence import Confidence, Spot, Suggestion, elsewhere

LINE = Suggestion("gamma;", [0.1 * number for number in range(9)], -1.0)
SPOTS = (Spot("alpha "), Spot('x = "al', in_string=True), Spot("\n" * 5000, in_comment=True))


@pytest.fixture
def confidence() -> Confidence:
    return Confidence.load(calibrations.embedded_file())


@pytest.mark.parametrize("source", ["copy", "network"])
def test_what_is_shipped_knows_other_languages(confidence: Confidence, source: str) -> None:
    assert confidence.knows_elsewhere
    assert all(0 < confidence.elsewhere(source, LINE, spot) < 1 for spot in SPOTS)
    assert confidence.elsewhere(source, Suggestion(), SPOTS[0]) == 0
    again = Confidence.of(json.loads(json.dumps(confidence.as_dict())))
    assert again.elsewhere(source, LINE, SPOTS[1]) == pytest.approx(confidence.elsewhere(source, LINE, SPOTS[1]))


@pytest.mark.parametrize("source", ["copy", "network"])
def test_they_begin_with_the_numbers_of_python(confidence: Confidence, source: str) -> None:
    for name in ("copy elsewhere", "network elsewhere"):
        del confidence.calibrators[name]
    assert not confidence.knows_elsewhere
    begun = fitting.beginning(confidence)
    assert {begun.elsewhere(source, LINE, spot) for spot in SPOTS} == {confidence.alone(source, LINE)}


def test_a_place_is_learnt_and_a_source_that_never_spoke_stays(confidence: Confidence) -> None:
    rows = [
        Row(f"source {number % 3}", "ruby", "copy", elsewhere(LINE, spot), right=spot.in_string)
        for number in range(60)
        for spot in SPOTS
    ]
    fitted = fitting.fit(rows, confidence)
    likely = {spot: fitted["copy elsewhere"].probability(elsewhere(LINE, spot)) for spot in SPOTS}
    assert [probability > 0.8 for probability in likely.values()] == [False, True, False]
    assert fitted["network elsewhere"] == confidence.calibrators["network elsewhere"]
    table = fitting.table(rows, confidence)
    assert [list(column.cells)[-1] for column in table.columns] == ["all", "180", "60", "60"]


def test_places_are_those_of_other_languages(tmp_path: Path) -> None:
    text = "".join(f"local value_{number} = call({number}, other)\n" for number in range(40))
    for name in ("a.lua", "b.py", "c.vim"):
        (tmp_path / name).write_text(text)
    (tmp_path / "minified.js").write_text("x" * 400 + "\n" + text)
    found = fitting.places(tmp_path, 40)
    assert {(at.suffix, at.language) for at in found} == {(".lua", "lua"), (".vim", "vim")}
