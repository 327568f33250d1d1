"""A day's work in small, through everything on the large model and through both tiers: recorded typing, suggestions
asked for by hand and actions on functions, by the real server and engines, one way after the other.

What each way cost is read from the metrics that the server itself writes, and from the processes.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import psutil

from benchmarks import functions, infilling, place, replay, traces
from benchmarks.functions import SUFFIXES, Function
from benchmarks.report import Report, quantile, ratio
from hybrid_lsp.document import Span
from hybrid_lsp.server.editor import Editor
from hybrid_lsp.types import Tier

ACTIONS = ("Explain", "Optimize", "Simplify", "Document")
"""The beginnings of the titles that are chosen, in turn."""
_BY_HAND = 10
_TIMEOUT_S = 600.0


@attrs.frozen
class Models:
    """Folders of a small and a large model."""

    small: Path | None
    large: Path | None

    @property
    def missing(self) -> list[str]:
        named = {"--small-model FOLDER": self.small, "--large-model FOLDER": self.large}
        return [option for option, folder in named.items() if folder is None or not folder.is_dir()]


@attrs.frozen
class Way:
    """Settings by which the work is done."""

    name: str
    settings: dict[str, Any]


@attrs.define
class Done:
    """What it took: milliseconds of what was shown while typing, of what was asked for by hand, of actions."""

    typed_ms: list[float] = attrs.field(factory=list)
    by_hand_ms: list[float] = attrs.field(factory=list)
    actions_ms: list[float] = attrs.field(factory=list)
    cpu_s: float = 0.0
    asked: dict[str, tuple[int, int, int]] = attrs.field(factory=dict)
    """Requests, tokens read and tokens written by model."""
    tiers: dict[str, int] = attrs.field(factory=dict)
    """Suggestions shown and actions done, by the tier that answered."""


def ways(models: Models) -> Iterator[Way]:
    """Both, with the same time for each model."""

    def engine(folder: Path | None) -> dict[str, Any]:
        return {"backend": "engine", "model": str(folder), "timeout_s": _TIMEOUT_S}

    large = engine(models.large)
    alone = {"small": large, "large": large, "completion": {"cascade": False}, "routing": {"threshold": 1.0}}
    yield Way("everything on the large model", alone)
    yield Way("hybrid", {"small": engine(models.small), "large": large})


async def run(report: Report, keystrokes: int, runs: int, models: Models) -> None:
    if models.missing:
        report.notes.append(f"workload: left out; needed are {', '.join(models.missing)} (see tools/real_models.py).")
        return
    found = {way.name: await _worked(way, keystrokes, runs) for way in ways(models)}
    for name, done in found.items():
        _tell(report, f"workload, {name}", done)
    alone, hybrid = found.values()
    report.add("workload", "CPU seconds, hybrid to large", ratio(hybrid.cpu_s, alone.cpu_s))
    report.add("workload", "mean latency, hybrid to large", ratio(_mean(_all(hybrid)), _mean(_all(alone))))
    report.add("workload", "answered by light tiers, hybrid", _light(hybrid))


def _tell(report: Report, name: str, done: Done) -> None:
    for what, values in (("typing", done.typed_ms), ("by hand", done.by_hand_ms), ("actions", done.actions_ms)):
        report.add(name, f"{what}: answers", len(values))
        report.add(name, f"{what}: mean", _mean(values), "ms")
        report.add(name, f"{what}: p95", quantile(values, "p95"), "ms")
    report.add(name, "mean of all", _mean(_all(done)), "ms")
    report.add(name, "CPU seconds of server and engines", done.cpu_s, "s")
    for model, (requests, read, written) in done.asked.items():
        report.notes.append(f"{name}: {model}: {requests} requests, {read} tokens read, {written} written.")
    shares = ", ".join(f"{tier} {count}" for tier, count in done.tiers.items())
    report.notes.append(f"{name}: answers by tier: {shares}.")


def _all(done: Done) -> list[float]:
    return [*done.typed_ms, *done.by_hand_ms, *done.actions_ms]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _light(done: Done) -> float | None:
    return ratio(sum(count for tier, count in done.tiers.items() if tier != Tier.LARGE), sum(done.tiers.values()))


async def _worked(way: Way, keystrokes: int, runs: int) -> Done:
    done = Done()
    with place.own_folders() as folder:
        editor = Editor(way.settings, name=replay.VS_CODE.name)
        await editor.start(folder)
        await _warm(editor, folder)
        before = _cpu(editor, folder)
        for recording in (traces.python(keystrokes), traces.rust(keystrokes)):
            editor.open(folder / recording.name, recording.opening, recording.language)
            done.typed_ms += await replay.typed(editor, recording, replay.VS_CODE)
        for number, case in enumerate(infilling.single_lines(_BY_HAND)):
            editor.open(folder / f"line{number}.py", case.prefix + case.suffix)
            editor.cursor = len(case.prefix)
            shown = await editor.ghost_text(invoked=True)
            done.by_hand_ms += [shown.latency_ms] if shown.text else []
        for number, function in enumerate(functions.load()[:runs]):
            done.actions_ms.append(await _act(editor, folder, function, ACTIONS[number % len(ACTIONS)]))
        done.cpu_s = _cpu(editor, folder) - before
        await editor.stop()
        _read(folder, done)
    return done


async def _warm(editor: Editor, folder: Path) -> None:
    """Have all models loaded."""
    editor.open(folder / "warm.py", "def one():\n    return 1\n")
    await editor.ghost_text(invoked=True)
    await editor.ghost_text()
    await _chosen(editor, "Explain")


async def _act(editor: Editor, folder: Path, function: Function, title: str) -> float:
    editor.open(folder / f"work{SUFFIXES[function.language]}", function.text, function.language)
    editor.cursor = function.inside
    started = time.perf_counter()
    await _chosen(editor, title)
    return (time.perf_counter() - started) * 1000


async def _chosen(editor: Editor, title: str) -> None:
    offered = await editor.actions(Span(editor.cursor, editor.cursor))
    await editor.choose(next(each for each in offered if each.title.startswith(title)))


def _cpu(editor: Editor, folder: Path) -> float:
    return place.cpu_s(psutil.Process(editor.server_pid), *place.engines(folder / "run"))


def _read(folder: Path, done: Done) -> None:
    with closing(sqlite3.connect(folder / "state" / "metrics.sqlite3")) as connection:
        done.asked = {
            row[0]: row[1:]
            for row in connection.execute(
                "SELECT model, COUNT(*), SUM(tokens_in), SUM(tokens_out) FROM model_asked GROUP BY model"
            )
        }
        done.tiers = dict(
            connection.execute(
                "SELECT tier, COUNT(*) FROM (SELECT DISTINCT suggestion, tier FROM inline_answered WHERE suggestion "
                "IS NOT NULL UNION ALL SELECT run, tier FROM action_ended WHERE tier IS NOT NULL) GROUP BY tier"
            ).fetchall()
        )
