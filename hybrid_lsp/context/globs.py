"""Patterns as in a .gitignore, and the files that they name.

Ours and no library's, since those turn a pattern into one regular expression, which takes exponential time on what a
workspace may hold (`*a*a*a*a*b`). Here a path is matched segment by segment, each star taking the least that works and
never more again (as in wildmatch), and the work of one decision is bounded: see `Work`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from urllib.parse import unquote

import attrs

from hybrid_lsp.document import Document

MOST_LINES = 10_000
"""Patterns of one list; those beyond say nothing."""
MOST_WILD = 2_000
"""Those of them with wildcards, beside `*.ext`, which are looked up."""
MOST_CHARS = 1024
"""Characters of a pattern."""
_MOST_WORK = 10_000
_SPECIAL = re.compile(r"[*?\[\\]")
_EXTENSION = re.compile(r"\*(\.[^*?\[\]\\/.]+)")
_CLASSES = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "xdigit": "0-9a-fA-F",
    "space": r" \t\n\r\f\v",
    "blank": r" \t",
    "punct": r"!-/:-@\[-`{-~",
}
_POSIX = re.compile(r"\[:(\w+):\]")


class TooMuchWork(Exception):
    """A decision took more tests than there may be."""


@attrs.define
class Work:
    """How many patterns with wildcards may still be tried in one decision: some 30 ms of them."""

    left: int = _MOST_WORK

    def spend(self, tests: int) -> None:
        """Raises TooMuchWork when nothing is left."""
        self.left -= tests
        if self.left < 0:
            raise TooMuchWork


@attrs.define(slots=False)
class _Pattern:
    """One line; `text` is without its negation, its last slash and the one it begins with."""

    text: str
    folders: bool
    anchored: bool

    @cached_property
    def segments(self) -> tuple[str | re.Pattern[str] | None, ...]:
        """Each a name, an expression, or None for `**`. Raises ValueError for a set that is not closed."""
        return tuple(None if part == "**" else _segment(part) for part in self.text.split("/"))

    def names(self, parts: Sequence[str], work: Work) -> bool:
        """Whether it names exactly this path."""
        work.spend(1 + len(self.text) // 64 * len(parts))
        if not self.anchored:
            return _is(self.segments[0], parts[-1])
        return _match(self.segments, parts)


class Globs:
    """A list of patterns; `problems` are those that mean nothing, `skipped` counts those beyond what is read."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._names: dict[str, int] = {}
        self._paths: dict[str, int] = {}
        self._extensions: dict[str, int] = {}
        self._wild: dict[int, _Pattern] = {}
        self._includes: list[bool] = []
        self.skipped = 0
        lines = iter(patterns)
        self.problems = tuple([line for line in self._until_full(lines) if not self._add(line)])
        self.skipped += sum(1 for _ in lines)

    def names(self, document: Document, root: Path | None = None) -> bool:
        """Whether a pattern names this document; those with a slash count from the workspace folder `root`.

        Raises TooMuchWork.
        """
        places = [document.path] if document.path is not None else [Path(each) for each in paths_behind(document.uri)]
        relative = (
            each.relative_to(root) if root is not None and each.is_relative_to(root) else each for each in places
        )
        return any(self.match(each.as_posix().lstrip("/")) for each in relative)

    def match(self, path: str, work: Work | None = None) -> bool:
        """Whether a path is named, or a folder that it is in. Raises TooMuchWork."""
        work = work or Work()
        parts = [part for part in path.split("/") if part]
        for depth in range(1, len(parts) + 1):
            if self.verdict(parts[:depth], is_folder=depth < len(parts), work=work):
                return True
        return False

    def verdict(self, parts: Sequence[str], *, is_folder: bool, work: Work) -> bool | None:
        """What the last pattern says that names exactly this path: True to leave it out; None where none does.

        Raises TooMuchWork.
        """
        if not self._includes or not parts:
            return None
        last = max(self._looked_up(parts, is_folder=is_folder), default=-1)
        for number in reversed(self._wild):
            if number < last:
                break
            pattern = self._wild[number]
            if (is_folder or not pattern.folders) and pattern.names(parts, work):
                last = number
                break
        return self._includes[last] if last >= 0 else None

    def _until_full(self, lines: Iterator[str]) -> Iterator[str]:
        """The lines that are read, one by one, so that those beyond cost nothing."""
        while len(self._includes) < MOST_LINES and (line := next(lines, None)) is not None:
            yield line

    def _looked_up(self, parts: Sequence[str], *, is_folder: bool) -> Iterator[int]:
        name = parts[-1]
        found = [self._names.get(name), self._paths.get("/".join(parts))]
        found.append(self._extensions.get(name[name.rfind(".") :]) if "." in name else None)
        if is_folder:  # kept under a name that no path has
            found += [self._names.get(name + "/"), self._paths.get("/".join(parts) + "/")]
        return (number for number in found if number is not None)

    def _add(self, line: str) -> bool:
        """Take a line; False where it means nothing."""
        number = len(self._includes)
        if len(line) > MOST_CHARS:
            self.skipped += 1
            return True
        read = _read(line)
        if read is None:
            return not line.strip() or line.startswith("#")
        text, includes, folders, anchored = read
        if not _SPECIAL.search(text):
            (self._paths if anchored else self._names)[text + "/" if folders else text] = number
        elif not folders and not anchored and (extension := _EXTENSION.fullmatch(text)):
            self._extensions[extension[1]] = number
        elif len(self._wild) >= MOST_WILD:
            self.skipped += 1
            return True
        else:
            pattern = _Pattern(text, folders, anchored)
            if not _closed(pattern):
                return False
            self._wild[number] = pattern
        self._includes.append(includes)
        return True


