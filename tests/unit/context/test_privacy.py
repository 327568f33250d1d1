"""Files and secrets that never enter a prompt; git itself is the judge of what it ignores."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.config import PrivacyConfig
from hybrid_lsp.context import privacy
from hybrid_lsp.context.privacy import Privacy, conceal, redact
from hybrid_lsp.document import Document
from hybrid_lsp.types import Reason

# Made at run time, so that scanners of this repository do not stop at them.
AWS = "AKIA" + "QYLPMN5HHHFPZAM2"
GITHUB = "ghp_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
KEY = "-----BEGIN RSA " + "PRIVATE KEY-----\n" + "MIIEowIBAAKCAQEAx9k2" * 4 + "\n-----END RSA " + "PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"


def make(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def judge(tmp_path: Path, **config: object) -> Privacy:
    return Privacy(PrivacyConfig(**config), home=tmp_path / "home")


GITIGNORES = {
    ".gitignore": "build/\n*.log\n!keep.log\n/top.py\ndocs/**/draft.py\n\\#odd.py\n",
    "sub/.gitignore": "local.py\n!debug.log\n",
    "build/.gitignore": "!a.py\n",
    "keep/deep/.gitignore": "*\n!seen.py\n",
}
PATHS = [
    "a.py",
    "top.py",
    "sub/top.py",
    "build/a.py",
    "x/build/b.py",
    "a.log",
    "keep.log",
    "sub/debug.log",
    "sub/local.py",
    "local.py",
    "docs/a/b/draft.py",
    "docs/draft.py",
    "#odd.py",
    "keep/deep/x.py",
    "keep/deep/seen.py",
    "excluded.py",
]


@pytest.mark.skipif(shutil.which("git") is None, reason="git judges")
@pytest.mark.parametrize("path", PATHS)
def test_ignores_what_git_ignores(tmp_path: Path, path: str) -> None:
    root = make(tmp_path / "repo", GITIGNORES | dict.fromkeys(PATHS, ""))
    subprocess.run(["git", "init", "-q", root], check=True)
    (root / ".git" / "info" / "exclude").write_text("excluded.py\n")
    env = os.environ | {"HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": str(tmp_path / "none")}
    git = subprocess.run(["git", "-C", root, "check-ignore", "-q", "--no-index", path], env=env)
    expected = Reason.IGNORED_FILE if git.returncode == 0 else None
    assert judge(tmp_path).reason(root / path) == expected


def test_outside_of_a_repository_git_ignores_nothing(tmp_path: Path) -> None:
    root = make(tmp_path / "plain", {".gitignore": "*.py\n", "a.py": ""})
    assert judge(tmp_path).reason(root / "a.py") is None


def test_a_changed_ignore_file_counts_at_once(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {".git/HEAD": "", "a.py": ""})
    judged = judge(tmp_path)
    assert judged.reason(root / "a.py") is None
    (root / ".gitignore").write_text("a.py\n")
    assert judged.reason(root / "a.py") is Reason.IGNORED_FILE
    (root / ".gitignore").write_text("other.py\n")
    assert judged.reason(root / "a.py") is None


def test_nothing_is_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make(tmp_path / "repo", {".git/HEAD": "", ".gitignore": "b.py\n", "a.py": ""})
    judged = judge(tmp_path)
    judged.reason(root / "a.py")
    monkeypatch.setattr(privacy, "_lines", lambda file: pytest.fail(f"read {file} again"))
    assert judged.reason(root / "a.py") is None


def test_worktree_uses_the_main_repositorys_excludes(tmp_path: Path) -> None:
    make(tmp_path, {"main/.git/info/exclude": "a.py\n", "main/.git/worktrees/w/commondir": "../..\n"})
    tree = make(tmp_path / "tree", {".git": f"gitdir: {tmp_path}/main/.git/worktrees/w\n", "a.py": ""})
    assert judge(tmp_path).reason(tree / "a.py") is Reason.IGNORED_FILE


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".env.production",
        "prod.env",
        "server.pem",
        "id_rsa",
        "id_ed25519",
        "tls.KEY",
        ".netrc",
        ".npmrc",
        ".pypirc",
        "kubeconfig",
        ".aws/credentials",
        ".kube/config",
        "credentials.json",
        "secrets.yaml",
        ".ssh/config",
    ],
)
def test_secret_files(tmp_path: Path, name: str) -> None:
    assert judge(tmp_path).reason(tmp_path / name) is Reason.SECRET_FILE


@pytest.mark.parametrize(
    "name", [".env.example", "environment.py", "keys.py", "credentials.py", "id_rsa.pub", "token.py"]
)
def test_files_that_only_sound_secret(tmp_path: Path, name: str) -> None:
    assert judge(tmp_path).reason(tmp_path / name) is None


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_link_to_a_secret_is_one(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("")
    (tmp_path / "plain.py").symlink_to(tmp_path / ".env")
    assert judge(tmp_path).reason(tmp_path / "plain.py") is Reason.SECRET_FILE


def test_exclude_globs_and_bad_ones(tmp_path: Path) -> None:
    judged = judge(tmp_path, exclude_globs=["/private/", "*.sql", "!"])
    assert judged.reason(tmp_path / "private" / "a.py", tmp_path) is Reason.IGNORED_FILE
    assert judged.reason(tmp_path / "x" / "private" / "a.py", tmp_path) is None
    assert judged.reason(tmp_path / "x" / "q.sql") is Reason.IGNORED_FILE
    assert judged.problems == ("!",)


def test_gitignore_can_be_disregarded(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {".git/HEAD": "", ".gitignore": "a.py\n", "a.py": ""})
    assert judge(tmp_path, respect_gitignore=False).reason(root / "a.py") is None


def test_unsaved_buffers_have_a_name_too(tmp_path: Path) -> None:
    judged = judge(tmp_path)
    assert judged.document_reason(Document("untitled:.env", "")) is Reason.SECRET_FILE
    assert judged.document_reason(Document("untitled:Untitled-1", "")) is None
    assert judged.document_reason(Document("file:///x.py", "", path=tmp_path / "x.py")) is None


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"key = '{AWS}'", AWS),
        (f"# {GITHUB}", GITHUB),
        (f'K = """{KEY}"""', KEY),
        (f"Bearer {JWT}", JWT),
        ("token = 'xox" + "b-123456789012-abcdefABCDEF'", "xox" + "b-123456789012-abcdefABCDEF"),
        ('client("sk-' + 'proj-abcDEF123456ghiJKL7890")', "sk-" + "proj-abcDEF123456ghiJKL7890"),
        ('password = "hunter2!abc"', "hunter2!abc"),
        ("DB_PASSWORD: str = 'Tr0ub4dor&3'", "Tr0ub4dor&3"),
        ('{"api_key": "9f86d081884c7d65"}', "9f86d081884c7d65"),
        ("config['secret_token'] = 'a8f5f167f44f4964'", "a8f5f167f44f4964"),
        ("url = 'postgres://admin:s3cr3tpw@db/x'", "s3cr3tpw"),
        ("export API_TOKEN=a8f5f167f44f4964e6c998dee827110c\n", "a8f5f167f44f4964e6c998dee827110c"),
        (
            "-----BEGIN " + "PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" * 2,
            "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
        ),
    ],
)
def test_secrets_are_taken_out_and_put_back(text: str, secret: str) -> None:
    shown, count = redact(text)
    assert secret not in shown
    assert count == 1
    (sealed,) = conceal(text)
    assert sealed.restore(sealed.text) == text


LINES = [f"{number:02}aB+/" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw" + "ggSjAgEAAoIBAQ4/Kx2+zz" for number in range(30)]


@pytest.mark.parametrize("indent", ["", "    "])
@pytest.mark.parametrize(("first", "last"), [(0, 30), (5, 9), (20, 30)])
def test_a_part_of_a_key_is_one_too(indent: str, first: int, last: int) -> None:
    """A window of the text, or an excerpt, has neither the key's beginning nor its end."""
    text = "".join(f"{indent}{line}\n" for line in LINES[first:last]) + indent + LINES[0][:30] + "==\nx = 1\n"
    shown, count = redact(text)
    assert count == 1
    assert "MIIE" not in shown
    assert shown.endswith("\nx = 1\n")
    (sealed,) = conceal(text)
    assert sealed.restore(sealed.text) == text


