"""The protocol itself: what is sent is LSP 3.18, and whatever comes in, each request has exactly one answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import NO_MODELS, URI, capabilities, large
from history import recorded
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from metamodel import MetaModel
from scripted import Script
from wire import Wire, wired

from hybrid_lsp.paths import state_dir

OURS = {"didChangeStatus", "hybridLsp/explanation"}
SOURCE = "import os\n\n\ndef slow(items):\n    return list(sorted(items))\n\n\ndef run(x):\n    os.system('ls ' + x)\n"
FULL = {
    "window/workDoneProgress/create": None,
    "window/showDocument": {"success": True},
    "workspace/applyEdit": {"applied": True},
    "workspace/configuration": [None],
}


def item(text: str = SOURCE, uri: str = URI, version: int = 1) -> dict[str, Any]:
    return {"textDocument": {"uri": uri, "languageId": "python", "version": version, "text": text}}


def inline(line: int, character: int, uri: str = URI) -> dict[str, Any]:
    place = {"line": line, "character": character}
    return {"textDocument": {"uri": uri}, "position": place, "context": {"triggerKind": 1}}


def selection(line: int) -> dict[str, Any]:
    place = {"line": line, "character": 4}
    return {"start": place, "end": place}


def code_action(line: int, only: list[str] | None = None) -> dict[str, Any]:
    context = {"diagnostics": []} | ({"only": only} if only else {})
    return {"textDocument": {"uri": URI}, "range": selection(line), "context": context}


def action(name: str, line: int) -> dict[str, Any]:
    order = {"action": name, "uri": URI, "range": selection(line)}
    return {"command": "hybrid-lsp.runAction", "arguments": [order]}


# -- what is sent ----------------------------------------------------------------------------------------------------


@pytest.fixture
def meta_model(shared_data: Path) -> MetaModel:
    return MetaModel(shared_data / "lsp" / "metaModel-3.18.json.gz", OURS)


@pytest.mark.shared_data
async def test_all_that_is_sent_is_lsp(meta_model: MetaModel, script: Script) -> None:
    better = "```python\ndef slow(items):\n    return sorted(items)\n```"
    finding = {"quote": "'ls ' + x", "message": "No.", "severity": "error", "cwe": 77}
    script.replies = [
        "    return items",  # typed
        better,  # resolved
        "It **sorts**.",
        better,
        json.dumps({"findings": [finding]}),
        "prose",
        "prose",
    ]
    asked: dict[Any, str] = {}

    async with wired() as wire:
        wire.answers |= FULL

        async def ask(method: str, params: Any = None) -> Any:
            reply = await wire.ask(method, params)
            asked[reply["id"]] = method
            return reply.get("result")

        typing = {"small": {"backend": "openai", "base_url": script.url, "model": "tiny"}}
        reply = await wire.initialize(capabilities(ours={"status": True}), large(script) | typing)
        asked[reply["id"]] = "initialize"
        can = reply["result"]["capabilities"]
        assert can["inlineCompletionProvider"] == {}
        assert can["positionEncoding"] == "utf-16"
        assert "hybrid-lsp.accept" in can["executeCommandProvider"]["commands"]

        wire.notify("textDocument/didOpen", item())
        shown = await ask("textDocument/inlineCompletion", inline(3, 17))
        for each in shown["items"]:
            await ask("workspace/executeCommand", each["command"])
        assert (await ask("textDocument/inlineCompletion", inline(0, 0, "file:///none.py"))) == {"items": []}
        offered, *_ = await ask("textDocument/codeAction", code_action(4, ["refactor.rewrite"]))
        assert (await ask("codeAction/resolve", offered))["edit"]["documentChanges"]
        for name, line in (("explain", 4), ("optimize", 4), ("security", 8), ("optimize", 4), ("nothing", 0)):
            await ask("workspace/executeCommand", action(name, line))
        await ask("workspace/executeCommand", {"command": "hybrid-lsp.status"})
        await ask("workspace/executeCommand", {"command": "hybrid-lsp.runAction", "arguments": [1]})
        await ask("textDocument/hover", {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 0}})
        wire.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
        asked["shutdown"] = "shutdown"
        wire.send({"jsonrpc": "2.0", "id": "shutdown", "method": "shutdown"})
        await wire.answered(["shutdown"])

    for message in wire.received:
        assert meta_model.complaints(message, asked.get(message.get("id"))) == []
    sent = {message["method"] for message in wire.received if "method" in message}
    assert sent >= {
        "$/progress",
        "didChangeStatus",
        "textDocument/publishDiagnostics",
        "window/showDocument",
        "window/showMessage",
        "window/workDoneProgress/create",
        "workspace/applyEdit",
        "workspace/configuration",
    }


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("message", "asked", "complaint"),
    [
        ({"jsonrpc": "2.0", "id": 1, "result": {"items": 5}}, "textDocument/inlineCompletion", "no array"),
        ({"jsonrpc": "2.0", "id": 1, "result": None, "error": None}, "shutdown", "a result or an error"),
        ({"jsonrpc": "2.0", "method": "window/showMessage", "params": {"type": 9, "message": ""}}, None, "MessageType"),
        ({"jsonrpc": "2.0", "method": "window/showMessage", "params": {"type": 1}}, None, "message is missing"),
        ({"jsonrpc": "2.0", "method": "window/shout", "params": {}}, None, "no method"),
        ({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": item()}, None, "not for a server"),
        ({"jsonrpc": "2.0", "method": "workspace/applyEdit", "params": {"edit": {}}}, None, "has an id"),
        ({"jsonrpc": "2.0", "id": 1, "result": {"capabilities": {"x": 1}}}, "initialize", "no property x"),
    ],
)
def test_the_validator_complains(meta_model: MetaModel, message: Any, asked: str | None, complaint: str) -> None:
    assert complaint in " ".join(meta_model.complaints(message, asked))


# -- what comes in ---------------------------------------------------------------------------------------------------

numbers = st.sampled_from([0, 1, 4, 17, 80, 10**6, 2**31 - 1, 2**31, 2**63, -1, -(2**40), 1.5, True, None, "1"])
uris = st.sampled_from([URI, "file:///other.py", "untitled:x", "", "no uri", "file:///%zz", 5, None])
texts = st.sampled_from([SOURCE, "", "x", "😋\ud800\r\r\n\x00", "\u2028", 7, None])
positions = st.one_of(
    st.fixed_dictionaries({"line": numbers, "character": numbers}), st.sampled_from([None, [], "0:0", {}])
)
ranges = st.one_of(st.fixed_dictionaries({"start": positions, "end": positions}), st.none())
junk = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5)
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["uri", "id", "jsonrpc", "method", "textDocument", "", "class", "type_name"]), inner
        )
    ),
    max_leaves=6,
)
identifiers = st.fixed_dictionaries({"uri": uris}, optional={"version": numbers})
contexts = st.sampled_from(
    [{"triggerKind": 1}, {"triggerKind": 9}, {}, None, {"triggerKind": 2, "selectedCompletionInfo": {"text": 1}}]
)
orders = st.fixed_dictionaries(
    {"action": st.sampled_from(["explain", "improve", "", None, 3]), "uri": uris, "range": ranges}
)
commands = st.fixed_dictionaries(
    {"command": st.sampled_from(["hybrid-lsp.status", "hybrid-lsp.accept", "hybrid-lsp.runAction", "other", 5, None])},
    optional={"arguments": st.one_of(st.lists(orders | junk, max_size=2), junk)},
)
REQUESTS = {
    "textDocument/inlineCompletion": st.fixed_dictionaries(
        {"textDocument": identifiers, "position": positions, "context": contexts}
    ),
    "textDocument/codeAction": st.fixed_dictionaries(
        {
            "textDocument": identifiers,
            "range": ranges,
            "context": st.sampled_from([{"diagnostics": []}, {"only": 5}, None]),
        }
    ),
    "codeAction/resolve": st.fixed_dictionaries({"title": st.text(max_size=3)}, optional={"data": orders | junk}),
    "workspace/executeCommand": commands,
    "initialize": st.fixed_dictionaries({"processId": st.none(), "rootUri": st.none(), "capabilities": st.just({})}),
    "textDocument/hover": st.fixed_dictionaries({"textDocument": identifiers, "position": positions}),
    "no/such/method": junk,
    "$/optional": junk,
}
NOTIFICATIONS = {
    "textDocument/didOpen": st.fixed_dictionaries(
        {
            "textDocument": st.fixed_dictionaries(
                {"uri": uris, "languageId": st.just("python"), "version": numbers, "text": texts}
            )
        }
    ),
    "textDocument/didChange": st.fixed_dictionaries(
        {
            "textDocument": identifiers,
            "contentChanges": st.lists(st.fixed_dictionaries({"text": texts}, optional={"range": ranges}), max_size=3),
        }
    ),
    "textDocument/didClose": st.fixed_dictionaries({"textDocument": identifiers}),
    "textDocument/didSave": st.fixed_dictionaries({"textDocument": identifiers}),
    "$/cancelRequest": st.fixed_dictionaries({"id": st.one_of(st.sampled_from(["0", "1", "2", 0, 1, 2]), junk)}),
    "$/setTrace": st.fixed_dictionaries({"value": st.sampled_from(["off", "loud", 5])}),
    "workspace/didChangeConfiguration": st.fixed_dictionaries({"settings": junk}),
    "workspace/didChangeWorkspaceFolders": st.fixed_dictionaries({"event": junk}),
    "window/workDoneProgress/cancel": st.fixed_dictionaries({"token": junk}),
    "textDocument/didShowCompletion": junk,
    "textDocument/didPartiallyAcceptCompletion": st.one_of(
        junk, st.fixed_dictionaries({"item": junk, "acceptedLength": numbers})
    ),
    "initialized": st.just({}),
    "no/such/notification": junk,
}
GARBAGE = [
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\x00\xff\xfe nothing\r\n",
    b"Content-Length: many\r\n\r\n",
    b"Content-Length: -5\r\n\r\n",
    b"Content-Length: 0\r\n\r\n",
    b"Content-Length: 7\r\n\r\n{{{{{{{",
    b"Content-Length: 2\r\n\r\n\xff\xff",
    b"Content-Length: 2\r\n\r\n[]",
    b"Content-Length: 4\r\n\r\nnull",
    b"Content-Length: 2\r\n\r\n{}",
    b"Content-Length: 40000\r\n\r\n" + b"[" * 40000,
]


def _calls(table: dict[str, Any], kind: str) -> st.SearchStrategy[tuple[str, Any]]:
    def call(method: str) -> st.SearchStrategy[Any]:
        params = st.one_of(table[method], table[method], junk)
        return st.fixed_dictionaries({"method": st.just(method)}, optional={"params": params})

    return st.tuples(st.just(kind), st.sampled_from(sorted(table)).flatmap(call))


requests = _calls(REQUESTS, "request")
notifications = _calls(NOTIFICATIONS, "notification")
steps = st.one_of(
    requests,
    requests,
    notifications,
    notifications,
    st.tuples(st.just("batch"), st.lists(requests, max_size=2)),
    st.tuples(st.just("reply"), st.fixed_dictionaries({"id": st.sampled_from(["0", 1, "x"]), "result": junk})),
    st.tuples(st.just("reply"), st.fixed_dictionaries({"id": st.sampled_from(["0", 1, "x"]), "error": junk})),
    st.tuples(st.just("odd"), st.fixed_dictionaries({"method": junk, "id": junk})),
    st.tuples(st.just("garbage"), st.sampled_from(GARBAGE)),
)


class Fuzz:
    """Sends steps to a server and sees that each request has its one answer."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.asked: dict[Any, str] = {}

    def play(self, steps: list[tuple[str, Any]]) -> None:
        # Ids begin anew in each example, so that cancels and replies meet them; answers are counted for this one.
        self.wire.replies.clear()
        self.asked = {}
        for kind, content in steps:
            if kind == "batch":
                self.wire.send([self._request(call) for _, call in content])
            elif kind == "request":
                self.wire.send(self._request(content))
            elif kind == "garbage":
                self.wire.send(content)
            elif kind == "odd" and isinstance(content["id"], str | int) and not isinstance(content["id"], bool):
                self.wire.send({"jsonrpc": "2.0", "method": content["method"], "id": None})
            else:
                self.wire.send({"jsonrpc": "2.0"} | content)

    def _request(self, call: dict[str, Any]) -> dict[str, Any]:
        number = len(self.asked)
        number = number if number % 2 else str(number)  # type: ignore[assignment]
        self.asked[number] = call["method"]
        return {"jsonrpc": "2.0", "id": number} | call

    async def check(self) -> None:
        """Every request has one answer, none has two, and the server goes on."""
        await self.wire.answered(list(self.asked))
        sign = await self.wire.ask("workspace/executeCommand", {"command": "hybrid-lsp.status"})
        assert sign["result"]["version"]
        for number, method in self.asked.items():
            (reply,) = self.wire.replies[number]
            if "error" in reply:
                said = json.dumps(reply["error"])
                assert "Traceback" not in said
                assert '.py\\"' not in said
                assert reply["error"].keys() == {"code", "message"}
            elif method == "textDocument/inlineCompletion":
                assert isinstance(reply["result"]["items"], list)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def fuzz(runner: asyncio.Runner) -> Iterator[Fuzz]:
    """One server for all examples."""
    connection = wired(apart=True)

    async def start() -> Wire:
        wire = await connection.__aenter__()
        wire.answers |= FULL
        await wire.initialize(capabilities(), NO_MODELS)
        return wire

    wire = runner.run(start())
    yield Fuzz(wire)
    runner.run(connection.__aexit__(None, None, None))
    # Nothing of it was a surprise to a handler.
    logged = (state_dir() / "logs" / "server.log").read_text("utf-8")
    assert "in the server:" not in logged, logged[logged.index("in the server:") - 100 :]


