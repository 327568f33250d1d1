"""A recorded history, an audit of it, and what the router does then: a real server over stdio, scripted models."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from types import SimpleNamespace
from typing import Any

import conftest
import pytest
from conftest import URI, Client, Connect, open_text, run
from history import edit, record, recorded
from lsprotocol import types as lsp
from pytest_lsp import ClientServerConfig
from sample import BETTER, CODE
from scripted import Script, scripted_server

from hybrid_lsp.cli import main

SERVE_WITH_NUMBERS = """
import sys
from hybrid_lsp.cli import main
from hybrid_lsp.routing import sufficiency
# Whatever is shipped: the lighter model is thought to do as well with 92 %.
numbers = sufficiency.Sufficiency(sufficiency.Regression({"optimize": 2.0}, {"size": 0.3}))
sufficiency._shipped = lambda: numbers
sys.exit(main(["serve"]))
"""
GOOD = f"```python\n{BETTER}```"
PLACE = {"start": {"line": 5, "character": 4}, "end": {"line": 5, "character": 4}}


def model(script: Script, name: str) -> dict[str, Any]:
    return {"backend": "openai", "base_url": script.url, "model": name, "timeout_s": 30}


async def optimize(client: Client) -> SimpleNamespace:
    return SimpleNamespace(
        **await run(client, "hybrid-lsp.runAction", {"action": "optimize", "uri": URI, "range": PLACE})
    )


async def until_offered(client: Client, title: str) -> None:
    """Settings files are looked at now and then."""
    place = lsp.Range(lsp.Position(5, 4), lsp.Position(5, 4))
    params = lsp.CodeActionParams(lsp.TextDocumentIdentifier(URI), place, lsp.CodeActionContext([]))
    async with asyncio.timeout(conftest.PATIENCE_S):
        while title not in {each.title for each in await client.text_document_code_action_async(params) or []}:
            await asyncio.sleep(0.1)


def history() -> None:
    """Three of four edits of the small model were not kept, all of the large one were."""
    draw = random.Random(3)
    for number in range(60):
        kept = 1.0 if draw.random() < 0.25 else 0.0
        record(edit(f"s{number}", sufficient=draw.uniform(0.85, 0.95), kept=kept))
    for number in range(30):
        record(edit(f"l{number}", first="large", sufficient=draw.uniform(0.5, 0.79)))


async def test_an_audit_moves_a_threshold_and_with_it_the_routers_choice(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    launch = ClientServerConfig(server_command=[sys.executable, "-c", SERVE_WITH_NUMBERS], client_factory=Client)
    monkeypatch.setattr(conftest, "SERVE", launch)
    async with scripted_server(Script()) as light, scripted_server(Script()) as heavy:
        settings = {"small": model(light, "tiny-0.5B-Instruct"), "large": model(heavy, "big-7B-Instruct")}
        async with connect(settings, apart=True) as client:
            open_text(client, CODE)
            light.replies = [GOOD]
            before = await optimize(client)
            assert (before.tier, len(light.requests), len(heavy.requests)) == ("small", 1, 0)
            assert "it does as well as the large one in 92% of such tasks" in before.label

            history()
            assert main(["audit", "--apply", "--json"]) == 0
            applied = json.loads(capsys.readouterr().out)["applied"]
            assert applied["optimize"] > 0.92

            # The window that is open follows.
            await until_offered(client, "Optimize this code (large)")
            heavy.replies = [GOOD]
            after = await optimize(client)
            assert (after.tier, len(light.requests), len(heavy.requests)) == ("large", 1, 1)
            assert "a lighter one would do as well in 92% of such tasks only" in after.label

        async with connect(settings, apart=True) as client:
            open_text(client, CODE)
            heavy.replies = [GOOD]
            assert (await optimize(client)).tier == "large"
        assert len(light.requests) == 1

        assert main(["audit", "--undo"]) == 0
        async with connect(settings, apart=True) as client:
            open_text(client, CODE)
            light.replies = [GOOD]
            assert (await optimize(client)).tier == "small"

    # What the servers recorded of their own runs is what the next audit goes by.
    rows = recorded("SELECT chosen, tier, round(sufficient, 2), verified FROM action_ended WHERE reason LIKE '%92%'")
    assert {("small", "small", 0.92, 1), ("large", "large", 0.92, 1)} == set(rows)
