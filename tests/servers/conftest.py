"""Real servers with real weights: `make test-servers` fetches these and runs the tests, `make test` does without."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import httpx
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
sys.path += [str(ROOT / "tools"), str(ROOT / "tools" / "servers"), str(HERE.parent / "editors")]

import fetch_weights  # noqa: E402
import install_llama_cpp  # noqa: E402
import install_vllm  # noqa: E402
import leftovers  # noqa: E402

from hybrid_lsp.models.weights import convert  # noqa: E402

FILES = {"smollm2": "SmolLM2-135M-Instruct*.gguf", "qwen0.5b": "[Qq]wen2.5-[Cc]oder-0.5[Bb]*.gguf"}
NAMES = os.environ.get("HYBRID_LSP_TEST_WEIGHTS", "smollm2").split()
VLLM = os.environ.get("HYBRID_LSP_TEST_VLLM", "")
"""3 GB and minutes, so it is asked for apart (`make test-vllm`): `install`, or the address of one that runs,
`http://127.0.0.1:8000`, whose model is SmolLM2."""
SEEN = HERE / "seen.json"
"""The clauses that were kept by real servers, by party: for the table in docs/servers.md."""
START_S = 300
"""Longest wait for a server that reads its weights on a busy machine."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("servers")
            item.add_marker(pytest.mark.timeout(900))


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Remember what a real server did, where HYBRID_LSP_RECORD_SEEN is set."""
    spec = getattr(item, "callspec", None)
    party = spec.params.get("party") if spec is not None else None
    if call.when == "call" and party and item.get_closest_marker("clause") and os.environ.get("HYBRID_LSP_RECORD_SEEN"):
        _remember(party, item.originalname, kept=call.excinfo is None)  # type: ignore[attr-defined]


def _remember(party: str, clause: str, *, kept: bool) -> None:
    seen = json.loads(SEEN.read_text(encoding="utf-8")) if SEEN.exists() else {}
    clauses = set(seen.get(party, ())) - {clause}
    if kept and clause not in _FAILED.setdefault(party, set()):
        clauses.add(clause)
    elif not kept:
        _FAILED.setdefault(party, set()).add(clause)
    seen[party] = sorted(clauses)
    SEEN.write_text(json.dumps(seen, indent=1, sort_keys=True) + "\n", encoding="utf-8")


_FAILED: dict[str, set[str]] = {}
"""In one of its cases a clause was not kept."""


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


@pytest.fixture(scope="session")
def vllm_address(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if VLLM != "install":
        yield VLLM
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


def counted(address: str, name: str) -> float:
    """One of its own counters, over all labels."""
    told = httpx.get(f"{address}/metrics", timeout=60).text
    return sum(float(value) for value in re.findall(rf"^vllm:{name}{{[^}}]*}} (\S+)$", told, re.MULTILINE))
