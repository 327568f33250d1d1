"""Recorded typing with a real small model through the server, beside llama-server with the same weights and a client
that does what its own extension does: the same keys in the same rhythm, the same threads, one after the other.

It runs where the weights are at hand: `tools/real_models.py` fetches them, and says what to give.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import httpx
import psutil

from benchmarks import llama_client, place, prompts, replay, traces
from benchmarks.llama_client import LlamaClient
from benchmarks.place import Server
from benchmarks.report import Report, quantile, ratio
from benchmarks.traces import Recording
from hybrid_lsp.backends.http import Endpoint
from hybrid_lsp.backends.launcher import EngineSpec
from hybrid_lsp.server.editor import Editor, Shown

_STARTS_WITHIN_S = 300
_PROMPT_TOKENS, _TOKENS = 512, 24
_WINDOW = 4096


@attrs.frozen
class Weights:
    """One model: the folder for our engine, and files of the same weights for llama-server."""

    folder: Path | None
    files: tuple[Path, ...]
    server: str
    threads: int

    @classmethod
    def of(cls, options: argparse.Namespace) -> Weights:
        return cls(options.small_model, tuple(options.gguf), options.llama_server, options.threads)

    @property
    def missing(self) -> list[str]:
        """What is not at hand."""
        lacking = [] if self.folder is not None and self.folder.is_dir() else ["--small-model FOLDER"]
        lacking += [] if self.files and all(file.is_file() for file in self.files) else ["--gguf FILE"]
        return lacking + ([] if shutil.which(self.server) else [f"the program {self.server} (--llama-server)"])


@attrs.define
class Typed:
    """What was shown while a recording was typed, each with what was written there in the end (None: not known)."""

    keys: int
    latencies_ms: list[float] = attrs.field(factory=list)
    exact: int = 0
    judged: int = 0
    accepted: int = 0
    cpu_s: float = 0.0

    def take(self, text: str, latency_ms: float, truth: str | None) -> None:
        """A suggestion that was shown while it still fitted."""
        self.latencies_ms.append(latency_ms)
        if truth is None:
            return
        line = text.split("\n")[0].rstrip() or text.rstrip()
        self.judged += 1
        self.exact += truth.split("\n")[0].rstrip() == line
        self.accepted += next((at for at, (a, b) in enumerate(zip(text, truth, strict=False)) if a != b), len(text))


async def run(report: Report, keystrokes: int, repeats: int, weights: Weights) -> None:
    if weights.missing:
        report.notes.append(f"real: left out; needed are {', '.join(weights.missing)} (see tools/real_models.py).")
        return
    recordings = (traces.python(keystrokes), traces.rust(keystrokes))
    for recording in recordings:
        _tell(report, f"real, {recording.name}, hybrid-lsp", await _ours(recording, weights))
    await _rates(report, "real, hybrid-lsp", _engine(weights), repeats)
    for file in weights.files:
        async with _llama_server(weights, file) as (theirs, process):
            for recording in recordings:
                _tell(report, f"real, {recording.name}, {file.stem}", await _theirs(recording, theirs, process))
        await _rates(report, f"real, {file.stem}", _only(weights, file), repeats)


def _tell(report: Report, name: str, found: Typed) -> None:
    report.add(name, "keys", found.keys)
    report.add(name, "shown for 100 keys", len(found.latencies_ms) / found.keys * 100)
    report.add(name, "latency of shown, p50, pause included", quantile(found.latencies_ms, "p50"), "ms")
    report.add(name, "latency of shown, p95, pause included", quantile(found.latencies_ms, "p95"), "ms")
    report.add(name, "CPU seconds for 100 keys", found.cpu_s / found.keys * 100, "s")
    report.add(name, "exact lines, of those shown", ratio(found.exact, found.judged))
    report.add(name, "characters that were then typed, for 100 keys", found.accepted / found.keys * 100)


Ask = Callable[[str, int], asyncio.Task[tuple[str, float]]]


async def _type(recording: Recording, found: Typed, ask: Ask, edit: Callable[[int], None]) -> None:
    """Every key in its time; a request after each, of which the last before the next key counts."""
    texts = list(recording.texts())
    asked: list[tuple[int, asyncio.Task[tuple[str, float]]]] = []
    for number, keystroke in enumerate(recording.keystrokes):
        due = time.perf_counter() + replay._gap(recording, number)
        edit(number)
        asked.append((number, ask(texts[number], keystroke.cursor)))
        await replay._until(due)
    replies = await asyncio.gather(*(task for _, task in asked), return_exceptions=True)
    for (number, _), reply in zip(asked, replies, strict=True):
        if isinstance(reply, tuple) and reply[0].strip():
            prefix = texts[number][: recording.keystrokes[number].cursor]
            truth = texts[-1][len(prefix) :] if texts[-1].startswith(prefix) else None
            found.take(*reply, truth)


async def _ours(recording: Recording, weights: Weights) -> Typed:
    found = Typed(len(recording.keystrokes))
    small = {"backend": "engine", "model": str(weights.folder), "threads": weights.threads, "timeout_s": 120.0}
    settings = {"small": small, "engine": {"start_timeout_s": float(_STARTS_WITHIN_S)}}
    with place.own_folders() as folder:
        editor = Editor(settings, name=replay.VS_CODE.name)
        await editor.start(folder)
        editor.open(folder / recording.name, recording.opening, recording.language)
        await editor.ghost_text(invoked=True)  # the models are loaded
        await editor.ghost_text()
        processes = [psutil.Process(editor.server_pid), *place.engines(folder / "run")]
        before = place.cpu_s(*processes)

        def edit(number: int) -> None:
            for change in recording.keystrokes[number].edits:
                editor.replace(change.span, change.text)
            editor.cursor = recording.keystrokes[number].cursor

        last: list[asyncio.Task[Any]] = []

        def ask(text: str, cursor: int) -> asyncio.Task[tuple[str, float]]:
            for task in last:
                task.cancel()  # as the editor does
            last[:] = [asyncio.ensure_future(_shown(editor))]
            return last[0]

        await _type(recording, found, ask, edit)
        found.cpu_s = place.cpu_s(*processes) - before
        await editor.stop()
    return found


async def _shown(editor: Editor) -> tuple[str, float]:
    shown: Shown = await editor.ghost_text()
    return shown.text, shown.latency_ms


async def _theirs(recording: Recording, server: Server, process: psutil.Process) -> Typed:
    found, client = Typed(len(recording.keystrokes)), LlamaClient(server)
    await client.ghost_text(recording.opening, len(recording.opening))
    before = place.cpu_s(process)
    await _type(recording, found, lambda text, at: asyncio.ensure_future(client.ghost_text(text, at)), lambda _: None)
    await client.close()
    found.cpu_s = place.cpu_s(process) - before
    return found


async def _rates(report: Report, name: str, served: Any, repeats: int) -> None:
    """The first text of a new prompt and of one that goes on, and how fast more come.

    The first token comes before the first text where it only spells again what stands before the cursor.
    """
    async with served as server:
        cold, warm, inside, decode = list[float](), list[float](), list[float](), list[float]()
        for number in range(max(1, repeats // 4)):
            text = prompts.fresh(_PROMPT_TOKENS, number) + prompts.TYPED[0]
            cold.append((await _ask(server, text)).first_ms)
            for typed in prompts.TYPED[1:4]:
                text += typed
                reply = await _ask(server, text)
                warm.append(reply.first_ms)
                inside.append(float(reply.last["timings"]["prompt_ms"]))
                decode += [reply.pieces_per_second] if reply.pieces > _TOKENS // 2 else []
    report.add(name, "first text, cold, p50", quantile(cold, "p50"), "ms")
    report.add(name, "first text, warm, p50", quantile(warm, "p50"), "ms")
    report.add(name, "first token in the server, warm, p50", quantile(inside, "p50"), "ms")
    report.add(name, "decode, p50", quantile(decode, "p50"), "tokens/s")


async def _ask(server: Server, text: str) -> place.Streamed:
    return await server.ask("/infill", llama_client.body(text, "", None) | {"n_predict": _TOKENS, "temperature": 0})


@asynccontextmanager
async def _engine(weights: Weights) -> AsyncIterator[Server]:
    with place.own_folders():
        async with place.engine(EngineSpec(str(weights.folder), threads=weights.threads)) as server:
            yield server


@asynccontextmanager
async def _only(weights: Weights, file: Path) -> AsyncIterator[Server]:
    async with _llama_server(weights, file) as (server, _):
        yield server


@asynccontextmanager
async def _llama_server(weights: Weights, file: Path) -> AsyncIterator[tuple[Server, psutil.Process]]:
    """As its authors start it for filling in, with the cache that it has for a client like theirs."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = {"-m": file, "--port": port, "-t": weights.threads, "-tb": weights.threads, "-c": _WINDOW}
    options |= {"--cache-reuse": 256, "-ub": 1024, "-b": 1024, "-np": 1}
    command = [weights.server, *(str(word) for pair in options.items() for word in pair)]
    quiet = asyncio.subprocess.DEVNULL
    child = await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet)
    try:
        async with place.client(Endpoint(f"http://127.0.0.1:{port}")) as http:
            await _healthy(http, child)
            yield Server(http), psutil.Process(child.pid)
    finally:
        child.terminate()
        await child.wait()


async def _healthy(http: httpx.AsyncClient, child: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(_STARTS_WITHIN_S):
        while child.returncode is None:
            try:
                if (await http.get("/health")).status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.2)
    raise RuntimeError(f"llama-server ended with status {child.returncode}.")
