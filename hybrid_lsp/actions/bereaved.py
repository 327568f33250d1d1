"""What a process leaves behind that was killed outright, and so cannot clean up: another process sees to it.

It waits for the end of its input, which the system closes however its parent ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hybrid_lsp import children

# Lines are numbers of process groups, the newest of which may still run; an empty line says that none does.
_CODE = """
import os, shutil, signal, sys
running = ""
for line in sys.stdin:
    running = line.strip()
if running and hasattr(os, "killpg"):
    try:
        os.killpg(int(running), signal.SIGKILL)
    except OSError:
        pass
shutil.rmtree(sys.argv[1], ignore_errors=True)
"""


class Executor:
    """Knows what is to be ended and taken away."""

    def __init__(self, child: asyncio.subprocess.Process | None) -> None:
        self._child = child

    def runs(self, group: int | None) -> None:
        """This group of processes runs now; None: none does."""
        if self._child is not None and self._child.stdin is not None:
            with contextlib.suppress(ConnectionError):
                self._child.stdin.write(b"%d\n" % group if group is not None else b"\n")


@asynccontextmanager
async def executor(folder: Path) -> AsyncIterator[Executor]:
    """While the block runs, `folder` and what runs for it are sure to be gone when this process is.

    Where no process can be started for it, only this one's orderly end cleans up.
    """
    child = None
    with contextlib.suppress(OSError):
        child = await children.start(
            *(sys.executable, "-I", "-S", "-c", _CODE, str(folder)),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder.parent,
            start_new_session=sys.platform != "win32",  # a signal to all of the editor's processes is not for it
        )
    try:
        yield Executor(child)
    finally:
        if child is not None:
            await children.end(child)
