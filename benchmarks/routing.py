"""Routing measured: what a small and a large model make of the same tasks, and what a router saves.

    python -m benchmarks.routing collect ROWS.jsonl --small DIR --large DIR [--seconds N]
    python -m benchmarks.routing fit ROWS.jsonl      # of the programs for tuning: writes routing/sufficiency.json
    python -m benchmarks.routing live ROWS.jsonl --small DIR --large DIR     # the router itself, on what was held out
    python -m benchmarks.routing table ROWS.jsonl    # quality and cost of each way, on the programs held out

It is no part of `python -m benchmarks`, for collecting takes an hour. What is done stands in the file and is not asked
again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import numpy as np
import psutil

from benchmarks import noted, outcomes, place, policies, sufficiency, tasks
from benchmarks.outcomes import Metered, Row
from benchmarks.tasks import KINDS, Task
from hybrid_lsp.backends.factory import make_backend
from hybrid_lsp.backends.launcher import Launcher
from hybrid_lsp.completion.confidence import judge_of
from hybrid_lsp.config import EngineConfig, ModelConfig, RoutingConfig
from hybrid_lsp.routing import sufficiency as shipped_numbers
from hybrid_lsp.routing.sizes import billions
from hybrid_lsp.routing.sufficiency import Sufficiency
from hybrid_lsp.types import Tier

_TIMEOUT_S = 900.0
_OTHERS = (0.35, 0.65, 0.8)
_COLUMNS = (
    "way",
    "right",
    "of the large one's",
    "without the large one",
    "CPU s",
    "saved",
    "seconds",
    "saved",
    "p95 s",
    "large one's tokens saved",
)
FITTED = Path(shipped_numbers.__file__).with_name("sufficiency.json")
LIVE = "ours"
DEEP = "large, asked in words"
"""How rows name the large model where a line is asked for by a description of the hole."""


async def collect(
    path: Path, work: list[Task], small: str, large: str, seconds: float | None, *, in_words: bool = False
) -> None:
    """Have both models do each task, one after the other, so that a busy machine is the same for both.

    `in_words`: have the large model fill in lines as it is asked where it was not taught to as well.
    """
    started = time.perf_counter()
    known = {(row.key, row.model) for row in noted.read(path, Row)}
    with place.own_folders() as folder:
        models = {"small": _metered(small, folder), "large": _metered(large, folder)}
        for task in work:
            if seconds is not None and time.perf_counter() - started > seconds:
                return
            for name, metered in models.items():
                if (task.key, name) not in known:
                    _note(path, await outcomes.ask(task, name, metered))
            if in_words and task.kind == "infill" and (task.key, DEEP) not in known:
                _note(path, await outcomes.ask_in_words(task, DEEP, models["large"]))


async def live(path: Path, work: list[Task], small: str, large: str, seconds: float | None, threshold: float) -> None:
    """Have the router itself share what was held out, to see whether what is played comes true."""
    started = time.perf_counter()
    known = {(row.key, row.model) for row in noted.read(path, Row)}
    routing = RoutingConfig(threshold=threshold)
    with place.own_folders() as folder:
        models = _metered(small, folder), _metered(large, folder)
        for task in work:
            if seconds is not None and time.perf_counter() - started > seconds:
                return
            if task.is_held_out and (task.key, LIVE) not in known:
                _note(path, await outcomes.ask_both(task, LIVE, *models, routing))


def _note(path: Path, row: outcomes.Row) -> None:
    noted.append(path, [row])
    print(row.key, row.model, row.passed, row.at_once, row.right, f"{row.seconds:.1f} {row.cpu_s:.1f}", flush=True)


def _metered(model: str, folder: Path) -> Metered:
    # As a small one: a large one makes way for all other work on the machine, which would be measured too.
    settings = ModelConfig(backend="engine", model=model, timeout_s=_TIMEOUT_S)
    backend = make_backend(settings, EngineConfig(idle_exit_minutes=600), Tier.SMALL, Launcher())
    assert backend is not None

    def engine() -> psutil.Process:
        found = [each for each in place.engines(folder / "run") if model in " ".join(each.cmdline())]
        return found[0] if found else psutil.Process()

    size = billions(model, is_local=True)
    assert size is not None, f"the size of {model} cannot be told by its name"
    return Metered(backend, judge_of(model), engine, billions=size)


def sizes(rows: Sequence[Row]) -> dict[str, float]:
    """Billions of parameters of the models that rows call small and large."""
    return {name: next(row.billions for row in rows if row.model == name) for name in ("small", "large")}


def fit(rows: Sequence[Row]) -> None:
    """Write the regressions, and print what each threshold would make of the tasks that they were fitted on."""
    tuning, known = [row for row in rows if not row.held_out and row.model != DEEP], sizes(rows)
    fitted = sufficiency.fit(tuning, known)
    values = {"about": f"python -m benchmarks.routing fit: {len(tuning)} answers", **attrs.asdict(fitted)}
    FITTED.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    # Each program by numbers that were fitted on the others.
    tasks, folds = policies.pairs(rows, held_out=False), 5
    others = [sufficiency.fit([row for row in tuning if fold(row.key, folds) != each], known) for each in range(folds)]
    for threshold in policies.THRESHOLDS:
        ways = [policies.routed(each, threshold, known) for each in others]
        done = policies.mean(policies.played(lambda each: ways[fold(each.small.key, folds)](each), tasks))  # noqa: B023
        print(f"{threshold:.3f} right {done.right:.3f} large {done.asked_large:.2f} cpu {done.cpu_s:.2f}")


def fold(key: str, count: int) -> int:
    """The part that a program belongs to in cross-validation."""
    return zlib.crc32(key.rpartition("/")[2].partition(":")[0].encode()) // 100 % count


def table(rows: Sequence[Row], threshold: float) -> str:
    """Markdown: each way's quality and cost on what was held out, with 95 % intervals; then the measures of routers."""
    tasks, known = policies.pairs(rows, held_out=True), sizes(rows)
    shipped = Sufficiency.measured()
    ours = policies.routed(shipped, threshold, known)
    share = policies.mean(policies.played(ours, tasks)).asked_large
    ways = {
        "small alone": policies.small_alone,
        "large alone": policies.large_alone,
        f"at random, {share:.0%} to the large one": policies.mixed(share),
        **{
            f"ours, threshold {each:g}{' (the default)' if each == threshold else ''}": policies.routed(
                shipped, each, known
            )
            for each in sorted({threshold, *_OTHERS})
        },
    }
    lines = [
        f"| {' | '.join(_COLUMNS)} |",
        f"|{'---|' * len(_COLUMNS)}",
        *(_line(name, way, tasks) for name, way in ways.items()),
    ]
    curves = policies.Curves.of(tasks, [policies.routed(shipped, each, known) for each in policies.THRESHOLDS])

    def measured(measure: Callable[[policies.Curve], float]) -> str:
        low, high = policies.bootstrap(tasks, lambda chosen: measure(curves.drawn(chosen)))
        return f"{measure(curves.drawn(np.arange(len(tasks)))):.2f} [{low:.2f}, {high:.2f}]"

    programs = len({each.program for each in tasks})
    lines += [
        "",
        (
            f"{len(tasks)} tasks of {programs} programs. APGR {measured(lambda c: c.apgr)} (at "
            f"random 0.50), CPT(50 %) {measured(lambda c: c.cpt(0.5))}, CPT(80 %) {measured(lambda c: c.cpt(0.8))}."
        ),
        "",
        "| kind | tasks | small right | large right | ours right | ours: large asked |",
        "|---|---|---|---|---|---|",
        *(_kind(kind, [each for each in tasks if each.small.kind == kind], ours) for kind in KINDS),
    ]
    return "\n".join(lines)