@given(
    steps=st.lists(steps, min_size=1, max_size=12), settings_reply=st.sampled_from([[None], [], None, [5], {"a": 1}])
)
@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_whatever_comes_each_request_has_one_answer(
    fuzz: Fuzz, runner: asyncio.Runner, steps: list[tuple[str, Any]], settings_reply: Any
) -> None:
    async def example() -> None:
        fuzz.wire.answers["workspace/configuration"] = settings_reply
        fuzz.play(steps)
        await fuzz.check()

    runner.run(example())


@given(before=st.lists(requests, max_size=3), after=st.lists(requests, max_size=3), shutdown=st.booleans())
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_before_initialize_and_after_shutdown_requests_are_refused(
    runner: asyncio.Runner, before: list[tuple[str, Any]], after: list[tuple[str, Any]], shutdown: bool
) -> None:
    async def example() -> None:
        async with wired() as wire:
            fuzz = Fuzz(wire)
            early = [(kind, call) for kind, call in before if call["method"] != "initialize"]
            fuzz.play([*early, ("notification", {"method": "textDocument/didOpen", "params": item()})])
            await wire.answered(list(fuzz.asked))
            assert [wire.replies[each][0]["error"]["code"] for each in fuzz.asked] == [-32002] * len(early)
            await wire.initialize(capabilities(full=False), NO_MODELS)
            # What was opened before is not there.
            reply = await wire.ask("textDocument/codeAction", code_action(4))
            assert reply["result"] == []
            if shutdown:
                await wire.ask("shutdown")
                fuzz.play(after)
                await wire.answered(list(fuzz.asked))
                assert [wire.replies[each][0]["error"]["code"] for each in fuzz.asked] == [-32600] * len(after)
            wire.notify("exit")
            assert await wire.ended() == (0 if shutdown else 1)

    runner.run(example())


