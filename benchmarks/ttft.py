"""Time to the first token: of a prompt that is new to the engine, and of one that goes on where the last one was."""

from __future__ import annotations

import asyncio
from pathlib import Path

import attrs

from benchmarks import place, prompts, random_model
from benchmarks.place import Server
from benchmarks.report import Report, quantile, ratio
from hybrid_lsp.backends.launcher import EngineSpec

SHARED = 512
"""Tokens that a warm prompt shares with the one before."""
EMBEDDED_SHARED = 352
"""The embedded model's window is 512 tokens; what is to be written and the rest of the prompt take some."""
TOKENS = 8
PAUSE_S = 0.25
"""Between two requests, as between two keystrokes that a model is asked after: the engine gets ready meanwhile."""


@attrs.define
class Times:
    """Milliseconds to the first text at the client, and to the first token inside the engine."""

    client: list[float] = attrs.field(factory=list)
    engine: list[float] = attrs.field(factory=list)

    def add(self, reply: place.Streamed) -> None:
        self.client.append(reply.first_ms)
        self.engine.append(float(reply.last["timings"]["prompt_ms"]))


async def run(report: Report, repeats: int) -> None:
    """The embedded model, and a larger one where torch can make it."""
    with place.own_folders() as folder:
        await _one(report, "embedded", EMBEDDED_SHARED, repeats)
        if random_model.available():
            await _one(report, random_model.make("46M", folder).model, SHARED, repeats)
        else:
            report.notes.append("ttft: no row for a 46M model: torch and transformers are not installed.")


async def _one(report: Report, model: str, shared: int, repeats: int) -> None:
    async with place.engine(EngineSpec(model)) as engine:
        cold, warm, tokens = await measure(engine, shared, repeats)
        props = await engine.props()
    name = f"ttft, {Path(model).name.split('-int8')[0]}"
    report.add(name, "tokens of the prompt", tokens)
    for where, new, known in (("client", cold.client, warm.client), ("engine", cold.engine, warm.engine)):
        at_first, then = quantile(new, "p50"), quantile(known, "p50")
        report.add(name, f"first token at the {where}, cold, p50", at_first, "ms")
        report.add(name, f"first token at the {where}, warm, p50", then, "ms")
        # In the embedded model's window the fixed costs of a request weigh more.
        report.add(name, f"warm / cold at the {where}", ratio(then, at_first), most=0.35 if shared >= SHARED else None)
    report.add(name, "prefill, as the engine measured", props["prefill_tokens_per_second"], "tokens/s")
    report.add(name, "decode, as the engine measured", props["decode_tokens_per_second"], "tokens/s")
    if "kv" in props:
        report.notes.append(f"{name}: kept states: {props['kv']}.")


async def measure(engine: Server, shared: int, repeats: int) -> tuple[Times, Times, int]:
    """A new text each time, then typed on: the times of both, and the tokens of a prompt."""
    new, known, tokens = Times(), Times(), 0
    for number in range(-1, repeats):
        # Both end in a word, which the embedded model has to spell again.
        first, *others = prompts.TYPED
        text = prompts.fresh(shared, number) + first
        cold = await _ask(engine, text)
        warm = []
        for typed in others:
            text += typed
            warm.append(await _ask(engine, text))
        if number < 0:  # it pays for what is loaded at first use
            continue
        new.add(cold)
        for each in warm:
            known.add(each)
        tokens = int(cold.last["tokens_evaluated"])
    return new, known, tokens


async def _ask(engine: Server, text: str) -> place.Streamed:
    await asyncio.sleep(PAUSE_S)
    return await engine.ask("/infill", place.infill(text, "", TOKENS))
