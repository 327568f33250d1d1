"""Patterns of a .gitignore: git itself is the judge, and no pattern takes long."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from hybrid_lsp.context import globs
from hybrid_lsp.context.globs import Globs, TooMuchWork, Work, paths_behind
from hybrid_lsp.context.secret_files import SECRET_FILES
from hybrid_lsp.document import Document

_PARTS = [
    "a",
    "b",
    "ab",
    "a.c",
    "b-1",
    "*",
    "a*",
    "*b",
    "*.c",
    "?",
    "a?",
    "[ab]",
    "[!a]*",
    "[a-c]?",
    "**",
    "\\*",
    "a[]]",
]
_NAMES = ["a", "b", "ab", "a.c", "b-1", "abc", "x", "*", "a]"]


def _pattern(chance: random.Random) -> str:
    parts = "/".join(chance.choice(_PARTS) for _ in range(chance.randint(1, 3)))
    return chance.choice(["", "", "", "!"]) + chance.choice(["", "", "/"]) + parts + chance.choice(["", "", "/"])


@pytest.mark.skipif(shutil.which("git") is None, reason="git judges")
@pytest.mark.parametrize("seed", range(40))
def test_as_git_decides(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    patterns = [_pattern(chance) for _ in range(6)]
    paths = ["/".join(chance.choice(_NAMES) for _ in range(chance.randint(1, 4))) for _ in range(60)]
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("\n".join(patterns) + "\n")
    env = os.environ | {"HOME": str(tmp_path / "none"), "XDG_CONFIG_HOME": str(tmp_path / "none")}
    asked = subprocess.run(
        ["git", "-C", tmp_path, "check-ignore", "-z", "--stdin", "--no-index"],
        input="\0".join(paths).encode(),
        capture_output=True,
        env=env,
    )
    ignored = set(asked.stdout.decode().split("\0")) - {""}
    found = Globs(patterns)
    assert {path for path in paths if found.match(path)} == ignored & set(paths), patterns


@pytest.mark.parametrize(
    "pattern",
    [
        "*a" * 200 + "b",
        "**/a/" * 150 + "b",
        "[ab]" * 200 + "*c*x",
        "*?" * 300 + "z",
        "?*" * 300 + "/**/" + "*a" * 100,
        "*" * 1000 + "b",
    ],
)
@pytest.mark.parametrize("path", ["a" * 250, "/".join(["a"] * 90), "/".join(["a" * 200] * 15)])
def test_no_pattern_is_tried_again_and_again(pattern: str, path: str) -> None:
    # With backtracking this would not end.
    with contextlib.suppress(TooMuchWork):
        assert not Globs([pattern]).match(path)


def test_what_is_beyond_the_limits_does_not_count_and_is_counted() -> None:
    many = Globs(f"name{number}" for number in range(globs.MOST_LINES + 5))
    assert many.skipped == 5
    assert many.match("name7")
    assert not many.match(f"name{globs.MOST_LINES + 1}")
    assert Globs(["x" * 2000, f"*{'y' * 2000}*"]).skipped == 2
    assert Globs(f"*a*{number}*" for number in range(globs.MOST_WILD + 3)).skipped == 3


def test_a_decision_ends_when_its_work_is_done() -> None:
    many = Globs(f"*a*{number}*b" for number in range(2000))
    with pytest.raises(TooMuchWork):
        many.match("/".join(["zz"] * 30))
    with pytest.raises(TooMuchWork):
        Globs(["*x*"]).match("a/b", Work(1))


def test_what_means_nothing_is_told() -> None:
    assert Globs(["!", "/", "[a", "# note", "", "a\\", "ok"]).problems == ("!", "/", "[a", "a\\")


@pytest.mark.parametrize(
    ("pattern", "path"), [(pattern, path) for pattern, path in SECRET_FILES.items() if not pattern.startswith("!")]
)
def test_each_secret_file_is_named_by_its_own_pattern_anywhere(pattern: str, path: str) -> None:
    alone, all_of_them = Globs([pattern]), Globs(SECRET_FILES)
    for place in (path, f"home/bob/{path}"):
        assert alone.match(place.lower()), place
        assert all_of_them.match(place.lower()), place


HARMLESS = (
    ".env.example src/environment.ts app.env.d.ts id_rsa.pub keys.py token.py "
    "credentials.py src/secret.py src/password_reset.py auth.py config.json settings.xml secrets/views.py "
    "lang/en/passwords.php src/passwords.vue src/private_key.rs lib/private-key.ts i18n/en/auth.json tokens.css "
    "locales/de/token.json deploy_key.py src/history.go db/seeds.rb lexer/token.ts vault.go"
)


@pytest.mark.parametrize("path", HARMLESS.split())
def test_files_that_only_sound_secret(path: str) -> None:
    assert not Globs(SECRET_FILES).match(path)


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///w/.env", "/w/.env"),
        ("FILE:///w/.env", "/w/.env"),
        ("file://localhost/w/.env", "/w/.env"),
        ("vscode-notebook-cell:/w/a.ipynb#W0sZm", "/w/a.ipynb"),
        ("vscode-remote://ssh-remote%2Bhost/w/.env", "/w/.env"),
        ("vscode-vfs://github/o/r/.env", "/o/r/.env"),
        ("untitled:/w/.env", "/w/.env"),
        ("untitled:.env", ".env"),
        ("untitled:C:\\w\\.env", "C:/w/.env"),
        ("file:///w/%2Eenv", "/w/.env"),
        ("file:///w/%252Eenv", "/w/.env"),
        ("file:///w/x/../.env", "/w/.env"),
        ("file:///w/.env%20", "/w/.env"),
        ("file:///w/.env%00.py", "/w/.env.py"),
        ('git:/w/a.py?{"path":"/w/.env","ref":"~"}', "/w/.env"),
        ("zipfile:///x.zip!/w/.env", "/w/.env"),
        ("any+thing.1:/w/.env?x#y", "/w/.env"),
        ("file:///w/a#b/.env", "/w/a#b/.env"),
        ("/w/.env", "/w/.env"),
    ],
)
def test_the_path_behind_any_uri(uri: str, path: str) -> None:
    assert path in paths_behind(uri)


def test_a_uri_without_a_path_has_none() -> None:
    assert paths_behind("") == ()
    assert not Globs(["*.py"]).names(Document("untitled:", ""))
    assert Globs(["*.py"]).names(Document("vscode-vfs://github/o/a.py", ""))
