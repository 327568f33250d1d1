"""What a probability is worth in a file with little text above, measured on code of several kinds that weigh the same.

    python -m hybrid_lsp.training.history KIND... --positions 200

Each KIND is a folder of one kind of code (packages, tests, scripts, exercises). What comes of it is one calibrator in
the model's confidence.json, fitted on all kinds; the table shows each kind by a fit on the others.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from attrs import define
from rich.console import Console
from rich.table import Table

from hybrid_lsp.errors import HybridLspError
from hybrid_lsp.models import calibrations
from hybrid_lsp.models.confidence import HISTORY, Calibrator, Confidence, in_file
from hybrid_lsp.models.store import EMBEDDED, locate
from hybrid_lsp.training import calibrate, calibration
from hybrid_lsp.training.cases import draw
from hybrid_lsp.training.evaluate import across, right, suggest
from hybrid_lsp.training.served import Network

SEED = 12


@define(frozen=True)
class Judged:
    """The best suggestion at a position in code: how likely it was right by itself, `confidence.in_file` of it, how
    likely it must be to be shown there, and whether it was right."""

    sure: float
    features: list[float]
    needed: float
    right: bool


def judged(network: Network, confidence: Confidence, folder: Path, count: int) -> list[Judged]:
    """Positions of one kind of code; docstrings and comments are another matter. Raises TrainingError."""
    files = [file for file in calibrate.read(folder) if file.path.endswith(".py")]
    cases = [case for case in draw(files, count, SEED) if not case.prose]
    found = suggest(cases, "finished", network, across(cases, files))
    above = [len(case.prefix) for case in cases]
    sources = zip(found["copy"], found["network"], found["across"], above, strict=True)
    best = [confidence.best(*each) for each in sources]
    hits = right(cases, [suggestion for suggestion, _ in best])
    return [
        Judged(sure, in_file(sure, chosen.text, size), confidence.needed(size), hit)
        for size, (chosen, sure), hit in zip(above, best, hits, strict=True)
        if chosen.text
    ]


def fit(kinds: Sequence[Sequence[Judged]]) -> Calibrator:
    """On as many positions of each kind."""
    fewest = min(map(len, kinds))
    rows = [row for kind in kinds for row in kind[:fewest]]
    return calibration.fit([row.features for row in rows], [row.right for row in rows])


def table(kinds: dict[str, list[Judged]]) -> Table:
    """By kind: positions, and what is shown and right before, and by a fit on the other kinds."""
    shown = Table("kind", "positions", "shown, right", "with the others' history")
    for name, mine in kinds.items():
        history = fit([rows for other, rows in kinds.items() if other != name])
        before = [row.right for row in mine if row.sure >= row.needed]
        after = [row.right for row in mine if history.probability(row.features) >= row.needed]
        counts = (f"{len(chosen)}, {sum(chosen)}" for chosen in (before, after))
        shown.add_row(name, str(len(mine)), *counts)
    return shown


def main(argv: list[str] | None = None) -> int:
    """Write the calibrator; errors are told with their remedy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="+", type=Path, metavar="KIND", help="two folders at least")
    parser.add_argument("--model", type=locate, default=EMBEDDED, help="the converted folder; default: `embedded`")
    parser.add_argument("--positions", type=int, default=200, help="of each kind")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(argv)
    path = options.model / calibrations.FILE
    try:
        confidence, network = Confidence.load(path), Network(options.model, options.threads)
        kinds = {folder.name: judged(network, confidence, folder, options.positions) for folder in options.kinds}
    except HybridLspError as error:
        print(error, file=sys.stderr)
        return 1
    Console().print(table(kinds))
    confidence.calibrators[HISTORY] = fit(list(kinds.values()))
    path.write_text(json.dumps(confidence.as_dict(), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
