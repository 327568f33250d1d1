"""Every way in which a server ends: what it started ends with it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import NO_MODELS, capabilities, large, until
from scripted import Script
from wire import Wire, wired

from hybrid_lsp.paths import state_dir

SOURCE = "def add(a, b):\n    total = a + b\n    return total\n"
BETTER = "```python\ndef add(a, b):\n    return a + b\n```"
WAY_OUT: dict[str, Callable[[Wire], Any]] = {
    "SIGTERM": lambda wire: wire.process.send_signal(signal.SIGTERM),
    "SIGINT": lambda wire: wire.process.send_signal(signal.SIGINT),
    "SIGHUP": lambda wire: wire.process.send_signal(signal.SIGHUP),
    "SIGKILL": lambda wire: wire.process.kill(),
    "end-of-input": lambda wire: wire.process.stdin.close(),  # type: ignore[union-attr]
    "exit": lambda wire: wire.notify("exit"),
}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    (root / "sums.py").write_text(SOURCE)
    return root


def order(uri: str) -> dict[str, Any]:
    place = {"line": 1, "character": 4}
    argument = {"action": "simplify", "uri": uri, "range": {"start": place, "end": place}}
    return {"command": "hybrid-lsp.runAction", "arguments": [argument]}


def opened(uri: str) -> dict[str, Any]:
    return {"textDocument": {"uri": uri, "languageId": "python", "version": 1, "text": SOURCE}}


@pytest.mark.fault(
    "the server ends (SIGTERM, SIGINT, SIGHUP, SIGKILL, end of input, `exit`) while `verify.command` runs"
)
@pytest.mark.parametrize("way", WAY_OUT)
async def test_the_users_tests_and_their_copy_end_with_the_server(
    way: str, workspace: Path, script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    started = tmp_path / "started"
    endless = f"import os, time; open({str(started)!r}, 'w').write(str(os.getpid())); time.sleep(1000)"
    script.replies = [BETTER]
    settings = large(script) | {"verify": {"command": [sys.executable, "-c", endless], "timeout_s": 600}}
    uri = (workspace / "sums.py").as_uri()
    async with wired(apart=True) as wire:
        await wire.initialize(capabilities(full=False), settings)
        folders = {"added": [{"uri": workspace.as_uri(), "name": "p"}], "removed": []}
        wire.notify("workspace/didChangeWorkspaceFolders", {"event": folders})
        wire.notify("textDocument/didOpen", opened(uri))
        wire.send({"jsonrpc": "2.0", "id": 1, "method": "workspace/executeCommand", "params": order(uri)})
        pid = int(await until(lambda: started.exists() and started.read_text()))
        assert any(temporary.glob("hybrid-lsp-trial-*"))
        WAY_OUT[way](wire)
        await wire.ended()
        await until(lambda: not _runs(pid))
        await until(lambda: not any(temporary.glob("hybrid-lsp-trial-*")))


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _command(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


@pytest.mark.fault("the server is told to end while an analyser runs")
async def test_bandit_ends_with_the_server(workspace: Path) -> None:
    uri = (workspace / "sums.py").as_uri()
    async with wired(apart=True) as wire:
        await wire.initialize(capabilities(full=False), NO_MODELS)
        wire.notify("textDocument/didOpen", opened(uri))
        security = order(uri)
        security["arguments"][0]["action"] = "security-file"
        wire.send({"jsonrpc": "2.0", "id": 1, "method": "workspace/executeCommand", "params": security})
        server = psutil.Process(wire.process.pid)
        # One that is not yet its own program would be stopped with the server waiting for it to become one.
        mine = server.cmdline()
        children = await until(lambda: [each for each in server.children() if _command(each) not in (mine, [])])
        for child in children:
            child.suspend()  # so that it does not end by itself
        wire.process.terminate()
        await wire.ended()
        await until(lambda: not any(_runs(child.pid) for child in children))


@pytest.mark.fault("the editor is killed")
async def test_a_server_ends_with_its_editor() -> None:
    editor = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE)
    async with wired(apart=True) as wire:
        params = {"processId": editor.pid, "rootUri": None, "capabilities": {}, "initializationOptions": NO_MODELS}
        await wire.ask("initialize", params)
        editor.kill()
        await editor.wait()
        assert await wire.ended() == 1


@pytest.mark.fault("the editor runs elsewhere (`processId` is not here)")
async def test_an_editor_that_is_not_seen_from_here_ends_nothing() -> None:
    async with wired(apart=True) as wire:
        params = {"processId": 2**22 + 1, "rootUri": None, "capabilities": {}, "initializationOptions": NO_MODELS}
        await wire.ask("initialize", params)
        assert (await wire.ask("workspace/executeCommand", {"command": "hybrid-lsp.status"}))["result"]


@pytest.mark.fault("a `processId` that no process has")
@pytest.mark.parametrize("pid", [0, -1, 2**31, 2**70, -(2**70), "1", 1.5, True, []], ids=str)
async def test_a_number_that_is_no_process_ends_nothing(pid: Any) -> None:
    async with wired() as wire:
        params = {"processId": pid, "rootUri": None, "capabilities": {}, "initializationOptions": NO_MODELS}
        reply = await wire.ask("initialize", params)
        if "error" in reply:
            assert reply["error"]["code"] in (-32602, -32600)
            await wire.initialize(capabilities(full=False), NO_MODELS)
        assert (await wire.ask("workspace/executeCommand", {"command": "hybrid-lsp.status"}))["result"]
    logs = state_dir() / "logs" / "server.log"
    assert "in the server" not in logs.read_text("utf-8")


@pytest.mark.fault("the state folder cannot be written")
async def test_a_state_folder_that_cannot_be_written_costs_no_suggestion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state").write_text("a file where the folder would be")
    monkeypatch.setenv("HYBRID_LSP_STATE_DIR", str(tmp_path / "state"))
    text = "import os\n\nwizard = os.envir"
    uri = "file:///work/wizard.py"
    async with wired(apart=True) as wire:
        await wire.initialize(capabilities(full=False), {"completion": {"min_confidence": 0.0}})
        wire.notify(
            "textDocument/didOpen", opened(uri) | {"textDocument": opened(uri)["textDocument"] | {"text": text}}
        )
        place = {"line": 2, "character": len("wizard = os.envir")}
        asked = {"textDocument": {"uri": uri}, "position": place, "context": {"triggerKind": 1}}
        assert (await wire.ask("textDocument/inlineCompletion", asked))["result"]["items"]


@pytest.mark.fault("the runtime folder's name is too long for a socket")
@pytest.mark.own_engines
async def test_a_runtime_folder_with_a_long_name_costs_no_suggestion(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="hl-") as short:
        long = Path(short) / ("x" * 120)
        monkeypatch.setenv("HYBRID_LSP_RUNTIME_DIR", str(long))
        from hybrid_lsp.paths import socket_path

        stand_in = socket_path("any.sock").parent
        text, uri = "import os\n\nwizard = os.envir", "file:///work/wizard.py"
        try:
            async with wired(apart=True) as wire:
                await wire.initialize(capabilities(full=False), {"completion": {"min_confidence": 0.0}})
                document = opened(uri)["textDocument"] | {"text": text}
                wire.notify("textDocument/didOpen", {"textDocument": document})
                place = {"line": 2, "character": len("wizard = os.envir")}
                asked = {"textDocument": {"uri": uri}, "position": place, "context": {"triggerKind": 1}}
                assert (await wire.ask("textDocument/inlineCompletion", asked))["result"]["items"]
        finally:
            for process in psutil.process_iter(["cmdline"]):
                if str(stand_in) in " ".join(process.info["cmdline"] or []):
                    process.kill()
            shutil.rmtree(stand_in, ignore_errors=True)


@pytest.mark.fault("the disk is full")
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs the device that is always full")  # noqa: PTH110
async def test_a_full_disk_puts_nothing_on_stderr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs = tmp_path / "state" / "logs"
    logs.mkdir(parents=True)
    (logs / "server.log").symlink_to("/dev/full")
    monkeypatch.setenv("HYBRID_LSP_STATE_DIR", str(tmp_path / "state"))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hybrid_lsp", "serve"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    wire = Wire(process)
    reading = asyncio.create_task(wire.read())
    await wire.initialize(capabilities(full=False), NO_MODELS | {"completion": {"debounce_ms": "fast"}})
    await wire.ask(
        "textDocument/hover", {"textDocument": {"uri": "file:///a"}, "position": {"line": 0, "character": 0}}
    )
    assert await wire.end() == 0
    await reading
    assert process.stderr is not None
    assert await process.stderr.read() == b""
