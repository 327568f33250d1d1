"""Ollama by its own protocol: what it is asked, how often, and what comes of a pull."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from scripted_servers import OLLAMA, OllamaStore, Scripted, serving

from hybrid_lsp.backends.ollama import OllamaBackend, Progress
from hybrid_lsp.errors import BackendError, BackendFailed, BackendRefused
from hybrid_lsp.types import Chat, Infill, Message, Request

GHOST = Request(Infill("def add(a, b):\n    return ", "\n"), max_tokens=4)
TALK = Request(Chat((Message("user", "Why?"),)), max_tokens=4)
PULL = [
    {"status": "pulling manifest"},
    {"status": "pulling d7372fd8", "digest": "sha256:d7", "total": 100},
    {"status": "pulling d7372fd8", "digest": "sha256:d7", "total": 100, "completed": 60},
    {"status": "pulling d7372fd8", "digest": "sha256:d7", "total": 100, "completed": 100},
    {"status": "verifying sha256 digest"},
    {"status": "success"},
]


@pytest.fixture
async def server() -> AsyncIterator[Scripted]:
    async with serving(Scripted(OLLAMA, "alpha beta", more=OllamaStore())) as server:
        server.let(10_000)
        yield server
        assert store(server).mistakes == []


def store(server: Scripted) -> OllamaStore:
    assert isinstance(server.more, OllamaStore)
    return server.more


def backend(server: Scripted, model: str = "scripted", **options: Any) -> OllamaBackend:
    return OllamaBackend(name="test", endpoint=server.endpoint, model=model, **options)


async def ask(backend: OllamaBackend, request: Request) -> str:
    async with aclosing(backend.generate(request)) as pieces:
        return "".join([piece.text async for piece in pieces])


def bodies(server: Scripted, *paths: str) -> list[dict[str, Any]]:
    wanted = paths or ("/api/generate", "/api/chat")
    return [body for path, body in server.asked if path in wanted]


def contexts(server: Scripted) -> list[int]:
    return [body["options"]["num_ctx"] for body in bodies(server)]


# -- the context -----------------------------------------------------------------------------------------------------


async def test_keys_cost_one_request_each(server: Scripted) -> None:
    asks = backend(server)
    for _ in range(10):
        assert await ask(asks, GHOST)
    assert len(bodies(server)) == 10
    for path in ("/api/show", "/api/version", "/api/ps"):
        assert len(bodies(server, path)) == 1
    await asks.aclose()


async def test_what_was_loaded_ahead_is_what_requests_use(server: Scripted) -> None:
    asks = backend(server)
    await asks.warm()
    await ask(asks, GHOST)
    loaded, asked = bodies(server)
    assert "prompt" not in loaded
    assert loaded["options"]["num_ctx"] == asked["options"]["num_ctx"] == 8192
    assert loaded["keep_alive"] == asked["keep_alive"] == "15m"
    await asks.aclose()


async def test_a_larger_context_that_is_loaded_stays_loaded(server: Scripted) -> None:
    store(server).loaded = 16384
    asks = backend(server)
    await ask(asks, GHOST)
    store(server).loaded = 20000
    await ask(asks, GHOST)  # it was looked at just now
    asks.looks_every_s = 0.0
    await ask(asks, GHOST)
    store(server).loaded = 0
    await ask(asks, GHOST)
    assert contexts(server) == [16384, 16384, 20000, 8192]
    await asks.aclose()


async def test_a_smaller_one_grows_and_another_model_s_is_none_of_ours(server: Scripted) -> None:
    store(server).names += ("other:latest",)
    store(server).loaded = 4096
    other, asks = backend(server, "other"), backend(server)
    await ask(asks, GHOST)
    assert contexts(server) == [8192]
    assert await other.loaded_context() == 4096
    assert await backend(server, "unheard").loaded_context() == 0
    await other.aclose()
    await asks.aclose()


@pytest.mark.parametrize(("parameters", "asked"), [({}, 16384), ({"num_ctx": 2048}, 2048)])
async def test_who_names_a_context_gets_it(server: Scripted, parameters: dict[str, Any], asked: int) -> None:
    """A user's own is the one; a model's own gives way to what is loaded."""
    store(server).parameters, store(server).loaded = "num_ctx                        4096", 16384
    asks = backend(server, parameters=parameters)
    await ask(asks, GHOST)
    assert contexts(server) == [asked]
    await asks.aclose()


async def test_an_ollama_that_does_not_tell_what_is_loaded(server: Scripted) -> None:
    known = server.more
    server.more = lambda path, body: [] if path == "/api/ps" else known(path, body)
    asks = backend(server)
    assert await ask(asks, GHOST)
    assert contexts(server) == [8192]
    server.more = known
    await asks.aclose()


async def test_a_prompt_is_never_cut_without_a_word(server: Scripted) -> None:
    long = Request(Chat((Message("user", "x" * 40_000),)), max_tokens=4)
    asks = backend(server)
    await ask(asks, long)
    (body,) = bodies(server)
    assert (body["truncate"], body["shift"]) == (False, False)
    assert body["options"]["num_ctx"] >= 40_000 / 2.5
    store(server).version = "0.5.7"  # it would cut
    old = backend(server, timeout_s=5.0)
    with pytest.raises(BackendRefused, match="would cut it"):
        await ask(old, long)
    assert len(bodies(server)) == 1
    await old.aclose()
    await asks.aclose()


# -- thoughts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("able", "request_", "parameters", "said"),
    [
        (("completion", "insert", "thinking"), GHOST, {}, False),
        (("completion", "thinking"), GHOST, {}, False),
        (("completion", "insert", "thinking"), TALK, {}, None),
        (("completion", "insert"), GHOST, {}, None),
        (None, GHOST, {}, None),
        (("completion", "insert", "thinking"), GHOST, {"think": True}, True),
        (("completion", "insert", "thinking"), GHOST, {"think": ""}, None),
    ],
)
async def test_ghost_text_has_no_time_to_think(
    server: Scripted, able: tuple[str, ...] | None, request_: Request, parameters: dict[str, Any], said: bool | None
) -> None:
    store(server).capabilities = able
    asks = backend(server, parameters=parameters)
    await ask(asks, request_)
    (body,) = bodies(server)
    assert body.get("think") is said
    await asks.aclose()


# -- pulls -----------------------------------------------------------------------------------------------------------


async def pulled(asks: OllamaBackend) -> list[Progress]:
    async with aclosing(asks.pull()) as progress:
        return [each async for each in progress]


async def test_a_pull_tells_how_far_it_is(server: Scripted) -> None:
    store(server).pulls = {"coder:1.5b": PULL}
    asks = backend(server, "coder:1.5b")
    told = await pulled(asks)
    assert [each.status for each in told] == [each["status"] for each in PULL]
    assert [each.completed for each in told if each.total == 100] == [0, 60, 100]
    assert [each.name for each in await asks.models()] == ["scripted:latest", "coder:1.5b"]
    await asks.aclose()


async def test_leaving_a_pull_ends_it(server: Scripted) -> None:
    store(server).pulls = {"coder:1.5b": PULL}
    server.permits = asyncio.Semaphore(2)
    asks = backend(server, "coder:1.5b")
    async with aclosing(asks.pull()) as progress:
        assert [(await anext(progress)).status for _ in range(2)] == ["pulling manifest", "pulling d7372fd8"]
    while not server.cancelled:
        await asyncio.sleep(0.01)
    await asks.aclose()


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("pull model manifest: file does not exist", "no such name or tag"),
        ("write /root/.ollama/models/blobs/sha256-d7-partial: no space left on device", "Make room"),
        ('Get "https://registry.ollama.ai/v2/": dial tcp: lookup registry.ollama.ai: no such host', "network"),
        ("max retries exceeded: unexpected EOF", "network"),
        ("the model you are attempting to pull requires a newer version of Ollama", "Update Ollama"),
        ("the moon is wrong", "log"),
    ],
)
async def test_a_pull_that_fails_says_why(server: Scripted, said: str, remedy: str) -> None:
    store(server).pulls = {"coder": [PULL[0], {"error": said}]}
    asks = backend(server, "coder")
    with pytest.raises(BackendFailed) as caught:
        await pulled(asks)
    assert said in caught.value.message
    assert remedy in caught.value.remedy
    await asks.aclose()


async def test_a_pull_that_ends_in_the_middle(server: Scripted) -> None:
    store(server).pulls = {"coder": PULL[:3]}
    asks = backend(server, "coder")
    with pytest.raises(BackendFailed, match="in the middle"):
        await pulled(asks)
    await asks.aclose()


async def test_a_model_that_is_missing_is_told_with_what_gets_it(server: Scripted) -> None:
    asks = backend(server, "coder:7b")
    for attempt in (ask(asks, GHOST), asks.warm()):
        with pytest.raises(BackendError) as caught:
            await attempt
        assert caught.value.remedy == "Run: hybrid-lsp models pull ollama:coder:7b"
    assert not asks.loading
    await asks.aclose()
