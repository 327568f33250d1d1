"""The language server of one editor window: pygls' server with our session."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any

import cattrs
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException, JsonRpcInternalError
from pygls.lsp.server import LanguageServer

from hybrid_lsp import __version__
from hybrid_lsp.server import processes
from hybrid_lsp.server.diagnostics import Diagnostics
from hybrid_lsp.server.notebooks import ALL_CELLS
from hybrid_lsp.server.progress import ProgressBar
from hybrid_lsp.server.protocol import HybridProtocol
from hybrid_lsp.server.session import Session
from hybrid_lsp.server.tell import Tell

log = logging.getLogger(__name__)


class HybridServer(LanguageServer):
    """The language server of one editor window; `converter` makes what reads and writes its messages."""

    def __init__(self, converter: Callable[[], cattrs.Converter]) -> None:
        super().__init__(
            name="hybrid-lsp",
            version=__version__,
            text_document_sync_kind=lsp.TextDocumentSyncKind.Incremental,
            notebook_document_sync=ALL_CELLS,
            protocol_cls=HybridProtocol,
            converter_factory=converter,
        )
        self.progress_bar = ProgressBar(self)
        self.session = Session(Tell(self))
        self.diagnostics = Diagnostics(self, self.session)
        assert isinstance(self.protocol, HybridProtocol)
        self.protocol.held = self.session.documents.held
        self.protocol.lost = self._lost
        self.protocol.end = lambda: self.end()
        self.end: Callable[[], object] = lambda: None
        """Ends the connection, and with it the process; the transport sets it."""

    async def end_with(self, editor: int) -> None:
        """End when the editor's process does (LSP 3.18, `processId`)."""
        await processes.outlived(editor)
        log.info("ending: the editor's process is gone")
        self.end()

    def _lost(self, uri: str) -> None:
        """A change of a document, or its opening, could not be read: its text is not known until it comes whole."""
        if not self.session.documents.lose(uri):
            return
        self.session.stop_typing(uri)
        self.session.unwatched(uri)
        name = uri.rpartition("/")[2]
        self.session.tell.warn(f"A change of {name} could not be read. Close the file and open it again.")

    @property
    def exit_code(self) -> int:
        """0 after a `shutdown`, 1 for a client that left without (LSP 3.18, Exit Notification)."""
        assert isinstance(self.protocol, HybridProtocol)
        return 0 if self.protocol.was_shut_down else 1

    def shutdown(self) -> None:
        """The connection has ended, with or without goodbye."""
        super().shutdown()  # type: ignore[no-untyped-call]  # pygls leaves it unannotated
        self.session.flush()

    def report_server_error(self, error: Exception, source: Any) -> None:
        """To the log: a defect of ours is not for the user to act on, and its text may hold source code."""
        if isinstance(error, JsonRpcInternalError):
            # pygls has put the first error's kind and text, and its trace, into this one.
            data = error.data if isinstance(error.data, dict) else {}
            log.error("%s in the server:\n%s", error.message.partition(":")[0], "".join(data.get("traceback", [])))
        elif not isinstance(error, JsonRpcException):
            trace = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s in the server:\n%s", type(error).__name__, trace)
