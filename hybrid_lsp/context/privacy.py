"""Files that never enter a prompt: those that git ignores and those that hold secrets.

`Privacy.reason` is asked at each keystroke: it stats the ignore files on the way to the repository's root, a few
microseconds each, and reads them again only when one changed. No subprocess. Files that are tracked although a
pattern ignores them count as ignored: the index is not read.

A workspace's ignore files are not trusted: they are read if they are plain files, so far as `MOST_BYTES` and
`globs.MOST_LINES` go, and one decision takes some 30 ms of work at most; what is beyond is told, and a file that
cannot be decided about counts as ignored.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from hybrid_lsp.config import PrivacyConfig
from hybrid_lsp.context.globs import Globs, TooMuchWork, Work, paths_behind
from hybrid_lsp.context.secret_files import SECRET_FILES, original
from hybrid_lsp.document import Document
from hybrid_lsp.paths import read_plain
from hybrid_lsp.types import Reason

MOST_BYTES = 250_000
"""So much of an ignore file is read."""
MOST_DEPTH = 100
"""A file deeper than so many folders is left alone."""
Tell = Callable[[str], None]

Stamp = tuple[int, int] | None


class Privacy:
    """Tells whether a file may be read into a prompt, and if not, why.

    `problems` names the patterns in `exclude_globs` that mean nothing, for the server to tell.
    `home` is where the user's own ignore file is looked for; `tell` is told what of an ignore file does not count.
    """

    def __init__(
        self, config: PrivacyConfig | None = None, *, home: Path | None = None, tell: Tell = lambda message: None
    ) -> None:
        self._config = config or PrivacyConfig()
        self._home = home if home is not None else Path.home()
        self._tell = tell
        self._excluded = Globs(self._config.exclude_globs)
        self.problems = self._excluded.problems
        self._reasons: dict[tuple[Path, Path | None], tuple[tuple[Stamp, ...], Reason | None]] = {}
        self._specs: dict[Path, tuple[Stamp, Globs]] = {}

    def document_reason(self, document: Document, root: Path | None = None) -> Reason | None:
        """`reason` for an open document, by the path behind its URI, whatever its scheme."""
        if document.path is not None and (reason := self.reason(document.path, root)):
            return reason
        places = [Path(each) for each in paths_behind(document.uri)]
        return next((reason for each in places if (reason := self._behind(each, root))), None)

    def _behind(self, path: Path, root: Path | None) -> Reason | None:
        if path.is_absolute():
            return self.reason(path, root)
        return self._decided(lambda: self._by_name(path.as_posix(), path.as_posix(), Work()), path)

    def reason(self, path: Path, root: Path | None = None) -> Reason | None:
        """Why this file stays out of every prompt; None where it may go in.

        `root` is the workspace folder, against which `exclude_globs` with a slash are matched.
        """
        watched = self._watched(path)
        stamps = tuple(_stamp(each) for each in watched)
        known = self._reasons.get((path, root))
        if known is not None and known[0] == stamps:
            return known[1]
        reason = self._decided(lambda: self._decide(path, root), path)
        if len(self._reasons) > 4096:
            self._reasons.clear()
        self._reasons[path, root] = (stamps, reason)
        return reason

    def _watched(self, path: Path) -> list[Path]:
        """What the answer depends on: the link itself, ignore files and `.git` on the way up."""
        files = [path]
        if self._config.respect_gitignore:
            for folder in path.parents[:MOST_DEPTH]:
                files += [folder / ".gitignore", folder / ".git"]
        return files

    def _decided(self, decide: Callable[[], Reason | None], path: Path) -> Reason | None:
        """A decision that ends: where it takes too much work the file is left alone."""
        try:
            if len(path.parts) <= MOST_DEPTH:
                return decide()
        except TooMuchWork:
            self._tell(f"The ignore files above {path.name} hold too many patterns: it is left alone. Shorten them.")
        except (OSError, ValueError):
            pass  # no path of this system: a NUL, a loop of links
        return Reason.IGNORED_FILE

    def _decide(self, path: Path, root: Path | None) -> Reason | None:
        # A link to a secret is a secret, and so is a harmless file under a secret's name.
        real, work = Path(os.path.realpath(path)), Work()
        for each in dict.fromkeys((path, real)):
            relative = each.relative_to(root) if root is not None and each.is_relative_to(root) else each
            if reason := self._by_name(each.as_posix().lstrip("/"), relative.as_posix().lstrip("/"), work):
                return reason
        places = dict.fromkeys((path, real)) if self._config.respect_gitignore else ()
        return Reason.IGNORED_FILE if any(self._git_ignores(each, work) for each in places) else None

    def _by_name(self, whole: str, relative: str, work: Work) -> Reason | None:
        lowered = whole.lower()
        if any(_secret_files().match(each) for each in dict.fromkeys((lowered, original(lowered)))):
            return Reason.SECRET_FILE
        return Reason.IGNORED_FILE if self._excluded.match(relative, work) else None

    def _git_ignores(self, path: Path, work: Work) -> bool:
        """As git decides it: each folder on the way and then the file, by the nearest file that has a say."""
        root = next((folder for folder in path.parents if (folder / ".git").exists()), None)
        if root is None:
            return False
        shared = [*_git_excludes(root), self._home / ".config" / "git" / "ignore"]
        parts = path.relative_to(root).parts
        for depth in range(1, len(parts) + 1):
            is_folder = depth < len(parts)
            for spec, relative in self._deciding(root, parts[:depth], shared):
                verdict = spec.verdict(relative, is_folder=is_folder, work=work)
                if verdict is not None:
                    if verdict:
                        return True
                    break
        return False

    def _deciding(
        self, root: Path, parts: tuple[str, ...], shared: list[Path]
    ) -> Iterable[tuple[Globs, tuple[str, ...]]]:
        """Ignore files that speak about a path, the strongest first, with the path as each sees it."""
        for level in range(len(parts) - 1, -1, -1):
            yield self._spec(root.joinpath(*parts[:level], ".gitignore")), parts[level:]
        for file in shared:
            yield self._spec(file), parts

    def _spec(self, file: Path) -> Globs:
        stamp = _stamp(file)
        known = self._specs.get(file)
        if known is not None and known[0] == stamp:
            return known[1]
        spec = Globs(_lines(file, self._tell) if stamp else [])
        if spec.skipped:
            self._tell(f"{file} holds more than is read of it: {spec.skipped:,} of its patterns do not count.")
        self._specs[file] = (stamp, spec)
        return spec


@cache
def _secret_files() -> Globs:
    """Read once for all windows: some four hundred patterns."""
    return Globs(SECRET_FILES)


def _lines(file: Path, tell: Tell = lambda message: None) -> list[str]:
    try:
        data = read_plain(file, MOST_BYTES, cut=True)
    except OSError as error:
        tell(f"{file} is not read: {error.strerror}. What it says does not count.")
        return []
    if len(data) == MOST_BYTES:
        tell(f"{file} is read up to its first {MOST_BYTES:,} bytes: the patterns behind do not count.")
    return data.decode("utf-8", errors="replace").removeprefix("\ufeff").splitlines()


def _stamp(file: Path) -> Stamp:
    """Modification time in ns and size; None where there is no such file."""
    try:
        status = file.stat()
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
