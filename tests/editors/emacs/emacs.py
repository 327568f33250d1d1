"""A real Emacs in batch mode, told form by form what to do (see harness.el)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

HARNESS = Path(__file__).parent / "harness.el"
PATIENCE_S = 60
"""Longest wait for an answer: longer than Emacs itself waits, so that it says what did not come."""
_ANSWER = "\x1e"


class EmacsError(Exception):
    """What Emacs said of a form that failed."""


class Emacs:
    """One running Emacs; `said` is what its user has read so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._listening = asyncio.create_task(self._listen())
        self.said = ""

    @property
    def pid(self) -> int:
        return self._process.pid

    async def eval(self, form: str) -> Any:
        """The value of a form; raises EmacsError."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(" ".join(form.splitlines()).encode() + b"\n")
        async with asyncio.timeout(PATIENCE_S):
            while (line := (await self._process.stdout.readline()).decode()) and not line.startswith(_ANSWER):
                pass
        answer = json.loads(line[1:]) if line else {"error": f"Emacs has ended; it said: {self.said}"}
        if "error" in answer:
            raise EmacsError(answer["error"])
        return answer["value"]

    async def until(self, condition: str) -> Any:
        """Wait until a form's value is not nil; returns that."""
        return await self.eval(f"(hl-until {condition})")

    def kill(self) -> None:
        self._process.kill()

    async def quit(self) -> None:
        assert self._process.stdin is not None
        if self._process.returncode is None:
            # It is told, since at the end of its input Emacs spins where a child's signal came before.
            self._process.stdin.write(b"(kill-emacs)\n")
        async with asyncio.timeout(PATIENCE_S):
            await self._process.wait()
            await self._listening

    async def _listen(self) -> None:
        assert self._process.stderr is not None
        while text := await self._process.stderr.read(65536):
            self.said += text.decode(errors="replace")


def quoted(text: str) -> str:
    """A text as Emacs Lisp writes it, in one line."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


@asynccontextmanager
async def running(program: Path, *files: Path, env: dict[str, str], cwd: Path) -> AsyncIterator[Emacs]:
    """Emacs without any configuration but these files, which it loads."""
    loaded = [argument for file in (HARNESS, *files) for argument in ("-l", str(file))]
    process = await asyncio.create_subprocess_exec(
        *(program, "-Q", "--batch", *loaded, "-f", "hl-serve"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=env,
        cwd=cwd,
    )
    emacs = Emacs(process)
    try:
        yield emacs
    finally:
        try:
            await emacs.quit()
        finally:
            if process.returncode is None:
                process.kill()
