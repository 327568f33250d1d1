"""The language server of one editor window: pygls' server with our session."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import traceback
from collections.abc import Callable
from threading import Event
from typing import Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException, JsonRpcInternalError
from pygls.io_ import run_async
from pygls.lsp.server import LanguageServer

from hybrid_lsp import __version__
from hybrid_lsp.server.diagnostics import Diagnostics
from hybrid_lsp.server.progress import ProgressBar
from hybrid_lsp.server.protocol import HybridProtocol
from hybrid_lsp.server.session import Session
from hybrid_lsp.server.tell import Tell

log = logging.getLogger(__name__)


class HybridServer(LanguageServer):
    """The language server of one editor window."""

    def __init__(self) -> None:
        super().__init__(
            name="hybrid-lsp",
            version=__version__,
            text_document_sync_kind=lsp.TextDocumentSyncKind.Incremental,
            protocol_cls=HybridProtocol,
        )
        self.progress_bar = ProgressBar(self)
        self.session = Session(Tell(self))
        self.diagnostics = Diagnostics(self, self.session)
        assert isinstance(self.protocol, HybridProtocol)
        self.protocol.held = self.session.documents.held

    @property
    def exit_code(self) -> int:
        """0 after a `shutdown`, 1 for a client that left without (LSP 3.18, Exit Notification)."""
        assert isinstance(self.protocol, HybridProtocol)
        return 0 if self.protocol.was_shut_down else 1

    def shutdown(self) -> None:
        """The connection has ended, with or without goodbye."""
        super().shutdown()  # type: ignore[no-untyped-call]  # pygls leaves it unannotated
        self.session.flush()

    def serve_tcp(self, host: str, port: int, listening: Callable[[str], None]) -> None:
        """Serve the first client that connects, and end with it; `listening` is told the address.

        Raises OSError where the address cannot be had.
        """
        try:
            asyncio.run(self._serve_tcp(host, port, listening))
        except SystemExit:  # how pygls ends at `exit`; `exit_code` says the same
            pass
        finally:
            self.shutdown()

    async def _serve_tcp(self, host: str, port: int, listening: Callable[[str], None]) -> None:
        clients: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        listener = await asyncio.start_server(lambda *client: clients.put_nowait(client), host, port)
        listening(":".join(map(str, listener.sockets[0].getsockname()[:2])))
        reader, writer = await clients.get()
        listener.close()
        await self.serve(reader, writer)

    async def serve(self, reader: asyncio.StreamReader, writer: Any) -> None:
        """Serve one client until its connection ends; `writer` has `write(data)` and `close()`."""
        self.protocol.set_writer(writer)
        with contextlib.suppress(ConnectionError):
            await run_async(Event(), reader, self.protocol, log, self.report_server_error)

    def report_server_error(self, error: Exception, source: Any) -> None:
        """To the log: a defect of ours is not for the user to act on, and its text may hold source code."""
        if source is JsonRpcException and isinstance(error, ValueError | RecursionError):
            log.warning("A message came that is not JSON: %s", type(error).__name__)
        elif isinstance(error, JsonRpcInternalError):
            # pygls has put the first error's kind and text, and its trace, into this one.
            data = error.data if isinstance(error.data, dict) else {}
            log.error("%s in the server:\n%s", error.message.partition(":")[0], "".join(data.get("traceback", [])))
        elif not isinstance(error, JsonRpcException):
            trace = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s in the server:\n%s", type(error).__name__, trace)
