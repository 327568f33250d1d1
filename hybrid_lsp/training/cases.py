"""Positions as an editor's cursor takes them, drawn from held-out packages: the questions of the evaluation."""

import random
from collections import defaultdict
from collections.abc import Sequence

from attrs import define

from hybrid_lsp.errors import TrainingError
from hybrid_lsp.training import fim
from hybrid_lsp.training.corpus import SourceFile

MIN_TRUTH = 3  # characters of a line; a lone bracket is no question
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
    """Positions, alternately mid-line and at a line's start; every package weighs the same, files by their size."""
    packages: dict[str, list[SourceFile]] = defaultdict(list)
    for file in files:
        packages[file.package].append(file)
    if not packages:
        raise TrainingError("No held-out file to evaluate on", "Build the corpus with the held-out packages.")
    dice = random.Random(seed)  # noqa: S311 # a sample, not a secret
    names = sorted(packages)
    cases: list[Case] = []
    while len(cases) < count:
        choices = packages[dice.choice(names)]
        file = dice.choices(choices, [len(file.text) for file in choices])[0]
        if case := _case(file, len(cases) % 2 == 1, dice):
            cases.append(case)
    return cases


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
