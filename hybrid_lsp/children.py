"""Child processes: the one way to start one that waits without blocking, so that a cancel leaves nothing behind.

CPython does not see to a cancel between a child's birth and its pipes being connected: it waits for these without end
(3.11), or the child goes on and nobody waits for it. So what has begun to start is started, and ended again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import Process
from typing import Any

_CANCEL_AGAIN_S = 0.1


async def start(*command: str, **options: Any) -> Process:
    """Start a child, with the options of `asyncio.create_subprocess_exec`, and raise what that raises.

    Cancelled meanwhile, it raises CancelledError once the child is killed and reaped, with its process group if it
    leads one.
    """
    starting = asyncio.ensure_future(asyncio.create_subprocess_exec(*command, **options))
    try:
        await asyncio.wait([starting])
    except asyncio.CancelledError:
        await _until_done(starting)
        if not starting.cancelled() and starting.exception() is None:
            await end(starting.result())
        raise
    return starting.result()


async def end(child: Process) -> None:
    """Kill a child, with its process group if it leads one, and reap it, however often this is cancelled; nobody else
    may be reading what it writes."""
    if child.returncode is not None:
        return
    kill(child)
    # What it wrote is read as well: a full pipe would not be closed, and a child is waited for until its pipes are.
    await _until_done(asyncio.ensure_future(child.communicate()))


async def _until_done(task: asyncio.Task[Any]) -> None:
    """Wait for a task however often this is cancelled: whoever waits is told of a cancel already."""
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([task], timeout=_CANCEL_AGAIN_S)
        # A loop that ends cancels every task, a start too: its child is killed, and pipes that were never connected
        # are waited for until the second time.
        if task.cancelling():
            task.cancel()


def kill(child: Process) -> None:
    """Kill a child that runs, and all that it started if it leads a process group."""
    if child.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform != "win32" and os.getpgid(child.pid) == child.pid:
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
