"""A team's file: its users, their limits, and what is said of a file that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from hybrid_lsp.cluster.team import Limits, Team, User, digest_of, new_user
from hybrid_lsp.errors import ConfigError

DIGEST = digest_of("secret")


def test_a_new_user_is_known_by_the_token_alone(tmp_path: Path) -> None:
    token, lines = new_user("ada.l@example")
    file = tmp_path / "team.toml"
    file.write_text(lines, encoding="utf-8")
    team = Team.read(file)
    assert team.whose(token) == User("ada.l@example", Limits())
    assert team.whose(token[:-1]) is team.whose("") is team.whose("\ud800") is None
    assert token not in lines


def test_limits_of_a_user_go_before_those_of_everybody() -> None:
    text = f"""
        [limits]
        at_once = 3
        tokens_a_minute = 100
        [users.ada]
        token_sha256 = "{digest_of("a")}"
        tokens_a_minute = 0
        [users.bob]
        token_sha256 = "{digest_of("b")}"
    """
    team = Team.parse(text)
    assert team.whose("a") == User("ada", Limits(3, 0))
    assert team.whose("b") == User("bob", Limits(3, 100))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no user"),
        ("users = 3", "`users` must be a table"),
        ("[user.ada]", "`user`"),
        ("[users.ada]", "token_sha256"),
        ("[users]\nada = 1", "must be a table"),
        ('[users.ada]\ntoken_sha256 = "secret"', "64 hexadecimal"),
        (f'[users.ada]\ntoken_sha256 = "{DIGEST}"\nat_one = 3', "`at_one`"),
        (f'[users.ada]\ntoken_sha256 = "{DIGEST}"\nat_once = -1', "`at_once` must be a whole number"),
        (f'[users.ada]\ntoken_sha256 = "{DIGEST}"\nat_once = true', "`at_once` must be a whole number"),
        (f'[users."a b"]\ntoken_sha256 = "{DIGEST}"', "no name of a user"),
        (f'[users.ada]\ntoken_sha256 = "{DIGEST}"\n[users.bob]\ntoken_sha256 = "{DIGEST}"', "the same token"),
        ("[users", "not TOML"),
    ],
)
def test_a_wrong_file_is_told(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        Team.parse(text, "team.toml")
    assert "team.toml" in str(caught.value)
    assert caught.value.remedy


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "team.toml").write_bytes(b"\xff")
    for path in (tmp_path / "none.toml", tmp_path, tmp_path / "team.toml"):
        with pytest.raises(ConfigError, match="cannot be read"):
            Team.read(path)
