"""A model's own numbers: how likely its lines are right, from which probability on they are shown, and when a lighter
model's do as well, measured at positions of real code.

files -> positions -> what the copy model, the lighter model and the model write there -> rows -> fits

A row holds no source text, and is written down at once: a run that was stopped goes on where it was, and the fits can
be repeated without the model.
"""

from __future__ import annotations

import json
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import attrs
import cattrs

from hybrid_lsp.errors import TrainingError
from hybrid_lsp.models import calibrations, copying
from hybrid_lsp.models.calibrations import Calibration
from hybrid_lsp.models.confidence import Confidence, Measured, Suggestion, beside, copied, generated
from hybrid_lsp.models.contest import Contest, place
from hybrid_lsp.training import calibration
from hybrid_lsp.training.cases import Case, draw
from hybrid_lsp.training.corpus import SKIPPED_FOLDERS, SourceFile

LANGUAGES = {
    ".c": "c",
    ".cc": "cpp",
    ".cpp": "cpp",
    ".cs": "csharp",
    ".go": "go",
    ".h": "c",
    ".hpp": "cpp",
    ".java": "java",
    ".js": "javascript",
    ".jsx": "javascriptreact",
    ".lua": "lua",
    ".mjs": "javascript",
    ".php": "php",
    ".py": "python",
    ".rb": "ruby",
    ".rs": "rust",
    ".sh": "shellscript",
    ".ts": "typescript",
    ".tsx": "typescriptreact",
}
PRECISION = 0.62
"""Aimed at by the thresholds, as for the embedded model: on other code than what was measured it is less."""
FEWEST = 30
"""Positions of a language from which on it has a threshold of its own."""
_LARGEST, _SMALLEST = 200_000, 400
"""Bytes of a file that is asked about."""
LONGEST_LINE = 300
"""Characters; a file with a longer line is data, or was written by a program."""
_FOLDS = 5


@attrs.frozen
class Reply:
    """The rest of a line as a model wrote it; `log_probs` in nats, with the token that ended it; milliseconds."""

    text: str = attrs.field(repr=False)
    log_probs: tuple[float, ...]
    finished: bool
    total_ms: float = 0.0
    tokens: int = 0


Ask = Callable[[Case, str], Awaitable[Reply | None]]
"""A model: what it writes at a position of a file in a language; None where it gave no answer."""


@attrs.frozen
class Spoken:
    """What one source said at a position: what speaks for it alone and beside the other's, and whether it was right."""

    features: list[float] = attrs.field(factory=list)
    beside: list[float] = attrs.field(factory=list)
    right: bool = False


@attrs.frozen
class Row:
    """One position. `lighter` is the lighter model's line by `contest.place`, empty where it had none."""

    language: str
    copy: Spoken
    network: Spoken
    lighter: list[float] = attrs.field(factory=list)
    lighter_sure: float = 0.0
    lighter_right: bool = False
    lighter_ms: float = 0.0
    lighter_tokens: int = 0
    network_ms: float = 0.0
    network_tokens: int = 0


def read(folder: Path, may_read: Callable[[Path, str], bool] = lambda path, text: True) -> list[SourceFile]:
    """The files of a folder that are code; `may_read` says which are nobody's business. Raises TrainingError."""
    found = [
        SourceFile(path.relative_to(folder).parts[0], str(path.relative_to(folder)), text)
        for path in sorted(_files(folder))
        if (text := _text(path)) is not None and may_read(path, text)
    ]
    if not found:
        raise TrainingError(f"In {folder} is no code to measure on.", "Name a folder with source files.")
    return found


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        inside = path.relative_to(folder).parts[:-1]
        skipped = any(part in SKIPPED_FOLDERS or part.startswith(".") for part in inside)
        if path.suffix in LANGUAGES and not skipped and path.is_file():
            yield path


def _text(path: Path) -> str | None:
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    fits = _SMALLEST <= len(text) <= _LARGEST and max(map(len, text.split("\n"))) <= LONGEST_LINE
    return text.replace("\r\n", "\n") if fits else None


