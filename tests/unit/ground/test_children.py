"""However early whoever starts a child is cancelled: nobody goes on waiting, and no child is left."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from hybrid_lsp import children

pytestmark = [pytest.mark.usefixtures("unmeasured"), pytest.mark.timeout(60)]

SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")
PIPES = {"stdin": PIPE, "stdout": PIPE, "stderr": PIPE}


@pytest.fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    """No child, dead or alive, no task, and nothing that warns of having been left open."""
    before = set(psutil.Process().children())
    tasks = asyncio.all_tasks()
    yield
    assert set(psutil.Process().children()) <= before
    assert asyncio.all_tasks() - {asyncio.current_task()} <= tasks
    gc.collect()


class Slow:
    """Starts that wait at their end until they may go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.child: asyncio.Future[Process] = asyncio.get_running_loop().create_future()
        self.may_end = asyncio.Event()
        self._start = asyncio.create_subprocess_exec
        monkeypatch.setattr(asyncio, "create_subprocess_exec", self._slowly)

    async def _slowly(self, *command: str, **options: Any) -> Process:
        child = await self._start(*command, **options)
        self.child.set_result(child)
        await self.may_end.wait()
        return child


@pytest.fixture
async def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    return Slow(monkeypatch)


@pytest.mark.parametrize("options", [PIPES, {"stdin": DEVNULL, "stdout": PIPE}, {}], ids=["pipes", "one", "none"])
async def test_a_cancel_at_every_moment_of_the_start(options: dict[str, int]) -> None:
    ended = [await _cancelled_after(turns, options) for turns in range(30)]
    assert ended[0]
    assert not ended[-1], "the last was started before its cancel, so that no moment was left out"


async def _cancelled_after(turns: int, options: dict[str, int]) -> bool:
    task = asyncio.ensure_future(children.start(*SLEEP, **options))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        children.kill(task.result())
        await task.result().communicate()
    return task.cancelled()


async def test_a_slow_start_is_not_interrupted_however_often_it_is_cancelled(slow: Slow) -> None:
    task = asyncio.ensure_future(children.start(*SLEEP, **PIPES))
    child = await slow.child
    for _ in range(3):
        task.cancel()
        assert not (await asyncio.wait([task], timeout=0.01))[0]
    assert child.returncode is None
    slow.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert child.returncode is not None


async def test_its_end_is_not_interrupted_either(slow: Slow) -> None:
    task = asyncio.ensure_future(children.start(*SLEEP, **PIPES))
    child = await slow.child
    slow.may_end.set()
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)
    assert task.cancelled()
    assert child.returncode is not None


async def test_a_child_that_filled_its_pipe_ends(slow: Slow, tmp_path: Path) -> None:
    written = tmp_path / "written"
    code = f"import sys, pathlib; sys.stdout.write('x' * 1_000_000); pathlib.Path({str(written)!r}).touch()"
    task = asyncio.ensure_future(children.start(sys.executable, "-c", code, **PIPES))
    child = await slow.child
    assert child.stdout is not None
    while not child.stdout._buffer or len(child.stdout._buffer) < 2**17:  # type: ignore[attr-defined]
        await asyncio.sleep(0.01)
    task.cancel()
    slow.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not written.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="it knows no process groups")
async def test_what_a_child_has_started_in_its_group_ends_too(slow: Slow) -> None:
    code = f"import subprocess; subprocess.run({list(SLEEP)!r})"
    task = asyncio.ensure_future(children.start(sys.executable, "-c", code, start_new_session=True))
    child = psutil.Process((await slow.child).pid)
    while not (grandchildren := child.children()):
        await asyncio.sleep(0.01)
    task.cancel()
    slow.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    while any(map(_alive, grandchildren)):
        await asyncio.sleep(0.01)


def _alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE  # its new parent may not have taken note of its end
    return False


@pytest.mark.parametrize("turns", range(5))
async def test_a_program_that_is_not_there(turns: int) -> None:
    with pytest.raises(FileNotFoundError):
        await children.start("/nowhere/program", **PIPES)
    task = asyncio.ensure_future(children.start("/nowhere/program", **PIPES))
    for _ in range(turns):
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError if task.cancel() else FileNotFoundError):
        await task


async def test_what_is_started_runs() -> None:
    child = await children.start(sys.executable, "-c", "print(input())", stdin=PIPE, stdout=PIPE)
    out, _ = await child.communicate(b"hello\n")
    assert (out.split(), child.returncode) == ([b"hello"], 0)
    children.kill(child)  # does nothing any more