def _line(name: str, way: policies.Way, tasks: Sequence[policies.Pair]) -> str:
    mine, larges = (policies.played(each, tasks) for each in (way, policies.large_alone))

    def measured(measure: Callable[[policies.Mean, policies.Mean], float]) -> str:
        def value(chosen: policies.Indices) -> float:
            return measure(policies.mean(mine[chosen]), policies.mean(larges[chosen]))

        low, high = policies.bootstrap(tasks, value)
        return f"{value(np.arange(len(tasks))):.0%} [{low:.0%}, {high:.0%}]"

    done = policies.mean(mine)
    cells = [
        name,
        measured(lambda one, large: one.right),
        measured(lambda one, large: one.right / max(large.right, 1e-9)),
        f"{1 - done.asked_large:.0%}",
        f"{done.cpu_s:.1f}",
        measured(lambda one, large: 1 - one.cpu_s / large.cpu_s),
        f"{done.seconds:.1f}",
        measured(lambda one, large: 1 - one.seconds / large.seconds),
        f"{done.p95_s:.1f}",
        measured(lambda one, large: 1 - one.large_tokens / large.large_tokens),
    ]
    return f"| {' | '.join(cells)} |"


def _kind(kind: str, tasks: Sequence[policies.Pair], ours: policies.Way) -> str:
    if not tasks:
        return f"| {kind} | 0 | | | | |"
    small, large, mine = (
        policies.mean(policies.played(way, tasks)) for way in (policies.small_alone, policies.large_alone, ours)
    )
    shares = f"{small.right:.0%} | {large.right:.0%} | {mine.right:.0%} | {mine.asked_large:.0%}"
    return f"| {kind} | {len(tasks)} | {shares} |"


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.routing", description=__doc__)
    parser.add_argument("verb", choices=["collect", "fit", "table", "live"])
    parser.add_argument("rows", type=Path)
    parser.add_argument("--small", default="", help="a model's folder")
    parser.add_argument("--large", default="", help="a model's folder")
    parser.add_argument("--infill", type=int, default=160)
    parser.add_argument("--write", type=int, default=90)
    parser.add_argument("--repair", type=int, default=60)
    parser.add_argument("--seconds", type=float, help="after which nothing new is begun")
    parser.add_argument("--in-words", action="store_true", help="ask the large model for lines in words as well")
    parser.add_argument("--threshold", type=float, default=RoutingConfig().threshold)
    options = parser.parse_args()
    work = tasks.load(options.infill, options.write, options.repair) if options.verb in ("collect", "live") else []
    if options.verb == "collect":
        asyncio.run(
            collect(options.rows, work, options.small, options.large, options.seconds, in_words=options.in_words)
        )
    elif options.verb == "live":
        models = options.small, options.large
        asyncio.run(live(options.rows, work, *models, options.seconds, options.threshold))
    elif options.verb == "fit":
        fit(noted.read(options.rows, Row))
    else:
        print(table(noted.read(options.rows, Row), options.threshold))


if __name__ == "__main__":
    main()
