"""Engines to talk to: a scripted one on a socket of this process, and a real one with random weights."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import tiny_model
import uvicorn

from hybrid_lsp.backends.endpoint import Endpoint
from hybrid_lsp.engine.process import _server_class
from hybrid_lsp.paths import socket_path

ROOT = Path(__file__).parent.parent.parent
Serve = Callable[[Any], AbstractAsyncContextManager[Endpoint]]


@asynccontextmanager
async def serve(app: Any) -> AsyncIterator[Endpoint]:
    """An ASGI application on a Unix socket of the test's own runtime folder, by a real server."""
    path = socket_path(f"test-{os.urandom(4).hex()}.sock")
    config = uvicorn.Config(app, uds=str(path), log_config=None, lifespan="on", timeout_graceful_shutdown=5)
    server = _server_class()(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done(), task.exception()
        await asyncio.sleep(0.01)
    try:
        yield Endpoint("http://localhost", uds=path)
    finally:
        server.should_exit = True
        await task


@pytest.fixture
def served() -> Serve:
    return serve


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that must happen; the test's own time limit says when it did not."""
    while not condition():
        await asyncio.sleep(0.005)


@pytest.fixture
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    """A function that makes an HTTP client for an endpoint."""
    clients: list[httpx.AsyncClient] = []

    def make(endpoint: Endpoint) -> httpx.AsyncClient:
        clients.append(endpoint.client())
        return clients[-1]

    yield make
    for each in clients:
        await each.aclose()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`hf` and `ct2`, one random model in two formats."""
    return tiny_model.shared(tmp_path_factory)


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[psutil.Process]]]:
    """The engine processes of this test's runtime folder; they outlive their launchers, so the test ends them."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    folder = os.environ["HYBRID_LSP_RUNTIME_DIR"]

    def running() -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter(["cmdline", "status"]):
            command = " ".join(process.info["cmdline"] or [])
            ended = process.info["status"] in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
            if "hybrid_lsp.engine.process" in command and folder in command and not ended:
                found.append(process)
        return found

    yield running
    for process in running():
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()  # some tests stop them
            process.terminate()
            process.wait(20)


@pytest.fixture
def gate() -> Iterator[threading.Semaphore]:
    """Permits for the tokens of a scripted model; in the end it gets all that it may still want."""
    semaphore = threading.Semaphore(0)
    yield semaphore
    semaphore.release(10_000)
