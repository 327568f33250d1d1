"""How sure lines are in languages that the embedded model was not trained on, fitted on code as it is typed.

    python -m benchmarks.elsewhere FOLDER... --places 100 [--rows ROWS.jsonl]

Each FOLDER is one source, best in one language (several of a language say more). In each so many places are typed in an
editor that closes pairs, and whatever there is for them is looked at, however unlikely. What comes of it are two
calibrators in the model's confidence.json, of copied lines and of the network's; the table shows each source by a fit
on the others. What was measured stands in ROWS, and what stands there is not measured again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from collections.abc import Sequence
from pathlib import Path

import attrs
from rich.console import Console
from rich.table import Table

from benchmarks import languages, noted, place
from benchmarks.typed import Place, before, drawn, line_after
from hybrid_lsp.backends.factory import make_backend
from hybrid_lsp.backends.launcher import Launcher
from hybrid_lsp.completion.confidence import Judge, Judgement
from hybrid_lsp.completion.pipeline import CompletionPipeline
from hybrid_lsp.completion.query import Query
from hybrid_lsp.config import CompletionConfig, Config
from hybrid_lsp.document import Document
from hybrid_lsp.models import calibrations
from hybrid_lsp.models.confidence import ELSEWHERE, SURE_ELSEWHERE, Calibrator, Confidence, Suggestion, elsewhere
from hybrid_lsp.routing.router import Router
from hybrid_lsp.training import calibrate, calibration
from hybrid_lsp.types import Tier

SEED = 5
SOURCES = ("copy", "network")
_MOST_FILES = 80
_OF_SPOT = 7
"""Features of a line's place, beside its own."""


@attrs.frozen
class Row:
    """What was best at a place: its source, what speaks for it, and whether it was right."""

    folder: str
    language: str
    source: str
    features: list[float]
    right: bool


@attrs.frozen
class Listening(Judge):
    """A judge that keeps what speaks for each line, by its probability."""

    heard: dict[float, tuple[str, list[float]]] = attrs.field(factory=dict)

    def elsewhere(self, source: str, suggestion: Suggestion, *, across: bool = False) -> Judgement:
        judged = super().elsewhere(source, suggestion, across=across)
        if suggestion.text and self.spot is not None:
            self.heard[judged.probability] = source, elsewhere(suggestion, self.spot(), across=across)
        return judged


async def measure(folder: Path, judge: Listening, count: int) -> list[Row]:
    """Type at so many places of a folder's code."""
    rows: list[Row] = []
    backend = make_backend(Config().small, Config().engine, Tier.SMALL, Launcher())
    assert backend is not None
    typing = CompletionPipeline(Router({Tier.SMALL: backend}), lambda document: None, judge)
    config = Config(completion=CompletionConfig(debounce_ms=0, speculate=False, min_confidence=1e-6))
    for at in places(folder, count):
        hand = before(at, languages.CLOSING)
        hand.type(at.typed)
        path = Path(at.module).with_suffix(at.suffix)
        document = Document(path.as_uri(), hand.text, 1, at.language, path)
        typing.opened(document)
        answer = await typing.complete(Query(document, hand.cursor), config)
        typing.closed(document.uri)
        for each in answer.suggestions:
            source, features = judge.heard.get(each.confidence, ("", []))
            right = line_after(hand, at, each.text, each.span)[1]
            rows += [Row(str(folder), at.language, source, features, right)] if source else []
        judge.heard.clear()
    typing.close()
    return rows


def places(folder: Path, count: int) -> list[Place]:
    """Places of a folder's code in languages other than Python."""
    found = [(path, text) for path, text in languages.files(folder) if _written_by_hand(text)]
    random.Random(SEED).shuffle(found)  # noqa: S311 # a sample, not a secret
    texts = {str(path): text for path, text in found[:_MOST_FILES]}
    chosen = drawn(texts, count, SEED) if texts else []
    suffixes = {each: Path(each).suffix for each in texts}
    return [attrs.evolve(at, language=languages.IDS[suffixes[at.module]], suffix=suffixes[at.module]) for at in chosen]


def _written_by_hand(text: str) -> bool:
    return max(map(len, text.split("\n"))) <= calibrate.LONGEST_LINE


def fit(rows: Sequence[Row], confidence: Confidence) -> dict[str, Calibrator]:
    """By source; of one that never spoke, as it was."""
    found = {}
    for source in SOURCES:
        mine, name = [row for row in rows if row.source == source], f"{source} {ELSEWHERE}"
        start = confidence.calibrators[name]
        found[name] = calibration.fit([row.features for row in mine], [row.right for row in mine]) if mine else start
    return found


def beginning(confidence: Confidence) -> Confidence:
    """Numbers to begin with: those of Python, to which a place says nothing."""
    found = dict(confidence.calibrators)
    for source in SOURCES:
        of = found[source]
        none, one = [0.0] * _OF_SPOT, [1.0] * _OF_SPOT
        found.setdefault(f"{source} {ELSEWHERE}", Calibrator(of.mean + none, of.scale + one, of.weights + none))
    return attrs.evolve(confidence, calibrators=found)


def table(rows: Sequence[Row], confidence: Confidence) -> Table:
    """By folder: what is shown, and right, by a fit on the others."""
    shown = Table("source", "suggestions", "shown", "exact")
    sums = [0, 0, 0]
    for folder in dict.fromkeys(row.folder for row in rows):
        fitted = fit([row for row in rows if row.folder != folder], confidence)
        mine = [row for row in rows if row.folder == folder]
        sure = [fitted[f"{row.source} {ELSEWHERE}"].probability(row.features) for row in mine]
        hits = [row.right for row, probability in zip(mine, sure, strict=True) if probability >= SURE_ELSEWHERE]
        counts = [len(mine), len(hits), sum(hits)]
        shown.add_row(Path(folder).name, *map(str, counts))
        sums = [a + b for a, b in zip(sums, counts, strict=True)]
    shown.add_row("all", *map(str, sums))
    return shown


def _measured(folder: Path, judge: Listening, count: int, file: Path | None) -> list[Row]:
    with place.own_folders():
        found = asyncio.run(measure(folder, judge, count))
    noted.append(file, found)
    return found


def main() -> None:
    """Measure, print the table, write the calibrators."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--places", type=int, default=100, help="of each folder")
    parser.add_argument("--rows", type=Path)
    options = parser.parse_args()
    path = calibrations.embedded_file()
    confidence = beginning(Confidence.load(path))
    judge = Listening(confidence, knows_network=True)
    rows = noted.read(options.rows, Row)
    known = {row.folder for row in rows}
    for folder in (each.resolve() for each in options.folders):
        rows += _measured(folder, judge, options.places, options.rows) if str(folder) not in known else []
    Console().print(table(rows, confidence))
    confidence.calibrators |= fit(rows, confidence)
    path.write_text(json.dumps(confidence.as_dict(), indent=1) + "\n")


if __name__ == "__main__":
    main()
