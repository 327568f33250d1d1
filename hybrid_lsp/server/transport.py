"""The connection to the client, over standard input and output or TCP, and every way in which it ends.

However it ends (`exit`, the end of its input, SIGTERM and its like, the editor's death), what was started ends with it:
all tasks are cancelled and waited for, and with them go the processes and folders that are theirs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from pygls.io_ import StdoutWriter

from hybrid_lsp.server import processes
from hybrid_lsp.server.framing import Complaint, Frames
from hybrid_lsp.server.protocol import HybridProtocol

if TYPE_CHECKING:
    from hybrid_lsp.server.hybrid import HybridServer

log = logging.getLogger(__name__)

_CHUNK = 65536
_MOST_CHUNKS = 16
"""Of what was read and not yet taken."""
_LONGEST_GREETING = 4 * 1024 * 1024
"""Bytes of an `initialize` over TCP, where anybody may knock."""
_MOST_AT_THE_DOOR = 16
_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP")

Chunks = AsyncIterator[bytes]


def serve_stdio(server: HybridServer) -> None:
    """Serve one client over standard input and output, until it leaves or the process is told to end."""
    writer = StdoutWriter(sys.stdout.buffer)
    _run(server, lambda: converse(server, _standard_input(), writer))


def serve_tcp(
    server: HybridServer, host: str, port: int, listening: Callable[[str], None], *, strangers: bool = False
) -> None:
    """Serve the first client that introduces itself by `initialize`, and end with it; `listening` is told the address.

    Web pages are turned away, and other users of this machine (and all whom it cannot tell) unless `strangers`.
    Raises OSError where the address cannot be had.
    """
    _run(server, lambda: _serve_first(server, _Door(host, port, strangers=strangers), listening))


def _run(server: HybridServer, serving: Callable[[], Coroutine[Any, Any, None]]) -> None:
    try:
        # What is still under way when it ends is cancelled, and waited for.
        asyncio.run(_until_told(server, serving))
    except KeyboardInterrupt:
        pass
    finally:
        server.shutdown()


async def _until_told(server: HybridServer, serving: Callable[[], Coroutine[Any, Any, None]]) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_report)
    task = asyncio.ensure_future(serving())
    with _ended_by_signals(loop, task), contextlib.suppress(asyncio.CancelledError, ConnectionError):
        await task


@contextlib.contextmanager
def _ended_by_signals(loop: asyncio.AbstractEventLoop, task: asyncio.Future[None]) -> Any:
    """End in order at the first signal; a second one finds the system's own way."""
    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before = {number: handler for number in numbers if (handler := signal.getsignal(number)) is not signal.SIG_IGN}

    def told(number: int) -> None:
        log.info("ending: %s", signal.Signals(number).name)
        task.cancel()

    for number in before:
        # Python's own handler, and not the loop's, which Windows has not: asyncio is woken by it all the same.
        signal.signal(number, lambda number, _: loop.call_soon_threadsafe(told, number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """To the log, where asyncio would write to stderr, which editors show as an error.

    A read that anyio waits for raises InvalidStateError where it is cancelled as its data comes, and an answer may be
    for a client that has left: nothing is lost.
    """
    error = context.get("exception")
    harmless = isinstance(error, asyncio.InvalidStateError | ConnectionError)
    # Without the error's own words, which may hold source text.
    trace = "".join(traceback.format_tb(error.__traceback__)) if error is not None else ""
    kind = type(error).__name__ if error is not None else context.get("message")
    log.log(logging.DEBUG if harmless else logging.ERROR, "%s in the event loop\n%s", kind, trace)


async def converse(server: HybridServer, chunks: Chunks, writer: Any, first: bytes | None = None) -> None:
    """Take messages until the client's end; `writer` has `write(data)` and `close()`, `first` has been read before."""
    protocol = server.protocol
    assert isinstance(protocol, HybridProtocol)
    protocol.set_writer(writer)
    task = asyncio.current_task()
    assert task is not None
    server.end = task.cancel
    if first is not None:
        protocol.read(first)
    frames = Frames()
    async for chunk in chunks:
        for received in frames.feed(chunk):
            protocol.read(received)
            # What a message starts begins before the next is read.
            await asyncio.sleep(0)


async def _standard_input() -> Chunks:
    """What comes in, read by a thread that nobody waits for: a read of a pipe cannot be interrupted."""
    loop = asyncio.get_running_loop()
    chunks: asyncio.Queue[bytes] = asyncio.Queue()
    room = threading.Semaphore(_MOST_CHUNKS)

    def read() -> None:
        chunk = b"-"
        while chunk:
            room.acquire()
            try:
                chunk = os.read(sys.stdin.fileno(), _CHUNK)
            except OSError:
                chunk = b""
            try:
                loop.call_soon_threadsafe(chunks.put_nowait, chunk)
            except RuntimeError:  # the loop has ended
                return

    threading.Thread(target=read, name="stdin", daemon=True).start()
    while chunk := await chunks.get():
        room.release()
        yield chunk


async def _serve_first(server: HybridServer, door: _Door, listening: Callable[[str], None]) -> None:
    reader, writer, frames, greeting = await door.first_guest(listening)
    try:
        await converse(server, stream(reader, frames), writer, greeting)
    finally:
        writer.close()


async def stream(reader: asyncio.StreamReader, left_over: bytes = b"") -> Chunks:
    """What comes from a reader, behind what has been read of it before."""
    if left_over:
        yield left_over
    while chunk := await reader.read(_CHUNK):
        yield chunk


Guest = tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes, bytes]
"""A connection, what has been read of it beyond its first message, and that message."""


class _Door:
    """Lets in one client: the first of those who may come in that says `initialize`. Others may knock meanwhile."""

    def __init__(self, host: str, port: int, *, strangers: bool) -> None:
        self._host, self._port, self._strangers = host, port, strangers
        self._waiting = 0

    async def first_guest(self, listening: Callable[[str], None]) -> Guest:
        """Wait for it; all others have then been sent away. Raises OSError where the address cannot be had."""
        chosen: asyncio.Future[Guest] = asyncio.get_running_loop().create_future()
        tasks: set[asyncio.Task[None]] = set()

        def knocked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(self._receive(reader, writer, chosen))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        listener = await asyncio.start_server(knocked, self._host, self._port)
        listening(":".join(map(str, listener.sockets[0].getsockname()[:2])))
        try:
            return await chosen
        finally:
            listener.close()
            for task in tasks:
                task.cancel()

    async def _receive(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, chosen: asyncio.Future[Guest]
    ) -> None:
        guest = None
        self._waiting += 1
        try:
            if self._waiting <= _MOST_AT_THE_DOOR and await self._may_come_in(writer):
                guest = await _greeting(reader, writer)
        except (ConnectionError, OSError):
            log.info("a connection broke off before it was a client's")
        finally:
            self._waiting -= 1
            if guest is not None and not chosen.done():
                chosen.set_result(guest)
            else:
                writer.close()

    async def _may_come_in(self, writer: asyncio.StreamWriter) -> bool:
        if self._strangers:
            return True
        theirs, ours = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
        known = await asyncio.to_thread(processes.own_connection, theirs, ours)
        if not known:
            log.warning("a connection was refused: it is not seen to come from a program of this user")
            print("Refused a connection that is not of this user's. See --allow-remote.", file=sys.stderr, flush=True)
        return known


async def _greeting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Guest | None:
    """A client that says `initialize`; None for who says what no client does, such as a web page with its POST."""
    frames, read = Frames(), 0
    while (chunk := await reader.read(_CHUNK)) and (read := read + len(chunk)) <= _LONGEST_GREETING:
        for received in frames.feed(chunk):
            message = None if isinstance(received, Complaint) else _parsed(received)
            if isinstance(received, Complaint) or message is None:
                log.warning("a connection was refused: it does not speak LSP")
                return None
            if message.get("method") == "initialize":
                return reader, writer, frames.rest, received
            if "id" in message:
                writer.write(_too_early(message["id"]))
    return None


def _parsed(body: bytes) -> dict[str, Any] | None:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


def _too_early(number: Any) -> bytes:
    error = {"code": -32002, "message": "Send `initialize` first."}
    known = number if isinstance(number, str | int) else None
    body = json.dumps({"jsonrpc": "2.0", "id": known, "error": error}).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
