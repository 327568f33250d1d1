"""Correct the embedded model's confidence by the kind of place and of file, and see that it holds elsewhere.

sources by kind -> positions -> the likelier of the copied and the model's line -> rows -> `models.placed`'s numbers

Sources are folders, or files of one JSON object a line with `prompt`, `canonical_solution` and `suffix`. Those to fit
on and those to validate on are different packages. A row holds no source text and is written down at once: what was
stopped goes on, and the fit can be repeated without the model. How the shipped numbers were made is in README.md.
"""

import argparse
import gzip
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

import attrs
import cattrs
from rich.console import Console
from rich.table import Table

from hybrid_lsp.errors import HybridLspError, TrainingError
from hybrid_lsp.models import calibrations, copying, placed
from hybrid_lsp.models.confidence import ALL, NEVER, Calibrator, Confidence, Placed, copied, generated
from hybrid_lsp.models.store import locate
from hybrid_lsp.training import calibrate, calibration
from hybrid_lsp.training.calibrate import LANGUAGES, Reply
from hybrid_lsp.training.cases import Case, draw
from hybrid_lsp.training.corpus import SourceFile
from hybrid_lsp.training.served import Network

PROMISE = 0.6
"""Aimed at on each kind of the rows that are fitted, so that half are right on kinds that are not."""
FEW = 8
"""Shown of a kind below which their share says nothing by itself."""
LEAST = {"python": 0.5, ALL: 0.4}
"""No threshold is below: kinds that were not fitted are right more seldom than their probability says, tests and
exercises in Python the most."""
_GRID = [number / 100 for number in range(25, 91)]
_FOLDS = 5
_RIDGE = 5.0
_ELSEWHERE = 0.2
"""How much surer a line had to be outside of Python without a correction."""
_CHUNK = 16


@attrs.frozen
class Row:
    """One position: the kind of source, whether it was kept out of the fit, what the sources' own probability was,
    `placed.features`, and whether the line was right. `features` are empty where nothing was suggested."""

    kind: str
    language: str
    held_out: bool
    sure: float = 0.0
    features: list[float] = attrs.field(factory=list)
    right: bool = False


def row(case: Case, kind: str, reply: Reply, confidence: Confidence, *, held_out: bool) -> Row:
    """What was suggested at a position."""
    language = LANGUAGES.get(Path(case.path).suffix, "python")
    copy = copied(copying.complete(case.prefix, case.suffix))
    network = generated(reply.text, reply.log_probs, reply.finished, case.prefix)
    best, sure = confidence.best(copy, network)
    if not best.text:
        return Row(kind, language, held_out)
    spot = placed.spot(case.prefix, case.suffix, case.path)
    found = [round(each, 5) for each in placed.features(sure, best.text, best is copy, spot)]
    return Row(kind, language, held_out, round(sure, 5), found, best.text == case.truth.rstrip())


def fit(rows: Sequence[Row]) -> dict[str, Placed]:
    """The corrections for Python, and for all other languages together, with thresholds that the strictest kind needs;
    fitted on the rows that are not held out."""
    found: dict[str, Placed] = {}
    for name, mine in (("python", _of(rows, python=True)), (ALL, _of(rows, python=False))):
        mine = [each for each in mine if not each.held_out]
        if len(mine) >= calibrate.FEWEST:
            found[name] = Placed(_calibrator(mine), max(LEAST[name], _threshold(mine, by_kind=name != ALL)))
    return found


def _of(rows: Iterable[Row], *, python: bool) -> list[Row]:
    return [each for each in rows if (each.language == "python") is python]


def _calibrator(rows: Sequence[Row]) -> Calibrator:
    spoken = [each for each in rows if each.features]
    return calibration.fit([each.features for each in spoken], [each.right for each in spoken], ridge=_RIDGE)


def _threshold(rows: Sequence[Row], *, by_kind: bool) -> float:
    """The least probability from which on all together, and each kind `by_kind`, are right as often as promised, by
    cross-validation."""
    judged: list[tuple[str, float, bool]] = []
    for fold in range(_FOLDS):
        calibrator = _calibrator([each for at, each in enumerate(rows) if at % _FOLDS != fold])
        judged += [
            (each.kind, calibrator.probability(each.features), each.right)
            for each in rows[fold::_FOLDS]
            if each.features
        ]
    kinds = [None, *({kind for kind, _, _ in judged} if by_kind else ())]
    return next((limit for limit in _GRID if all(_keeps(judged, kind, limit) for kind in kinds)), NEVER)


def _keeps(judged: Sequence[tuple[str, float, bool]], kind: str | None, limit: float) -> bool:
    """Whether enough of what is shown of a kind (None: of all) is right."""
    shown = [right for name, sure, right in judged if kind in (name, None) and sure >= limit]
    return (kind is not None and len(shown) < FEW) or sum(shown) >= PROMISE * len(shown)


@attrs.frozen
class Share:
    """Of the positions of a kind: how many there are, the shares shown and, of those, exact."""

    kind: str
    positions: int
    shown: float
    exact: float


def shares(rows: Sequence[Row], confidence: Confidence) -> list[Share]:
    """By kind of source, with the corrections that these numbers hold."""
    found = []
    for kind in sorted({each.kind for each in rows}):
        mine = [each for each in rows if each.kind == kind]
        shown = [each.right for each in mine if _shown(each, confidence)]
        found.append(Share(kind, len(mine), len(shown) / len(mine), sum(shown) / max(1, len(shown))))
    return found


