"""How fast a model is on this machine, as it is served: by our engine, and by llama-server where that is installed.

Both speak llama.cpp's `/infill` and say how long they computed, so that one way of asking measures either.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import statistics
import tempfile
import time
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import httpx
import psutil  # type: ignore[import-untyped]

from hybrid_lsp import children
from hybrid_lsp.backends.endpoint import Endpoint
from hybrid_lsp.backends.launcher import EngineSpec, Launcher
from hybrid_lsp.catalogue import machine
from hybrid_lsp.catalogue.found import origin
from hybrid_lsp.catalogue.work import Work
from hybrid_lsp.errors import BackendFailed, BackendUnavailable
from hybrid_lsp.models import store

KEYS = 6
"""Keystrokes that are typed after each other: what they cost is what typing costs."""
_STARTS_WITHIN_S = 300.0
_ANSWERS_WITHIN_S = 300.0
_ENDS_WITHIN_S = 10.0
_LONG_TOKENS = 32
_POLL_S = 0.1
_CODE = '''\
    def add_{number}(self, item: Item) -> None:
        """Put an item where its number says."""
        if item.number in self.items_{number}:
            raise DuplicateItem(item.number)
        self.items_{number}[item.number] = item
        logger.info("added %s to shelf {number}", item.name)

'''
_TYPED = "    def remove(self, number: str) -> Item:\n        if number not in self.items:\n            raise Un"
_AFTER = "\n\n    def count(self) -> int:\n        return len(self.items)\n"
_METHODS = 9
"""Of the text above: some 600 tokens before the cursor, as a usual file has."""


@attrs.frozen
class Measured:
    """One server with one model. Rates in tokens a second, times in milliseconds, memory in bytes.

    `cold_ms`: a prompt of which nothing is known, to the end of its suggestion; `warm_ms`: the median of keystrokes
    after it; `first_warm_ms`: of those, to the first token.
    """

    server: str
    prompt_tokens: int
    prefill: float
    decode: float
    cold_ms: float
    warm_ms: float
    first_warm_ms: float
    memory: int
    suggestion: str = ""


@attrs.frozen
class Benched:
    """What `bench` found: ours, llama-server's where it could be had, and what to make of it."""

    ours: Measured
    theirs: Measured | None
    advice: tuple[str, ...]


def bench(
    model: str, work: Work, *, threads: int = 0, gguf: Path | None = None, llama_server: str = "llama-server"
) -> Benched:
    """Measure a model; `gguf` is what llama-server is given, by default the file that the model was made of.

    Raises ModelMissing, ModelBroken, EngineStartFailed, BackendFailed, Cancelled.
    """
    folder = store.resolve(model).folder
    ours = asyncio.run(_watched(_bench_ours(str(folder), threads, work.part(0, 0.5)), work))
    machine.remember(folder, machine.Rates(ours.prefill, ours.decode))
    file = gguf or _made_of(folder)
    program = shutil.which(llama_server)
    theirs, missing = None, ""
    if program is None:
        missing = f"{llama_server} is not on the PATH: nothing to compare with."
    elif file is None:
        missing = (
            "The GGUF file is gone that this model was made of; name one with --gguf to compare with llama-server."
        )
    else:
        theirs = asyncio.run(_watched(_bench_theirs(program, file, threads, work.part(0.5, 1)), work))
    return Benched(ours, theirs, (missing,) if theirs is None else _compared(ours, theirs, file))


def _made_of(folder: Path) -> Path | None:
    path = origin(folder).get("path")
    file = Path(path) if isinstance(path, str) else None
    return file if file is not None and file.is_file() else None


def _compared(ours: Measured, theirs: Measured, file: Path | None) -> tuple[str, ...]:
    decode, warm = theirs.decode / max(ours.decode, 1e-3), theirs.warm_ms / max(ours.warm_ms, 1e-3)
    facts = (
        f"llama-server writes {decode:.1f} times as many tokens a second as our engine, and a keystroke's suggestion "
        f"takes it {warm:.1f} times as long."
    )
    if warm >= 1:
        return (facts, "Our engine is the faster one here.")
    how = (
        f"llama-server is faster here. To use it: llama-server -m {file} --port 8012, and in your settings "
        'small.backend = "llamacpp", small.base_url = "http://127.0.0.1:8012".'
    )
    return (facts, how)


async def _watched(measuring: Coroutine[Any, Any, Measured], work: Work) -> Measured:
    """Run it until the user wants no more."""
    task = asyncio.ensure_future(measuring)
    try:
        while not task.done():
            work.check()
            await asyncio.wait({task}, timeout=_POLL_S)
        return await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _bench_ours(model: str, threads: int, work: Work) -> Measured:
    """In an engine of our own, whose socket nobody else knows: one that serves an editor would know the text."""
    with tempfile.TemporaryDirectory(prefix="hl-") as folder:
        spec = EngineSpec(model, threads=threads, idle_exit_minutes=5)
        launcher = Launcher(start_timeout_s=_STARTS_WITHIN_S)
        work.report(0, "our engine loads the model")
        before = {each.pid for each in psutil.Process().children()}
        with _runtime_folder(folder):
            endpoint = await launcher.ensure(spec)
        (engine,) = (each for each in psutil.Process().children() if each.pid not in before)
        try:
            return await _measure("our engine", endpoint, engine, work)
        finally:
            engine.terminate()
            await asyncio.to_thread(psutil.wait_procs, [engine], 10)


