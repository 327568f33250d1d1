"""`hybrid-lsp complete`: what it prints, and what it says of a file or a place that it cannot read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hybrid_lsp import cli, oneshot
from hybrid_lsp.backends.fake import FakeBackend, FakeReply
from hybrid_lsp.paths import config_file

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def no_model() -> None:
    config_file().write_text('[small]\nbackend = "none"\n')


def test_a_suggestion_of_the_embedded_model(tmp_path: Path) -> None:
    code = "import logging\n\nlogger = logging.getLogger(__name__)\n\n\ndef add(self, item):\n    self.items.app"
    file = tmp_path / "a.py"
    file.write_text(code)
    # The engine ends soon: nothing else asks for it.
    config_file().write_text("[engine]\nidle_exit_minutes = 0.02\n")
    done = subprocess.run(
        [sys.executable, "-m", "hybrid_lsp", "complete", f"{file}:7:19"],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"HYBRID_LSP_COMPLETION_MIN_CONFIDENCE": "0"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_nothing_has_its_reason(tmp_path: Path, no_model: None, capsys: Capture) -> None:
    file = tmp_path / "a.py"
    file.write_text("x = \n")
    assert cli.main(["complete", f"{file}:1:5"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("nothing: no-backend. ")
    assert "small.backend" in err


def test_a_secret_file_is_left_alone(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / ".env"
    file.write_text("KEY=\n")
    assert cli.main(["complete", f"{file}:1:5"]) == 1
    assert "secret-file" in capsys.readouterr().err


def test_a_wrong_setting_is_told(tmp_path: Path, capsys: Capture) -> None:
    config_file().write_text('[small]\nbackend = "none"\n[completion]\ndebounce_ms = "fast"\n')
    file = tmp_path / "a.py"
    file.write_text("x = \n")
    assert cli.main(["complete", f"{file}:1:5"]) == 1
    assert "setting completion.debounce_ms: must be a whole number" in capsys.readouterr().err


def test_the_one_request_reads_all_that_the_settings_allow(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server begins with little, and reads more once a model was in time; here nothing follows."""
    model = FakeBackend(replies=[FakeReply("2")])
    monkeypatch.setattr(oneshot, "make_backend", lambda *args: model)
    file = tmp_path / "a.py"
    file.write_text("value = 1\n" * 400 + "other = \n")
    assert cli.main(["complete", f"{file}:401:9"]) == 0
    assert capsys.readouterr().out == "2\n"
    assert len(model.requests[0].prompt.prefix) > 3000


@pytest.mark.parametrize("place", ["a.py", "a.py:1", "a.py:0:1", "a.py:1:0", "a.py:x:1", "a.py:1:-1", ":", ""])
def test_what_is_no_place(place: str, capsys: Capture) -> None:
    assert cli.main(["complete", place]) == 2
    assert "FILE:LINE:COL" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.mkdir(), "no regular file"),
        (lambda path: path.write_bytes(b"\x80\x81\xfe\xff"), "not UTF-8 text"),
        (lambda path: path.write_bytes(b"x = 1\n" * 9_000_000), "files.max_bytes"),
    ],
    ids=["missing", "directory", "not-utf-8", "50-MB"],
)
def test_what_cannot_be_read(tmp_path: Path, capsys: Capture, make: object, says: str) -> None:
    file = tmp_path / "a.py"
    make(file)  # type: ignore[operator]
    assert cli.main(["complete", f"{file}:1:1"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("hybrid-lsp: ")
    assert says in err


def test_binary_text_gets_nothing(tmp_path: Path, no_model: None, capsys: Capture) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"PK\x03\x04\x00\x00text")
    assert cli.main(["complete", f"{file}:1:1"]) == 1
    assert "binary" in capsys.readouterr().err


def test_a_place_past_the_end_is_the_end(tmp_path: Path, no_model: None, capsys: Capture) -> None:
    file = tmp_path / "a.py"
    file.write_text("x = 1\n")
    assert cli.main(["complete", f"{file}:999:999"]) == 1
    assert "no-backend" in capsys.readouterr().err


def test_a_model_that_is_not_there_names_the_remedy(tmp_path: Path, capsys: Capture) -> None:
    config_file().write_text(f'[small]\nmodel = "{tmp_path}/nowhere"\n')
    file = tmp_path / "a.py"
    file.write_text("x = \n")
    assert cli.main(["complete", f"{file}:1:5"]) == 1
    assert "nowhere" in capsys.readouterr().err