def test_lists_of_digests_are_no_key() -> None:
    text = "".join(f"{number:064x}\n" for number in range(10))
    assert redact(text) == (text, 0)


@pytest.mark.parametrize(
    "text",
    [
        'password = "password"',
        'token_type = "access_token"',
        'password = os.environ["DB_PASSWORD"]',
        'header = "X-Api-Key"',
        'API_KEY = "your-api-key-here"',
        'secret = "<paste it here>"',
        'TOKEN_URL = "https://example.com/token/v2"',
        'password = f"{user}-{year}1"',
        "def check(password: str, token='default'): ...",
        "aws = 'AKIAIOSFODNN7EXAMPLE'",
        "key = 'sha256'",
        'if line.startswith("-----BEGIN PRIVATE KEY-----"):\n    return line.find("-----END PRIVATE KEY-----")',
        "url = 'postgres://user:password@localhost/x'",
        "commit = 'da39a3ee5e6b4b0d3255bfef95601890afd80709'",
    ],
)
def test_harmless_text_stays(text: str) -> None:
    assert redact(text) == (text, 0)


def test_one_secret_has_one_placeholder_in_all_texts() -> None:
    one, other = conceal(f"a = '{AWS}'", f"b = '{GITHUB}'; c = '{AWS}'")
    assert one.text.split("'")[1] == other.text.split("'")[3]
    assert one.count == 2


def test_a_text_with_our_mark_keeps_its_own() -> None:
    text = f"REDACTED_SECRET_1 = '{AWS}'"
    (sealed,) = conceal(text)
    assert sealed.text.startswith("REDACTED_SECRET_1 = 'XREDACTED_SECRET_1")
    assert sealed.restore(sealed.text) == text


@given(st.text(max_size=300))
def test_restoring_gives_the_text_back(text: str) -> None:
    (sealed,) = conceal(text)
    assert sealed.restore(sealed.text) == text


@pytest.mark.parametrize("text", ["-" * 200_000, "a" * 200_000, "password" * 20_000, "eyJ" * 60_000, "x-" * 100_000])
def test_hostile_texts_do_not_stall(text: str) -> None:
    assert redact(text) == (text, 0)  # pytest-timeout ends it if a pattern takes quadratic time


def test_a_later_text_has_the_same_placeholders_and_new_ones() -> None:
    (sealed,) = conceal(f"a = '{AWS}'")
    later = sealed.again(f"{GITHUB} and {AWS}")
    assert later == "REDACTED_SECRET_2 and REDACTED_SECRET_1"
    assert sealed.restore(later) == f"{GITHUB} and {AWS}"
    assert not sealed.left_in(sealed.restore(later))
    assert sealed.left_in("REDACTED_SECRET_3")
