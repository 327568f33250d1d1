"""Patterns as in a .gitignore, and the files that they name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from pathspec import GitIgnoreSpec

from hybrid_lsp.document import Document


class Globs:
    """A list of patterns; `problems` are those that mean nothing, for the server to tell."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._spec, self.problems = compile_patterns(patterns)

    def names(self, document: Document, root: Path | None = None) -> bool:
        """Whether a pattern names this document; those with a slash count from the workspace folder `root`."""
        path = document.path
        if path is None:
            return self._spec.match_file(buffer_name(document))
        relative = path.relative_to(root) if root is not None and path.is_relative_to(root) else path
        return self._spec.match_file(relative.as_posix().lstrip("/"))


def buffer_name(document: Document) -> str:
    """The name of a buffer that was never saved."""
    return PurePosixPath(unquote(urlsplit(document.uri).path or document.uri)).name


def compile_patterns(lines: Iterable[str]) -> tuple[GitIgnoreSpec, tuple[str, ...]]:
    """A matcher of the patterns that mean something, and the others; git skips those too."""
    good, bad = [], []
    for line in lines:
        try:
            GitIgnoreSpec.from_lines([line])
            good.append(line)
        except ValueError:
            bad.append(line)
    return GitIgnoreSpec.from_lines(good), tuple(bad)
