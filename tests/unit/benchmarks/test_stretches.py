"""Lines are typed as they stand in the module, and what is counted is what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import attrs
import pytest

from benchmarks import stretches
from benchmarks.stretches import LINES, Stretch, Tally, Way
from hybrid_lsp.document import Document, Span
from hybrid_lsp.server.editor import Editor, Shown
from hybrid_lsp.training.corpus import SourceFile

BODY = "\n".join(f"    value_{number} = compute(value, {number})" for number in range(3 * LINES))
FILE = SourceFile("package", "package/module.py", f"import it\n\n\ndef f(value):\n{BODY}\n\n\ndef g():\n    pass\n")
BELOW = "\n\n\ndef g():\n    pass\n"
STRETCH = Stretch("m.py", "def f(value):\n", ("    total = value + 1", "    return total"), BELOW)


@attrs.define
class Window:
    """An editor whose server answers by the text before the cursor on its line."""

    answers: dict[str, str]
    document: Document = attrs.field(factory=lambda: Document("", ""))
    cursor: int = 0
    asked: list[str] = attrs.field(factory=list)

    def open(self, path: Path, text: str) -> None:
        self.document = Document(path.as_uri(), text)

    def close(self) -> None:
        """Its text is still here."""

    def type(self, text: str) -> None:
        self.document = self.document.replace(Span(self.cursor, self.cursor), text)
        self.cursor += len(text)

    async def ghost_text(self) -> Shown:
        before = self.document.text[: self.cursor].rpartition("\n")[2]
        self.asked.append(before)
        return Shown(self.answers.get(before, ""), None, None, 7.0)


def way(window: Window, tmp_path: Path) -> Way:
    return Way(cast("Editor", window), tmp_path, (), None)


def test_a_pause_is_made_before_a_line_and_behind_each_word_and_sign() -> None:
    line = "    total = value + 1"
    assert [line[:at] for at in stretches.pauses(line)] == [
        "    ",
        "    total",
        "    total =",
        "    total = value",
    ]


def test_stretches_are_of_the_files_and_unfinished() -> None:
    chosen = stretches.drawn([FILE], 20)
    assert len(chosen) == 20
    for each in chosen:
        assert FILE.text.startswith(each.above + "\n".join(each.lines) + "\n")
        assert len(each.lines) == LINES
        assert each.below == BELOW
    assert chosen == stretches.drawn([FILE], 20)


async def test_what_is_right_is_taken_and_ends_the_line(tmp_path: Path) -> None:
    window = Window({"    total =": " value + 1", "    ": "return value", "    return": " total"})
    tally = await way(window, tmp_path).type(STRETCH, 0)
    assert window.document.text == STRETCH.above + "\n".join(STRETCH.lines) + "\n" + STRETCH.below
    assert window.asked == ["    ", "    total", "    total =", "    ", "    return"]
    assert (tally.lines, tally.asked, tally.right) == (2, 5, 2)
    assert len(tally.waits_ms) == 4  # twice it was wrong
    assert (tally.taken, tally.chars) == (len(" value + 1") + len(" total"), len("total = value + 1return total"))


async def test_nothing_shown_costs_nothing_but_the_asking(tmp_path: Path) -> None:
    tally = await way(Window({}), tmp_path).type(STRETCH, 0)
    assert (tally.right, tally.taken, tally.waits_ms) == (0, 0, [])


def test_the_ways_differ_in_who_is_asked() -> None:
    alone, both, embedded = stretches.ways(Path("model")).values()
    assert alone["completion"] == both["completion"] | {"cascade": False}
    assert alone["small"] == both["small"]
    assert "small" not in embedded


async def test_what_was_measured_is_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[dict[str, Any]] = []

    async def _started(*_: object) -> dict[str, Way]:
        started.append({})
        return {name: way(Window({"    return": " total"}), tmp_path) for name in stretches.ways(Path("model"))}

    monkeypatch.setattr(stretches, "_started", _started)
    raw = tmp_path / "rows.jsonl"
    first = await stretches.measure([STRETCH], Path("model"), raw)
    again = await stretches.measure([STRETCH], Path("model"), raw)
    assert first == again
    assert len(started) == 1
    assert [sum(each, Tally()).right for each in first.values()] == [1, 1, 1]
