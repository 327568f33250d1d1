"""Files that never enter a prompt; git itself is the judge of what it ignores."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from hybrid_lsp.config import PrivacyConfig
from hybrid_lsp.context import privacy
from hybrid_lsp.context.privacy import Privacy
from hybrid_lsp.context.secret_files import SECRET_FILES
from hybrid_lsp.document import Document
from hybrid_lsp.types import Reason


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


@pytest.mark.parametrize("lines", ["*a*a*a*a*a*a*a*a*a*b", "**/a/**/a/**/a/**/b", "*a" * 500 + "b", "[a" * 500])
def test_a_hostile_ignore_file_does_not_stall(tmp_path: Path, lines: str) -> None:
    root = make(tmp_path / "repo", {".git/HEAD": "", ".gitignore": f"{lines}\nb.py\n", "b.py": ""})
    deep = root.joinpath(*["a"] * 20, "a" * 200 + ".py")
    assert judge(tmp_path).reason(root / "b.py") is Reason.IGNORED_FILE
    judge(tmp_path).reason(deep)


def test_a_long_ignore_file_is_read_as_far_as_it_goes_and_told(tmp_path: Path) -> None:
    lines = "".join(f"ordinary-name-{number}/\n" for number in range(25_000))
    root = make(tmp_path / "repo", {".git/HEAD": "", ".gitignore": f"first.py\n{lines}", "other.py": ""})
    told: list[str] = []
    judged = Privacy(home=tmp_path / "home", tell=told.append)
    assert judged.reason(root / "first.py") is Reason.IGNORED_FILE
    assert judged.reason(root / "other.py") is None
    assert len(told) == 2
    assert "do not count" in told[0]


@pytest.mark.skipif(os.name == "nt", reason="no such devices there")
@pytest.mark.parametrize("kind", ["zero", "stdin", "fifo", "folder", "gone", "loop"])
def test_an_ignore_file_that_is_no_file_is_not_read(tmp_path: Path, kind: str) -> None:
    root = make(tmp_path / "repo", {".git/HEAD": "", "a.py": ""})
    ignore = root / ".gitignore"
    if kind == "fifo":
        os.mkfifo(ignore)
    elif kind == "folder":
        ignore.mkdir()
    else:
        ignore.symlink_to({"zero": "/dev/zero", "stdin": "/dev/stdin", "gone": "/none", "loop": ignore}[kind])
    told: list[str] = []
    assert Privacy(home=tmp_path / "home", tell=told.append).reason(root / "a.py") is None
    assert len(told) == (kind in ("zero", "stdin", "fifo", "folder"))


def test_what_takes_too_much_work_is_left_alone(tmp_path: Path) -> None:
    lines = "".join(f"*x*{number}*b\n" for number in range(2000))
    root = make(tmp_path / "repo", {".git/HEAD": "", ".gitignore": lines})
    told: list[str] = []
    judged = Privacy(home=tmp_path / "home", tell=told.append)
    assert judged.reason(root.joinpath(*["zz"] * 20)) is Reason.IGNORED_FILE
    assert "too many patterns" in told[0]
    assert judged.reason(root.joinpath(*["a"] * 200)) is Reason.IGNORED_FILE
    assert judged.reason(root / "a\0b") is Reason.IGNORED_FILE


@pytest.mark.parametrize(
    "uri",
    [
        "vscode-notebook-cell:{}/.env#W1",
        "vscode-remote://ssh-remote%2Bhost{}/.env",
        "vscode-vfs://github{}/%2Eenv",
        "untitled:{}/.ENV",
        "untitled:.env",
        "FILE://{}/.env",
        "odd:{}/x/../.env",
        'git:{0}/a.py?{{"path":"{0}/.env"}}',
    ],
)
def test_secret_files_behind_any_scheme(tmp_path: Path, uri: str) -> None:
    assert judge(tmp_path).document_reason(Document(uri.format(tmp_path), "")) is Reason.SECRET_FILE


@pytest.mark.parametrize("scheme", ["vscode-notebook-cell:", "vscode-remote://wsl%2Bubuntu", "untitled:", "file://"])
def test_ignored_files_behind_any_scheme(tmp_path: Path, scheme: str) -> None:
    root = make(tmp_path / "repo", {".git/HEAD": "", ".gitignore": "private.ipynb\n"})
    judged = judge(tmp_path)
    document = Document(f"{scheme}{root.as_posix()}/private.ipynb#W0sZmlsZQ", "")
    assert judged.document_reason(document) is Reason.IGNORED_FILE
    assert judged.document_reason(Document(f"{scheme}{root.as_posix()}/open.ipynb#W0sZmlsZQ", "")) is None


_SCHEMES = (
    "file:///w/{}",
    "file:///c%3A/Users/bob/{}",
    "vscode-remote://ssh-remote%2Bhost/home/bob/{}",
    "vscode-vfs://github/o/r/{}",
    "untitled:/w/{}",
    "vscode-notebook-cell:/w/{}#W0sZmlsZQ",
)


@pytest.mark.parametrize("uri", _SCHEMES)
def test_each_secret_file_is_one_behind_each_scheme_and_in_any_case(tmp_path: Path, uri: str) -> None:
    judged = judge(tmp_path)
    paths = [path for pattern, path in SECRET_FILES.items() if not pattern.startswith("!")]
    shown = [
        written
        for path in paths
        for written in (path, path.upper())
        if judged.document_reason(Document(uri.format(written), "")) is not Reason.SECRET_FILE
    ]
    assert len(paths) > 150
    assert shown == []


@pytest.mark.parametrize(
    "name",
    [".env~", ".pgpass.bak", "home/.aws/credentials.old", "rclone.conf.1", ".npmrc.swp", "id_rsa.bak.2", ".netrc.orig"],
)
def test_a_copy_of_a_secret_file_is_one(tmp_path: Path, name: str) -> None:
    assert judge(tmp_path).reason(tmp_path / name) is Reason.SECRET_FILE
    assert judge(tmp_path).reason(tmp_path / "notes.txt.bak") is None


def test_each_secret_file_is_one_behind_windows_separators(tmp_path: Path) -> None:
    judged = judge(tmp_path)
    paths = [path.replace("/", "\\") for pattern, path in SECRET_FILES.items() if not pattern.startswith("!")]
    uris = [f"{scheme}C:\\Users\\bob\\{path}" for path in paths for scheme in ("file:///", "untitled:")]
    assert [uri for uri in uris if judged.document_reason(Document(uri, "")) is not Reason.SECRET_FILE] == []
