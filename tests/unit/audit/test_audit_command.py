"""`hybrid-lsp audit`: from a recorded history to the user's settings and back."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from history import edit, record

from hybrid_lsp import config
from hybrid_lsp.audit import settings
from hybrid_lsp.cli import main
from hybrid_lsp.errors import ConfigError
from hybrid_lsp.paths import config_file, state_dir

COMMENTED = """# mine
[large]
backend = "openai" # at work
base_url = "https://x.example/v1"
model = "big"

[routing]
thresholds = {explain = 0.5} # I like it so
"""


def history(action: str = "optimize", *, share: float, count: int = 80) -> None:
    """Edits of a small model of which the user keeps a share, and some of the large one that are all kept."""
    draw = random.Random(7)
    for number in range(count):
        kept = 1.0 if draw.random() < share else 0.0
        record(edit(f"{action}-s{number}", action=action, sufficient=draw.uniform(0.8, 0.95), kept=kept))
    for number in range(30):
        record(edit(f"{action}-l{number}", action=action, first="large", sufficient=draw.uniform(0.5, 0.79)))


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert main(["audit", "--json", *arguments]) == 0
    values = json.loads(capsys.readouterr().out)
    assert isinstance(values, dict)
    return values


@pytest.fixture
def file() -> Path:
    config_file().write_text(COMMENTED)
    return config_file()


def thresholds() -> dict[str, float]:
    return dict(config.users().routing.thresholds)


def test_what_it_advises_is_written_beside_what_was_there_and_taken_back(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history(share=0.2)
    (only,) = told(capsys)["actions"]  # type: ignore[misc]
    assert only["advised"] > 0.8
    assert file.read_text() == COMMENTED
    assert main(["audit", "--apply"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "hybrid-lsp audit --undo" in out
    assert thresholds() == {"explain": 0.5, "optimize": only["advised"]}
    assert "# mine" in file.read_text()
    assert "# at work" in file.read_text()
    assert main(["audit", "--undo"]) == 0
    assert "As before the audit: routing.thresholds of optimize." in capsys.readouterr().out
    assert file.read_text() == COMMENTED
    assert main(["audit", "--undo"]) == 2
    assert "nothing to take back" in capsys.readouterr().err


def test_who_is_heaviest_is_told_by_who_was_asked_where_the_settings_are_the_editors(
    capsys: pytest.CaptureFixture[str],
) -> None:
    history(share=0.2)
    (only,) = told(capsys)["actions"]  # type: ignore[misc]
    assert (only["runs"], only["judged"], only["heavy"]["value"]) == (110, 80, 1.0)


def test_a_second_audit_keeps_the_users_wish(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history(share=0.2)
    first = told(capsys, "--apply")["applied"]
    assert first
    # The same history says the same: what was written is no wish of the user's.
    assert told(capsys, "--apply")["applied"] == {}
    assert settings.wish("optimize", config.users().routing) == config.Config().routing.threshold
    assert settings.wish("explain", config.users().routing) == 0.5


def test_what_the_user_changed_since_is_left(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings.apply({"optimize": 0.9, "fix": 0.7, "explain": 0.6})
    file.write_text(file.read_text().replace("0.7", "0.75"))
    undone = settings.undo()
    assert (undone.restored, undone.left) == (("optimize", "explain"), ("fix",))
    assert thresholds() == {"explain": 0.5, "fix": 0.75}


def test_what_two_audits_wrote_goes_back_to_before_the_first() -> None:
    settings.apply({"optimize": 0.9})
    settings.apply({"optimize": 0.7, "fix": 0.6})
    assert thresholds() == {"optimize": 0.7, "fix": 0.6}
    settings.undo()
    assert config_file().read_text().strip() == ""


def test_too_little_changes_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history(share=0.2, count=12)
    assert main(["audit", "--apply"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "12 of 30 edits by a lighter model, 18 more are needed" in out
    assert "Nothing should be changed." in out
    assert file.read_text() == COMMENTED
    assert not (state_dir() / "audit.json").exists()


def test_without_any_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit"]) == 0
    assert "No actions were recorded yet." in capsys.readouterr().out


def test_what_it_would_bring_is_told(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history(share=0.2)
    assert main(["audit"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "on lighter models first: " in out
    assert "answers that are good: " in out
    assert "likely between" in out
    assert "hybrid-lsp audit --apply" in out


def test_an_environment_that_wins_is_named(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    history(share=0.2)
    monkeypatch.setenv("HYBRID_LSP_ROUTING_THRESHOLDS", "{}")
    assert main(["audit", "--apply"]) == 0
    assert "HYBRID_LSP_ROUTING_THRESHOLDS wins" in " ".join(capsys.readouterr().out.split())


@pytest.mark.fault("the settings that an audit would change are broken")
def test_broken_settings_are_left_alone() -> None:
    config_file().write_text("[routing\n")
    with pytest.raises(ConfigError, match="nothing was changed"):
        settings.apply({"optimize": 0.9})
    assert config_file().read_text() == "[routing\n"
    assert not (state_dir() / "audit.json").exists()


@pytest.mark.fault("the record of what audits wrote is damaged")
@pytest.mark.parametrize("content", ["", "[]", "{", '{"fix": 1}', '{"fix": {"was": 1}}', "\ud800"])
def test_a_damaged_record_is_none(content: str) -> None:
    state_dir().mkdir(parents=True)
    (state_dir() / "audit.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    assert settings.wish("fix", config.users().routing) == config.Config().routing.threshold
    with pytest.raises(ConfigError, match="nothing to take back"):
        settings.undo()


@pytest.mark.fault("the metrics cannot be read by an audit")
def test_metrics_that_cannot_be_read_name_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    (state_dir() / "metrics.sqlite3").mkdir(parents=True)
    assert main(["audit"]) == 2
    assert "metrics.sqlite3" in capsys.readouterr().err
