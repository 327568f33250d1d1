"""The demo: the real server, the real engine, the real model, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hybrid_lsp import demo
from hybrid_lsp.errors import ConfigError
from hybrid_lsp.paths import config_file


def test_it_runs_and_records_what_it_showed(tmp_path: Path) -> None:
    config_file().write_text("[engine]\nidle_exit_minutes = 0.1\n")
    record = tmp_path / "demo.txt"
    done = subprocess.run(
        [sys.executable, "-m", "hybrid_lsp", "demo", "--fast", "--record", str(record)],
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    text = record.read_text("utf-8")
    for part in (
        "the real server",
        "Typing a method",
        "Actions on the selected method",
        "Explain this code",
        "Counted",
    ):
        assert part in text
    assert "B602" in text
    assert "requests the next key made void" in text


@pytest.mark.parametrize(
    ("left", "count", "rest"),
    [("abc", 0, "abc"), ("abc", 2, "c"), ("a¦bc", 1, "bc"), ("a¦bc", 2, "c"), ("a¦b¦c", 2, "c"), ("a", 1, "")],
)
def test_what_is_left_of_a_scene(left: str, count: int, rest: str) -> None:
    assert demo._without(left, count) == rest


def test_every_scene_fits_the_example() -> None:
    text = demo.example().read_text("utf-8")
    for scene in demo.SCENES:
        assert text.count(scene.anchor) == 1
        assert scene.text.endswith("\n")


def test_a_lost_example_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(demo, "__file__", str(tmp_path / "hybrid_lsp" / "demo.py"))
    with pytest.raises(ConfigError, match="Reinstall"):
        demo.example()
