"""What single clients need: ones that stand still while they wait, and the text that none of them can be sent."""

from __future__ import annotations

from typing import Any

import pytest
import wire
from conftest import NO_MODELS, URI, capabilities, large
from inside import CONVERTER
from scripted import Script
from wire import Wire, wired

SOURCE = "def slow(items):\n    out = list(sorted(items))\n    return out\n"
PLACE = {"line": 1, "character": 4}
CONSENT = "window/workDoneProgress/create"
ODD = SOURCE.replace("return", "mark = '\0'\n    return")


async def opened(client: Wire, settings: dict[str, Any], name: str = "a client", text: str = SOURCE) -> None:
    """Introduce a client that can do everything, and open a file."""
    params = {
        "processId": None,
        "rootUri": None,
        "clientInfo": {"name": name},
        "capabilities": CONVERTER.unstructure(capabilities()),
        "initializationOptions": settings,
    }
    await client.ask("initialize", params)
    client.notify("initialized", {})
    item = {"uri": URI, "languageId": "python", "version": 1, "text": text}
    client.notify("textDocument/didOpen", {"textDocument": item})


async def offered(client: Wire, title: str) -> dict[str, Any]:
    """The code action whose title begins so."""
    where = {"textDocument": {"uri": URI}, "range": {"start": PLACE, "end": PLACE}, "context": {"diagnostics": []}}
    reply = await client.ask("textDocument/codeAction", where)
    return dict(next(each for each in reply["result"] if each["title"].startswith(title)))


def sent(client: Wire, method: str) -> list[dict[str, Any]]:
    return [each["params"] for each in client.received if each.get("method") == method]


@pytest.mark.parametrize("name", ["helix", "Eglot"])
async def test_a_client_that_waits_for_a_resolve_gets_a_command(name: str) -> None:
    async with wired() as client:
        client.answers["workspace/applyEdit"] = {"applied": True}
        await opened(client, NO_MODELS, name)
        action = await offered(client, "Optimize")
        assert "data" not in action
        command = action["command"]
        reply = await client.ask(
            "workspace/executeCommand", {"command": command["command"], "arguments": command["arguments"]}
        )
        assert (reply["result"]["kind"], reply["result"]["applied"]) == ("edit", True)
        (applied,) = sent(client, "workspace/applyEdit")
        assert "sorted(items)" in str(applied["edit"])


async def test_a_client_that_never_says_that_it_shows_progress_gets_the_edit(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(Wire):
        def _take(self, message: dict[str, Any]) -> None:
            if message.get("method") != CONSENT:
                super()._take(message)

    monkeypatch.setattr(wire, "Wire", Silent)
    async with wired() as client:
        await opened(client, NO_MODELS)
        reply = await client.ask("codeAction/resolve", await offered(client, "Optimize"))
        assert "sorted(items)" in str(reply["result"]["edit"])
        assert not sent(client, "$/progress")


async def test_an_edit_that_cannot_be_sent_is_refused(script: Script) -> None:
    script.replies = ["```python\n" + ODD.replace("'\0'", "'a\0'") + "```"] * 2
    async with wired() as client:
        await opened(client, large(script), text=ODD)
        reply = await client.ask("codeAction/resolve", await offered(client, "Optimize"))
        assert "edit" not in reply["result"]
        assert "NUL" in sent(client, "window/showMessage")[-1]["message"]