def _shown(row: Row, confidence: Confidence) -> bool:
    if not row.features:
        return False
    if (correction := confidence.correction(row.language)) is None:
        return row.sure >= confidence.threshold + (0.0 if row.language == "python" else _ELSEWHERE)
    return correction.calibrator.probability(row.features) >= correction.threshold


@attrs.frozen
class Source:
    """Code of one kind."""

    kind: str
    path: Path
    held_out: bool

    def files(self) -> list[SourceFile]:
        """A folder's files, or the solutions of a file of problems. Raises TrainingError."""
        if self.path.is_dir():
            return calibrate.read(self.path)
        opened = gzip.open if self.path.suffix == ".gz" else open
        try:
            with opened(self.path, "rt", encoding="utf-8") as stream:
                problems = [json.loads(line) for line in stream]
            texts = [each["prompt"] + each["canonical_solution"] + each.get("suffix", "") for each in problems]
        except (OSError, ValueError, KeyError) as error:
            raise TrainingError(f"{self.path} holds no problems with solutions.", "Name a folder.") from error
        return [SourceFile(self.kind, f"{self.kind}-{number}.py", text) for number, text in enumerate(texts)]


Lines = Callable[[Sequence[tuple[str, str]]], Sequence[Reply]]
"""A model: the rests of lines at (prefix, suffix) pairs."""


def measure(sources: Sequence[Source], count: int, seed: int, lines: Lines, raw: Path) -> list[Row]:
    """So many positions of each source; those that `raw` knows are not asked about again."""
    drawn = [(source, case) for source in sources for case in draw(source.files(), count, seed)]
    rows, confidence = load(raw), Confidence.load(calibrations.embedded_file())
    raw.parent.mkdir(parents=True, exist_ok=True)
    with raw.open("a", encoding="utf-8") as stream:
        for start in range(len(rows), len(drawn), _CHUNK):
            part = drawn[start : start + _CHUNK]
            # A file that is being written has nothing below the cursor's block; half are asked about so.
            cases = [
                attrs.evolve(case, suffix=case.unfinished) if at % 2 else case
                for at, (_, case) in enumerate(part, start)
            ]
            replies = lines([(case.prefix, case.suffix) for case in cases])
            for (source, _), case, reply in zip(part, cases, replies, strict=True):
                rows.append(row(case, source.kind, reply, confidence, held_out=source.held_out))
                stream.write(json.dumps(attrs.asdict(rows[-1])) + "\n")
            stream.flush()
    return rows


def load(raw: Path) -> list[Row]:
    """The rows that an earlier run has written down."""
    if not raw.exists():
        return []
    return [cattrs.structure(json.loads(line), Row) for line in raw.read_text(encoding="utf-8").splitlines()]


def corrected(confidence: Confidence, rows: Sequence[Row]) -> Confidence:
    """These numbers with corrections for the place."""
    plain = Confidence.of(confidence.as_dict())
    plain.placed = fit(rows)
    return plain


def table(rows: Sequence[Row], before: Confidence, after: Confidence) -> Table:
    """Shown and exact of each kind, without and with the corrections; rows that were fitted on are marked."""
    shown = Table(title="unasked, by kind of source")
    for heading in ("kind", "positions", "shown before", "exact", "shown after", "exact"):
        shown.add_column(heading, justify="left" if heading == "kind" else "right")
    fitted = {each.kind for each in rows if not each.held_out}
    for old, new in zip(shares(rows, before), shares(rows, after), strict=True):
        mark = " (fitted on)" if old.kind in fitted else ""
        cells = [f"{100 * each:.1f} %" for each in (old.shown, old.exact, new.shown, new.exact)]
        shown.add_row(old.kind + mark, str(old.positions), *cells)
    return shown


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m hybrid_lsp.training.places`; writes the embedded model's confidence.json, or `--out`."""
    options = _parser().parse_args(arguments)
    sources = [Source(*_named(each), False) for each in options.fit] + [
        Source(*_named(each), True) for each in options.held_out
    ]
    try:
        rows = (
            measure(sources, options.positions, options.seed, _served, options.rows) if sources else load(options.rows)
        )
        before = Confidence.load(calibrations.embedded_file())
        before.placed = {}
        after = corrected(before, rows)
    except HybridLspError as error:
        print(error, file=sys.stderr)
        return 1
    options.out.write_text(json.dumps(after.as_dict(), indent=1) + "\n", encoding="utf-8")
    Console().print(table(rows, before, after))
    return 0


def _served(pairs: Sequence[tuple[str, str]]) -> list[Reply]:
    return [Reply(line.text, tuple(line.log_probs), line.finished) for line in _network().lines(pairs)]


@cache
def _network() -> Network:
    return Network(locate("embedded"))


def _named(text: str) -> tuple[str, Path]:
    kind, _, path = text.partition("=")
    return kind, Path(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m hybrid_lsp.training.places", description=__doc__)
    parser.add_argument("--fit", action="append", default=[], metavar="KIND=PATH", help="sources that are fitted on")
    parser.add_argument("--held-out", action="append", default=[], metavar="KIND=PATH", help="and those that are not")
    parser.add_argument("--positions", type=int, default=400, help="of each source")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rows", type=Path, default=Path("build/placed.jsonl"), help="what was measured so far")
    parser.add_argument("--out", type=Path, default=calibrations.embedded_file(), help="where the numbers go")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
