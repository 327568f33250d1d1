"""pygls' protocol, with the rules of ours that it leaves open.

- Text synchronisation is ours (`documents.py`), so pygls' own workspace is not fed.
- Every request is answered exactly once, also one whose parameters cannot be read, one before `initialize` and one
  after `shutdown`.
- Error replies carry no traceback: it would hold paths and may hold source text.
"""

from __future__ import annotations

import logging
from typing import Any

from lsprotocol import types as lsp
from pygls.protocol import LanguageServerProtocol, lsp_method
from pygls.protocol.json_rpc import JsonRPCNotification, RPCRequest

log = logging.getLogger(__name__)

_INVALID = "$/hybridLsp/invalid"
_INVALID_REQUEST = -32600
_INVALID_PARAMS = -32602
_INTERNAL_ERROR = -32603
_NOT_INITIALIZED = -32002


class HybridProtocol(LanguageServerProtocol):
    """See the module's docstring."""

    @lsp_method(lsp.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: lsp.DidOpenTextDocumentParams) -> Any:
        yield from self._hand_on(lsp.TEXT_DOCUMENT_DID_OPEN, params)

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: lsp.DidChangeTextDocumentParams) -> Any:
        yield from self._hand_on(lsp.TEXT_DOCUMENT_DID_CHANGE, params)

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: lsp.DidCloseTextDocumentParams) -> Any:
        yield from self._hand_on(lsp.TEXT_DOCUMENT_DID_CLOSE, params)

    def _hand_on(self, method: str, params: Any) -> Any:
        handler = self.fm.features.get(method)
        if handler is not None:
            yield handler, (params,), None

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Read a message; one that cannot be read is answered here when it is a request, and otherwise dropped."""
        try:
            return super().structure_message(data)
        except Exception as error:
            log.warning("A message `%s` could not be read: %s", data.get("method"), type(error).__name__)
            if "method" in data and "id" in data:
                self._refuse(data["id"], _INVALID_PARAMS, f"The parameters of {data['method']} cannot be read.")
            return JsonRPCNotification(method=_INVALID, jsonrpc=self.VERSION, params=None)

    def handle_message(self, message: Any) -> None:
        if isinstance(message, JsonRPCNotification) and message.method == _INVALID:
            return
        if isinstance(message, RPCRequest):
            if self._shutdown:
                self._refuse(message.id, _INVALID_REQUEST, "The server is shutting down.")
                return
            if message.method != lsp.INITIALIZE and self._workspace is None:
                self._refuse(message.id, _NOT_INITIALIZED, "Send `initialize` first.")
                return
        super().handle_message(message)

    def _refuse(self, message_id: Any, code: int, message: str) -> None:
        self._send_response(message_id, error=lsp.ResponseError(code=code, message=message))

    def _send_response(
        self, msg_id: str | int, result: Any | None = None, error: lsp.ResponseError | None = None
    ) -> None:
        if error is not None:
            text = "Internal error; the server's log says more." if error.code == _INTERNAL_ERROR else error.message
            error = lsp.ResponseError(code=error.code, message=text)
        super()._send_response(msg_id, result, error)
