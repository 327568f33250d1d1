"""The same places of real code, typed by hand and in editors that help along: how much is shown, how much is right.

Modules of the standard library are typed into the real server up to a place, some lines above it key by key, with what
follows the place's definition below. At each place one request is made as while typing and one by hand; the rest of the
line is what is wanted. A suggestion is exact when accepting it leaves the line as it is in the module.
"""

from __future__ import annotations

import random
import re
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from benchmarks import place
from benchmarks.report import Report
from benchmarks.simulated import INDENT, PAIRS, Simulated
from hybrid_lsp.backends.launcher import EngineSpec
from hybrid_lsp.document import Document, Span
from hybrid_lsp.server.editor import Editor

MODULES = (
    *("argparse", "bdb", "calendar", "cgitb", "cmd", "configparser", "copy", "csv", "dataclasses", "difflib", "dis"),
    *("filecmp", "fileinput", "fractions", "ftplib", "getopt", "gettext", "glob", "graphlib", "gzip", "heapq"),
    *(
        "imaplib",
        "inspect",
        "ipaddress",
        "linecache",
        "mailbox",
        "mimetypes",
        "netrc",
        "nntplib",
        "numbers",
        "optparse",
    ),
    *("pdb", "pickle", "pprint", "queue", "random", "shelve", "shlex", "shutil", "smtplib", "statistics", "string"),
    *("tarfile", "tempfile", "textwrap", "timeit", "trace", "uuid", "webbrowser", "zipfile"),
)
"""Those that there are in this Python are taken."""
SEED = 12
CLOSE = 0.02
"""The shares may differ by so much from those of bare typing."""
_LEAST = 3
"""Characters of the rest of a line below which it is no place."""
_TYPED_LINES = 3
_TRIES = 100
"""Draws for each place that is wanted."""
_NEXT = re.compile(r"^(?=\S)", re.MULTILINE)
_STRINGS = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|#.*")


@attrs.frozen
class Way:
    """How an editor writes."""

    name: str
    closes: bool = False
    line_end: str = "\n"
    tabs: bool = False


BARE = Way("by hand, LF")
WAYS = (
    BARE,
    Way("closing pairs, LF", closes=True),
    Way("closing pairs, CRLF", closes=True, line_end="\r\n"),
    Way("by hand, tabs", tabs=True),
)


@attrs.frozen
class Place:
    """A place in a module: the text above, the lines that are typed, the rest of the line, and what is below."""

    module: str
    above: str = attrs.field(repr=False)
    typed: str = attrs.field(repr=False)
    rest: str = attrs.field(repr=False)
    below: str = attrs.field(repr=False)
    language: str = "python"
    suffix: str = ".py"


@attrs.define
class Tally:
    """Of one way: places asked at, what was shown and exact, unasked and by hand, and the faulty lines of it."""

    asked: int = 0
    shown: int = 0
    exact: int = 0
    by_hand: int = 0
    by_hand_exact: int = 0
    faulty: set[int] = attrs.field(factory=set)

    def __add__(self, other: Tally) -> Tally:
        """Of other places together with these; which lines are faulty is left out."""
        return Tally(*(getattr(self, name) + getattr(other, name) for name in _COUNTS))


_COUNTS = ("asked", "shown", "exact", "by_hand", "by_hand_exact")


def places(count: int, seed: int = SEED) -> list[Place]:
    """Places drawn from the modules."""
    library = Path(sysconfig.get_paths()["stdlib"])
    files = [path for name in MODULES if (path := library / f"{name}.py").exists()]
    return drawn({path.stem: path.read_text(encoding="utf-8").expandtabs(4) for path in files}, count, seed)


def drawn(texts: Mapping[str, str], count: int, seed: int = SEED) -> list[Place]:
    """Places of texts: half of them within a word or after a sign, half where an editor closes a pair. Of texts that
    have few, fewer."""
    dice, found = random.Random(seed), list[Place]()  # noqa: S311
    for _ in range(_TRIES * count):
        name = dice.choice(sorted(texts))
        if chosen := _place(name, texts[name], dice, after_pair=len(found) % 2 == 1):
            found.append(chosen)
        if len(found) == count:
            break
    return found


def _place(module: str, text: str, dice: random.Random, *, after_pair: bool) -> Place | None:
    starts = [match.start() + 1 for match in re.finditer("\n", text)]
    if len(starts) <= _TYPED_LINES + 1:
        return None
    number = dice.randrange(_TYPED_LINES, len(starts) - 1)
    start, end = starts[number], starts[number + 1] - 1
    line = text[start:end].rstrip()
    depth = len(line) - len(line.lstrip())
    chosen = [at for at in range(depth, len(line) - _LEAST) if not after_pair or line[at - 1 : at] in tuple("([{\"'")]
    if not chosen or line.lstrip().startswith("#"):
        return None
    at = dice.choice(chosen)
    top = starts[number - _TYPED_LINES]
    return Place(module, text[:top], text[top : start + at], line[at:], following(text, end + 1))


def following(text: str, start: int) -> str:
    """What stands below a definition that is not finished: from an offset on, the next that begins at the left."""
    after = _NEXT.search(text, start)
    return "\n\n\n" + (text[after.start() :] if after else "")


async def run(report: Report, count: int) -> None:
    """Type at the same places in each way; print the shares, and how far they are from bare typing."""
    chosen = places(count)
    tallies: dict[str, Tally] = {}
    for way in WAYS:
        with place.own_folders() as folder:
            tallies[way.name] = await typed(folder, chosen, way)
    bare = tallies[BARE.name]
    for way in WAYS:
        _tell(report, way, tallies[way.name], bare)
    shown = sum(tallies[way.name].shown + tallies[way.name].by_hand for way in WAYS if way.closes)
    stray = sum(len(tallies[way.name].faulty - bare.faulty) for way in WAYS if way.closes)
    report.add("as it is typed", f"stray closers in {shown} shown", stray, most=0)


