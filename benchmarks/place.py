"""Folders of a benchmark's own, and the engines that run in them."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import httpx
import psutil

from hybrid_lsp.backends.endpoint import Endpoint, sent
from hybrid_lsp.backends.launcher import EngineSpec, Launcher

_ENDS_WITHIN_S = 20


@contextmanager
def own_folders() -> Iterator[Path]:
    """A folder in which servers and engines keep all that is theirs; what still runs there in the end is ended.

    The user's settings, engines and metrics are neither used nor changed.
    """
    with tempfile.TemporaryDirectory(prefix="hl-") as name:
        folder, before = Path(name), dict(os.environ)
        os.environ |= {
            "HYBRID_LSP_CONFIG": str(folder / "config.toml"),
            "HYBRID_LSP_STATE_DIR": str(folder / "state"),
            "HYBRID_LSP_MODELS_DIR": str(folder / "models"),
            "HYBRID_LSP_RUNTIME_DIR": str(folder / "run"),
        }
        try:
            yield folder
        finally:
            os.environ.clear()
            os.environ.update(before)
            _end_engines(folder / "run")


def engines(runtime: Path) -> Iterator[psutil.Process]:
    """Engines outlive who started them; these are told by their socket's folder."""
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if any("hybrid_lsp.engine" in word for word in command) and any(str(runtime) in word for word in command):
            yield process


def cpu_s(*processes: psutil.Process) -> float:
    """Seconds that processes have computed, all together."""
    return sum(float(times.user + times.system) for times in (process.cpu_times() for process in processes))


def _end_engines(runtime: Path) -> None:
    for process in engines(runtime):
        with suppress(psutil.Error):
            process.terminate()
            process.wait(_ENDS_WITHIN_S)


@attrs.frozen
class Streamed:
    """A reply as it came: milliseconds to the first text and to the end, pieces of text, and what the server said last.

    `cut` says that it was left in the middle.
    """

    first_ms: float
    total_ms: float
    pieces: int
    text: str = attrs.field(repr=False)
    last: dict[str, Any] = attrs.field(repr=False)

    @property
    def pieces_per_second(self) -> float:
        """After the first."""
        return (self.pieces - 1) / max(self.total_ms - self.first_ms, 1e-6) * 1000


@attrs.frozen
class Server:
    """A model server: ours, or another that speaks the same protocols."""

    http: httpx.AsyncClient

    async def props(self) -> dict[str, Any]:
        """What our engine says of itself."""
        return dict((await self.http.get("/props")).json())

    async def counters(self) -> dict[str, int]:
        return dict((await self.props())["counters"])

    async def ask(self, path: str, body: Mapping[str, Any]) -> Streamed:
        """Stream one reply. Cancelling the coroutine closes the connection, which stops the model."""
        started, first, pieces = time.perf_counter(), 0.0, list[str]()
        last: dict[str, Any] = {}
        request = self.http.build_request("POST", path, json={**body, "stream": True})
        async with aclosing(await sent(self.http, request)) as response:
            response.raise_for_status()
            async for line in response.aiter_lines():
                if not line.startswith("data: {"):
                    continue
                last = json.loads(line[len("data: ") :])
                if text := _text(last):
                    first = first or time.perf_counter()
                    pieces.append(text)
        ended = time.perf_counter()
        first_ms = ((first or ended) - started) * 1000
        return Streamed(first_ms, (ended - started) * 1000, len(pieces), "".join(pieces), last)


def _text(event: Mapping[str, Any]) -> str:
    """Of llama.cpp's and OpenAI's events."""
    choices = event.get("choices") or [{}]
    return str(event.get("content") or choices[0].get("text") or "")


@asynccontextmanager
async def engine(spec: EngineSpec) -> AsyncIterator[Server]:
    """An engine, started if need be; the same that a server with these settings uses."""
    endpoint = await Launcher().ensure(spec)
    async with client(endpoint) as http:
        yield Server(http)


def client(endpoint: Endpoint) -> httpx.AsyncClient:
    return endpoint.client()


def infill(prefix: str, suffix: str = "", tokens: int = 24, **more: Any) -> dict[str, Any]:
    """The body of a request to fill in."""
    return {"input_prefix": prefix, "input_suffix": suffix, "n_predict": tokens, "temperature": 0, **more}


def answered(folder: Path) -> list[tuple[str | None, float, bool]]:
    """Of each inline request, in order: why nothing was shown, the server's milliseconds, whether it was reused."""
    with closing(sqlite3.connect(folder / "state" / "metrics.sqlite3")) as connection:
        return connection.execute("SELECT reason, latency_ms, reused FROM inline_answered ORDER BY at").fetchall()


def reasons(folder: Path) -> Counter[str]:
    """Why nothing was shown, how often."""
    return Counter(str(reason) for reason, _, _ in answered(folder) if reason)


def listed(reasons: Counter[str]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in reasons.most_common()) or "it never was"


def resident_mb(pid: int) -> float:
    """Memory that a process holds, in MB."""
    return float(psutil.Process(pid).memory_info().rss) / 1e6


def python_has(module: str, python: str = sys.executable) -> bool:
    """Whether an interpreter has a module, found without importing it."""
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    return subprocess.run([python, "-c", code], capture_output=True).returncode == 0
