"""The cascade's curve: what becomes of it as the price of waiting rises, from the rows that `calibrate` has noted.

`python -m benchmarks.cascade ROWS.jsonl` asks no model: each position is decided by numbers that were fitted on other
positions (cross-validation), and takes as long as the models took there. Beside it, each model alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs
from rich.console import Console
from rich.table import Table

from benchmarks.report import quantile
from hybrid_lsp.completion.confidence import SURE, Judge
from hybrid_lsp.completion.work import SHOWN_WITHIN_S
from hybrid_lsp.models import calibrations
from hybrid_lsp.models.confidence import Confidence
from hybrid_lsp.models.contest import HOPELESS, LATE, WAITING, Contest
from hybrid_lsp.training import calibrate
from hybrid_lsp.training.calibrate import Row
from hybrid_lsp.training.scores import wilson

_FOLDS = 5
DECIDERS = ("copy", "lighter", "lighter, late", "heavier", "nobody")
COSTS = (-1.0, 0.0, 0.04, 0.08, WAITING, 0.16, LATE, 0.3, 1.0)
"""From "the lighter model never decides" to "it always does"."""
HOPES = (0.1, 0.15, HOPELESS, 0.25, 0.3)
"""How likely right the heavier model must be to be asked."""


@attrs.frozen
class Outcome:
    """What came of one position: who decided, whether a line was shown, and was right, after how long, at what cost."""

    by: str
    shown: bool
    right: bool
    ms: float
    model_ms: float
    tokens: int


@attrs.frozen
class Numbers:
    """What decides at a position, fitted on others."""

    confidence: Confidence
    contest: Contest
    lighter: Judge
    embedded: Confidence


Decide = Callable[[Row, Numbers], Outcome]


def fitted(rows: Sequence[Row], precision: float) -> Iterator[tuple[Row, Numbers]]:
    """Each row with numbers that it had no part in."""
    known = calibrations.find("")
    assert known is not None
    embedded = Confidence.load(calibrations.embedded_file())
    for fold in range(_FOLDS):
        confidence = calibrate.fit(
            [row for at, row in enumerate(rows) if at % _FOLDS != fold], known.confidence, precision
        )
        contest = calibrate.contest([row for at, row in enumerate(rows) if at % _FOLDS != fold], confidence)
        numbers = Numbers(confidence, contest, Judge(embedded, knows_network=True), embedded)
        yield from ((row, numbers) for row in rows[fold::_FOLDS])


def heavier(row: Row, numbers: Numbers) -> Outcome:
    """The heavier model alone, beside what is copied."""
    sure, right = calibrate.best(row, numbers.confidence)
    measured = numbers.confidence.languages.get(row.language)
    limit = measured.threshold if measured else numbers.confidence.threshold
    shown = sure >= limit
    return Outcome("heavier", shown, shown and right, row.network_ms, row.network_ms, row.network_tokens)


def lighter(row: Row, numbers: Numbers) -> Outcome:
    """The lighter model alone, beside what is copied."""
    shown = bool(row.lighter) and row.lighter_sure >= numbers.lighter.threshold(row.language)
    return Outcome("lighter", shown, shown and row.lighter_right, row.lighter_ms, row.lighter_ms, row.lighter_tokens)


def copied(row: Row, numbers: Numbers) -> Outcome | None:
    """A copied line that is so sure that no model is asked."""
    if not row.copy.features or numbers.embedded.calibrators["copy"].probability(row.copy.features) < SURE:
        return None
    return Outcome("copy", True, row.copy.right, 0.0, 0.0, 0)


def cascade(cost: float, late: float | None = None, hope: float = 0.0) -> Decide:
    """All three, with what waiting may cost; `late` is what it may where the heavier model is late (None: as much),
    `hope` how likely right that one must be to be asked."""

    def decide(row: Row, numbers: Numbers) -> Outcome:
        if (copy := copied(row, numbers)) is not None:
            return copy
        first, last = lighter(row, numbers), heavier(row, numbers)
        ahead = _ahead(row, numbers) if first.shown else -1.0
        if ahead >= -cost:
            return first
        if row.lighter and numbers.contest.heavier.probability(row.lighter) < hope:
            return attrs.evolve(first, by="nobody", shown=False, right=False)
        model_ms, tokens = first.model_ms + last.model_ms, first.tokens + last.tokens
        bridged = late is not None and ahead >= -late and last.ms > SHOWN_WITHIN_S * 1000
        if bridged:
            shown = attrs.evolve(first, by="lighter, late", ms=first.ms + SHOWN_WITHIN_S * 1000)
            return attrs.evolve(shown, model_ms=model_ms, tokens=tokens)
        return attrs.evolve(last, ms=first.ms + last.ms, model_ms=model_ms, tokens=tokens)

    return decide


def _ahead(row: Row, numbers: Numbers) -> float:
    """How much likelier right the lighter model's line is."""
    contest = numbers.contest
    return contest.lighter.probability(row.lighter) - contest.heavier.probability(row.lighter)


def curve(rows: Sequence[Row], precision: float) -> Table:
    """One line a way of deciding."""
    table = Table(title=f"{len(rows)} positions, each by numbers fitted on others")
    deciders = [f"{name} %" for name in DECIDERS]
    for heading in ("way", *deciders, "right", "of shown", "shown %", "p50 ms", "p95 ms", "model s", "tokens"):
        table.add_column(heading, justify="left" if heading == "way" else "right")
    pairs = list(fitted(rows, precision))
    ways: dict[str, Decide] = {"lighter alone": lighter, "heavier alone": heavier}
    ways |= {f"waiting costs {cost:g}": cascade(cost) for cost in COSTS}
    ways |= {f"{WAITING:g}, hope {hope:g}": cascade(WAITING, None, hope) for hope in HOPES}
    ways |= {f"as served: {WAITING:g}, late {LATE:g}, hope {HOPELESS:g}": cascade(WAITING, LATE, HOPELESS)}
    for name, decide in ways.items():
        table.add_row(name, *_columns([decide(*pair) for pair in pairs]))
    return table


def _columns(found: Sequence[Outcome]) -> list[str]:
    count = len(found)
    shares = [
        sum(each.by == by for each in found) / count for by in ("copy", "lighter", "lighter, late", "heavier", "nobody")
    ]
    right, shown = sum(each.right for each in found), sum(each.shown for each in found)
    low, high = wilson(right, count)
    times = [each.ms for each in found]
    return [
        *(f"{share * 100:.0f}" for share in shares),
        f"{right} ({low * 100:.0f} to {high * 100:.0f} %)",
        f"{right / max(1, shown) * 100:.0f} %",
        f"{shown / count * 100:.0f}",
        f"{quantile(times, 'p50') or 0:.0f}",
        f"{quantile(times, 'p95') or 0:.0f}",
        f"{sum(each.model_ms for each in found) / 1000:.0f}",
        str(sum(each.tokens for each in found)),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cascade", description=__doc__)
    parser.add_argument("rows", type=Path, help="where `calibrate` has noted its rows")
    parser.add_argument("--precision", type=float, default=calibrate.PRECISION, help="aimed at by the thresholds")
    options = parser.parse_args()
    rows = calibrate.load(options.rows)
    if len(rows) < calibrate.FEWEST:
        parser.error(f"{options.rows} holds {len(rows)} positions; {calibrate.FEWEST} are needed")
    Console(width=180).print(curve(rows, options.precision))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