def _tell(report: Report, way: Way, found: Tally, bare: Tally) -> None:
    name = f"as it is typed, {way.name}"
    held = None if way.tabs or way is BARE else 100 * CLOSE
    report.add(name, "shown of the places", 100 * found.shown / found.asked, "%")
    report.add(name, "exact of the places", 100 * found.exact / found.asked, "%")
    report.add(name, "shown by hand", 100 * found.by_hand / found.asked, "%")
    report.add(name, "exact by hand", 100 * found.by_hand_exact / found.asked, "%")
    if way is not BARE:
        for what, mine, theirs in (("shown", found.shown, bare.shown), ("exact", found.exact, bare.exact)):
            report.add(name, f"{what}: points from bare typing", 100 * abs(mine - theirs) / found.asked, "", most=held)


async def typed(folder: Path, chosen: Sequence[Place], way: Way) -> Tally:
    """Type at places, in files of a folder, in one way. All places of a module are in one file: else what is to be
    written at one could be copied from where another was asked at."""
    files = {name: number for number, name in enumerate(dict.fromkeys(each.module for each in chosen))}
    settings = {"completion": {"debounce_ms": 0, "speculate": False}, "metrics": {"enabled": False}}
    editor, tally = Editor(settings), Tally()
    await editor.start(folder)
    async with place.engine(EngineSpec("embedded")):
        for number, each in enumerate(chosen):
            await _one(editor, folder / f"{files[each.module]}{each.suffix}", each, way, tally, number)
            editor.close()
    await editor.stop()
    return tally


async def _one(editor: Editor, path: Path, at: Place, way: Way, tally: Tally, number: int) -> None:
    """Type up to a place, ask twice."""
    hand = before(at, way)
    editor.open(path, hand.text, at.language)
    hand.sends = lambda edit: editor.replace(edit.span, edit.text)
    keys = _written(at.typed, way, line_end="\n")
    hand.type(keys[:-1])
    slip(hand, number)
    hand.type(keys[-1:])
    editor.cursor = hand.cursor
    tally.asked += 1
    # What the editor closed wrongly itself (beside the end of a string of several lines) is no suggestion's fault.
    broken = way.closes and _faulty(_line(Document("", hand.text), hand.cursor))
    for invoked in (False, True):
        shown = await editor.ghost_text(invoked=invoked)
        if not shown.text:
            continue
        line, exact = line_after(hand, at, shown.text, shown.span)
        if invoked:
            tally.by_hand, tally.by_hand_exact = tally.by_hand + 1, tally.by_hand_exact + exact
        else:
            tally.shown, tally.exact = tally.shown + 1, tally.exact + exact
        if _faulty(line) and not broken:
            tally.faulty.add(2 * number + invoked)


def slip(hand: Simulated, number: int) -> None:
    """What people do between two keys, at every place something else: a wrong key, a surround, keys at two cursors; and
    take it back. The text is as before."""
    before, at = hand.text, hand.cursor
    if number % 4 == 1:
        hand.press("x")
        hand.press("(")
        hand.undo()  # and once more below
    elif number % 4 == 2:
        start = max(hand.text.rfind("\n", 0, at) + 1, at - 3)
        hand.surround(Span(start, at), "(")
    elif number % 4 == 3:
        hand.cursors = [min(at, len(hand.text) // 3), at]
        hand.press("z")
    if number % 4:
        hand.undo()
    hand.cursors = hand.cursors[-1:]
    assert (hand.text, hand.cursor) == (before, at)


def _written(text: str, way: Way, line_end: str = "") -> str:
    if way.tabs:
        text = re.sub(r"^ +", lambda match: match.group().replace(INDENT, "\t"), text, flags=re.MULTILINE)
    return text.replace("\n", line_end or way.line_end)


def _line(document: Document, offset: int) -> str:
    return document.line(document.position(offset)[0]).strip()


def before(at: Place, way: Way) -> Simulated:
    """An editor at the beginning of a place's lines."""
    above, below = _written(at.above, way), _written(at.below, way)
    return Simulated(above + below, [len(above)], way.closes, way.line_end, "\t" if way.tabs else INDENT)


def line_after(hand: Simulated, at: Place, text: str, span: Span | None) -> tuple[str, bool]:
    """The place's line once a suggestion is accepted, of several lines the first, and whether it is as in the module.

    Where a bracket is to be closed on a later line, an editor has closed it at the end of this one.
    """
    span = span or Span(hand.cursor, hand.cursor)
    first = re.split(r"[\r\n]", text)[0]
    document = Document("", hand.text).replace(span, text)
    number, column = document.position(span.start + len(first))
    line, closed = document.line(number).strip(), document.line(number)[column:].strip() if hand.closes else ""
    without = line.removesuffix(closed).rstrip() if set(closed) <= set(PAIRS.values()) else line
    return line, (at.typed.rpartition("\n")[2] + at.rest).strip() in (line, without)


def _faulty(line: str) -> bool:
    """Whether a line holds a lone quote, or closes on the same line more than it opens."""
    code = _STRINGS.sub("", line)
    lone = any(quote in code for quote in "\"'") and '"""' not in line and "'''" not in line
    return lone or any(code.count(closer) > code.count(opener) for opener, closer in (("(", ")"), ("[", "]")))
