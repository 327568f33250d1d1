"""A large model on this machine, in both libraries, with random weights: the road is tested, not what it says."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import tiny_model
from conftest import NO_MODELS, PATIENCE_S, URI, Connect, applied, engines, open_text, run, until
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

pytestmark = pytest.mark.own_engines

CODE = "def add(a, b):\n    return a + b\n"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama: `hf` for transformers, `ct2` for CTranslate2."""
    # Its tokenizer has few merges: a prompt takes many tokens.
    return tiny_model.shared(tmp_path_factory, context=4096)


def order(action: str) -> dict[str, Any]:
    return {
        "action": action,
        "uri": URI,
        "range": {"start": {"line": 0, "character": 0}, "end": {"line": 2, "character": 0}},
    }


@pytest.mark.parametrize("library", ["hf", "ct2"])
async def test_actions_run_on_a_model_of_this_machine(connect: Connect, tiny: Path, library: str) -> None:
    settings = NO_MODELS | {
        "large": {"backend": "engine", "model": str(tiny / library)},
        "actions": {"max_tokens": 24},
    }
    async with connect(settings) as client:
        open_text(client, CODE)
        explained = await run(client, "hybrid-lsp.runAction", order("explain"))
        assert explained["kind"] == "text"
        assert explained["tier"] == "large", explained["label"]
        assert "engine:" in explained["label"]
        (engine,) = engines()
        assert _yields_to_others(engine)
        # Random words are no code: the reply is refused twice, and static analysis answers.
        optimized = await run(client, "hybrid-lsp.runAction", order("optimize"))
        assert optimized["tier"] == "static"
        assert "refused" in json.dumps(optimized)
        assert len(engines()) == 1


CHAT_TEMPLATE = "{% for m in messages %}[{{ m.role }}]\n{{ m.content }}\n{% endfor %}[assistant]\n"
MINE = {"name": "mine", "title": "Mine", "prompt": "Tidy {selection}", "kind": "refactor", "output": "findings"}
DIAGNOSTIC = {
    "range": {"start": {"line": 1, "character": 4}, "end": {"line": 1, "character": 10}},
    "message": "too plain",
}
READ = {"explain": {}, "ask": {"instruction": "Why?"}}
REFUSED: dict[str, dict[str, Any]] = {
    "optimize": {},
    "simplify": {},
    "document": {},
    "tests": {},
    "edit": {"instruction": "Subtract."},
    "fix": {"diagnostic": DIAGNOSTIC},
}
"""Random words are no code: these come to nothing of the model's, on its whole road."""
HELD = ("mine", "security")
"""These replies are held to the form of findings by the engine, whatever the model would rather say."""


@pytest.fixture(scope="module")
def chat(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a chat template, as an instruction model has one."""
    folder = tmp_path_factory.mktemp("chat") / "chat"
    shutil.copytree(tiny / "hf", folder)
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE, encoding="utf-8")
    return folder


def settings_of(model: Path, max_tokens: int) -> dict[str, Any]:
    actions = {"max_tokens": max_tokens, "custom": [MINE]}
    return NO_MODELS | {"large": {"backend": "engine", "model": str(model)}, "actions": actions}


async def test_every_action_goes_the_whole_road_on_a_chat_model(connect: Connect, chat: Path) -> None:
    # So few tokens are the least that the setting takes.
    async with connect(settings_of(chat, 16)) as client:
        open_text(client, CODE)
        for action, more in READ.items():
            answer = await run(client, "hybrid-lsp.runAction", order(action) | more)
            assert (answer["kind"], answer["tier"]) == ("text", "large"), answer
        for action, more in REFUSED.items():
            answer = await run(client, "hybrid-lsp.runAction", order(action) | more)
            assert answer["tier"] == "static", answer
            assert "reply was refused twice" in answer["label"], answer
        # Of all that static analysis could say instead, only docstrings are an edit.
        (edit,) = client.edits
        assert '    """Add.\n' in applied(CODE, edit)
        assert len(engines()) == 1


async def test_findings_keep_their_form_whatever_the_model_would_rather_say(connect: Connect, chat: Path) -> None:
    async with connect(settings_of(chat, 400)) as client:
        open_text(client, CODE)
        for action in HELD:
            answer = await run(client, "hybrid-lsp.runAction", order(action))
            assert (answer["kind"], answer["tier"]) == ("findings", "large"), answer


async def test_a_cancelled_action_stops_the_model_within_a_token(connect: Connect, chat: Path) -> None:
    most = 2000
    async with connect(settings_of(chat, most)) as client:
        open_text(client, CODE)
        params = lsp.ExecuteCommandParams("hybrid-lsp.runAction", [order("optimize")])
        running = client.send(lsp.WORKSPACE_EXECUTE_COMMAND, params, "mine")
        await until(lambda: any(" tokens." in str(each) for each in client.progress_reports.values()))
        client.cancel_request(lsp.CancelParams(id="mine"))
        with pytest.raises(JsonRpcException):
            await running
        counted = await _counted_when(lambda counts: counts["generations_cancelled_total"] == 1)
        assert counted["tokens_after_cancel_total"] <= 1
        assert counted["tokens_decoded_total"] < most
        assert counted["requests_running"] == 0
        assert (client.edits, client.told) == ([], "")


def _socket() -> str:
    (socket,) = Path(os.environ["HYBRID_LSP_RUNTIME_DIR"]).glob("*.sock")
    return str(socket)


async def _counted_when(condition: Callable[[dict[str, float]], bool]) -> dict[str, float]:
    """The engine's own counts, as soon as they are so."""
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=_socket())) as http:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                lines = (await http.get("http://engine/metrics")).text.splitlines()
                pairs = (line.split() for line in lines if line.startswith("hybrid_lsp_"))
                counts = {name.removeprefix("hybrid_lsp_"): float(value) for name, value in pairs}
                if condition(counts):
                    return counts
                await asyncio.sleep(0.02)


def _yields_to_others(process: psutil.Process) -> bool:
    """Every thread of it runs at idle priority (Linux), or at the lowest niceness."""
    if not hasattr(os, "SCHED_IDLE"):
        return process.nice() > 0
    return all(os.sched_getscheduler(thread.id) == os.SCHED_IDLE for thread in process.threads())
