"""The language server of one editor window: pygls' server with our session."""

from __future__ import annotations

import logging
import traceback
from typing import Any

from lsprotocol import types as lsp
from pygls.exceptions import FeatureRequestError
from pygls.lsp.server import LanguageServer

from hybrid_lsp import __version__
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

    def report_server_error(self, error: Exception, source: Any) -> None:
        """To the log: a defect of ours is not for the user to act on, and its text may hold source code."""
        if source is not FeatureRequestError:
            trace = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s in the server:\n%s", type(error).__name__, trace)
