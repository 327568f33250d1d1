"""Files that never enter a prompt: those that git ignores and those that hold secrets.

`Privacy.reason` is asked at each keystroke: it stats the ignore files on the way to the repository's root, a few
microseconds each, and reads them again only when one changed. No subprocess. Files that are tracked although a
pattern ignores them count as ignored: the index is not read.
"""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import attrs
from pathspec import GitIgnoreSpec

from hybrid_lsp.config import PrivacyConfig
from hybrid_lsp.context.globs import buffer_name, compile_patterns
from hybrid_lsp.document import Document
from hybrid_lsp.types import Reason

SECRET_FILES = (
    ".env",
    ".env.*",
    "*.env",
    ".envrc",
    "!.env.example",
    "!.env.sample",
    "!.env.template",
    "!.env.dist",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.ppk",
    "*.kdbx",
    "*.asc",
    "*.gpg",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    "!*.pub",
    ".ssh/",
    ".gnupg/",
    ".netrc",
    "_netrc",
    ".pgpass",
    ".my.cnf",
    ".htpasswd",
    ".npmrc",
    ".pypirc",
    ".yarnrc.yml",
    ".dockercfg",
    ".docker/config.json",
    ".git-credentials",
    ".aws/credentials",
    ".aws/config",
    ".azure/",
    ".config/gcloud/",
    "credentials",
    "credentials.json",
    "credentials.toml",
    "credentials.y*ml",
    "client_secret*.json",
    "service-account*.json",
    "secrets.json",
    "secrets.toml",
    "secrets.y*ml",
    "kubeconfig",
    "*.kubeconfig",
    ".kube/",
    ".vault-token",
    "*.tfvars",
    "!*.tfvars.example",
    "terraform.tfstate*",
)
"""Names of files that hold secrets, as gitignore patterns over the lower-case path.

Sources: GitHub's gitignore templates, gitleaks' path allow-list turned round, the tools' own documentation.
"""

Stamp = tuple[int, int] | None


class Privacy:
    """Tells whether a file may be read into a prompt, and if not, why.

    `problems` names the patterns in `exclude_globs` that mean nothing, for the server to tell.
    `home` is where the user's own ignore file is looked for.
    """

    def __init__(self, config: PrivacyConfig | None = None, *, home: Path | None = None) -> None:
        self._config = config or PrivacyConfig()
        self._home = home if home is not None else Path.home()
        self._secret = GitIgnoreSpec.from_lines(SECRET_FILES)
        self._excluded, self.problems = compile_patterns(self._config.exclude_globs)
        self._reasons: dict[tuple[Path, Path | None], tuple[tuple[Stamp, ...], Reason | None]] = {}
        self._specs: dict[Path, tuple[Stamp, GitIgnoreSpec]] = {}

    def document_reason(self, document: Document, root: Path | None = None) -> Reason | None:
        """`reason` for an open document; a buffer that was never saved has only its name."""
        if document.path is not None:
            return self.reason(document.path, root)
        name = buffer_name(document)
        return self._by_name(name, name) if name else None

    def reason(self, path: Path, root: Path | None = None) -> Reason | None:
        """Why this file stays out of every prompt; None where it may go in.

        `root` is the workspace folder, against which `exclude_globs` with a slash are matched.
        """
        watched = self._watched(path)
        stamps = tuple(_stamp(each) for each in watched)
        known = self._reasons.get((path, root))
        if known is not None and known[0] == stamps:
            return known[1]
        reason = self._decide(path, root)
        if len(self._reasons) > 4096:
            self._reasons.clear()
        self._reasons[path, root] = (stamps, reason)
        return reason

    def _watched(self, path: Path) -> list[Path]:
        """What the answer depends on: the link itself, ignore files and `.git` on the way up."""
        files = [path]
        if self._config.respect_gitignore:
            for folder in path.parents:
                files += [folder / ".gitignore", folder / ".git"]
        return files

    def _decide(self, path: Path, root: Path | None) -> Reason | None:
        # A link to a secret is a secret, and so is a harmless file under a secret's name.
        real = Path(os.path.realpath(path))
        for each in dict.fromkeys((path, real)):
            relative = each.relative_to(root) if root is not None and each.is_relative_to(root) else each
            if reason := self._by_name(each.as_posix().lstrip("/"), relative.as_posix().lstrip("/")):
                return reason
        if self._config.respect_gitignore and (self._git_ignores(path) or self._git_ignores(real)):
            return Reason.IGNORED_FILE
        return None

    def _by_name(self, whole: str, relative: str) -> Reason | None:
        if self._secret.match_file(whole.lower()):
            return Reason.SECRET_FILE
        return Reason.IGNORED_FILE if self._excluded.match_file(relative) else None

    def _git_ignores(self, path: Path) -> bool:
        """As git decides it: each folder on the way and then the file, by the nearest file that has a say."""
        root = next((folder for folder in path.parents if (folder / ".git").exists()), None)
        if root is None:
            return False
        shared = [*_git_excludes(root), self._home / ".config" / "git" / "ignore"]
        parts = path.relative_to(root).parts
        for depth in range(1, len(parts) + 1):
            is_folder = depth < len(parts)
            for spec, relative in self._deciding(root, parts[:depth], shared):
                verdict = spec.check_file(relative + ("/" if is_folder else "")).include
                if verdict is not None:
                    if verdict:
                        return True
                    break
        return False

    def _deciding(self, root: Path, parts: tuple[str, ...], shared: list[Path]) -> Iterable[tuple[GitIgnoreSpec, str]]:
        """Ignore files that speak about a path, the strongest first, with the path as each sees it."""
        for level in range(len(parts) - 1, -1, -1):
            yield self._spec(root.joinpath(*parts[:level], ".gitignore")), "/".join(parts[level:])
        for file in shared:
            yield self._spec(file), "/".join(parts)

    def _spec(self, file: Path) -> GitIgnoreSpec:
        stamp = _stamp(file)
        known = self._specs.get(file)
        if known is not None and known[0] == stamp:
            return known[1]
        spec, _ = compile_patterns(_lines(file) if stamp else [])
        self._specs[file] = (stamp, spec)
        return spec


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8", errors="replace").removeprefix("\ufeff").splitlines()
    except OSError:
        return []


def _stamp(file: Path) -> Stamp:
    """Modification time in ns and size; None where there is no such file."""
    try:
        status = os.lstat(file)
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size


def _git_excludes(root: Path) -> list[Path]:
    """`info/exclude` of a repository; in a worktree or submodule `.git` is a file that names the folder."""
    git = root / ".git"
    if git.is_file():
        first = next(iter(_lines(git)), "")
        git = root / first.removeprefix("gitdir:").strip()
        if common := next(iter(_lines(git / "commondir")), ""):
            git = git / common.strip()
    return [git / "info" / "exclude"]
