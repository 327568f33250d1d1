"""Search/replace hunks: the edit format for long code, where a model writes only what changes.

    <<<<<<< SEARCH
    lines as they stand in the code
    =======
    the lines that take their place (none: they are deleted)
    >>>>>>> REPLACE

A hunk counts only where its searched lines stand exactly once in the code. They may be shifted as a whole, by
indentation that all of them share; then the new lines are shifted the same way. Nothing else is guessed at: one
unclear hunk refuses the reply. The marks are read as other tools have models write them as well (Aider, Cline, Roo):
more or fewer signs, hyphens and pluses, the number of a line below the first. The code must not hold such marks itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs

from hybrid_lsp.errors import ReplyRejected

_OPEN = re.compile(r"^([ \t]*)(?:<{5,9}|-{7}) ?(?:SEARCH|ORIGINAL)>?\s*$")
_DIVIDE = re.compile(r"^[ \t]*={5,9}\s*$")
_CLOSE = re.compile(r"^[ \t]*(?:>{5,9}|\+{7}) ?(?:REPLACE|UPDATED)\s*$")
_LINE_NUMBER = re.compile(r"^[ \t]*:(?:start|end)_line:\s*\d+\s*$")
"""Below the first mark, with a line of hyphens behind it: where other tools have the hunk begin."""
_HYPHENS = re.compile(r"^[ \t]*-{7}\s*$")
_SHOWN = 60


@attrs.frozen
class Hunk:
    """Lines to find and lines to put there."""

    search: tuple[str, ...]
    replace: tuple[str, ...]


@attrs.frozen
class _Place:
    """Where a hunk applies: at `line`, `count` lines, with the indentation `old` of the hunk become `new`."""

    line: int
    count: int
    old: str
    new: str


def present(text: str) -> bool:
    """Whether a text holds the beginning of a hunk."""
    return any(_OPEN.match(line) for line in text.split("\n"))


def parse(reply: str) -> list[Hunk]:
    """The hunks of a reply; text and fences between them are ignored. In a list a hunk is indented, marks and all.

    Raises ReplyRejected: a hunk is cut off, has two dividers, or searches for nothing.
    """
    found: list[Hunk] = []
    search: list[str] = []
    replace: list[str] | None = None
    inside, lead = False, ""
    for line in reply.replace("\r\n", "\n").split("\n"):
        if not inside:
            opened = _OPEN.match(line)
            inside, lead, search, replace = opened is not None, opened[1] if opened else "", [], None
        elif _OPEN.match(line) or (_CLOSE.match(line) and replace is None):
            raise ReplyRejected(f"Hunk {len(found) + 1} has no `=======` or no end.", raw=reply)
        elif _DIVIDE.match(line):
            if replace is not None:
                raise ReplyRejected(f"Hunk {len(found) + 1} has more than one `=======`.", raw=reply)
            replace = []
        elif _CLOSE.match(line):
            found.append(Hunk(tuple(search), tuple(replace or ())))
            inside = False
        elif replace is None and not search and (_LINE_NUMBER.match(line) or _HYPHENS.match(line)):
            continue
        else:
            (search if replace is None else replace).append(line.removeprefix(lead))
    if inside:
        raise ReplyRejected(f"Hunk {len(found) + 1} is not closed: the reply was cut off.", raw=reply)
    return found


def apply(code: str, hunks: Sequence[Hunk]) -> str:
    """Code (lines end in LF) with all hunks applied, each found in the code as it was.

    Raises ReplyRejected: the lines of a hunk are not there, or more than once, or two hunks meet.
    """
    lines = code.split("\n")
    places = [(_place(lines, hunk), hunk) for hunk in hunks]
    places.sort(key=lambda each: each[0].line, reverse=True)
    end = len(lines)
    for place, hunk in places:
        if place.line + place.count > end:
            raise ReplyRejected(f"Two hunks change the same lines: {_named(hunk)}.")
        end = place.line
        new = [_shifted(line, place.old, place.new) for line in hunk.replace]
        lines[place.line : place.line + place.count] = new
    return "\n".join(lines)


def _place(lines: Sequence[str], hunk: Hunk) -> _Place:
    if not any(line.strip() for line in hunk.search):
        raise ReplyRejected("A hunk searches for nothing.")
    found = _exactly(lines, hunk.search) or _shifted_places(lines, hunk.search)
    if not found:
        raise ReplyRejected(f"The lines of a hunk do not stand in the code: {_named(hunk)}.")
    if len(found) > 1:
        raise ReplyRejected(f"The lines of a hunk stand in the code {len(found)} times: {_named(hunk)}.")
    return found[0]


def _exactly(lines: Sequence[str], search: Sequence[str]) -> list[_Place]:
    wanted, count = list(search), len(search)
    return [_Place(at, count, "", "") for at in range(len(lines) - count + 1) if list(lines[at : at + count]) == wanted]


def _shifted_places(lines: Sequence[str], search: Sequence[str]) -> list[_Place]:
    wanted, count = _relative(search), len(search)
    if wanted is None:
        return []
    old = _indent(search)
    windows = ((at, lines[at : at + count]) for at in range(len(lines) - count + 1))
    return [_Place(at, count, old, _indent(window)) for at, window in windows if _relative(window) == wanted]


def _relative(lines: Sequence[str]) -> list[str] | None:
    """Lines without the indentation of the first that is not blank; None where one has less."""
    base = _indent(lines)
    if any(line.strip() and not line.startswith(base) for line in lines):
        return None
    return [line[len(base) :] if line.strip() else "" for line in lines]


def _indent(lines: Sequence[str]) -> str:
    first = next((line for line in lines if line.strip()), "")
    return first[: len(first) - len(first.lstrip(" \t"))]


def _shifted(line: str, old: str, new: str) -> str:
    if old == new or not line.strip():
        return line
    return new + (line[len(old) :] if line.startswith(old) else line.lstrip(" \t"))


def _named(hunk: Hunk) -> str:
    first = next(line.strip() for line in hunk.search if line.strip())
    return f"`{first if len(first) <= _SHOWN else first[: _SHOWN - 3] + '...'}`"
