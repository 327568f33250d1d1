"""An Ollama from an editor: its models in the menu, a pull with its progress, and the model that is loaded ahead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from conftest import Client, Connect, run, until
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcRequestCancelled
from scripted_servers import OLLAMA, OllamaStore, Scripted, serving
from test_models import MODELS, Answering

PULL = [
    {"status": "pulling manifest"},
    *({"status": "pulling d7", "digest": "sha256:d7", "total": 100, "completed": each} for each in (20, 60, 100)),
    {"status": "success"},
]


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch, no_proxy_variables: None) -> AsyncIterator[Scripted]:
    async with serving(Scripted(OLLAMA, "b\n", more=OllamaStore(pulls={"coder:3b": PULL}))) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.endpoint.base_url)
        yield server
        assert isinstance(server.more, OllamaStore)
        assert server.more.mistakes == []


def small(model: str) -> dict[str, Any]:
    return {"small": {"backend": "ollama", "model": model}}


async def listed(client: Client) -> dict[str, Any]:
    models = (await run(client, MODELS, {"verb": "list", "show": False}))["models"]
    return {each["name"]: each for each in models}


async def test_the_model_is_loaded_when_the_editor_opens(connect: Connect, server: Scripted) -> None:
    async with connect(small("scripted")):
        await until(lambda: [body for path, body in server.asked if path == "/api/generate"])
        (loads,) = (body for path, body in server.asked if path == "/api/generate")
        assert "prompt" not in loads
        assert (loads["options"]["num_ctx"], loads["keep_alive"]) == (8192, "15m")


async def test_a_missing_model_is_told_listed_and_fetched_by_one_choice(connect: Connect, server: Scripted) -> None:
    async with connect(small("coder:3b")) as client:
        await until(lambda: "hybrid-lsp models pull ollama:coder:3b" in client.told)
        told = Answering(client, "Get it and use it")
        server.let(len(PULL))
        answer = await run(client, MODELS, {"verb": "pull", "model": "ollama:coder:3b"})
        assert answer["kind"] == "done", answer
        (question,) = told.questions
        assert f"Ollama at {server.endpoint.base_url} fetches it" in question
        assert told.percentages == sorted(told.percentages)
        assert max(told.percentages) == 100
        row = (await listed(client))["ollama:coder:3b"]
        assert (row["here"], row["tiers"], row["backend"]) == (True, ["small"], "ollama")
        assert (await run(client, "hybrid-lsp.status"))["models"]["small"] == "ollama:coder:3b"


async def test_cancelling_from_the_editor_ends_the_server_s_pull(connect: Connect, server: Scripted) -> None:
    async with connect({}) as client:
        server.let(2)
        order = lsp.ExecuteCommandParams(MODELS, [{"verb": "pull", "model": "ollama:coder:3b", "tier": "small"}])
        running = client.send(lsp.WORKSPACE_EXECUTE_COMMAND, order, "pull-1")
        await until(lambda: server.working and server.permits.locked())
        client.cancel_request(lsp.CancelParams(id="pull-1"))
        with pytest.raises(JsonRpcRequestCancelled):
            await asyncio.wait_for(running, 60)
        await until(lambda: server.cancelled)
        assert (await run(client, "hybrid-lsp.status"))["models"]["small"] == "engine:embedded"