@asynccontextmanager
async def _llama_server(program: str, file: Path, threads: int) -> AsyncIterator[tuple[Endpoint, psutil.Process]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [program, "--model", str(file), "--port", str(port), "--host", "127.0.0.1", "--ctx-size", "4096"]
    command += ["--cache-reuse", "256", "--spm-infill", *(["--threads", str(threads)] if threads else [])]
    process = await children.start(*command, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)
    try:
        yield Endpoint(f"http://127.0.0.1:{port}"), psutil.Process(process.pid)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _ENDS_WITHIN_S)
        except TimeoutError:
            await children.end(process)


async def _bench_theirs(program: str, file: Path, threads: int, work: Work) -> Measured:
    work.report(0, "llama-server loads the model")
    async with _llama_server(program, file, threads) as (endpoint, process):
        await _until_ready(endpoint, process)
        return await _measure("llama-server", endpoint, process, work)


async def _until_ready(endpoint: Endpoint, process: psutil.Process) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    async with endpoint.client() as client:
        while time.monotonic() < deadline:
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                raise BackendUnavailable("llama-server ended before it was ready.", "Start it by hand to see why.")
            with suppress(httpx.HTTPError):
                if (await client.get("/health", timeout=2)).status_code == httpx.codes.OK:
                    return
            await asyncio.sleep(_POLL_S)
    raise BackendUnavailable("llama-server was not ready in time.", "Start it by hand to see why.")


async def _measure(server: str, endpoint: Endpoint, process: psutil.Process, work: Work) -> Measured:
    salt = f"# {time.time_ns()}\n"  # nothing of it may be known already
    text = salt + "class Inventory:\n" + "".join(_CODE.format(number=number) for number in range(_METHODS))
    async with endpoint.client() as client:
        work.report(0.2, f"{server}: a long prompt")
        cold = await _ask(client, text + _TYPED[:-KEYS], 8)
        warm = []
        for left in range(KEYS - 1, -1, -1):
            work.report(0.5 + 0.3 * (KEYS - left) / KEYS, f"{server}: typing")
            warm.append(await _ask(client, text + _TYPED[: len(_TYPED) - left], 8))
        work.report(0.9, f"{server}: a long reply")
        long = await _ask(client, text + "    def ", _LONG_TOKENS, one_line=False)
    timings, answers = cold["timings"], [cold, *warm, long]
    return Measured(
        server=server,
        prompt_tokens=int(timings.get("cache_n") or 0) + int(timings["prompt_n"]),
        prefill=_rate(timings["prompt_n"], timings["prompt_ms"]),
        # Of all that was written: a single reply may end at its first token.
        decode=_rate(_sum(answers, "predicted_n"), _sum(answers, "predicted_ms")),
        cold_ms=_total(cold),
        warm_ms=statistics.median(map(_total, warm)),
        first_warm_ms=statistics.median(float(each["timings"]["prompt_ms"]) for each in warm),
        memory=process.memory_info().rss,
        suggestion=str(warm[-1]["content"]),
    )


async def _ask(client: httpx.AsyncClient, prefix: str, tokens: int, *, one_line: bool = True) -> dict[str, Any]:
    body = {
        "input_prefix": prefix,
        "input_suffix": _AFTER,
        "n_predict": tokens,
        "temperature": 0,
        "cache_prompt": True,
        "stream": False,
        **({"stop": ["\n"]} if one_line else {}),
    }
    try:
        response = await client.post("/infill", json=body, timeout=_ANSWERS_WITHIN_S)
        answer = response.json() if response.status_code == httpx.codes.OK else {}
    except (httpx.HTTPError, json.JSONDecodeError) as error:
        raise BackendFailed(f"The server broke off: {error}.", "See its log.") from error
    if not isinstance(answer, dict) or "timings" not in answer:
        raise BackendFailed(f"The server answered with status {response.status_code}.", "See its log.")
    return answer


def _rate(count: float, milliseconds: float) -> float:
    return 1000 * float(count) / max(float(milliseconds), 1e-3)


def _sum(answers: list[dict[str, Any]], name: str) -> float:
    return float(sum(each["timings"][name] for each in answers))


def _total(answer: dict[str, Any]) -> float:
    return float(answer["timings"]["prompt_ms"]) + float(answer["timings"]["predicted_ms"])


class _runtime_folder:  # noqa: N801 (used as a function)
    """Sockets go there while the block runs."""

    def __init__(self, folder: str) -> None:
        self._folder, self._before = folder, os.environ.get("HYBRID_LSP_RUNTIME_DIR")

    def __enter__(self) -> None:
        os.environ["HYBRID_LSP_RUNTIME_DIR"] = self._folder

    def __exit__(self, *_: object) -> None:
        if self._before is None:
            del os.environ["HYBRID_LSP_RUNTIME_DIR"]
        else:
            os.environ["HYBRID_LSP_RUNTIME_DIR"] = self._before
