"""The command as a team runs it, on a Ray of this machine's own: `make test-cluster` installs Ray and runs these."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import httpx
import psutil
import pytest

from hybrid_lsp.cluster.team import digest_of

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
START_S = 180
"""Longest wait for Ray and the replicas on a busy machine."""
USERS = [f"user{number}" for number in range(6)]
TEAM = "[limits]\nat_once = 20\ntokens_a_minute = 0\n"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("cluster")
            item.add_marker(pytest.mark.timeout(600))


def entry(name: str, **limits: int) -> str:
    """A user whose token is his name."""
    lines = [f"[users.{name}]", f'token_sha256 = "{digest_of(name)}"']
    return "\n".join([*lines, *(f"{key} = {value}" for key, value in limits.items())]) + "\n"


@attrs.frozen
class Cluster:
    """`hybrid-lsp engine --ray`, running."""

    process: subprocess.Popen[bytes]
    port: int
    team: Path

    def client(self, user: str) -> httpx.AsyncClient:
        """A client of one user, whose connections are kept."""
        headers = {"Authorization": f"Bearer {user}"} if user else {}
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=120)

    def replicas(self) -> dict[int, psutil.Process]:
        """The processes that hold a model, by pid."""
        return self.processes("Replica")

    def processes(self, deployment: str) -> dict[int, psutil.Process]:
        """Those of one deployment, by pid."""
        found = {}
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if child.name().startswith("ray::") and f"Replica:hybrid-lsp:{deployment}" in " ".join(child.cmdline()):
                    found[child.pid] = child
            except psutil.NoSuchProcess:
                continue
        return found


async def until(condition: Callable[[], Any], every_s: float = 0.05) -> None:
    """Wait for something that must happen; the test's own time limit says when it did not."""
    while not condition():
        await asyncio.sleep(every_s)


def _serve(folder: Path, *options: str) -> Iterator[Cluster]:
    team = folder / "team.toml"
    team.write_text(TEAM + "".join(entry(name) for name in USERS), encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "hybrid_lsp", "engine", "--ray", "--threads=1", f"--port={port}", f"--team={team}"]
    log = (folder / "log").open("wb")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE", "RAY_"))}
    # Ray's sockets lie below it, and their paths may have 107 bytes.
    ray_folder = tempfile.mkdtemp(prefix="hl-ray-")
    environ |= {"RAY_TMPDIR": ray_folder, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([*command, *options], stdout=log, stderr=log, env=environ, start_new_session=True)
    try:
        _wait_until_served(process, port, folder / "log")
        yield Cluster(process, port, team)
    finally:
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
        _, left = psutil.wait_procs(children, 30)
        for child in left:
            child.kill()
        log.close()
        shutil.rmtree(ray_folder, ignore_errors=True)
        assert not left, left


def _wait_until_served(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if b"is served at" in log.read_bytes():
            return
        assert process.poll() is None, log.read_text(encoding="utf-8")
        time.sleep(0.2)
    raise AssertionError(f"not served at {port}: {log.read_text(encoding='utf-8')}")


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two replicas, always."""
    yield from _serve(tmp_path_factory.mktemp("pair"), "--least=2")


@pytest.fixture
def growing(tmp_path: Path) -> Iterator[Cluster]:
    """One replica, and a second one under load."""
    yield from _serve(tmp_path, "--least=1", "--most=2", "--ongoing=1")


@pytest.fixture
async def users(pair: Cluster) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """A client for each user of the pair."""
    clients = {name: pair.client(name) for name in USERS}
    yield clients
    for client in clients.values():
        await client.aclose()
