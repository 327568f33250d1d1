"""`python -m benchmarks [NAME ...]`: time what must be fast, print one table, and write build/bench.json.

Each benchmark uses folders, servers and engines of its own. Real time is used throughout; a busy machine gives worse
figures, so what is compared is measured side by side, and ratios are what to look at.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from rich.console import Console

from benchmarks import (
    edge,
    hostile,
    hostile_work,
    infilling,
    interference,
    languages,
    llama_cpp,
    memory,
    real,
    replay,
    scaling,
    stretches,
    ttft,
    typed,
    workload,
)
from benchmarks.report import Report

Run = Callable[[Report, argparse.Namespace], Awaitable[None]]
BENCHMARKS: dict[str, Run] = {
    "replay": lambda report, options: replay.run(report, options.keystrokes),
    "typed": lambda report, options: typed.run(report, options.places),
    "languages": lambda report, options: languages.run(report, options.places // 4, options.sources),
    "ttft": lambda report, options: ttft.run(report, options.repeats),
    "llama.cpp": lambda report, options: llama_cpp.run(report, options.repeats, options.llama_python),
    "interference": lambda report, options: interference.run(report, options.repeats),
    "hostile": lambda report, options: hostile.run(report),
    "hostile-work": lambda report, options: hostile_work.run(report, options.repeats),
    "edge": lambda report, options: edge.run(report, options.small_model),
    "scaling": lambda report, options: scaling.run(report),
    "memory": lambda report, options: memory.run(report, options.requests),
    "infilling": lambda report, options: infilling.run(
        report, options.cases, options.small_model, options.raw, options.seconds
    ),
    "workload": lambda report, options: workload.run(
        report, options.keystrokes, options.runs, workload.Models(options.small_model, options.large_model)
    ),
    "stretches": lambda report, options: stretches.run(report, options.stretches, options.small_model, options.raw),
    "real": lambda report, options: real.run(report, options.keystrokes, options.repeats, real.Weights.of(options)),
}


def main() -> int:
    """Status 1 when a figure is not as it must be."""
    options = _parser().parse_args()
    report, console = Report(), Console()
    for name in options.names or BENCHMARKS:
        started = time.perf_counter()
        console.print(f"{name} …", highlight=False)
        asyncio.run(_run(BENCHMARKS[name], report, options))
        console.print(f"  took {time.perf_counter() - started:.0f} s", highlight=False)
    report.print(console)
    report.write(options.json)
    return int(any(figure.met is False for figure in report.figures))


async def _run(benchmark: Run, report: Report, options: argparse.Namespace) -> None:
    await benchmark(report, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--keystrokes", type=int, default=120, help="of each replay, in real time")
    parser.add_argument("--repeats", type=int, default=12, help="of each timing")
    parser.add_argument("--requests", type=int, default=2000, help="over which memory is watched")
    parser.add_argument("--places", type=int, default=250, help="typed at in each way")
    parser.add_argument("--stretches", type=int, default=40, help="of five lines each")
    parser.add_argument("--sources", type=Path, help="of `languages`: a folder of code beside what is at hand")
    parser.add_argument("--cases", type=int, default=164, help="of the infilling benchmark")
    parser.add_argument(
        "--raw", type=Path, help="of `infilling`, `stretches`: where what was measured is kept, to go on with"
    )
    parser.add_argument("--seconds", type=float, default=math.inf, help="of `infilling`: stop after so long")
    parser.add_argument("--llama-python", default=sys.executable, help="an interpreter that has llama-cpp-python")
    parser.add_argument("--runs", type=int, default=16, help="of actions, of `workload`")
    parser.add_argument(
        "--small-model", type=Path, help="of `real`, `infilling`, `stretches`, `workload`: what `small.model` names"
    )
    parser.add_argument("--large-model", type=Path, help="of `workload`: what `large.model` names")
    parser.add_argument("--gguf", type=Path, nargs="*", default=[], help="of `real`: the same weights for llama-server")
    parser.add_argument("--llama-server", default="llama-server", help="of `real`: the program")
    parser.add_argument("--threads", type=int, default=2, help="of `real`: of each model")
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"), help="where the figures are written")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