def _closed(pattern: _Pattern) -> bool:
    """Whether its sets are; only what holds one is looked at, the rest when it is needed."""
    if "[" not in pattern.text and "\\" not in pattern.text:
        return True
    try:
        return bool(pattern.segments)
    except (ValueError, re.error):
        return False


def _read(line: str) -> tuple[str, bool, bool, bool] | None:
    """(text, not negated, for folders alone, with a slash) of a pattern; None for an empty line, a comment and what
    names nothing."""
    text = line.rstrip("\r\n")
    if text.endswith(" "):
        bare = text.rstrip(" ")
        text = bare + " " if (len(bare) - len(bare.rstrip("\\"))) % 2 else bare
    if not text or text.startswith("#"):
        return None
    negated = text.startswith("!")
    text = text[negated:]
    folders = text.endswith("/")
    text = text.removesuffix("/")
    anchored = "/" in text
    text = text.removeprefix("/")
    return (text, not negated, folders, anchored) if text.strip("/") else None


@lru_cache(maxsize=8192)
def _segment(part: str) -> str | re.Pattern[str]:
    """One segment: a name, or an expression in which no star gives back what it took."""
    if not _SPECIAL.search(part):
        return part
    chunks, at = [""], 0
    while at < len(part):
        character = part[at]
        at += 1
        if character == "*":
            chunks.append("")
        elif character == "?":
            chunks[-1] += "[^/]"
        elif character == "[":
            found, at = _set(part, at)
            chunks[-1] += found
        elif character == "\\":
            if at == len(part):
                raise ValueError("nothing is escaped")
            chunks[-1] += re.escape(part[at])
            at += 1
        else:
            chunks[-1] += re.escape(character)
    first, *rest = chunks
    if not rest:
        return re.compile(rf"{first}\Z", re.DOTALL)
    middle = "".join(f"(?>.*?{chunk})" for chunk in rest[:-1] if chunk)
    return re.compile(rf"{first}{middle}.*{rest[-1]}\Z", re.DOTALL)


def _set(part: str, at: int) -> tuple[str, int]:
    """`[a-z]`, `[!a]`, `[[:alpha:]]` from behind its bracket, and where it ends; raises ValueError for an open one."""
    negated = part[at : at + 1] in ("!", "^")
    at += negated
    inner, first = "", True
    while at < len(part):
        posix = _POSIX.match(part, at)
        if posix is not None:
            inner += _CLASSES.get(posix[1], "")
            at = posix.end()
        elif part[at] == "]" and not first:
            return (f"[{'^/' if negated else ''}{inner}]" if inner or negated else r"(?!)"), at + 1
        else:
            escaped = part[at] == "\\" and at + 1 < len(part)
            at += escaped
            is_range = part[at] == "-" and not first and not escaped and part[at + 1 : at + 2] not in ("]", "")
            inner += "-" if is_range else re.escape(part[at])
            at += 1
        first = False
    raise ValueError("a set is not closed")


def _is(segment: str | re.Pattern[str] | None, name: str) -> bool:
    if segment is None:
        return True
    return segment == name if isinstance(segment, str) else segment.match(name) is not None


def _match(segments: Sequence[str | re.Pattern[str] | None], parts: Sequence[str]) -> bool:
    """Whether segments are a path, `**` standing for any number of folders; the last one takes the least that works."""
    here = there = 0
    last, mark = -1, 0
    while there < len(parts):
        if here < len(segments) and segments[here] is None:
            if here + 1 == len(segments):  # `folder/**` is what is in it
                return True
            last, mark = here, there
            here += 1
        elif here < len(segments) and _is(segments[here], parts[there]):
            here, there = here + 1, there + 1
        elif last >= 0:
            mark += 1
            here, there = last + 1, mark
        else:
            return False
    return here == len(segments)


def paths_behind(uri: str) -> tuple[str, ...]:
    """What a URI of any scheme may name, as paths with slashes: decoded, and decoded again where it was so twice.

    `vscode-notebook-cell:/w/a.ipynb#W0`, `vscode-remote://host/w/.env`, `untitled:.env`,
    `git:/w/.env?{"path":"/w/.env"}`: a path, its end as a file name with `?` and `#` in it, and a path in the query.
    """
    scheme, colon, rest = uri.partition(":")
    if not colon or len(scheme) == 1 or not re.fullmatch(r"[A-Za-z][\w+.-]*", scheme):
        rest = uri
    found: dict[str, None] = {}
    for _ in range(3):
        path = re.sub(r"^//[^/?#]*", "", rest)
        inner = [match[1] or match[2] for match in _IN_QUERY.finditer(rest[:_MOST_URI])]
        for each in (re.split(r"[?#]", path, maxsplit=1)[0], path, *inner):
            found[_tidied(each)] = None
        decoded = unquote(rest)
        if decoded == rest:
            break
        rest = decoded
    return tuple(each for each in found if each)


_MOST_URI = 8192
_IN_QUERY = re.compile(r'"(?:path|fsPath|external)"\s*:\s*"([^"]+)"|(?<=[!?&=])(/[^?#&"!]+)')


def _tidied(path: str) -> str:
    """With slashes, without dots, and without what some systems leave out of a name: spaces and dots at its end."""
    parts: list[str] = []
    for part in path.replace("\\", "/").replace("\0", "").split("/"):
        part = part if part.strip(". ") == "" else part.rstrip(" ")
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return ("/" if path[:1] in ("/", "\\") else "") + "/".join(parts)
