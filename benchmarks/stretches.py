"""Some lines of real code typed one after the other with a moment's pause at each word, as one who thinks does: by the
small model alone, by the embedded one alone, and by both as they are served.

At each pause what is shown is taken where it is the rest of the line, and typed over where it is not. So a suggestion
that comes a word late counts, by what it still saves. The ways take turns at each stretch, with engines of their own:
a machine that gets busy makes all of them slower.
"""

from __future__ import annotations

import random
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import psutil

from benchmarks import noted, place
from benchmarks.place import Server
from benchmarks.report import Report, quantile, ratio
from benchmarks.typed import following
from hybrid_lsp.backends.launcher import EngineSpec
from hybrid_lsp.calibrating import installed
from hybrid_lsp.server.editor import Editor
from hybrid_lsp.training.cases import sample
from hybrid_lsp.training.corpus import SourceFile

LINES = 5
SEED = 21
_LEAST = 3
"""Characters of the rest of a line below which nobody asks."""
_WORDS = re.compile(r"\w+|[^\w\s]+")
_STARTS_WITHIN_S = 300.0
ALONE, BOTH, EMBEDDED = "the small model alone", "both, as served", "the embedded model alone"


@attrs.frozen
class Stretch:
    """Lines to be typed, what stands above them, and what below: the definition that they are in is not finished."""

    name: str
    above: str = attrs.field(repr=False)
    lines: tuple[str, ...] = attrs.field(repr=False)
    below: str = attrs.field(repr=False)


@attrs.define
class Tally:
    """Of one way: lines and characters that were wanted, what was asked and shown, and the rests that were right.

    `taken` counts characters of right rests, `waits_ms` the time to each that was shown, `heavier` the replies that the
    small model began, `cpu_s` what all engines computed.
    """

    lines: int = 0
    chars: int = 0
    asked: int = 0
    right: int = 0
    taken: int = 0
    waits_ms: list[float] = attrs.field(factory=list)
    heavier: int = 0
    cpu_s: float = 0.0

    def __add__(self, other: Tally) -> Tally:
        pairs = zip(attrs.astuple(self), attrs.astuple(other), strict=True)
        return Tally(*(one + two for one, two in pairs))


@attrs.frozen
class Row:
    """What came of one stretch, by way."""

    number: int
    ways: dict[str, Tally]


def drawn(files: Sequence[SourceFile], count: int, seed: int = SEED) -> list[Stretch]:
    """Stretches of packages that the embedded model has not read, each package as often as the others."""
    return sample(files, count, seed, _stretch)


def _stretch(file: SourceFile, dice: random.Random, number: int) -> Stretch | None:
    lines = file.text.split("\n")
    if len(lines) <= 2 * LINES:
        return None
    first = dice.randrange(LINES, len(lines) - LINES)
    chosen = lines[first : first + LINES]
    if not all(line.startswith("    ") and line.strip() for line in chosen):
        return None
    above, rest = "\n".join(lines[:first]) + "\n", "\n".join(lines[first + LINES :])
    return Stretch(file.path, above, tuple(chosen), following(rest, 0))


def pauses(line: str) -> Iterator[int]:
    """Where one who types a line stops for a moment: behind the indentation, and behind each word or sign."""
    depth = len(line) - len(line.lstrip())
    yield from (at for at in (depth, *(each.end() for each in _WORDS.finditer(line))) if len(line) - at >= _LEAST)


@attrs.frozen
class Way:
    """A server, its engines, and that of the small model (None: there is none beside the embedded one)."""

    editor: Editor
    folder: Path
    engines: tuple[psutil.Process, ...]
    heavier: Server | None

    async def type(self, stretch: Stretch, number: int) -> Tally:
        """Type a stretch into a file of its own."""
        tally = Tally(len(stretch.lines), sum(len(line.strip()) for line in stretch.lines))
        tally.cpu_s, tally.heavier = -place.cpu_s(*self.engines), -await self._begun()
        self.editor.open(self.folder / f"{number}.py", stretch.above + stretch.below)
        self.editor.cursor = len(stretch.above)
        for line in stretch.lines:
            await self._line(line, tally)
            self.editor.type("\n")
        self.editor.close()
        tally.heavier += await self._begun()
        tally.cpu_s += place.cpu_s(*self.engines)
        return tally

    async def _line(self, line: str, tally: Tally) -> None:
        start = self.editor.cursor
        for at in pauses(line):
            self.editor.type(line[self.editor.cursor - start : at])
            tally.asked += 1
            shown = await self.editor.ghost_text()
            if not shown.text.strip():
                continue
            tally.waits_ms.append(shown.latency_ms)
            if shown.text.split("\n")[0].rstrip() == line[at:].rstrip():
                tally.right, tally.taken = tally.right + 1, tally.taken + len(line.rstrip()) - at
                break
        self.editor.type(line[self.editor.cursor - start :])

    async def _begun(self) -> int:
        return (await self.heavier.counters())["generations_started"] if self.heavier is not None else 0


