"""`hybrid-lsp engine --ray` before Ray has any part in it: what is asked for, and what is wrong with it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hybrid_lsp.cli import main
from hybrid_lsp.cluster.team import Team


def test_a_new_user_is_made_and_no_model_is_served(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engine", "--ray", "--new-user", "ada"]) == 0
    said = capsys.readouterr().out
    token = said.split("once: ")[1].split("\n")[0]
    user = Team.parse(said[said.index("[users") :]).whose(token)
    assert user is not None
    assert user.name == "ada"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "0.0.0.0"], "everybody could ask"),
        (["--new-user", "a b"], "no name of a user"),
        (["--team", "none.toml"], "cannot be read"),
        (["--tls-key", "key.pem"], "both --tls-key and --tls-certificate"),
        (["--least", "2", "--most", "1"], "--most is below --least"),
        (["--model", "no-such-model"], "no-such-model"),
        ([], "pip install 'hybrid-lsp[cluster]'"),
    ],
)
def test_what_is_wrong_is_told(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["engine", "--ray", *options]) == 2
    assert said in capsys.readouterr().err


def test_a_wrong_team_is_told_before_anything_is_started(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "team.toml"
    file.write_text("[users.ada]", encoding="utf-8")
    assert main(["engine", "--ray", "--host", "0.0.0.0", "--team", str(file)]) == 2
    assert "token_sha256" in capsys.readouterr().err


def test_replicas_are_counted_from_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["engine", "--ray", "--least", "0"])
    assert "1 or more" in capsys.readouterr().err
