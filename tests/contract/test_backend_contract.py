"""The contract of the backends (`tests/clauses.py`) against servers that say what is written for them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import scripted_servers as scripted
import tiny_model
import uvicorn
from clauses import *  # noqa: F403
from columns import COLUMNS
from conftest import Serve
from langchain_core.language_models import GenericFakeChatModel
from parties import REPLY, Party, client, generate_tests
from relay import Relay, relaying

from hybrid_lsp.backends.endpoint import Endpoint
from hybrid_lsp.backends.fake import FakeBackend, FakeReply
from hybrid_lsp.backends.langchain import LangChainBackend
from hybrid_lsp.engine.app import create_app
from hybrid_lsp.engine.guard import LoopbackGuard
from hybrid_lsp.engine.service import Engine

TOKEN = "a token of this test"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    generate_tests(metafunc, list(COLUMNS))


@pytest.fixture
async def party(request: pytest.FixtureRequest, served: Serve, gate: threading.Semaphore) -> AsyncIterator[Party]:
    name = request.param
    async with PARTIES[name](name, served, gate) as party:
        yield party
        party.let(10_000)
        await party.aclose()


@pytest.fixture
async def relay(party: Party) -> AsyncIterator[Relay]:
    assert party.endpoint is not None
    async with relaying(party.endpoint) as relay:
        yield relay


# -- our engine ------------------------------------------------------------------------------------------------------


def _of_engine(name: str, engine: Engine, endpoint: Endpoint, gate: threading.Semaphore) -> Party:
    async def given_up() -> int:
        return engine.counters.generations_cancelled

    async def works() -> bool:
        return engine.counters.generations_started > 0

    def connect(at: Endpoint, **options: Any) -> Any:
        return client(name, at, **options)

    return Party(name, connect, given_up, works, endpoint, let=gate.release)


@asynccontextmanager
async def on_socket(name: str, served: Serve, gate: threading.Semaphore) -> AsyncIterator[Party]:
    engine = tiny_model.scripted_engine(REPLY, gate)
    async with served(create_app(lambda: engine)) as endpoint:
        yield _of_engine(name, engine, endpoint, gate)


@asynccontextmanager
async def over_tcp(name: str, served: Serve, gate: threading.Semaphore) -> AsyncIterator[Party]:
    """As where there are no Unix sockets: on the loopback, with a token."""
    engine = tiny_model.scripted_engine(REPLY, gate)
    async with listening(LoopbackGuard(create_app(lambda: engine), TOKEN)) as url:
        yield _of_engine(name, engine, Endpoint(url, token=TOKEN), gate)


@asynccontextmanager
async def as_openai(name: str, served: Serve, gate: threading.Semaphore) -> AsyncIterator[Party]:
    """Our engine as any client of OpenAI's protocol sees it."""
    engine = tiny_model.scripted_engine(REPLY, gate)
    async with listening(create_app(lambda: engine)) as url:
        yield _of_engine(name, engine, Endpoint(url), gate)


@asynccontextmanager
async def listening(app: Any) -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="on", timeout_graceful_shutdown=5))
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done(), task.exception()
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


# -- others' servers -------------------------------------------------------------------------------------------------


@asynccontextmanager
async def scripted_server(name: str, served: Serve, gate: threading.Semaphore) -> AsyncIterator[Party]:
    shape = {"llamacpp": scripted.LLAMA_CPP, "openai": scripted.VLLM, "ollama": scripted.OLLAMA}[name]
    store = scripted.OllamaStore()
    server = scripted.Scripted(shape, REPLY, **({"more": store} if name == "ollama" else {}))

    async def given_up() -> int:
        return server.cancelled

    async def works() -> bool:
        return server.working > 0

    def connect(at: Endpoint, **options: Any) -> Any:
        return client(name, at, **options)

    async with scripted.serving(server):
        yield Party(name, connect, given_up, works, server.endpoint, let=server.let)
        assert store.mistakes == []


# -- without a connection --------------------------------------------------------------------------------------------


class Counting(GenericFakeChatModel):
    """LangChain's own fake, which knows how many of its streams were left."""

    left: list[str] = []  # noqa: RUF012 (a field of pydantic's)

    def _stream(self, messages: Any, stop: Any = None, run_manager: Any = None, **more: Any) -> Iterator[Any]:
        try:
            yield from super()._stream(messages, stop, run_manager, **more)
        except GeneratorExit:
            self.left.append("one")
            raise


@asynccontextmanager
async def langchains_fake(name: str, served: Serve, gate: threading.Semaphore) -> AsyncIterator[Party]:
    model = Counting(messages=iter([REPLY] * 10))

    async def given_up() -> int:
        return len(model.left)

    async def works() -> bool:
        return True

    def connect(_: Endpoint | None, **options: Any) -> LangChainBackend:
        made = {"make": lambda model_name, **_: model}
        return LangChainBackend(name="test", endpoint=Endpoint(""), model="fake", **(made | options))

    yield Party(name, connect, given_up, works)


@asynccontextmanager
async def our_fake(name: str, served: Serve, gate: threading.Semaphore) -> AsyncIterator[Party]:
    fake = FakeBackend(replies=[FakeReply(REPLY)])

    async def given_up() -> int:
        return fake.cancelled

    async def works() -> bool:
        return bool(fake.requests)

    yield Party(name, lambda at: fake, given_up, works)


PARTIES: dict[str, Any] = {
    "engine": on_socket,
    "engine-tcp": over_tcp,
    "llamacpp": scripted_server,
    "openai": scripted_server,
    "ollama": scripted_server,
    "langchain": as_openai,
    "langchain-fake": langchains_fake,
    "fake": our_fake,
}
