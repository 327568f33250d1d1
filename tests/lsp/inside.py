"""The server in the tests' own process: to start one of its own costs a second or two of computing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator

import attrs

from hybrid_lsp.server import transport
from hybrid_lsp.server.app import create_server
from hybrid_lsp.server.editor import converter

CONVERTER = converter()
"""One for all clients and servers of this process: to make it costs more than many a test."""
_LONGEST = 2**26


@attrs.define
class Inside:
    """A server and its client's ends of the connection, with what a process has: a status, and its end to wait for."""

    stdin: asyncio.StreamWriter
    stdout: asyncio.StreamReader
    _serving: asyncio.Task[int]

    @classmethod
    async def start(cls) -> Inside:
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours, limit=_LONGEST)
        return cls(writer, reader, asyncio.create_task(_serve(theirs)))

    @property
    def returncode(self) -> int | None:
        return self._serving.result() if self._serving.done() else None

    async def wait(self) -> int:
        return await asyncio.shield(self._serving)

    def kill(self) -> None:
        self._serving.cancel()


async def _serve(connection: socket.socket) -> int:
    """As its transport does; returns the exit status."""
    server = create_server(lambda: CONVERTER)
    reader, writer = await asyncio.open_connection(sock=connection, limit=_LONGEST)
    try:
        await transport.converse(server, transport.stream(reader), writer)
    except (asyncio.CancelledError, ConnectionError):  # at `exit`
        pass
    finally:
        writer.close()
        for task in server.session._background:
            task.cancel()
        await asyncio.to_thread(server.shutdown)
    return server.exit_code


@contextlib.contextmanager
def logging_restored() -> Iterator[None]:
    """What a server changes in the logging of its process is changed back."""
    ours, raises = logging.getLogger("hybrid_lsp"), logging.raiseExceptions
    handlers, propagate, level = list(ours.handlers), ours.propagate, ours.level
    yield
    for handler in ours.handlers:
        handler.close()
    ours.handlers[:], ours.propagate, logging.raiseExceptions = handlers, propagate, raises
    ours.setLevel(level)
    for name in ("pygls", "httpx", "asyncio"):
        logging.getLogger(name).setLevel(logging.NOTSET)
