"""Ghost text while a large model works at idle priority, beside ghost text alone, in turns."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from benchmarks import place, prompts, random_model
from benchmarks.place import Server
from benchmarks.report import Report, quantile, ratio
from hybrid_lsp.backends.launcher import EngineSpec
from hybrid_lsp.server.editor import Editor
from hybrid_lsp.types import Tier

ROUNDS = 6
_UNSURE = {"completion": {"min_confidence": 0.0, "speculate": False}}


async def run(report: Report, repeats: int) -> None:
    """Each round asks so often alone, and as often with the large one at work."""
    with place.own_folders() as folder:
        large = "embedded"
        if random_model.available():
            large = random_model.make("150M", folder).model
        else:
            report.notes.append("interference: the embedded model works as the large one: torch is not installed.")
        editor = Editor(_UNSURE)
        await editor.start(folder)
        editor.open(folder / "a.py", prompts.fresh(500, 0))
        async with place.engine(EngineSpec(large, Tier.LARGE)) as engine:
            await editor.ghost_text(invoked=True)
            alone, beside = await _rounds(editor, engine, repeats)
        await editor.stop()
    name = "interference"
    report.add(name, "p95 alone", quantile(alone, "p95"), "ms")
    report.add(name, "p95 beside a large generation", quantile(beside, "p95"), "ms")
    report.add(name, "ratio of p95", ratio(quantile(beside, "p95"), quantile(alone, "p95")), most=1.15)
    report.add(name, "ratio of p50", ratio(quantile(beside, "p50"), quantile(alone, "p50")))


async def _rounds(editor: Editor, engine: Server, repeats: int) -> tuple[list[float], list[float]]:
    alone: list[float] = []
    beside: list[float] = []
    for number in range(ROUNDS):
        alone += await _latencies(editor, repeats, number)
        working = asyncio.create_task(_work(engine))
        await asyncio.sleep(0.5)
        beside += await _latencies(editor, repeats, number + ROUNDS)
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
    return alone, beside


async def _work(engine: Server) -> None:
    """Long prompts and long replies, one after the other."""
    number = 0
    while True:
        number += 1
        body = {"prompt": prompts.fresh(300, 1000 + number), "max_tokens": 150, "temperature": 0}
        await engine.ask("/v1/completions", body)


async def _latencies(editor: Editor, repeats: int, seed: int) -> list[float]:
    """Of requests by hand (without a pause before them), each at a place that nothing is known about."""
    found = []
    for number in range(repeats):
        editor.cursor = len(editor.document.text)
        editor.type(f"\nvalue_{seed}_{number} = items")
        found.append((await editor.ghost_text(invoked=True)).latency_ms)
    return found