@asynccontextmanager
async def served(settings: Mapping[str, Any], example: Stretch) -> AsyncIterator[Way]:
    """A server with these settings, its models loaded."""
    with place.own_folders() as folder:
        editor = Editor(dict(settings))
        await editor.start(folder)
        editor.open(folder / "first.py", example.above)
        editor.cursor = len(example.above)
        for invoked in (True, False):
            await editor.ghost_text(invoked=invoked)
        editor.close()
        model = settings.get("small", {}).get("model")
        async with AsyncExitStack() as stack:
            heavier = await stack.enter_async_context(place.engine(EngineSpec(model))) if model else None
            yield Way(editor, folder, tuple(place.engines(folder / "run")), heavier)
            await editor.stop()


def ways(model: Path) -> dict[str, dict[str, Any]]:
    """The settings of each."""
    small = {"backend": "engine", "model": str(model), "timeout_s": 120.0}
    common = {"engine": {"start_timeout_s": _STARTS_WITHIN_S}}
    asked = {"debounce_ms": 0}
    return {
        ALONE: common | {"small": small, "completion": asked | {"cascade": False}},
        BOTH: common | {"small": small, "completion": asked},
        EMBEDDED: common | {"completion": asked},
    }


async def measure(chosen: Sequence[Stretch], model: Path, raw: Path | None) -> dict[str, list[Tally]]:
    """Type each stretch in each way, except those that `raw` knows; what is measured is noted there at once."""
    found: dict[str, list[Tally]] = {name: [] for name in ways(model)}
    known = {row.number: row.ways for row in noted.read(raw, Row)}
    async with AsyncExitStack() as stack:
        servers: dict[str, Way] = {}
        for number, stretch in enumerate(chosen):
            row = known.get(number)
            if row is None:
                if not servers:
                    servers |= await _started(stack, model, stretch)
                row = {name: await way.type(stretch, number) for name, way in servers.items()}
                noted.append(raw, [Row(number, row)])
            for name, tally in row.items():
                found[name].append(tally)
    return found


async def _started(stack: AsyncExitStack, model: Path, example: Stretch) -> dict[str, Way]:
    return {name: await stack.enter_async_context(served(settings, example)) for name, settings in ways(model).items()}


async def run(report: Report, count: int, model: Path | None, raw: Path | None = None) -> None:
    """Type so many stretches in each way."""
    if model is None:
        report.notes.append("stretches: left out; --small-model FOLDER is needed.")
        return
    found = await measure(drawn(installed(), count), model, raw)
    for name, tallies in found.items():
        _tell(report, f"lines as they are typed, {name}", sum(tallies, Tally()))


def _tell(report: Report, name: str, found: Tally) -> None:
    report.add(name, f"asked for {found.lines} lines", found.asked)
    report.add(name, "shown", len(found.waits_ms))
    report.add(name, "exact of shown", ratio(100 * found.right, len(found.waits_ms)), "%")
    report.add(name, "lines that ended so", 100 * found.right / found.lines, "%")
    report.add(name, "characters that were taken", 100 * found.taken / found.chars, "%")
    report.add(name, "time to what was shown, p50", quantile(found.waits_ms, "p50"), "ms")
    report.add(name, "time to what was shown, p95", quantile(found.waits_ms, "p95"), "ms")
    report.add(name, "replies of the small model", found.heavier)
    report.add(name, "CPU seconds of the engines", found.cpu_s, "s")
