"""`hybrid-lsp models` as a person sees it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hybrid_lsp import cli
from hybrid_lsp.catalogue import bench, machine
from hybrid_lsp.catalogue.bench import Benched, Measured
from hybrid_lsp.catalogue.machine import Machine
from hybrid_lsp.models import store
from hybrid_lsp.paths import config_file, models_dir

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def machine_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A quick one without other programs' models, and a terminal of 80 columns."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME", "XDG_DATA_HOME", "OLLAMA_MODELS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(machine, "this_machine", lambda: Machine(64 * 10**9, 64 * 10**9, 2e11, 1e10))


def run(capsys: Capture, *arguments: str) -> tuple[int, str]:
    status = cli.main(["models", *arguments])
    captured = capsys.readouterr()
    return status, captured.out + captured.err


def pulled(name: str = "mine") -> None:
    shutil.copytree(store.embedded_dir(), models_dir() / name)


def test_the_list_fits_into_a_terminal(capsys: Capture) -> None:
    status, out = run(capsys, "list")
    assert status == 0
    assert max(map(len, out.splitlines())) <= 80
    for sign in ("embedded (small)", "qwen2.5-coder-0.5b ★", "633 MB", "~474 ms", "fill in", "Apache-2.0"):
        assert sign in out
    assert "models pull qwen2.5-coder-0.5b" in " ".join(out.split())


def test_a_folder_becomes_a_model_that_serves(capsys: Capture) -> None:
    status, out = run(capsys, "pull", str(store.embedded_dir()), "--name", "mine", "--yes", "--use", "small")
    assert status == 0
    assert "mine is here" in out
    assert "serves the small tier now" in out
    assert 'model = "mine"' in config_file().read_text(encoding="utf-8")
    status, out = run(capsys, "pull", "mine")
    assert "was here already" in out
    status, out = run(capsys, "remove", "mine")
    assert status == 2
    assert "models use embedded" in out
    assert run(capsys, "use", "embedded")[0] == 0
    status, out = run(capsys, "remove", "mine")
    assert status == 0
    assert "are free again" in out


def test_a_pull_can_be_looked_at_before(capsys: Capture) -> None:
    status, out = run(capsys, "pull", str(store.embedded_dir()), "--plan")
    assert status == 0
    assert "nothing is downloaded" in out
    assert not models_dir().exists()


@pytest.mark.parametrize(("answer", "status", "made"), [("y", 0, True), ("n", 130, False)])
def test_a_person_is_asked(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, answer: str, status: int, made: bool
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda *_: answer)
    assert run(capsys, "pull", str(store.embedded_dir()), "--name", "mine")[0] == status
    assert (models_dir() / "mine").exists() == made


def test_what_speaks_against_a_choice_is_said(capsys: Capture) -> None:
    pulled()
    status, out = run(capsys, "use", "mine", "--tier", "large")
    assert status == 0
    assert "But: mine was not trained to chat" in out


def test_a_slip_is_one_line(capsys: Capture) -> None:
    status, out = run(capsys, "use", "qwen2.5-codr-0.5b")
    assert status == 2
    assert out.startswith("hybrid-lsp: There is no model qwen2.5-codr-0.5b. Did you mean qwen2.5-coder-0.5b")
    assert out.count("\n") == 1


def test_the_question_of_the_first_run_once(capsys: Capture) -> None:
    assert "Get it?" in run(capsys, "offer")[1]
    assert "asked before" in run(capsys, "offer")[1]


def test_a_measurement_as_a_table(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The measuring itself is `test_bench`'s."""
    ours = Measured("our engine", 668, 250, 18.5, 3000, 120, 60, 1_150_000_000, "known")
    theirs = Measured("llama-server", 675, 100, 40, 6000, 90, 50, 682_000_000)
    monkeypatch.setattr(bench, "bench", lambda *_, **__: Benched(ours, theirs, ("llama-server is faster here.",)))
    status, out = run(capsys, "bench", "embedded")
    assert status == 0
    for sign in ("250", "18.5", "120 ms", "1.15 GB", "682 MB", "suggests", "faster here"):
        assert sign in " ".join(out.split())


def test_calibrating_needs_code(capsys: Capture, tmp_path: Path) -> None:
    status, out = run(capsys, "calibrate", "embedded", "--corpus", str(tmp_path / "nowhere"))
    assert status == 2
    assert "There is no folder" in out
