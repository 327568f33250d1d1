"""A chain of models end to end: named backends over real HTTP, budgets, costs, and a model's process that is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import NO_MODELS, URI, Client, Connect, capabilities, open_text, run, until
from history import recorded
from lsprotocol import types as lsp
from sample import BETTER
from sample import CODE as SOURCE
from scripted import Script, scripted_server

GOOD = f"```python\n{BETTER}```"
TIERS = ("small", "large", "cloud")
NAMES = {"small": "Tiny-0.5B-Instruct", "large": "Big-7B-Instruct", "cloud": "Huge-400B-Instruct"}
ORDER = {"uri": URI, "range": {"start": {"line": 5, "character": 4}, "end": {"line": 5, "character": 4}}}


def model(script: Script, name: str, **more: Any) -> dict[str, Any]:
    return {"backend": "openai", "base_url": script.url, "model": name, "timeout_s": 30, **more}


@asynccontextmanager
async def chain(**replies: list[str]) -> AsyncIterator[dict[str, Script]]:
    """A scripted server a tier."""
    async with AsyncExitStack() as stack:
        yield {
            tier: await stack.enter_async_context(scripted_server(Script(list(replies.get(tier, [])))))
            for tier in TIERS
        }


def settings(scripts: dict[str, Script], routing: dict[str, Any], **cloud: Any) -> dict[str, Any]:
    small, large, cloud_model = (model(scripts[tier], NAMES[tier]) for tier in TIERS)
    backends = {"cloud": cloud_model | cloud}
    return {"small": small, "large": large, "backends": backends, "routing": routing, "completion": {"enabled": False}}


async def act(client: Client, action: str, **more: Any) -> dict[str, Any]:
    answer = await run(client, "hybrid-lsp.runAction", ORDER | {"action": action, **more})
    return {"tier": answer["tier"], "label": answer["label"]}


def asked(scripts: dict[str, Script]) -> dict[str, int]:
    return {tier: len(script.requests) for tier, script in scripts.items()}


async def test_a_named_backend_stands_at_the_end_of_the_chain(connect: Connect) -> None:
    async with chain(cloud=["It sorts."]) as scripts, connect(settings(scripts, {})) as client:
        open_text(client, SOURCE)
        done = await act(client, "explain")
        status = await run(client, "hybrid-lsp.status")
    assert done == {"tier": "cloud", "label": "Cloud model openai:Huge-400B-Instruct."}
    assert asked(scripts) == {"small": 0, "large": 0, "cloud": 1}
    assert status["models"] == {tier: f"openai:{name}" for tier, name in NAMES.items()}


async def test_what_became_of_a_run_and_its_costs_are_recorded(connect: Connect) -> None:
    wish = {"policies": {"optimize": "large"}}
    async with chain(large=["No.", GOOD]) as scripts, connect(settings(scripts, wish)) as client:
        open_text(client, SOURCE)
        await act(client, "optimize")
        logged = [each.message for each in client.log_messages if each.message.startswith("optimize: ")]
    assert len(logged) == 1
    assert "large first: Large model openai:Big-7B-Instruct (setting `routing.policies`)." in logged[0]
    ((run_id, tier, chosen, reason, fallbacks, complexity),) = recorded(
        "SELECT run, tier, chosen, reason, fallbacks, complexity FROM action_ended"
    )
    assert (tier, chosen, fallbacks) == ("large", "large", 0)
    assert reason == "Large model openai:Big-7B-Instruct (setting `routing.policies`)."
    assert complexity == 1
    models = recorded("SELECT run, task, tier, ending, tokens_in > 0, tokens_out > 0, first_ms >= 0 FROM model_asked")
    assert models == [(run_id, "action", "large", "answered", 1, 1, 1)] * 2


@pytest.mark.parametrize("metrics", [True, False])
async def test_a_budget_is_warned_of_and_then_kept(connect: Connect, metrics: bool) -> None:
    async with chain(cloud=["It sorts."] * 9, large=["It sorts, too."]) as scripts:
        limits = settings(scripts, {}, tokens_a_day=1) | {"metrics": {"enabled": metrics}}
        async with connect(limits) as client:
            open_text(client, SOURCE)
            first, second = [await act(client, "explain") for _ in range(2)]
        assert first["tier"] == "cloud"
        assert second["tier"] == "large"
        assert second["label"].startswith("The budget of the cloud model for today is spent (")
        # Another window, later: what was spent counts there too.
        scripts["large"].replies = ["It sorts."]
        async with connect(limits) as client:
            open_text(client, SOURCE)
            await asyncio.sleep(0.2)
            assert (await act(client, "explain"))["tier"] == "large"
    assert asked(scripts)["cloud"] == 1


async def test_a_warning_at_four_fifths(connect: Connect) -> None:
    async with chain(cloud=["x" * 40] * 30) as scripts, connect(settings(scripts, {}, tokens_a_day=4000)) as client:
        open_text(client, SOURCE)
        for _ in range(20):
            if (await act(client, "explain"))["tier"] != "cloud":
                break
        warnings = [each.message for each in client.messages if "budget" in each.message]
    assert len(warnings) == 1
    assert warnings[0].startswith("Backend `cloud` has used ")


async def test_the_next_settings_count_at_once(connect: Connect) -> None:
    async with chain(cloud=["It sorts."], small=["It sorts too."]) as scripts:
        before = settings(scripts, {})
        async with connect(before) as client:
            open_text(client, SOURCE)
            assert (await act(client, "explain"))["tier"] == "cloud"
            after = before | {"routing": {"policies": {"default": "small"}}}
            client.set_configuration(after, section="hybrid-lsp")
            client.workspace_did_change_configuration(lsp.DidChangeConfigurationParams(settings=None))
            assert (await act(client, "explain"))["tier"] == "small"


async def test_wishes_for_nobody_are_told(connect: Connect) -> None:
    async with connect(NO_MODELS | {"routing": {"policies": {"explain": "cluod"}, "chain": ["x"]}}) as client:
        await until(lambda: "routing.policies: `explain` is to be done by `cluod`" in client.told)
        await until(lambda: "routing.chain: `x` is no backend of yours" in client.told)


async def test_a_workspace_adds_no_backend_and_changes_no_route(connect: Connect, tmp_path: Path) -> None:
    async with chain() as scripts:
        (tmp_path / ".hybrid-lsp.toml").write_text(
            f'[backends.evil]\nbackend = "openai"\nbase_url = "{scripts["cloud"].url}"\nmodel = "x"\n'
            '[routing]\npolicies = {default = "evil"}\nchain = ["evil"]\n',
            encoding="utf-8",
        )
        async with connect(NO_MODELS, root=tmp_path) as client:
            open_text(client, SOURCE)
            assert (await act(client, "explain"))["tier"] == "static"
            await until(lambda: "backends.evil" in client.told)
    assert asked(scripts)["cloud"] == 0


# -- a model's process ------------------------------------------------------------------------------------------------

_SERVER = """
import http.server, json, sys, time

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args): pass
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for word in ["It ", "sorts ", "things "] + ["slowly "] * int(sys.argv[2]):
            event = {"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]}
            self.wfile.write(b"data: " + json.dumps(event).encode() + b"\\n\\n")
            self.wfile.flush()
            time.sleep(0.05)
        done = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        self.wfile.write(b"data: " + json.dumps(done).encode() + b"\\n\\ndata: [DONE]\\n\\n")

class Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = True
Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@contextmanager
def process(port: int, words: int) -> Iterator[subprocess.Popen[bytes]]:
    """A model server that is a process of its own, and writes so many words at twenty a second."""
    server = subprocess.Popen([sys.executable, "-c", _SERVER, str(port), str(words)])
    try:
        yield server
    finally:
        server.kill()
        server.wait()


async def listening(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                await writer.wait_closed()
                return


@pytest.mark.fault("the large model's process is killed in the middle of a reply")
async def test_a_killed_model_is_replaced_at_once_and_is_asked_again_when_it_is_back(connect: Connect) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    async with chain(small=["It sorts."] * 60) as scripts:
        models = settings(scripts, {})
        del models["backends"]
        models["large"]["base_url"] = f"http://127.0.0.1:{port}/v1"
        async with connect(models, capabilities(ours={"stream": True, "status": True})) as client:
            with process(port, words=100_000) as server:
                await listening(port)
                open_text(client, SOURCE)
                answer = asyncio.ensure_future(act(client, "explain"))
                await until(lambda: any("slowly" in each.markdown for each in client.explanations))
                os.kill(server.pid, signal.SIGKILL)
                done = await answer
            assert done["tier"] == "small"
            assert done["label"].startswith("The large model broke off (")
            assert done["label"].endswith("small model openai:Tiny-0.5B-Instruct instead.")
            with process(port, words=1):
                await listening(port)
                async with asyncio.timeout(30):
                    while (await act(client, "explain"))["tier"] != "large":
                        await asyncio.sleep(0.2)
