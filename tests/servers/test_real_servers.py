"""The contract of the backends (`tests/clauses.py`), kept by those who serve real weights."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from clauses import *  # noqa: F403
from clauses import PROMPTS, clause, collect, text
from columns import SERVERS, column_of
from conftest import START_S, VLLM, LlamaServer, counted
from parties import Party, client, generate_tests
from relay import Relay, relaying

from hybrid_lsp.backends.endpoint import Endpoint
from hybrid_lsp.backends.engine import EngineBackend
from hybrid_lsp.backends.launcher import EngineSpec, Launcher
from hybrid_lsp.errors import BackendRefused
from hybrid_lsp.models import families
from hybrid_lsp.types import Chat, Infill, Message, Request


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    generate_tests(metafunc, [name for name in SERVERS if VLLM or "vllm" not in name], real=True)


@pytest.fixture
async def party(request: pytest.FixtureRequest, weights: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Party]:
    name, who = request.param, SERVERS[request.param]
    async with AsyncExitStack() as stack:
        if who == "our engine":
            monkeypatch.setenv("HYBRID_LSP_RUNTIME_DIR", request.getfixturevalue("engine_folder"))
            party = await _of_engine(name, request.getfixturevalue("converted"), stack)
        elif who == "vLLM":
            party = await _of_vllm(name, request.getfixturevalue("vllm_address"))
        else:
            party = _of_llama(name, request.getfixturevalue("llama"))
        yield party
        await party.aclose()


@pytest.fixture
async def relay(party: Party) -> AsyncIterator[Relay]:
    assert party.endpoint is not None
    async with relaying(party.endpoint) as relay:
        yield relay


async def _of_engine(name: str, folder: Path, stack: AsyncExitStack) -> Party:
    launcher, spec = Launcher(start_timeout_s=START_S), EngineSpec(str(folder), idle_exit_minutes=5)
    engine = EngineBackend(spec, launcher, START_S)
    stack.push_async_callback(engine.aclose)
    started = (await engine.props())["counters"]["generations_started"]
    # LangChain's clients know no Unix sockets: they come through a relay without faults.
    own = await launcher.ensure(spec)
    endpoint = (await stack.enter_async_context(relaying(own))).endpoint if name.startswith("langchain") else own

    async def given_up() -> int:
        return (await engine.props())["counters"]["generations_cancelled"]

    async def works() -> bool:
        return (await engine.props())["counters"]["generations_started"] > started

    def connect(at: Endpoint, **options: Any) -> Any:
        if at is endpoint and name == "engine":
            return EngineBackend(spec, launcher, START_S)
        return client(column_of(name), at, "any", **({"timeout_s": START_S} | options))

    return Party(name, connect, given_up, works, endpoint, reply=None)


def _of_llama(name: str, server: LlamaServer) -> Party:
    async def given_up() -> int:
        return server.cancelled

    async def works() -> bool:
        return server.processing

    return Party(name, connecting(name, "any"), given_up, works, Endpoint(server.url), reply=None)


async def _of_vllm(name: str, address: str) -> Party:
    async with httpx.AsyncClient(timeout=60) as http:
        model = (await http.get(f"{address}/v1/models")).json()["data"][0]["id"]
    asked, written = counted(address, "prompt_tokens_total"), counted(address, "generation_tokens_total")

    async def given_up() -> int:
        """Whether it rests before it has written all that was asked for: it counts none of these itself."""
        came = counted(address, "prompt_tokens_total") > asked
        short = counted(address, "generation_tokens_total") - written < 900
        return int(came and short and not await works())

    async def works() -> bool:
        return counted(address, "num_requests_running") > 0

    return Party(name, connecting(name, model), given_up, works, Endpoint(address), reply=None)


def connecting(name: str, model: str) -> Callable[..., Any]:
    def connect(at: Endpoint, **options: Any) -> Any:
        return client(column_of(name), at, model, **({"timeout_s": START_S, "family": families.PLAIN} | options))

    return connect


# -- what is true of real models alone -------------------------------------------------------------------------------


@clause("infill")
async def test_it_is_greedy(party: Party) -> None:
    request, backend = Request(PROMPTS["infill"], max_tokens=4), party.backend()
    assert text(await collect(backend, request)) == text(await collect(backend, request))


@pytest.mark.parametrize("party", ["llamacpp"], indirect=True)
async def test_a_prompt_beyond_the_servers_context_is_cut(party: Party) -> None:
    request = Request(Infill("value = 1\n" * 200 + "def add(", "\n"), max_tokens=2)
    assert any(piece.finish is not None for piece in await collect(party.backend(), request))


@pytest.mark.parametrize("party", ["openai", "langchain"], indirect=True)
async def test_a_conversation_beyond_the_servers_context_is_told(party: Party) -> None:
    request = Request(Chat((Message("user", "value = 1\n" * 200),)), max_tokens=2)
    with pytest.raises(BackendRefused, match="context") as caught:
        await collect(party.backend(), request)
    assert "actions.review_chars" in caught.value.remedy