# -- one by one ------------------------------------------------------------------------------------------------------


async def test_closing_stdin_ends_the_server_and_keeps_the_metrics() -> None:
    async with wired(apart=True) as wire:
        await wire.initialize(capabilities(full=False), NO_MODELS)
        wire.notify("textDocument/didOpen", item())
        await wire.ask("textDocument/inlineCompletion", inline(4, 0))
        assert wire.process.stdin is not None
        wire.process.stdin.close()
        assert await wire.ended() == 1
    assert recorded("SELECT reason FROM inline_answered") == [("no-backend",)]


async def test_a_message_within_a_message_is_no_message() -> None:
    inner = {"jsonrpc": "2.0", "id": "inner", "method": "shutdown", "params": None}
    async with wired() as wire:
        await wire.initialize(capabilities(full=False), NO_MODELS)
        await wire.ask("workspace/executeCommand", {"command": "hybrid-lsp.accept", "arguments": [inner]})
        assert (await wire.ask("workspace/executeCommand", {"command": "hybrid-lsp.status"}))["result"]
        assert "inner" not in wire.replies


async def test_a_client_whose_answers_are_errors_gets_its_own_answers() -> None:
    async with wired() as wire:
        wire.answers = dict.fromkeys(FULL, RuntimeError("not today"))
        await wire.initialize(capabilities(), NO_MODELS)
        wire.notify("textDocument/didOpen", item())
        explained = await wire.ask("workspace/executeCommand", action("explain", 4))
        assert explained["result"]["kind"] == "text"
        edited = await wire.ask("workspace/executeCommand", action("optimize", 4))
        assert edited["result"]["applied"] is False
        told = [each["params"]["message"] for each in wire.received if each.get("method") == "window/showMessage"]
        assert any("`slow`: a function" in each for each in told)
        assert any("not today" in each for each in told)


