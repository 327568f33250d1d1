"""The same prompts on our engine and on llama-cpp-python's server, in turns: the same weights in int8 and in Q8_0.

Runs where an interpreter has llama-cpp-python with its server, and gguf (`--llama-python`); it is no dependency.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks import place, prompts, random_model
from benchmarks.place import Server, Streamed
from benchmarks.report import Report, quantile, ratio
from hybrid_lsp.backends.endpoint import Endpoint
from hybrid_lsp.backends.launcher import EngineSpec

SIZE = "46M"
SHARED = 512
TOKENS = 24
PAUSE_S = 0.25
THREADS = 1
"""Each. With more, the figures say more about what else the machine does."""
_STARTS_WITHIN_S = 60


async def run(report: Report, repeats: int, python: str) -> None:
    missing = [name for name in ("llama_cpp.server", "gguf") if not _has(python, name)]
    if missing or not random_model.available():
        report.notes.append(f"llama.cpp: left out; not installed: {', '.join(missing or [random_model.NEEDS])}.")
        return
    with place.own_folders() as folder:
        made, file = random_model.make(SIZE, folder), folder / "model.gguf"
        writer = Path(__file__).with_name("gguf_file.py")
        await asyncio.to_thread(subprocess.run, [python, writer, made.weights, file], check=True)
        spec = EngineSpec(made.model, threads=THREADS)
        async with place.engine(spec) as ours, _llama_server(python, file) as theirs:
            found = await _both(ours, theirs, repeats)
    _tell(report, found["ours"], found["theirs"])
    report.notes.append("llama.cpp: one thread each; ratios are ours / theirs.")


def _has(python: str, module: str) -> bool:
    return place.python_has(module.partition(".")[0], python) and place.python_has(module, python)


async def _both(ours: Server, theirs: Server, repeats: int) -> dict[str, dict[str, list[float]]]:
    """Cold, and typed on three times, by one and then by the other."""
    found: dict[str, dict[str, list[float]]] = {
        name: {"cold": [], "warm": [], "decode": [], "tokens": []} for name in ("ours", "theirs")
    }
    for number in range(-1, repeats):
        for name, server in (("ours", ours), ("theirs", theirs)):
            text = prompts.fresh(SHARED, number)
            tokens = await _count(server, text) if number < 0 else 0
            text = f"# {name} {number}\n{text}{prompts.TYPED[0]}"  # counting has read it
            cold = await _ask(server, text)
            warm = [await _ask(server, text := text + typed) for typed in prompts.TYPED[1:4]]
            if number < 0:
                found[name]["tokens"].append(tokens)
                continue
            found[name]["cold"].append(cold.first_ms)
            found[name]["warm"] += [each.first_ms for each in warm]
            found[name]["decode"] += [each.pieces_per_second for each in (cold, *warm) if each.pieces > TOKENS // 2]
    return found


async def _ask(server: Server, text: str) -> Streamed:
    await asyncio.sleep(PAUSE_S)
    return await server.ask("/v1/completions", {"prompt": text, "max_tokens": TOKENS, "temperature": 0})


async def _count(server: Server, text: str) -> int:
    """Tokens of a prompt, as the server counts them."""
    reply = await server.http.post("/v1/completions", json={"prompt": text, "max_tokens": 1})
    return int(reply.json()["usage"]["prompt_tokens"])


def _tell(report: Report, ours: dict[str, list[float]], theirs: dict[str, list[float]]) -> None:
    name = f"llama.cpp, {SIZE}"
    report.add(name, "tokens of the prompt, ours", ours["tokens"][0])
    report.add(name, "tokens of the prompt, theirs", theirs["tokens"][0])
    for what, unit in (("cold", "ms"), ("warm", "ms"), ("decode", "tokens/s")):
        title = f"first token, {what}" if unit == "ms" else what
        mine, other = quantile(ours[what], "p50"), quantile(theirs[what], "p50")
        report.add(name, f"{title}, ours, p50", mine, unit)
        report.add(name, f"{title}, theirs, p50", other, unit)
        report.add(name, f"{title}, ratio", ratio(mine, other))
    rates = [ratio(each["tokens"][0] * 1000, quantile(each["cold"], "p50")) for each in (ours, theirs)]
    report.add(name, "prefill when cold, ours", rates[0], "tokens/s")
    report.add(name, "prefill when cold, theirs", rates[1], "tokens/s")
    report.add(name, "prefill, ratio", ratio(rates[0], rates[1]))


@asynccontextmanager
async def _llama_server(python: str, file: Path) -> AsyncIterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options: dict[str, Any] = {
        "model": file,
        "host": "127.0.0.1",
        "port": port,
        "n_ctx": random_model.CONTEXT,
        "n_threads": THREADS,
        "n_threads_batch": THREADS,
        "verbose": False,
    }
    command = [python, "-m", "llama_cpp.server", *(str(word) for pair in options.items() for word in _option(*pair))]
    quiet = subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet, env=dict(os.environ))
    try:
        async with place.client(Endpoint(f"http://127.0.0.1:{port}")) as http:
            await _answers(http, process)
            yield Server(http)
    finally:
        process.terminate()
        await process.wait()


def _option(name: str, value: Any) -> tuple[str, Any]:
    return f"--{name}", value


async def _answers(http: httpx.AsyncClient, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(_STARTS_WITHIN_S):
        while process.returncode is None:
            try:
                await http.get("/v1/models")
            except httpx.HTTPError:
                await asyncio.sleep(0.2)
            else:
                return
    raise RuntimeError(f"llama-cpp-python's server ended with status {process.returncode}.")
