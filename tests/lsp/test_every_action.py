"""Each action from the list to what the user sees, on the real server: the scripted model, full and plain clients."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from conftest import NO_MODELS, URI, Client, Connect, applied, capabilities, large, open_text, run, type_text, until
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from scripted import Script, scripted_server
from wire import wired

SOURCE = '''\
import os


def slow(items, limit=10):
    """Sorts."""
    out = sorted(items)
    return out[:limit]


def run(command):
    os.system("ls " + command)
    return slow([command])
'''
SLOW, RUN = 5, 10
"""Lines within the two functions."""
RUN_ACTION = "hybrid-lsp.runAction"
CANCELLED = -32800


def fenced(code: str) -> str:
    return f"```python\n{code}\n```"


SHORT = fenced('def slow(items, limit=10):\n    """Sorts."""\n    return sorted(items)[:limit]')
DOCUMENTED = fenced(
    'def slow(items, limit=10):\n    """The first items in order."""\n    out = sorted(items)\n    return out[:limit]'
)
RENAMED = fenced('def quick(items, limit=10):\n    """Sorts."""\n    return sorted(items)[:limit]')
TESTS = fenced("from a import slow\n\n\ndef test_slow():\n    assert slow([2, 1]) == [1, 2]")
FINDING = json.dumps(
    {"findings": [{"quote": "return slow", "line": 3, "message": "Bad.", "severity": "hint", "cwe": None}]}
)
CUSTOM = [
    {"name": name, "title": f"My {name}", "prompt": "Do it {instruction}", "kind": "source.mine", "output": output}
    for name, output in (("my-edit", "edit"), ("my-text", "text"), ("my-findings", "findings"))
]
DIAGNOSTIC = lsp.Diagnostic(
    range=lsp.Range(lsp.Position(5, 4), lsp.Position(5, 7)),
    message="`out` is one name too many",
    severity=lsp.DiagnosticSeverity.Information,
    code="W1",
    source="other",
    data={"their": "own"},
)


def order(action: str, line: int = SLOW, uri: str = URI, **more: Any) -> dict[str, Any]:
    place = {"line": line, "character": 4}
    return {"action": action, "uri": uri, "range": {"start": place, "end": place}} | more


async def act(client: Client, action: str, line: int = SLOW, **more: Any) -> SimpleNamespace:
    return SimpleNamespace(**await run(client, RUN_ACTION, order(action, line, **more)))


def start(client: Client, action: str, number: str, line: int = SLOW, **more: Any) -> asyncio.Future[Any]:
    params = lsp.ExecuteCommandParams(RUN_ACTION, [order(action, line, **more)])
    return client.send(lsp.WORKSPACE_EXECUTE_COMMAND, params, number)


async def listed(
    client: Client, line: int = SLOW, uri: str = URI, diagnostics: list[lsp.Diagnostic] | None = None
) -> dict[str, lsp.CodeAction]:
    """The list, by name of the action."""
    place = lsp.Position(line, 4)
    context = lsp.CodeActionContext(diagnostics or [])
    params = lsp.CodeActionParams(lsp.TextDocumentIdentifier(uri), lsp.Range(place, place), context)
    found = await client.text_document_code_action_async(params) or []
    actions = [each for each in found if isinstance(each, lsp.CodeAction)]
    return {_data(each)["action"]: each for each in actions if "action" in _data(each)}


def _data(action: lsp.CodeAction) -> dict[str, Any]:
    return action.data or ((action.command and action.command.arguments) or [{}])[0]


def able(**more: Any) -> lsp.ClientCapabilities:
    """A full client that makes files."""
    can = capabilities(**more)
    assert can.workspace is not None
    assert can.workspace.workspace_edit is not None
    can.workspace.workspace_edit.resource_operations = [lsp.ResourceOperationKind.Create]
    return can


def eglot() -> lsp.ClientCapabilities:
    """A client without `codeAction/resolve`, which takes versioned edits."""
    can = able()
    can.text_document = None
    return can


@pytest.fixture
async def other() -> AsyncIterator[Script]:
    """A second model server, for the small tier."""
    async with scripted_server(Script()) as script:
        yield script


# -- start to end ----------------------------------------------------------------------------------------------------

EDITS = {
    "optimize": SHORT,
    "simplify": SHORT,
    "document": DOCUMENTED,
    "fix": SHORT,
    "edit": RENAMED,
    "my-edit": SHORT,
}
NEEDS: dict[str, dict[str, Any]] = {
    "edit": {"instruction": "Call it quick."},
    "ask": {"instruction": "What is it for?"},
    "my-edit": {"instruction": "now"},
    "my-text": {"instruction": "now"},
    "my-findings": {"instruction": "now"},
    "fix": {
        "diagnostic": {
            "range": {"start": {"line": 5, "character": 4}, "end": {"line": 5, "character": 7}},
            "message": "one name too many",
            "code": 7,
            "severity": 3,
            "tags": [1],
        }
    },
}


@pytest.mark.parametrize("action", EDITS)
@pytest.mark.parametrize("client_kind", ["full", "plain"])
async def test_edits_by_command(connect: Connect, script: Script, action: str, client_kind: str) -> None:
    script.replies = [EDITS[action]]
    can = able()
    if client_kind == "plain":
        can = capabilities(full=False)
        can.workspace = lsp.WorkspaceClientCapabilities(apply_edit=True)
    async with connect(large(script) | {"actions": {"custom": CUSTOM}}, can) as client:
        open_text(client, SOURCE)
        answer = await act(client, action, **NEEDS.get(action, {}))
        assert (answer.kind, answer.tier, answer.applied) == ("edit", "large", True), answer
        (edit,) = client.edits
        code = EDITS[action].removeprefix("```python\n").removesuffix("\n```")
        assert f"{code}\n\n\ndef run(command):" in applied(SOURCE, edit)
        assert bool(edit.change_annotations) is (client_kind == "full")
        if edit.change_annotations:
            (annotation,) = edit.change_annotations.values()
            assert annotation.needs_confirmation
            assert (annotation.description or "").startswith("Large model openai:scripted.")
            assert ("`quick`" in (annotation.description or "")) is (action == "edit")


@pytest.mark.parametrize("action", ["optimize", "simplify", "document", "fix"])
async def test_edits_that_are_resolved(connect: Connect, script: Script, action: str) -> None:
    script.replies = [EDITS[action]]
    async with connect(large(script), able()) as client:
        open_text(client, SOURCE)
        chosen = (await listed(client, diagnostics=[DIAGNOSTIC]))[action]
        assert (chosen.edit, chosen.command) == (None, None)
        resolved = await client.code_action_resolve_async(chosen)
        assert resolved.edit is not None
        assert applied(SOURCE, resolved.edit) != SOURCE


@pytest.mark.parametrize("action", ["optimize", "simplify", "document", "fix", "tests"])
async def test_a_client_that_resolves_nothing_gets_commands(connect: Connect, script: Script, action: str) -> None:
    script.replies = [EDITS.get(action, TESTS)]
    async with connect(large(script), eglot()) as client:
        open_text(client, SOURCE, "file:///nowhere/a.py")
        chosen = (await listed(client, uri="file:///nowhere/a.py", diagnostics=[DIAGNOSTIC]))[action]
        assert chosen.data is None
        assert chosen.command is not None
        answer = await run(client, chosen.command.command, *chosen.command.arguments or [])
        assert answer["kind"] == "edit"
        assert len(client.edits) == 1


@pytest.mark.parametrize(("action", "reply"), [("explain", "It sorts."), ("ask", "To sort."), ("my-text", "Mine.")])
async def test_texts(connect: Connect, script: Script, action: str, reply: str) -> None:
    script.replies = [reply] * 2
    settings = large(script) | {"actions": {"custom": CUSTOM}}
    async with connect(settings, capabilities(ours={"stream": True})) as client:
        open_text(client, SOURCE)
        answer = await act(client, action, **NEEDS.get(action, {}))
        assert (answer.kind, answer.tier, answer.markdown) == ("text", "large", reply)
        assert (client.explanations[-1].markdown, client.explanations[-1].done) == (reply, True)
        if instruction := NEEDS.get(action, {}).get("instruction"):
            assert instruction in json.dumps(script.requests[0]["messages"])


@pytest.mark.parametrize("action", ["security", "security-file", "my-findings"])
async def test_findings(connect: Connect, script: Script, action: str) -> None:
    script.replies = [FINDING]
    async with connect(large(script) | {"actions": {"custom": CUSTOM}}) as client:
        open_text(client, SOURCE)
        answer = await act(client, action, RUN, **NEEDS.get(action, {}))
        assert (answer.kind, answer.tier) == ("findings", "large")
        found = await until(lambda: client.diagnostics.get(URI))
        assert answer.count == len(found)
        assert [each.range.start.line for each in found if each.code == "model"] == [11]
        assert script.requests[0]["response_format"]["type"] == "json_schema"


async def test_tests_become_a_new_file(connect: Connect, script: Script, tmp_path: Path) -> None:
    script.replies = [TESTS] * 2
    uri = (tmp_path / "a.py").as_uri()
    async with connect(large(script), able(), tmp_path) as client:
        open_text(client, SOURCE, uri)
        chosen = (await listed(client, uri=uri))["tests"]
        edit = (await client.code_action_resolve_async(chosen)).edit
        assert edit is not None
        create, content = edit.document_changes or []
        assert isinstance(create, lsp.CreateFile)
        assert isinstance(content, lsp.TextDocumentEdit)
        assert create.uri == content.text_document.uri == (tmp_path / "test_a.py").as_uri()
        assert create.options == lsp.CreateFileOptions(overwrite=False, ignore_if_exists=False)
        assert content.edits[0].new_text.startswith("from a import slow\n")
        annotation = (edit.change_annotations or {})[create.annotation_id or ""]
        assert annotation.needs_confirmation
        # The server writes nothing itself, and never over a file that is there.
        assert not any(tmp_path.iterdir())  # noqa: ASYNC240
        (tmp_path / "test_a.py").write_text("mine")
        chosen = (await listed(client, uri=uri))["tests"]
        (create, _) = (await client.code_action_resolve_async(chosen)).edit.document_changes
        assert create.uri == (tmp_path / "test_a_2.py").as_uri()


async def test_a_client_that_makes_no_files_gets_the_tests_to_read(connect: Connect, script: Script) -> None:
    script.replies = [TESTS]
    async with connect(large(script)) as client:
        open_text(client, SOURCE, "untitled:a")
        chosen = (await listed(client, uri="untitled:a"))["tests"]
        assert chosen.command is not None
        answer = await run(client, chosen.command.command, *chosen.command.arguments or [])
        assert answer["kind"] == "text"
        assert answer["markdown"].startswith("For a new file:\n\n```python\nfrom a import slow\n")
        assert client.edits == []


async def test_long_code_is_changed_by_hunks(connect: Connect, script: Script) -> None:
    body = "".join(f"    x = {number}\n" for number in range(100))
    source = f"def long():\n{body}    return x\n"
    script.replies = ["<<<<<<< SEARCH\n    x = 98\n    x = 99\n=======\n    x = 99\n>>>>>>> REPLACE"]
    async with connect(large(script)) as client:
        open_text(client, source)
        assert (await act(client, "simplify")).kind == "edit"
        assert applied(source, client.edits[0]) == source.replace("    x = 98\n", "")
        assert "SEARCH" in json.dumps(script.requests[0]["messages"])


# -- the list --------------------------------------------------------------------------------------------------------


async def test_a_problem_of_another_server_is_offered_to_be_fixed(connect: Connect, script: Script) -> None:
    script.replies = [SHORT]
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        far = lsp.Diagnostic(lsp.Range(lsp.Position(10, 0), lsp.Position(10, 1)), "elsewhere")
        fix = (await listed(client, diagnostics=[far, DIAGNOSTIC]))["fix"]
        assert (fix.title, fix.kind) == ("Fix: `out` is one name too many (large)", "quickfix")
        assert [each.message for each in fix.diagnostics or []] == [DIAGNOSTIC.message]
        assert fix.data["diagnostic"]["message"] == DIAGNOSTIC.message
        assert script.requests == []
        resolved = await client.code_action_resolve_async(fix)
        assert resolved.edit is not None
        assert "one name too many" in json.dumps(script.requests[0]["messages"])


async def test_ruff_fixes_what_ruff_reports_without_a_model(connect: Connect) -> None:
    source = "import os\nimport sys\n\nprint(sys)\n"
    unused = lsp.Diagnostic(
        lsp.Range(lsp.Position(0, 7), lsp.Position(0, 9)), "`os` imported but unused", code="F401", source="Ruff"
    )
    async with connect(NO_MODELS) as client:
        open_text(client, source)
        fix = (await listed(client, 0, diagnostics=[unused]))["fix"]
        assert fix.title == "Fix: `os` imported but unused (static)"
        resolved = await client.code_action_resolve_async(fix)
        assert resolved.edit is not None
        assert applied(source, resolved.edit) == source.removeprefix("import os\n")


async def test_the_list_starts_nothing_and_asks_nobody(connect: Connect, script: Script) -> None:
    for settings in (large(script), NO_MODELS):
        async with connect(settings, apart=True) as client:
            open_text(client, SOURCE)
            for line in range(12):
                await listed(client, line, diagnostics=[DIAGNOSTIC])
            server = psutil.Process(client._server.pid)
            assert server.children(recursive=True) == []
    assert script.requests == []


async def test_actions_of_the_users_own(connect: Connect, script: Script) -> None:
    mine = CUSTOM[0] | {"name": "mine", "prompt": "Tidy {language}: {selection}", "languages": ["python"]}
    script.replies = [SHORT]
    settings = large(script) | {"actions": {"custom": [mine, mine | {"output": "shell", "name": "bad"}, 5]}}
    async with connect(settings) as client:
        open_text(client, SOURCE)
        chosen = (await listed(client))["mine"]
        assert (chosen.title, chosen.kind) == ("My my-edit (large)", "source.mine")
        assert (await client.code_action_resolve_async(chosen)).edit is not None
        assert "Tidy python: \n```python\ndef slow" in script.requests[0]["messages"][1]["content"]
        await until(lambda: "action `bad`: `output` must be one of `edit`, `text`, `findings`" in client.told)
        await until(lambda: "entry 3: it must be a table" in client.told)


@pytest.mark.parametrize(
    ("action", "said"),
    [("ask", "an instruction"), ("edit", "an instruction"), ("fix", "a diagnostic")],
)
async def test_what_an_action_needs_is_said(connect: Connect, script: Script, action: str, said: str) -> None:
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        answer = await act(client, action)
        assert (answer.kind, script.requests) == ("failed", [])
        assert f"`{action}` needs {said}." in client.told


@pytest.mark.parametrize(
    "more", [{"instruction": 5}, {"diagnostic": 5}, {"diagnostic": {"message": "x"}}, {"diagnostic": {"range": 1}}]
)
async def test_a_bad_argument_is_refused(connect: Connect, more: dict[str, Any]) -> None:
    async with connect(NO_MODELS) as client:
        open_text(client, SOURCE)
        with pytest.raises(JsonRpcException) as error:
            await run(client, RUN_ACTION, order("explain", **more))
        assert error.value.code == -32602


# -- running ---------------------------------------------------------------------------------------------------------


async def test_the_progress_says_who_works_and_how_far(connect: Connect, script: Script) -> None:
    script.replies = ["It sorts the items and cuts them."]
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        await act(client, "explain")
        (reports,) = client.progress_reports.values()
        first, *middle, last = reports
        assert isinstance(first, lsp.WorkDoneProgressBegin)
        assert first.cancellable
        assert middle[0].message == "Large model openai:scripted."
        assert middle[-1].message == f"Large model openai:scripted: {len(middle) - 1} tokens."
        assert isinstance(last, lsp.WorkDoneProgressEnd)


async def test_runs_on_other_ranges_go_side_by_side(connect: Connect, script: Script) -> None:
    script.replies, script.hold = ["One.", "Two.", "Three."], asyncio.Event()
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        slow = start(client, "explain", "slow", SLOW)
        await until(lambda: len(script.requests) == 1)
        other = start(client, "explain", "run", RUN)
        await until(lambda: len(script.requests) == 2)
        # The same function again, from another line of it.
        again = start(client, "explain", "again", SLOW + 1)
        with pytest.raises(JsonRpcException) as error:
            await slow
        assert error.value.code == CANCELLED
        await until(lambda: len(script.requests) == 3)
        script.hold.set()
        assert (await other)["markdown"] == "Two."
        assert (await again)["markdown"] == "Three."


async def test_the_end_of_the_connection_hangs_up_on_the_model(script: Script) -> None:
    script.replies, script.hold = ["Never read to its end."], asyncio.Event()
    async with wired(apart=True) as wire:
        await wire.initialize(capabilities(full=False), large(script))
        item = {"uri": URI, "languageId": "python", "version": 1, "text": SOURCE}
        wire.notify("textDocument/didOpen", {"textDocument": item})
        params = {"command": RUN_ACTION, "arguments": [order("explain")]}
        wire.send({"jsonrpc": "2.0", "id": "mine", "method": "workspace/executeCommand", "params": params})
        await until(lambda: script.requests)
        # The editor dies: no shutdown, no cancel.
        assert wire.process.stdin is not None
        wire.process.stdin.close()
        async with asyncio.timeout(30):
            await script.hung_up.wait()
            await wire.ended()


async def test_a_cancelled_model_says_no_further_token(connect: Connect, script: Script) -> None:
    script.replies, script.hold, script.chunk = [f"So:\n{SHORT}"], asyncio.Event(), 1
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        running = start(client, "optimize", "mine")
        await until(lambda: any("1 token." in str(each) for each in client.progress_reports.values()))
        client.cancel_request(lsp.CancelParams(id="mine"))
        with pytest.raises(JsonRpcException):
            await running
        # It was at its first token when its client left: it waits there for the test to let it go on.
        async with asyncio.timeout(30):
            await script.hung_up.wait()
        assert (client.edits, client.told) == ([], "")
        script.hold.set()
        script.replies = ["Well."]
        assert (await act(client, "explain")).markdown == "Well."


async def test_typing_on_both_sides_of_the_code_moves_the_edit(connect: Connect, script: Script) -> None:
    script.replies, script.hold = [SHORT], asyncio.Event()
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        running = start(client, "optimize", "mine")
        await until(lambda: script.requests)
        # Two changes look like one over the whole file to whoever compares the texts only.
        type_text(client, lsp.Position(0, 0), "# above\n", 2)
        type_text(client, lsp.Position(13, 0), "\n# below\n", 3)
        await run(client, "hybrid-lsp.status")
        script.hold.set()
        assert (await running)["applied"]
        (edit,) = client.edits
        after = applied("# above\n" + SOURCE + "\n# below\n", edit)
        assert after.startswith("# above\nimport os\n")
        assert after.endswith("return slow([command])\n\n# below\n")
        assert '    """Sorts."""\n    return sorted(items)[:limit]\n\n\ndef run' in after


async def test_the_small_model_takes_over_in_the_middle(connect: Connect, script: Script, other: Script) -> None:
    script.replies, script.die_after, other.replies = ["It sorts, and then"], 1, ["It sorts."]
    small = {"small": {"backend": "openai", "base_url": other.url, "model": "tiny-instruct"}}
    async with connect(large(script) | small, capabilities(ours={"stream": True})) as client:
        open_text(client, SOURCE)
        answer = await act(client, "explain")
        assert (answer.tier, answer.markdown) == ("small", "It sorts.")
        assert answer.label.startswith("The large model broke off (")
        assert answer.label.endswith("small model openai:tiny-instruct instead.")
        assert client.explanations[-1].markdown == "It sorts."


async def test_after_two_refusals_the_small_model_is_asked(connect: Connect, script: Script, other: Script) -> None:
    script.replies, other.replies = ["No.", "No."], [SHORT]
    small = {"small": {"backend": "openai", "base_url": other.url, "model": "tiny-instruct"}}
    async with connect(large(script) | small) as client:
        open_text(client, SOURCE)
        answer = await act(client, "optimize")
        assert (answer.kind, answer.tier, answer.applied) == ("edit", "small", True)
        assert "refused twice" in answer.label


async def test_a_static_edit_in_place_of_a_refused_one_says_where_that_is(connect: Connect, script: Script) -> None:
    script.replies = ["I would rather not."] * 2
    async with connect(large(script)) as client:
        open_text(client, SOURCE.replace("sorted(items)", "list(sorted(items))"))
        action = await client.code_action_resolve_async((await listed(client))["optimize"])
        assert action.edit is not None
        (annotation,) = (action.edit.change_annotations or {}).values()
        kept = re.search(r"The refused reply is kept in (\S+\.md)\.", annotation.description or "")
        assert kept is not None
        assert Path(kept[1]).read_text() == "I would rather not."  # noqa: ASYNC240


async def test_a_small_model_for_ghost_text_runs_no_actions(connect: Connect, script: Script, other: Script) -> None:
    small = {"small": {"backend": "openai", "base_url": other.url, "model": "starcoder2:3b"}}
    async with connect(small) as client:
        open_text(client, SOURCE)
        assert (await act(client, "explain")).tier == "static"
        assert other.requests == []


async def test_the_users_own_tests_judge_an_edit(connect: Connect, script: Script, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)  # noqa: ASYNC221 (it is short)
    (tmp_path / "a.py").write_text(SOURCE)
    script.replies = [SHORT]
    check = [sys.executable, "-c", "import a; assert a.slow([2, 1]) == [1, 2]"]
    uri = (tmp_path / "a.py").as_uri()
    async with connect(large(script) | {"verify": {"command": check}}, able(), tmp_path) as client:
        open_text(client, SOURCE, uri)
        action = await client.code_action_resolve_async((await listed(client, uri=uri))["optimize"])
        assert action.edit is not None
        (annotation,) = (action.edit.change_annotations or {}).values()
        assert "Your tests pass with the edit, in " in (annotation.description or "")
        reports = [getattr(each, "message", "") or "" for each in next(iter(client.progress_reports.values()))]
        assert "Your tests run, with the edit and without it." in reports
