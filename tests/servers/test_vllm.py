"""The same promises, kept by a real vLLM on the processor: `make test-vllm` installs it and runs these."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import install_vllm
import pytest
from conftest import ROOT, _wait_until_ready
from test_real_servers import BOTH, PROMPTS, collect, text

from hybrid_lsp.backends.endpoint import Endpoint
from hybrid_lsp.backends.http import HttpBackend
from hybrid_lsp.errors import BackendRefused
from hybrid_lsp.types import Chat, Finish, Infill, Kind, Message, Request

WANTED = os.environ.get("HYBRID_LSP_TEST_VLLM", "")
"""`install`, or the address of one that runs, `http://127.0.0.1:8000`, whose model is SmolLM2."""
pytestmark = pytest.mark.timeout(3600)
TIMEOUT_S = 1200.0


@pytest.fixture(scope="session")
def address(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if WANTED != "install":
        yield WANTED
        return
    python = install_vllm.install()
    folder = weights.with_suffix(".hf")
    if not (folder / "tokenizer.json").is_file():
        tool = ROOT / "tools" / "hf_from_gguf.py"
        subprocess.run([sys.executable, "-W", "ignore", str(tool), str(weights), str(folder), "bfloat16"], check=True)
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    log = tmp_path_factory.mktemp("vllm") / "log"
    with log.open("wb") as output:
        command, environ = install_vllm.command(python, folder, port), os.environ | install_vllm.ENVIRON
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environ)
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
async def vllm(address: str) -> AsyncIterator[HttpBackend]:
    async with httpx.AsyncClient(timeout=60) as http:
        model = (await http.get(f"{address}/v1/models")).json()["data"][0]["id"]
    backend = HttpBackend("vllm", Endpoint(f"{address}/v1"), "openai", model=model, timeout_s=TIMEOUT_S)
    yield backend
    await backend.aclose()


def counted(address: str, name: str) -> float:
    """One of its own counters, over all labels."""
    told = httpx.get(f"{address}/metrics", timeout=60).text
    return sum(float(value) for value in re.findall(rf"^vllm:{name}{{[^}}]*}} (\S+)$", told, re.MULTILINE))


@BOTH
async def test_a_reply_comes_in_pieces_and_says_why_it_ended(vllm: HttpBackend, prompt: str) -> None:
    pieces = await collect(vllm, Request(PROMPTS[prompt], max_tokens=6))
    answer = [piece for piece in pieces if piece.kind is Kind.ANSWER]
    assert text(answer).strip()
    assert answer[-1].finish in (Finish.LENGTH, Finish.STOP)
    assert all(piece.finish is None for piece in answer[:-1])
    assert sum(piece.tokens for piece in answer) in range(1, 8)
    (bill,) = (piece.usage for piece in pieces if piece.kind is Kind.BILL)
    assert bill is not None


async def test_it_is_greedy_and_says_how_sure_it_is(vllm: HttpBackend) -> None:
    request = Request(PROMPTS["infill"], max_tokens=4)
    first, second = [await collect(vllm, request) for _ in range(2)]
    assert text(first) == text(second)
    assert all(piece.logprob <= 0 for piece in first if piece.text)


async def test_stop_strings_end_it(vllm: HttpBackend) -> None:
    assert "\n" not in text(await collect(vllm, Request(PROMPTS["infill"], max_tokens=24, stop=("\n",))))


async def test_a_schema_holds(vllm: HttpBackend) -> None:
    schema: dict[str, object] = {"type": "object", "properties": {"a": {"enum": [1]}}, "required": ["a"]}
    request = Request(PROMPTS["chat"], max_tokens=24, json_schema=schema)
    assert text(await collect(vllm, request)).lstrip().startswith("{")


async def test_a_prompts_beginning_is_kept(vllm: HttpBackend, address: str) -> None:
    typed = "".join(f"value_{number} = compute({number})\n" for number in range(40))
    before = counted(address, "prefix_cache_hits_total")
    for key in ("", "v", "va"):
        await collect(vllm, Request(Infill(typed + key, ""), max_tokens=1))
    assert counted(address, "prefix_cache_hits_total") > before


@BOTH
async def test_closing_the_stream_stops_the_server(vllm: HttpBackend, address: str, prompt: str) -> None:
    before = counted(address, "generation_tokens_total")
    async with aclosing(vllm.generate(Request(PROMPTS[prompt], max_tokens=800, stop=()))) as stream:
        assert await anext(stream)
    while counted(address, "num_requests_running"):
        await asyncio.sleep(0.2)
    assert counted(address, "generation_tokens_total") - before < 700


async def test_a_conversation_beyond_its_context_is_told(vllm: HttpBackend) -> None:
    request: Any = Request(Chat((Message("user", "value = 1\n" * 800),)), max_tokens=2)
    with pytest.raises(BackendRefused, match="context"):
        await collect(vllm, request)
