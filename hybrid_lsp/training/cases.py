"""Positions as an editor's cursor takes them, drawn from held-out packages: the questions of the evaluation."""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeVar

from attrs import define

from hybrid_lsp.errors import TrainingError
from hybrid_lsp.training import fim
from hybrid_lsp.training.corpus import SourceFile

MIN_TRUTH = 3  # characters of a line; a lone bracket is no question
OPEN_FILES = 10  # beside the one that is written
TELLING = 12  # characters of a line that says something of its file
MAX_SAME = 0.9  # share of a file's telling lines in another; more is the same file twice
Made = TypeVar("Made")
CONDITIONS = ("finished", "unfinished", "no suffix")


@define(frozen=True)
class Case:
    """One position: what stands before it, what the programmer wrote up to the line's end, what stands below."""

    package: str
    path: str
    prefix: str
    truth: str
    suffix: str  # of the finished file
    unfinished: str  # of the file while it is written: nothing below the cursor's block
    mid_line: bool
    prose: bool  # in a docstring or a comment

    def below(self, condition: str) -> str:
        """The suffix that a source sees."""
        return {"finished": self.suffix, "unfinished": self.unfinished, "no suffix": ""}[condition]


def draw(files: Sequence[SourceFile], count: int, seed: int) -> list[Case]:
    """Positions, alternately mid-line and at a line's start. Raises TrainingError."""
    return sample(files, count, seed, lambda file, dice, number: _case(file, number % 2 == 1, dice))


def sample(
    files: Sequence[SourceFile], count: int, seed: int, make: Callable[[SourceFile, random.Random, int], Made | None]
) -> list[Made]:
    """What `make` finds in files, given its number; where it finds nothing another file is drawn. Every package weighs
    the same, files by their size. Raises TrainingError."""
    packages: dict[str, list[SourceFile]] = defaultdict(list)
    for file in files:
        packages[file.package].append(file)
    if not packages:
        raise TrainingError("No held-out file to evaluate on", "Build the corpus with the held-out packages.")
    dice = random.Random(seed)  # noqa: S311 # a sample, not a secret
    names = sorted(packages)
    found: list[Made] = []
    while len(found) < count:
        choices = packages[dice.choice(names)]
        file = dice.choices(choices, [len(file.text) for file in choices])[0]
        if (made := make(file, dice, len(found))) is not None:
            found.append(made)
    return found


def open_beside(files: Sequence[SourceFile], file: SourceFile) -> list[SourceFile]:
    """The files of a package that would be open beside one of them: those nearest in the tree, no copies of it."""
    mine, lines = file.path.split("/"), _telling(file)

    def distance(other: SourceFile) -> tuple[int, int, str]:
        theirs = other.path.split("/")
        common = next((n for n, (a, b) in enumerate(zip(mine, theirs, strict=False)) if a != b), len(mine))
        return -common, len(theirs), other.path

    others = [other for other in files if other.package == file.package and other.path != file.path]
    nearest = sorted(others, key=distance)[: 2 * OPEN_FILES]
    return [other for other in nearest if not _same(lines, _telling(other))][:OPEN_FILES]


def _telling(file: SourceFile) -> frozenset[str]:
    return frozenset(line.strip() for line in file.text.split("\n") if len(line.strip()) >= TELLING)


def _same(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) > MAX_SAME * min(len(one), len(other))


def _case(file: SourceFile, mid_line: bool, dice: random.Random) -> Case | None:
    """A position in a random line of a file; None where the line is too short."""
    text = file.text
    start, end = dice.choice(_lines(text))
    line = text[start:end]
    depth = fim.indent_of(line)
    if len(line) - depth < MIN_TRUTH:
        return None
    at = dice.randrange(start + depth + 1, end) if mid_line else start + depth
    prose = line.lstrip().startswith("#") or any(m.start() <= start < m.end() for m in fim.DOCSTRING.finditer(text))
    return Case(
        file.package, file.path, text[:at], text[at:end], text[end:], fim.unfinished(text, end), mid_line, prose
    )


def _lines(text: str) -> list[tuple[int, int]]:
    """The bounds of all lines."""
    bounds, start = [], 0
    for line in text.split("\n"):
        bounds.append((start, start + len(line)))
        start += len(line) + 1
    return bounds
