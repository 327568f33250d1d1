"""A real Helix in a terminal of its own: keys in, what it draws and what it logs out."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

PATIENCE_S = 30
"""Longest wait for something that must come; a busy machine is slow, and no test passes by waiting."""
SIZE = struct.pack("HHHH", 30, 100, 0, 0)
ESCAPE, ENTER, TAB, BACKSPACE = "\x1b", "\r", "\t", "\x7f"
_CONTROLS = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[P\]].*?(?:\x1b\\|\x07)|.)|\s")
_WHO = b"\x1b[c"
"""Asks the terminal what it is; Helix waits for the answer."""


class Helix:
    """One running Helix.

    What it draws is read as a stream of text without spaces and colours: it draws what differs, in order, so that
    something new, such as a menu, stands there in one piece.
    """

    def __init__(self, process: asyncio.subprocess.Process, terminal: int, log: Path) -> None:
        self._process = process
        self._terminal = terminal
        self._log = log
        self._drawn = ""
        self._seen = 0
        self._news = asyncio.Event()

    @property
    def pid(self) -> int:
        return self._process.pid

    async def keys(self, *keys: str) -> None:
        """Type, each key once the one before has been drawn: what is drawn from here on is new."""
        self._seen = len(self._drawn)
        for key in keys:
            self._news.clear()
            os.write(self._terminal, key.encode())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), 1)

    async def until_drawn(self, text: str) -> None:
        """Wait until a text is drawn that was not asked for before the last keys."""
        if not await self.draws(text, PATIENCE_S):
            drawn = _CONTROLS.sub("", self._drawn[self._seen :])
            raise AssertionError(f"{text!r} was not drawn, but {drawn!r}")

    async def draws(self, text: str, within_s: float) -> bool:
        """Whether a text is drawn, that was not asked for before the last keys, within that time."""
        wanted = _CONTROLS.sub("", text)
        try:
            async with asyncio.timeout(within_s):
                while wanted not in _CONTROLS.sub("", self._drawn[self._seen :]):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def until_logged(self, text: str) -> None:
        """Wait until a text stands in its log, which has all messages to and from the server."""
        async with asyncio.timeout(PATIENCE_S):
            while not self._log.exists() or text not in self._log.read_text(encoding="utf-8"):
                await asyncio.sleep(0.02)

    async def quit(self) -> None:
        """Leave, whatever it is doing, without writing."""
        if self._process.returncode is None:
            await self.keys(ESCAPE, ESCAPE, f":quit-all!{ENTER}")
        async with asyncio.timeout(PATIENCE_S):
            await self._process.wait()

    def read(self) -> None:
        """Take in what was drawn."""
        try:
            data = os.read(self._terminal, 65536)
        except OSError:  # it has ended
            asyncio.get_running_loop().remove_reader(self._terminal)
            return
        if _WHO in data:
            os.write(self._terminal, b"\x1b[?62c")
        self._drawn += data.decode(errors="replace")
        self._news.set()


@asynccontextmanager
async def running(program: Path, file: Path, *, env: dict[str, str], log: Path) -> AsyncIterator[Helix]:
    """Helix with a file, once the server knows of it."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, SIZE)
    process = await asyncio.create_subprocess_exec(
        *(program, "-v", "--log", log, file),
        stdin=its,
        stdout=its,
        stderr=its,
        env=env | {"TERM": "xterm-256color"},
        cwd=file.parent,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(its)
    helix = Helix(process, ours, log)
    asyncio.get_running_loop().add_reader(ours, helix.read)
    try:
        await helix.until_logged('"method":"textDocument/didOpen"')
        yield helix
    finally:
        try:
            await helix.quit()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            asyncio.get_running_loop().remove_reader(ours)
            os.close(ours)
