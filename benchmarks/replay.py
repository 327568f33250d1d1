"""Recorded typing on the real server and engine, as VS Code and Neovim do it; beside it, a request at every key."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path

import attrs
from pygls.exceptions import JsonRpcRequestCancelled

from benchmarks import place, traces
from benchmarks.place import Server
from benchmarks.report import Report, quantile, ratio
from benchmarks.traces import Recording
from hybrid_lsp.backends.launcher import EngineSpec
from hybrid_lsp.config import Config
from hybrid_lsp.context.window import around
from hybrid_lsp.document import Document
from hybrid_lsp.server.editor import Editor, Shown

EMBEDDED = EngineSpec("embedded")


@attrs.frozen
class Client:
    """How an editor asks: so many seconds after a change, and whether it cancels what it asked before.

    One that `waits` does not ask when the next change comes first. `most_starts` is held to for 100 keystrokes.
    """

    name: str
    after_s: float
    cancels: bool
    waits: bool
    most_starts: float | None = None


VS_CODE = Client("Visual Studio Code", 0.04, cancels=True, waits=False, most_starts=15)
# It is not kept waiting any longer, so how often it asks is its own affair.
NEOVIM = Client("Neovim", 0.2, cancels=False, waits=True)
# Without a server between: what plug-ins do that know neither reuse nor debounce.
NAIVE = Client("every key", 0.0, cancels=True, waits=False)


@attrs.frozen
class Replayed:
    """What came of it; latencies in milliseconds, `reused_ms` inside the server, `counters` the engine's own."""

    keystrokes: int
    latencies_ms: list[float]
    counters: dict[str, int]
    requests: int
    reused: int = 0
    reused_ms: list[float] = attrs.field(factory=list)
    reasons: Counter[str] = attrs.field(factory=Counter)

    @property
    def starts(self) -> float:
        """Model starts for 100 keystrokes."""
        return self.counters["generations_started"] / self.keystrokes * 100


async def run(report: Report, keystrokes: int) -> None:
    """Type Rust and Python."""
    for recording in (traces.rust(keystrokes), traces.python(keystrokes)):
        naive = await _naively(recording)
        for client in (VS_CODE, NEOVIM):
            _tell(report, await _served(recording, client), naive, recording, client)


def _tell(report: Report, found: Replayed, naive: Replayed, recording: Recording, client: Client) -> None:
    name, counters = f"replay {recording.name}, {client.name}", found.counters
    report.add(name, "keystrokes", found.keystrokes)
    report.add(name, "model starts for 100 keystrokes", found.starts, most=client.most_starts)
    report.add(name, "the same, asking at every key", naive.starts)
    report.add(name, "ratio", ratio(found.starts, naive.starts))
    report.add(name, "shown for 100 keystrokes", len(found.latencies_ms) / found.keystrokes * 100)
    report.add(name, "latency of shown, p50, pause included", quantile(found.latencies_ms, "p50"), "ms")
    report.add(name, "latency of shown, p95, pause included", quantile(found.latencies_ms, "p95"), "ms")
    report.add(name, "latency, asking at every key, p50", quantile(naive.latencies_ms, "p50"), "ms")
    answered = found.requests - found.reasons["superseded"] - found.reasons["cancelled"]
    report.add(name, "answered from reuse, of those answered", ratio(found.reused, answered))
    report.add(name, "reuse inside the server, p95", quantile(found.reused_ms, "p95"), "ms", most=5)
    report.add(name, "tokens decoded for each shown", ratio(counters["tokens_decoded"], len(found.latencies_ms)))
    naive_tokens = ratio(naive.counters["tokens_decoded"], len(naive.latencies_ms))
    report.add(name, "the same, asking at every key", naive_tokens)
    after = ratio(counters["tokens_after_cancel"], counters["generations_cancelled"]) or 0.0
    report.add(name, "tokens after a cancel", after, most=1)
    report.notes.append(f"{name}: nothing shown because: {place.listed(found.reasons)}.")


async def _served(recording: Recording, client: Client) -> Replayed:
    with place.own_folders() as folder:
        editor = Editor(name=client.name)
        await editor.start(folder)
        editor.open(folder / recording.name, recording.opening, recording.language)
        async with place.engine(EMBEDDED) as engine:
            await editor.ghost_text(invoked=True)  # the model is loaded, and the road is warm
            before = await engine.counters()
            latencies = await typed(editor, recording, client)
            counters = _since(before, await engine.counters())
        await editor.stop()
        return _with_metrics(folder, Replayed(len(recording.keystrokes), latencies, counters, 0))


async def typed(editor: Editor, recording: Recording, client: Client) -> list[float]:
    """The latencies of what was shown while it still fitted."""
    asked: list[asyncio.Task[Shown]] = []
    for number, keystroke in enumerate(recording.keystrokes):
        due = time.perf_counter() + _gap(recording, number)
        for edit in keystroke.edits:
            editor.replace(edit.span, edit.text)
        if asked and client.cancels:
            asked[-1].cancel()
        editor.cursor = keystroke.cursor
        await _until(min(due, time.perf_counter() + client.after_s))
        if not client.waits or time.perf_counter() < due:
            asked.append(asyncio.create_task(editor.ghost_text()))
        await _until(due)
    replies = await asyncio.gather(*asked, return_exceptions=True)
    for reply in replies:
        if isinstance(reply, BaseException) and not isinstance(reply, _SETTLED):
            raise reply
    return [reply.latency_ms for reply in replies if isinstance(reply, Shown) and reply.text]


_SETTLED = (asyncio.CancelledError, JsonRpcRequestCancelled)
"""How a request ends that another took the place of."""


def _gap(recording: Recording, number: int) -> float:
    following = recording.keystrokes[number + 1 : number + 2]
    return following[0].gap_s if following else 2.0


async def _until(due: float) -> None:
    await asyncio.sleep(max(0.0, due - time.perf_counter()))


async def _naively(recording: Recording) -> Replayed:
    """One request a keystroke straight to the engine, cancelled by the next; the same context and length."""
    config = Config().completion
    latencies: list[float] = []
    with place.own_folders():
        async with place.engine(EMBEDDED) as engine:
            await engine.ask("/infill", place.infill("x = "))
            before = await engine.counters()
            asked: asyncio.Task[None] | None = None
            for number, (keystroke, text) in enumerate(zip(recording.keystrokes, recording.texts(), strict=True)):
                due = time.perf_counter() + _gap(recording, number)
                if asked is not None:
                    asked.cancel()
                window = around(Document("", text), keystroke.cursor, config.context_chars)
                body = place.infill(window.prefix, window.suffix, config.max_tokens, stop=["\n"])
                asked = asyncio.create_task(_ask(engine, body, latencies))
                await _until(due)
            await asyncio.gather(*([asked] if asked else []), return_exceptions=True)
            counters = _since(before, await engine.counters())
    return Replayed(len(recording.keystrokes), latencies, counters, len(recording.keystrokes))


async def _ask(engine: Server, body: dict[str, object], latencies: list[float]) -> None:
    reply = await engine.ask("/infill", body)
    if reply.text.strip():
        latencies.append(reply.total_ms)


def _since(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {name: value - before.get(name, 0) for name, value in after.items()}


def _with_metrics(folder: Path, found: Replayed) -> Replayed:
    """With what the server has noted of each request; the first was ours."""
    rows = place.answered(folder)[1:]
    return attrs.evolve(
        found,
        requests=len(rows),
        reused=sum(bool(reused) for _, _, reused in rows),
        reused_ms=[latency for _, latency, reused in rows if reused],
        reasons=Counter(str(reason) for reason, _, _ in rows if reason),
    )