async def test_a_client_whose_answers_cannot_be_read() -> None:
    async with wired() as wire:
        wire.answers = dict.fromkeys(FULL, 5)
        await wire.initialize(capabilities(), NO_MODELS)
        wire.notify("textDocument/didOpen", item())
        assert (await wire.ask("workspace/executeCommand", action("explain", 4)))["result"]["kind"] == "text"
        assert (await wire.ask("workspace/executeCommand", action("optimize", 4)))["result"]["applied"] is False


async def test_copilots_events_are_counted_in_characters(script: Script) -> None:
    script.replies = ["'😋é' + items"]
    typing = {"small": {"backend": "openai", "base_url": script.url, "model": "tiny"}}
    async with wired() as wire:
        await wire.initialize(capabilities(full=False), typing)
        wire.notify("textDocument/didOpen", item("def f(items):\n    return "))
        (shown,) = (await wire.ask("textDocument/inlineCompletion", inline(1, 11)))["result"]["items"]
        assert shown["insertText"] == "'😋é' + items"
        wire.notify("textDocument/didShowCompletion", {"item": shown})
        wire.notify("textDocument/didPartiallyAcceptCompletion", {"item": shown, "acceptedLength": 5})
        wire.notify("textDocument/didPartiallyAcceptCompletion", {"item": {"command": None}, "acceptedLength": 5})
        wire.notify("textDocument/didPartiallyAcceptCompletion", {"item": shown, "acceptedLength": -1})
        await wire.ask("workspace/executeCommand", shown["command"])
        assert await wire.end() == 0
    rows = recorded("SELECT kind, characters FROM inline_accepted ORDER BY at")
    # The quote, the smile (two units of UTF-16), the letter and the quote: five units, four characters.
    assert rows == [("word", 4), ("full", 8)]


async def test_workspace_folders_that_are_opened_later_count(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / ".hybrid-lsp.toml").write_text("[completion]\nenabled = false\n")
    uri = (folder / "a.py").as_uri()
    async with wired() as wire:
        await wire.initialize(capabilities(full=False), NO_MODELS)
        wire.notify("textDocument/didOpen", item(uri=uri))

        async def reason() -> str:
            await wire.ask("textDocument/inlineCompletion", inline(4, 0, uri))
            reply = await wire.ask("workspace/executeCommand", {"command": "hybrid-lsp.status"})
            return str(reply["result"]["reason"])

        assert await reason() == "no-backend"
        added = {"added": [{"uri": folder.as_uri(), "name": "p"}], "removed": []}
        wire.notify("workspace/didChangeWorkspaceFolders", {"event": added})
        assert await reason() == "disabled"
        wire.notify("workspace/didChangeWorkspaceFolders", {"event": {"added": [], "removed": added["added"]}})
        assert await reason() == "no-backend"
