"""How many lines to offer: of the lines below a suggestion's first, how many are right at which probability.

`python -m hybrid_lsp.training.blocks MODEL --corpus DIR` prints the table by which `ALL_RIGHT` was chosen, from the
starts of lines of validation packages, in files that are being written.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from attrs import define
from rich.console import Console
from rich.table import Table

from hybrid_lsp.errors import HybridLspError
from hybrid_lsp.models import copying
from hybrid_lsp.models.confidence import Confidence, copied, generated, with_line
from hybrid_lsp.models.store import EMBEDDED, locate
from hybrid_lsp.training import corpus, fim
from hybrid_lsp.training.cases import Case, draw
from hybrid_lsp.training.served import Line, Network

LINES = 4  # of a suggestion, at most
LEVELS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)


@define(frozen=True)
class Below:
    """A line below the first: how likely it and all above it are right, and whether they are."""

    sure: float
    right: bool


def measure(cases: Sequence[Case], network: Network, confidence: Confidence) -> tuple[int, list[Below]]:
    """How many first lines of the network's are shown at these line starts, and the lines below them."""
    pairs = [(case.prefix, case.unfinished) for case in cases]
    chosen = []
    for number, (pair, case, line) in enumerate(zip(pairs, cases, network.lines(pairs), strict=True)):
        own = generated(line.text, line.log_probs, line.finished, case.prefix)
        best, sure = confidence.best(copied(copying.complete(*pair)), own)
        if best is own and sure >= confidence.threshold:
            chosen.append((number, sure))
    blocks = network.blocks([pairs[number] for number, _ in chosen])
    found = [_below(cases[number], sure, lines) for (number, sure), lines in zip(chosen, blocks, strict=True)]
    return len(chosen), [line for lines in found for line in lines]


def _below(case: Case, sure: float, lines: Sequence[Line]) -> list[Below]:
    truth = [line.rstrip() for line in (case.truth + case.suffix).split("\n")]
    depth = fim.indent_of(case.prefix.rpartition("\n")[2])
    right, found = lines[0].text.rstrip() == truth[0], list[Below]()
    for number, line in enumerate(lines[1:LINES], 1):
        if not line.finished or not line.text.strip() or fim.indent_of(line.text) < depth:
            break
        sure = with_line(sure, line.log_probs)
        right = right and number < len(truth) and line.text.rstrip() == truth[number]
        found.append(Below(sure, right))
    return found


def table(shown: int, below: Sequence[Below]) -> Table:
    """By the least probability of a line: how many are offered, and how many of those are right."""
    made = Table(title=f"{shown} suggestions of a first line; the lines below it")
    for name in ("at least", "lines", "right"):
        made.add_column(name, justify="right")
    for level in LEVELS:
        kept = [line.right for line in below if line.sure >= level]
        made.add_row(f"{level:.2f}", str(len(kept)), f"{sum(kept) / len(kept):.0%}" if kept else "-")
    return made


def main(argv: list[str] | None = None) -> int:
    """`python -m hybrid_lsp.training.blocks`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, nargs="?", help="the converted folder; default: `embedded`")
    parser.add_argument("--corpus", type=Path, required=True, help="the corpus folder")
    parser.add_argument("--split", default="validation", choices=("validation", "test"))
    parser.add_argument("--positions", type=int, default=4000, help="of which those at a line's start are used")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    try:
        model = options.model or locate(EMBEDDED)
        cases = draw(corpus.load(options.corpus, options.split), options.positions, options.seed)
        starts = [case for case in cases if not case.mid_line and not case.prose]
        found = measure(starts, Network(model), Confidence.load(model / "confidence.json"))
    except HybridLspError as error:
        print(error, file=sys.stderr)
        return 1
    Console().print(table(*found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