def positions(files: Sequence[SourceFile], count: int, seed: int) -> list[Case]:
    """Positions in each language of the files, as many as its share of them but enough to say something."""
    languages: dict[str, list[SourceFile]] = {}
    for file in files:
        languages.setdefault(LANGUAGES[Path(file.path).suffix], []).append(file)
    size = sum(len(file.text) for file in files)
    cases: list[Case] = []
    for at, name in enumerate(sorted(languages)):
        mine = languages[name]
        share = round(count * sum(len(file.text) for file in mine) / size)
        cases += draw(mine, max(share, min(2 * FEWEST, count // len(languages))), seed + at)
    random.Random(seed).shuffle(cases)  # noqa: S311 (a run that is stopped has seen all languages)
    return cases


async def measure(
    cases: Sequence[Case],
    network: Ask,
    lighter: Ask | None,
    raw: Path,
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> list[Row]:
    """Ask at every position that `raw` does not know yet, and note each answer there; `tell` hears how far it is.

    Cancelling it loses the position under way and no other.
    """
    rows, known = load(raw), _known(raw)
    raw.parent.mkdir(parents=True, exist_ok=True)
    judge = Confidence.load(calibrations.embedded_file())
    with raw.open("a", encoding="utf-8") as stream:
        for number, case in enumerate(cases[known:], known):
            tell(number, len(cases))
            row = await _row(case, network, lighter, judge)
            rows += [row] if row is not None else []
            stream.write(json.dumps(attrs.asdict(row) if row is not None else None) + "\n")
            stream.flush()
    tell(len(cases), len(cases))
    return rows


def load(raw: Path) -> list[Row]:
    """The rows that an earlier run has written down; a line that was not finished is left out."""
    if not raw.exists():
        return []
    rows: list[Row] = []
    for line in raw.read_text(encoding="utf-8").splitlines():
        try:
            rows += [cattrs.structure(content, Row)] if (content := json.loads(line)) else []
        except (ValueError, cattrs.BaseValidationError):
            continue
    return rows


def _known(raw: Path) -> int:
    """How many positions have been asked about; what was half written is taken off, for the next to follow."""
    if not raw.exists():
        return 0
    lines = raw.read_bytes().splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        raw.write_bytes(b"".join(lines[:-1]))
        return len(lines) - 1
    return len(lines)


async def _row(case: Case, network: Ask, lighter: Ask | None, judge: Confidence) -> Row | None:
    language = LANGUAGES[Path(case.path).suffix]
    truth = case.truth.rstrip()
    copy = copied(copying.complete(case.prefix, case.suffix))
    if (reply := await network(case, language)) is None:
        return None
    written = _suggestion(reply, case)
    row = Row(
        language,
        copy=_spoken(copy, written, truth),
        network=_spoken(written, copy, truth),
        network_ms=reply.total_ms,
        network_tokens=reply.tokens,
    )
    first = await lighter(case, language) if lighter is not None else None
    if first is None:
        return row
    best, sure = judge.best(copy, _suggestion(first, case), above=len(case.prefix))
    before = case.prefix[case.prefix.rfind("\n") + 1 :]
    return attrs.evolve(
        row,
        lighter=place(sure, best.text, before) if best.text else [],
        lighter_sure=sure,
        lighter_right=best.text == truth,
        lighter_ms=first.total_ms,
        lighter_tokens=first.tokens,
    )


def _suggestion(reply: Reply, case: Case) -> Suggestion:
    return generated(reply.text, reply.log_probs, reply.finished, case.prefix)


def _spoken(own: Suggestion, other: Suggestion, truth: str) -> Spoken:
    return Spoken(own.features, beside(own, other), own.text == truth) if own.text else Spoken()


@attrs.frozen
class Calibrated:
    """What came of it: the numbers, and by language what may be expected of them, measured on rows that had no part in
    the fit."""

    calibration: Calibration
    languages: dict[str, Measured]


def calibrate(rows: Sequence[Row], start: Confidence, precision: float = PRECISION) -> Calibrated:
    """Fit to what was measured, from the numbers of a model that is known better. Raises TrainingError."""
    if len(rows) < FEWEST:
        raise TrainingError(f"{len(rows)} positions say too little.", f"Measure {FEWEST} at least.")
    languages = _expected(rows, start, precision)
    confidence = fit(rows, start, precision)
    return Calibrated(Calibration(confidence, contest(rows, confidence), "measured on this machine"), languages)


def fit(rows: Sequence[Row], start: Confidence, precision: float) -> Confidence:
    """The calibrators of the network and of what is copied beside it, and the thresholds."""
    sources = {
        "network": [(row.network.features, row.network.right) for row in rows if row.network.features],
        "network beside": [(row.network.beside, row.network.right) for row in rows if row.network.features],
        "copy beside": [(row.copy.beside, row.copy.right) for row in rows if row.copy.features],
    }
    fitted = {
        name: calibration.fit([x for x, _ in found], [hit for _, hit in found], start.calibrators[name])
        for name, found in sources.items()
    }
    confidence = Confidence(start.calibrators | fitted, across_threshold=start.across_threshold)
    confidence.threshold = _threshold(rows, confidence, precision)
    for language, mine in _by_language(rows).items():
        limit = _threshold(mine, confidence, precision)
        confidence.languages[language] = _measured(mine, confidence, limit)
    return confidence


def contest(rows: Sequence[Row], confidence: Confidence) -> Contest:
    """When the lighter model's line is taken."""
    asked = [row for row in rows if row.lighter]
    features = [row.lighter for row in asked]
    start = Contest()
    return Contest(
        calibration.fit(features, [row.lighter_right for row in asked], start.lighter),
        calibration.fit(features, [best(row, confidence)[1] for row in asked], start.heavier),
    )


def best(row: Row, confidence: Confidence) -> tuple[float, bool]:
    """The probability of the likelier of the copied and the model's line, and whether it is right."""
    named = (("network beside", row.network), ("copy beside", row.copy))
    found = [
        (confidence.calibrators[name].probability(spoken.beside), spoken.right)
        for name, spoken in named
        if spoken.beside
    ]
    return max(found, key=lambda pair: pair[0], default=(0.0, False))


def _threshold(rows: Sequence[Row], confidence: Confidence, precision: float) -> float:
    """From which probability on so many are right; where none are, almost nothing is shown."""
    found = [best(row, confidence) for row in rows]
    limit = calibration.threshold([sure for sure, _ in found], [hit for _, hit in found], precision)
    return min(limit, max((sure for sure, _ in found), default=limit))


def _measured(rows: Sequence[Row], confidence: Confidence, limit: float) -> Measured:
    shown = [hit for sure, hit in (best(row, confidence) for row in rows) if sure >= limit]
    return Measured(limit, len(shown) / len(rows), sum(shown) / max(1, len(shown)), len(rows))


def _by_language(rows: Sequence[Row]) -> dict[str, list[Row]]:
    languages: dict[str, list[Row]] = {}
    for row in rows:
        languages.setdefault(row.language, []).append(row)
    return {name: mine for name, mine in sorted(languages.items()) if len(mine) >= FEWEST}


def _expected(rows: Sequence[Row], start: Confidence, precision: float) -> dict[str, Measured]:
    """Of each language: what is shown, and right, where the numbers were fitted on other rows (cross-validation)."""
    found: dict[str, list[tuple[bool, bool]]] = {}
    for fold in range(_FOLDS):
        confidence = fit([row for at, row in enumerate(rows) if at % _FOLDS != fold], start, precision)
        for row in rows[fold::_FOLDS]:
            sure, hit = best(row, confidence)
            measured = confidence.languages.get(row.language)
            limit = measured.threshold if measured else confidence.threshold
            found.setdefault(row.language, []).append((sure >= limit, hit))
    thresholds = fit(rows, start, precision)
    return {
        name: _summed(mine, thresholds.languages[name].threshold)
        for name, mine in sorted(found.items())
        if name in thresholds.languages
    }


def _summed(found: list[tuple[bool, bool]], limit: float) -> Measured:
    shown = [hit for is_shown, hit in found if is_shown]
    return Measured(limit, len(shown) / len(found), sum(shown) / max(1, len(shown)), len(found))
