"""Real servers with real weights: `make test-servers` fetches these and runs the tests, `make test` does without."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import attrs
import httpx
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
sys.path += [str(ROOT / "tools"), str(ROOT / "tools" / "servers"), str(HERE.parent / "editors")]

import fetch_weights  # noqa: E402
import install_llama_cpp  # noqa: E402
import leftovers  # noqa: E402

from hybrid_lsp.backends.base import Backend  # noqa: E402
from hybrid_lsp.backends.endpoint import Endpoint  # noqa: E402
from hybrid_lsp.backends.engine import EngineBackend  # noqa: E402
from hybrid_lsp.backends.http import HttpBackend  # noqa: E402
from hybrid_lsp.backends.launcher import EngineSpec, Launcher  # noqa: E402
from hybrid_lsp.models.weights import convert  # noqa: E402

FILES = {"smollm2": "SmolLM2-135M-Instruct*.gguf", "qwen0.5b": "[Qq]wen2.5-[Cc]oder-0.5[Bb]*.gguf"}
NAMES = os.environ.get("HYBRID_LSP_TEST_WEIGHTS", "smollm2").split()
# 3 GB and minutes, so it is asked for apart: `make test-vllm`.
collect_ignore = [] if os.environ.get("HYBRID_LSP_TEST_VLLM") else ["test_vllm.py"]
START_S = 300
"""Longest wait for a server that reads its weights on a busy machine."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("servers")
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session", params=NAMES)
def weights(request: pytest.FixtureRequest) -> Path:
    found = sorted(fetch_weights.weights_folder().glob(FILES[request.param]))
    if not found:
        pytest.fail(f"there are no weights {request.param}: run `make test-servers`, which fetches them")
    return found[0]


@attrs.frozen
class LlamaServer:
    """A llama-server of this test run, and what it tells of its work."""

    url: str
    log: Path

    @property
    def processing(self) -> bool:
        """Whether it works on a request."""
        return any(slot["is_processing"] for slot in httpx.get(f"{self.url}/slots", timeout=60).json())

    @property
    def predicted(self) -> int:
        """Tokens that it has generated since it started."""
        told = httpx.get(f"{self.url}/metrics", timeout=60).text
        found = re.search(r"^llamacpp:tokens_predicted_total (\d+)", told, re.MULTILINE)
        assert found is not None
        return int(found[1])

    @property
    def cancelled(self) -> int:
        """Requests that it gave up because its client had gone."""
        return self.log.read_text(encoding="utf-8", errors="replace").count("cancel task")


@pytest.fixture(scope="session")
def llama(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaServer]:
    program = install_llama_cpp.find()
    if program is None:
        pytest.fail("there is no llama-server: run `make test-servers`, which installs it")
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    log = tmp_path_factory.mktemp("llama") / "server.log"
    options = ["--host", "127.0.0.1", "--port", str(port), "-c", "512", "-np", "1", "-t", "2", "--metrics", "--slots"]
    with log.open("wb") as output:
        command = [str(program), "-m", str(weights), *options]
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url, process, log)
        yield LlamaServer(url, log)
    finally:
        process.terminate()
        process.wait(60)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")[-2000:]
        try:
            if httpx.get(f"{url}/health", timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    pytest.fail(f"llama-server was not ready within {START_S} s")


@pytest.fixture(scope="session")
def converted(weights: Path) -> Path:
    """The same weights as our engine serves them; made once, beside them."""
    folder = weights.with_suffix(".ct2")
    convert(weights, folder)
    return folder


@pytest.fixture(scope="session")
def engine_folder() -> Iterator[str]:
    """The runtime folder of all these tests: the engine is started once, and ends with them."""
    with leftovers.engine_folder() as folder:
        yield folder


@pytest.fixture
async def asked(
    request: pytest.FixtureRequest, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Backend]:
    """Somebody who has the weights; the test's parameter says who."""
    who = request.param
    if who == "engine":
        monkeypatch.setenv("HYBRID_LSP_RUNTIME_DIR", request.getfixturevalue("engine_folder"))
        folder = request.getfixturevalue("converted")
        engine = EngineBackend(EngineSpec(str(folder), idle_exit_minutes=5), Launcher(start_timeout_s=START_S), START_S)
        yield engine
        await engine.aclose()
        return
    server: LlamaServer = request.getfixturevalue("llama")
    base = server.url if who == "llamacpp" else f"{server.url}/v1"
    backend = HttpBackend(who, Endpoint(base), who, model="any", timeout_s=START_S)
    yield backend
    await backend.aclose()
