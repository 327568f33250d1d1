"""Routing measured: what a small and a large model make of the same tasks, and what a router saves.

    python -m benchmarks.routing collect ROWS.jsonl --small DIR --large DIR [--seconds N]
    python -m benchmarks.routing fit ROWS.jsonl          # writes hybrid_lsp/routing/sufficiency.json
    python -m benchmarks.routing table ROWS.jsonl        # quality and cost of each way, on what was held out

It is no part of `python -m benchmarks`, for collecting takes an hour. What is done stands in the file and is not asked
again.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path

import psutil

from benchmarks import outcomes, place, tasks
from benchmarks.outcomes import Metered
from benchmarks.tasks import Task
from hybrid_lsp.backends.factory import make_backend
from hybrid_lsp.backends.launcher import Launcher
from hybrid_lsp.completion.confidence import judge_of
from hybrid_lsp.config import EngineConfig, ModelConfig
from hybrid_lsp.types import Tier

_TIMEOUT_S = 900.0
DEEP = "large, asked in words"
"""How rows name the large model where a line is asked for by a description of the hole."""


async def collect(path: Path, work: list[Task], small: str, large: str, seconds: float | None) -> None:
    """Have both models do each task, one after the other, so that a busy machine is the same for both."""
    started = time.perf_counter()
    known = {(row.key, row.model) for row in outcomes.read(path)}
    with place.own_folders() as folder:
        models = {"small": _metered(small, folder), "large": _metered(large, folder)}
        for task in work:
            if seconds is not None and time.perf_counter() - started > seconds:
                return
            for name, metered in models.items():
                if (task.key, name) not in known:
                    _note(path, await outcomes.ask(task, name, metered))
            if task.kind == "infill" and (task.key, DEEP) not in known:
                _note(path, await outcomes.ask(task, DEEP, models["large"], deep_infill=True))


def _note(path: Path, row: outcomes.Row) -> None:
    outcomes.append(path, [row])
    print(row.key, row.model, row.passed, row.at_once, row.right, f"{row.seconds:.1f} {row.cpu_s:.1f}", flush=True)


def _metered(model: str, folder: Path) -> Metered:
    # As a small one: a large one makes way for all other work on the machine, which would be measured too.
    settings = ModelConfig(backend="engine", model=model, timeout_s=_TIMEOUT_S)
    backend = make_backend(settings, EngineConfig(idle_exit_minutes=600), Tier.SMALL, Launcher())
    assert backend is not None

    def engine() -> psutil.Process:
        found = [each for each in place.engines(folder / "run") if model in " ".join(each.cmdline())]
        return found[0] if found else psutil.Process()

    return Metered(backend, judge_of(model), engine)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.routing", description=__doc__)
    parser.add_argument("verb", choices=["collect", "fit", "table"])
    parser.add_argument("rows", type=Path)
    parser.add_argument("--small", default="", help="a model's folder")
    parser.add_argument("--large", default="", help="a model's folder")
    parser.add_argument("--infill", type=int, default=80)
    parser.add_argument("--write", type=int, default=90)
    parser.add_argument("--repair", type=int, default=60)
    parser.add_argument("--seconds", type=float, help="after which nothing new is begun")
    options = parser.parse_args()
    if options.verb == "collect":
        work = tasks.load(options.infill, options.write, options.repair)
        asyncio.run(collect(options.rows, work, options.small, options.large, options.seconds))


if __name__ == "__main__":
    main()
