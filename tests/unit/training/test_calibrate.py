"""A model's own numbers from rows of what it wrote, and how the rows come about."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import attrs
import pytest

from hybrid_lsp.errors import TrainingError
from hybrid_lsp.models.calibrations import find
from hybrid_lsp.models.confidence import Confidence
from hybrid_lsp.models.contest import place
from hybrid_lsp.training import calibrate
from hybrid_lsp.training.calibrate import Reply, Row, Spoken
from hybrid_lsp.training.cases import Case
from hybrid_lsp.training.corpus import SourceFile

PYTHON = "".join(f"def value_{n}(self, name):\n    return self.values[name] + {n}\n\n\n" for n in range(40))
GO = "".join(f"func value{n}(name string) int {{\n\treturn values[name] + {n}\n}}\n\n" for n in range(20))


def start() -> Confidence:
    known = find("")
    assert known is not None
    return known.confidence


def row(dice: random.Random, language: str = "python") -> Row:
    """A model that is right as often as it says; the lighter one is right where it is sure, and seldom sure."""
    sure = dice.random()
    total = -4 * (1 - sure)
    features = [total, total / 3, total, total / 2, total / 4, 0.5, 0.6, 1.0, 0.8]
    lighter = dice.random()
    return Row(
        language,
        copy=Spoken(),
        network=Spoken(features, [*features, 0.0, 0.0, 0.0, 0.0, -5.0], dice.random() < sure),
        lighter=place(lighter, "text", "before"),
        lighter_sure=lighter,
        lighter_right=dice.random() < lighter,
    )


def test_the_fit_follows_what_was_measured() -> None:
    dice = random.Random(1)
    rows = [row(dice) for _ in range(1500)]
    found = calibrate.calibrate(rows, start(), precision=0.7)
    confidence = found.calibration.confidence
    surest = [calibrate.best(each, confidence) for each in rows]
    low = [hit for sure, hit in surest if sure < 0.4]
    high = [hit for sure, hit in surest if sure > 0.7]
    assert sum(low) / len(low) < 0.4 < 0.7 < sum(high) / len(high)
    expected = found.languages["python"]
    assert expected.positions == 1500
    assert expected.precision == pytest.approx(0.7, abs=0.06)
    assert 0.2 < expected.shown < 0.9
    assert confidence.languages["python"].threshold == expected.threshold


def test_few_rows_leave_the_numbers_near_those_they_start_from() -> None:
    dice = random.Random(2)
    few, many = ([row(dice) for _ in range(count)] for count in (30, 1500))
    known = start().calibrators["network"].weights

    def moved(rows: list[Row]) -> float:
        weights = calibrate.fit(rows, start(), 0.6).calibrators["network"].weights
        return sum(abs(a - b) for a, b in zip(weights, known, strict=True))

    assert moved(few) < moved(many)
    assert calibrate.fit([], start(), 0.6).calibrators["network"] == start().calibrators["network"]


def test_a_language_has_its_own_threshold_from_some_positions_on() -> None:
    dice = random.Random(3)
    worse = [attrs.evolve(row(dice, "go"), network=attrs.evolve(row(dice).network, right=False)) for _ in range(60)]
    rows = [row(dice) for _ in range(200)] + worse + [row(dice, "lua") for _ in range(5)]
    languages = calibrate.fit(rows, start(), 0.6).languages
    assert languages.keys() == {"go", "python"}
    assert languages["go"].threshold > languages["python"].threshold
    assert languages["go"].shown < 0.1


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(TrainingError, match="too little"):
        calibrate.calibrate([row(random.Random(4))], start())


def test_the_lighter_model_decides_where_it_is_as_good() -> None:
    dice = random.Random(5)
    rows = [row(dice) for _ in range(1500)]  # the model is right at half of the places, wherever the lighter one is
    contest = calibrate.contest(rows, calibrate.fit(rows, start(), 0.6))
    decided = [contest.decided(place(sure, "text", "before")) for sure in (0.1, 0.2, 0.65, 0.9)]
    assert decided == [False, False, True, True]


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "values.py").write_text(PYTHON, encoding="utf-8")
    (tmp_path / "src" / "values.go").write_text(GO, encoding="utf-8")
    (tmp_path / "src" / "data.py").write_text("x = '" + "1" * 500 + "'\n" * 9, encoding="utf-8")
    (tmp_path / "src" / "short.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "src" / "latin.py").write_bytes(PYTHON.encode() + b"\xe9")
    (tmp_path / "notes.md").write_text(PYTHON, encoding="utf-8")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "other.py").write_text(PYTHON, encoding="utf-8")
    return tmp_path


def test_only_code_is_read(code: Path) -> None:
    assert [file.path for file in calibrate.read(code)] == ["src/values.go", "src/values.py"]
    assert [file.path for file in calibrate.read(code, lambda path, text: path.suffix == ".py")] == ["src/values.py"]
    with pytest.raises(TrainingError, match="no code"):
        calibrate.read(code, lambda path, text: False)


def test_every_language_gets_its_positions(code: Path) -> None:
    cases = calibrate.positions(calibrate.read(code), 120, seed=1)
    names = [case.path for case in cases]
    assert names.count("src/values.go") >= 50
    assert names.count("src/values.py") >= 50
    assert cases == calibrate.positions(calibrate.read(code), 120, seed=1)


FILES = [SourceFile("src", "src/values.py", PYTHON)]


class Model:
    """Knows what was written, every other time."""

    def __init__(self, stop_at: int = 10_000) -> None:
        self.asked, self.stop_at = 0, stop_at

    async def __call__(self, case: Case, language: str) -> Reply | None:
        assert language == "python"
        self.asked += 1
        if self.asked == self.stop_at:
            raise asyncio.CancelledError
        text = case.truth if self.asked % 2 else "nothing of the kind"
        return Reply(text, (-0.1, -0.2), True, 5.0, 3)


async def test_rows_hold_what_is_known_and_no_text(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    raw = tmp_path / "rows.jsonl"
    cases = calibrate.positions(FILES, 20, seed=2)
    rows = await calibrate.measure(cases, Model(), Model(), raw, lambda done, of: told.append((done, of)))
    assert len(rows) == len(cases)
    assert sum(each.network.right for each in rows) == sum(each.lighter_right for each in rows) >= 10
    assert told[0] == (0, len(cases))
    assert told[-1] == (len(cases), len(cases))
    assert calibrate.load(raw) == rows
    assert "values" not in raw.read_text(encoding="utf-8")


async def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    raw = tmp_path / "rows.jsonl"
    cases = calibrate.positions(FILES, 12, seed=2)
    with pytest.raises(asyncio.CancelledError):
        await calibrate.measure(cases, Model(stop_at=6), None, raw)
    raw.write_text(raw.read_text(encoding="utf-8") + '{"language": "pyt', encoding="utf-8")
    assert len(calibrate.load(raw)) == 5
    again = Model()
    rows = await calibrate.measure(cases, again, None, raw)
    assert again.asked == len(cases) - 5
    assert len(rows) == len(cases)
    assert rows[0].lighter == []


async def test_a_position_without_an_answer_is_left_out(tmp_path: Path) -> None:
    async def silent(case: Case, language: str) -> Reply | None:
        return None

    assert await calibrate.measure(calibrate.positions(FILES, 5, 1), silent, None, tmp_path / "rows.jsonl") == []
