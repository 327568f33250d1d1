"""The correction for the place: from sources by kind to numbers that keep their promise on each."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from hybrid_lsp.errors import TrainingError
from hybrid_lsp.models import calibrations, placed
from hybrid_lsp.models.confidence import ALL, NEVER, Confidence
from hybrid_lsp.training import places
from hybrid_lsp.training.calibrate import Reply
from hybrid_lsp.training.places import PROMISE, Row, Source

CODE = "".join(f"def value_{n}(self, name):\n    return self.values[name] + {n}\n\n\n" for n in range(40))


def row(dice: random.Random, kind: str, *, truth: float, language: str = "python", held_out: bool = False) -> Row:
    """A line that is right `truth` times as often as the sources say; tests are known by their path."""
    sure = dice.random()
    spot = placed.spot("    return ", "\n", f"/a/{'tests' if kind == 'test' else 'b'}/c.py")
    found = placed.features(sure, "value", False, spot)
    return Row(kind, language, held_out, sure, found, dice.random() < truth * sure)


def rows() -> list[Row]:
    dice = random.Random(1)
    kinds = {"library": 1.0, "test": 0.75}
    return [
        row(dice, kind, truth=truth, held_out=held_out)
        for _ in range(500)
        for kind, truth in kinds.items()
        for held_out in (False, True)
    ]


def test_the_promise_is_kept_on_each_kind_and_what_was_not_fitted() -> None:
    plain = Confidence({}, 0.3)
    corrected = places.corrected(plain, rows())
    held_out = [each for each in rows() if each.held_out]
    before, after = places.shares(held_out, plain), places.shares(held_out, corrected)
    assert [each.kind for each in after] == ["library", "test"]
    assert before[1].exact < min(PROMISE, after[1].exact)
    assert all(each.exact > PROMISE - 0.05 for each in after)
    assert all(each.shown > 0.02 for each in after)
    assert ALL not in corrected.placed


def test_where_nothing_keeps_it_nothing_is_shown() -> None:
    dice = random.Random(2)
    hopeless = [row(dice, "library", truth=0.0, language="go") for _ in range(100)]
    fitted = places.fit(hopeless)
    assert fitted[ALL].threshold <= NEVER
    corrected = Confidence({}, 0.3, placed=fitted)
    assert places.shares(hopeless, corrected)[0].shown < 0.12
    assert "python" not in fitted


def test_other_languages_need_more_without_a_correction() -> None:
    found = [Row("go", "go", True, 0.4, [0.0], True), Row("python", "python", True, 0.4, [0.0], True)]
    assert [each.shown for each in places.shares([*found, Row("none", "go", True)], Confidence({}, 0.3))] == [0, 0, 1]


def test_rows_come_from_sources_and_are_not_asked_about_twice(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text(CODE)
    problem = {"prompt": CODE, "canonical_solution": "    return 1\n", "suffix": ""}
    (tmp_path / "problems.jsonl").write_text(json.dumps(problem) + "\n")
    sources = [
        Source("library", tmp_path / "code", False),
        Source("algorithmic", tmp_path / "problems.jsonl", True),
    ]
    asked: list[int] = []

    def lines(pairs: Sequence[tuple[str, str]]) -> list[Reply]:
        asked.append(len(pairs))
        # The model writes what stands in the file, in every other place.
        texts = [CODE[len(prefix) :].partition("\n")[0] for prefix, _ in pairs]
        return [Reply(text if at % 2 else "x", (-0.1, -0.2), finished=True) for at, text in enumerate(texts)]

    raw = tmp_path / "rows.jsonl"
    found = places.measure(sources, 10, 3, lines, raw)
    assert sum(asked) == len(found) == 20
    assert {(each.kind, each.held_out) for each in found} == {("library", False), ("algorithmic", True)}
    assert 0 < sum(each.right for each in found) < 20
    assert "values" not in raw.read_text()
    assert places.measure(sources, 10, 3, lines, raw) == found
    assert sum(asked) == 20


def test_a_source_must_hold_code(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no problems"):
        Source("x", tmp_path / "missing.jsonl", False).files()


def test_the_command_writes_the_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw, out = tmp_path / "rows.jsonl", tmp_path / "confidence.json"
    raw.write_text("".join(json.dumps(places.attrs.asdict(each)) + "\n" for each in rows()))
    assert places.main(["--rows", str(raw), "--out", str(out)]) == 0
    written = Confidence.load(out)
    assert written.correction("python") is not None
    assert written.threshold == Confidence.load(calibrations.embedded_file()).threshold
    assert "library" in capsys.readouterr().out
    assert places.main(["--fit", f"x={tmp_path / 'none'}", "--rows", str(raw), "--out", str(out)]) == 1
