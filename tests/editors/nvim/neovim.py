"""A real Neovim, driven as a user interface drives it: msgpack-RPC over its pipes, keys in, screens out."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import msgpack
from screen import Screen

PATIENCE_S = 30
"""Longest wait for something that must come; a busy machine is slow, and no test passes by waiting."""
_REQUEST, _RESPONSE, _NOTIFICATION = range(3)


class NeovimError(Exception):
    """What Neovim answered to a request that failed."""


class Neovim:
    """One running Neovim with a screen of its own.

    `on_draw` is called whenever Neovim has drawn all that it wants a user to see, with the screen as it is then.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._something = asyncio.Event()
        self._reader = asyncio.create_task(self._read())
        self.screen = Screen()
        self.on_draw: Callable[[Screen], None] = lambda screen: None

    async def request(self, method: str, *arguments: Any) -> Any:
        """Call an API function; raises NeovimError."""
        assert self._process.stdin is not None
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        self._process.stdin.write(msgpack.packb([_REQUEST, number, method, list(arguments)]))
        async with asyncio.timeout(PATIENCE_S):
            return await self._waiting[number]

    async def lua(self, code: str, *arguments: Any) -> Any:
        return await self.request("nvim_exec_lua", code, list(arguments))

    async def command(self, command: str) -> None:
        await self.request("nvim_command", command)

    async def keys(self, keys: str) -> None:
        """Type, with special keys as `<CR>`."""
        await self.request("nvim_input", keys)

    async def type(self, text: str) -> None:
        """Type as a person does: each key is taken in, and the screen drawn, before the next one."""
        for key in text:
            await self.keys("<lt>" if key == "<" else key)
            await self.request("nvim_get_mode")

    async def text(self) -> str:
        """The text of the current buffer."""
        return "\n".join(await self.request("nvim_buf_get_lines", 0, 0, -1, False))

    async def until(self, condition: str, *arguments: Any) -> Any:
        """Wait until an expression in Lua, with the argument as `wanted`, is neither nil nor false; returns its value.

        It is looked at whenever Neovim says something, and now and then besides: not all that changes is drawn.
        """
        with self._showing_why(condition):
            async with asyncio.timeout(PATIENCE_S):
                while not (found := await self.lua(f"local wanted = ... return {condition}", *arguments)):
                    await self._news()
        return found

    async def until_screen(self, condition: Callable[[Screen], Any]) -> Any:
        """Wait until the screen looks as it should; returns what the condition found."""
        with self._showing_why("the screen"):
            async with asyncio.timeout(PATIENCE_S):
                while not (self.screen.complete and (found := condition(self.screen))):
                    await self._news()
        return found

    @contextmanager
    def _showing_why(self, wanted: str) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            raise AssertionError(f"{wanted} did not come to be; this is shown:\n{self.screen.text}") from None

    async def quit(self) -> None:
        """Leave as a user does, out of whatever prompt there is; the servers end with it."""
        assert self._process.stdin is not None
        keys = [_REQUEST, next(self._numbers), "nvim_input", ["<C-Bslash><C-n>:qall!<CR>"]]
        with suppress(ConnectionError, TimeoutError):
            self._process.stdin.write(msgpack.packb(keys))
            async with asyncio.timeout(PATIENCE_S):
                await self._process.wait()
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._reader

    async def _news(self) -> None:
        self._something.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await self._something.wait()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        unpacker = msgpack.Unpacker(raw=False, strict_map_key=False, unicode_errors="replace")
        while data := await self._process.stdout.read(1 << 16):
            unpacker.feed(data)
            for message in unpacker:
                self._take(message)
                self._something.set()
        for waiting in self._waiting.values():
            waiting.cancel()

    def _take(self, message: Sequence[Any]) -> None:
        if message[0] == _RESPONSE:
            _, number, error, result = message
            waiting = self._waiting.pop(number, None)
            if waiting is None or waiting.done():
                return
            if error is not None:
                waiting.set_exception(NeovimError(error[1]))
            else:
                waiting.set_result(result)
        elif message[0] == _NOTIFICATION and message[1] == "redraw":
            for event in message[2]:
                if self.screen.take(event):
                    self.on_draw(self.screen)


async def eventually(condition: Callable[[], Any]) -> Any:
    """Wait for what another process does, and return it: a server writes its metrics when its editor is gone."""
    async with asyncio.timeout(PATIENCE_S):
        while not (found := condition()):
            await asyncio.sleep(0.02)
    return found


@asynccontextmanager
async def running(
    program: Path,
    *arguments: str,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    size: tuple[int, int] = (100, 30),
) -> AsyncIterator[Neovim]:
    """Neovim with these arguments, without any configuration but what they name."""
    process = await asyncio.create_subprocess_exec(
        program,
        "--embed",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=env,
        cwd=cwd,
    )
    neovim = Neovim(process)
    try:
        await neovim.request("nvim_ui_attach", *size, {"ext_linegrid": True, "ext_hlstate": True, "rgb": True})
        # Until then it reads its configuration, and may take requests in the middle of that.
        await neovim.until("vim.v.vim_did_enter == 1")
        yield neovim
    finally:
        await neovim.quit()
