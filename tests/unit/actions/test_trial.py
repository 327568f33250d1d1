# ruff: noqa: ASYNC221, ASYNC240 (a test may wait for a process and look at files)
"""The user's own tests on an edit: on a copy, for a limited time, and nothing of the workspace changes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import attrs
import psutil
import pytest
from action_bench import Bench, block, python

from hybrid_lsp.actions import trial
from hybrid_lsp.actions.base import EditOutcome, FileOutcome
from hybrid_lsp.actions.trial import Candidate
from hybrid_lsp.config import Config, VerifyConfig
from hybrid_lsp.errors import AnalysisError

pytestmark = pytest.mark.usefixtures("unmeasured")

SOURCE = "def add(a, b):\n    total = a + b\n    return total\n"
CHECK = "import sums; assert sums.add(1, 2) == 3"
GOOD = block("def add(a, b):\n    return a + b")
WRONG = block("def add(a, b):\n    return a * b")


def config(*command: str, timeout_s: float = 60.0) -> Config:
    return attrs.evolve(Config(), verify=VerifyConfig(command=list(command), timeout_s=timeout_s))


def checking(code: str = CHECK) -> Config:
    return config(sys.executable, "-c", code)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    (root / "sums.py").write_text(SOURCE)
    (root / ".gitignore").write_text("*.secret\n")
    (root / "key.secret").write_text("k")
    return root


async def run(workspace: Path, reply: str, settings: Config, name: str = "simplify"):
    bench = Bench(config=settings, root=workspace)
    return await bench.run(name, reply, document=python(SOURCE, workspace / "sums.py"))


async def test_an_edit_that_passes_says_so_with_its_time(workspace: Path) -> None:
    done = await run(workspace, GOOD, checking())
    assert isinstance(done, EditOutcome)
    (note,) = done.notes
    assert note.startswith("Your tests pass with the edit, in ")
    assert " times the " in note
    assert note in done.edit.description
    assert (workspace / "sums.py").read_text() == SOURCE


async def test_an_edit_that_fails_says_so_and_is_still_the_users_to_judge(workspace: Path) -> None:
    done = await run(workspace, WRONG, checking())
    assert isinstance(done, EditOutcome)
    assert done.notes == ("Your tests fail with the edit; they pass without it.",)


async def test_tests_that_fail_anyway(workspace: Path) -> None:
    assert (await run(workspace, GOOD, checking("raise SystemExit(1)"))).notes == (
        "Your tests fail with the edit, and without it too.",
    )
    mended = await run(workspace, WRONG, checking("import sums; assert sums.add(1, 2) == 2"))
    assert mended.notes == ("Your tests pass with the edit and fail without it.",)


async def test_a_new_test_file_is_tried_too(workspace: Path) -> None:
    (workspace / ".gitignore").write_text("")
    code = "import pathlib, sys; sys.exit(not pathlib.Path('test_sums.py').exists())"
    tests = block("def test_adds():\n    assert True")
    done = await run(workspace, tests, checking(code), "tests")
    assert isinstance(done, FileOutcome)
    assert done.notes == ("Your tests pass with the edit and fail without it.",)


async def test_the_copy_holds_what_git_knows_and_nothing_from_elsewhere(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("x")
    (workspace / "out.txt").symlink_to(tmp_path / "outside.txt")
    (workspace / "in.py").symlink_to(workspace / "sums.py")
    (workspace / "loop").symlink_to(workspace / "loop")
    (workspace / "folder").symlink_to(tmp_path)
    seen = tmp_path / "seen"
    code = (
        f"import os; open({str(seen)!r}, 'w').write(repr((sorted(os.listdir()), os.path.islink('in.py'), os.getcwd())))"
    )
    await run(workspace, GOOD, checking(code))
    names, is_link, where = eval(seen.read_text())
    assert names == [".gitignore", "in.py", "sums.py"]
    assert not is_link
    assert not Path(where).exists()
    assert not Path(where).is_relative_to(workspace)


async def test_keys_of_our_settings_stay_out_of_it(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_LLM_KEY", "k")
    monkeypatch.setenv("HYBRID_LSP_LOG_LEVEL", "debug")
    seen = tmp_path / "seen"
    settings = checking(f"import os; open({str(seen)!r}, 'w').write(repr(dict(os.environ)))")
    settings = attrs.evolve(settings, large=attrs.evolve(settings.large, api_key_env="MY_LLM_KEY"))
    await run(workspace, GOOD, settings)
    environ = eval(seen.read_text())
    assert "MY_LLM_KEY" not in environ
    assert not [name for name in environ if name.startswith("HYBRID_LSP_")]
    assert environ["PATH"] == os.environ["PATH"]


async def test_endless_tests_are_stopped_with_all_that_they_started(workspace: Path, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = (
        "import subprocess, sys, time; sleep = [sys.executable, '-c', 'import time; time.sleep(600)'];"
        "child = subprocess.Popen(sleep);"
        f"open({str(pids)!r}, 'a').write(f'{{child.pid}} '); time.sleep(600)"
    )
    done = await run(workspace, GOOD, config(sys.executable, "-c", code, timeout_s=2.0))
    assert done.notes == ("Your tests do not end within 2 s with the edit, and without it too.",)
    started = [int(pid) for pid in pids.read_text().split()]
    assert started
    while any(map(alive, started)):
        await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    """A killed process whose new parent has not taken note of its end counts as dead."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_cancelling_stops_the_tests(workspace: Path, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    code = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid()) + ' ' + os.getcwd()); time.sleep(600)"
    task = asyncio.ensure_future(run(workspace, GOOD, checking(code)))
    while not (mark.exists() and " " in mark.read_text()):
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    pid, where = mark.read_text().split()
    assert not psutil.pid_exists(int(pid))
    while Path(where).exists():
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("command", "said"),
    [(["/nowhere/pytest"], "`verify.command` cannot be started"), (["a\0b"], "cannot be started")],
)
async def test_a_command_that_does_not_start_is_said(workspace: Path, command: list[str], said: str) -> None:
    done = await run(workspace, GOOD, config(*command))
    assert isinstance(done, EditOutcome)
    assert said in done.notes[0]


async def test_without_git_or_a_folder_there_is_no_trial(tmp_path: Path) -> None:
    path = tmp_path / "sums.py"
    with pytest.raises(AnalysisError, match="no git repository"):
        await trial.tried(Candidate(path, SOURCE, SOURCE), tmp_path, checking())
    for root in (None, tmp_path / "other"):
        with pytest.raises(AnalysisError, match="no folder of the workspace"):
            await trial.tried(Candidate(path, SOURCE, SOURCE), root, checking())


async def test_a_large_workspace_is_not_copied(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "MOST_BYTES", 10)
    done = await run(workspace, GOOD, checking())
    assert "Your tests were not run: The workspace is larger" in done.notes[0]


async def test_a_repository_cannot_have_its_own_program_run(workspace: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
    hook.chmod(0o755)
    subprocess.run(["git", "-C", str(workspace), "config", "core.fsmonitor", str(hook)], check=True)
    await run(workspace, GOOD, checking())
    assert not ran.exists()
