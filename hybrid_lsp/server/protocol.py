"""pygls' protocol, with the rules of ours that it leaves open.

- Text synchronisation and progress are ours, so pygls' own workspace and tokens are not fed.
- Every request is answered exactly once, also one that cannot be read, one before `initialize` and one after
  `shutdown`; what is neither request, notification nor reply is answered with an error whose id is null (JSON-RPC 2.0,
  Response object).
- No reply repeats more than a little of what a client sent.
- Error replies carry no traceback: it would hold paths and may hold source text.
- Cancelling `workspace/executeCommand` reaches the command.
- What is sent holds no character that a client's JSON parser may refuse, and with it the whole message.
"""

from __future__ import annotations

import inspect
import json
import logging
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import attrs
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams
from pygls.protocol import LanguageServerProtocol, lsp_method

from hybrid_lsp.server.framing import Complaint

log = logging.getLogger(__name__)

_PARSE_ERROR = -32700
_INVALID_REQUEST = -32600
_INVALID_PARAMS = -32602
_INTERNAL_ERROR = -32603
_NOT_INITIALIZED = -32002
_LONGEST_MESSAGE = 500
"""Characters of an error's text, which may repeat what a client sent."""
_EXACT = 2**53
"""Whole numbers up to here are the same in JSON's one kind of number and in ours."""
# In JSON as it is written in ASCII: a pair of surrogates, NUL or half a pair, any other escape.
_ESCAPE = re.compile(r"\\(?:ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|(u0000|ud[89a-f][0-9a-f]{2})|.)")


class HybridProtocol(LanguageServerProtocol):
    """See the module's docstring; `held` is entered while a message is taken (`Documents.held`), `end` ends the
    connection, and `lost` is told the URI of a document about which a message could not be read."""

    held: Callable[[], AbstractContextManager[None]] = staticmethod(nullcontext)
    end: Callable[[], object] = staticmethod(lambda: None)
    lost: Callable[[str], object] = staticmethod(lambda uri: None)

    @property
    def was_shut_down(self) -> bool:
        """Whether the client has said `shutdown`: what its `exit` means depends on that."""
        return self._shutdown

    @lsp_method(lsp.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: lsp.DidOpenTextDocumentParams) -> Any:
        self.fm.features[lsp.TEXT_DOCUMENT_DID_OPEN](params)

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: lsp.DidChangeTextDocumentParams) -> Any:
        self.fm.features[lsp.TEXT_DOCUMENT_DID_CHANGE](params)

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: lsp.DidCloseTextDocumentParams) -> Any:
        self.fm.features[lsp.TEXT_DOCUMENT_DID_CLOSE](params)

    @lsp_method(lsp.NOTEBOOK_DOCUMENT_DID_OPEN)
    def lsp_notebook_document__did_open(self, params: lsp.DidOpenNotebookDocumentParams) -> Any:
        self.fm.features[lsp.NOTEBOOK_DOCUMENT_DID_OPEN](params)

    @lsp_method(lsp.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def lsp_notebook_document__did_change(self, params: lsp.DidChangeNotebookDocumentParams) -> Any:
        self.fm.features[lsp.NOTEBOOK_DOCUMENT_DID_CHANGE](params)

    @lsp_method(lsp.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def lsp_notebook_document__did_close(self, params: lsp.DidCloseNotebookDocumentParams) -> Any:
        self.fm.features[lsp.NOTEBOOK_DOCUMENT_DID_CLOSE](params)

    @lsp_method(lsp.WINDOW_WORK_DONE_PROGRESS_CANCEL)
    def lsp_work_done_progress_cancel(self, params: lsp.WorkDoneProgressCancelParams) -> Any:
        if _is_id(params.token):
            self.fm.features[lsp.WINDOW_WORK_DONE_PROGRESS_CANCEL](params)

    @lsp_method(lsp.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(self, params: lsp.ExecuteCommandParams) -> Any:  # type: ignore[override]
        """A coroutine, where pygls has a generator: a cancel would end that, and the command would run on."""
        command = self.fm.commands.get(params.command)
        if command is None:
            raise JsonRpcInvalidParams(f"There is no command `{params.command}`.")
        result = command(*params.arguments or [])
        return await result if inspect.isawaitable(result) else result

    @lsp_method(lsp.EXIT)
    def lsp_exit(self, *args: Any) -> Any:
        """The connection ends, and with it the process, in order; pygls raises SystemExit in the middle of the loop."""
        self.end()

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Left as it is: pygls calls this for each nested object too, and one may look like a message."""
        return data

    def read(self, received: bytes | Complaint) -> None:
        """Take what came in the place of one message."""
        try:
            if isinstance(received, Complaint):
                raise ValueError(received.message)
            message = json.loads(received, parse_float=_number, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            said = received.message if isinstance(received, Complaint) else "This is no JSON."
            log.warning("A message could not be read: %s", type(error).__name__)
            self._send_response(None, error=lsp.ResponseError(_PARSE_ERROR, said))
            return
        try:
            self.handle_message(message)
        except Exception as error:
            self._server.report_server_error(error, JsonRpcException)

    def handle_message(self, message: Any) -> None:
        """Answer or take one message, as the JSON has it."""
        if isinstance(message, list) and message:
            for each in message:
                self._refuse(each, _INVALID_REQUEST, "LSP has no batches: send one message at a time.")
        elif not isinstance(message, dict) or message.get("jsonrpc") != self.VERSION:
            self._refuse(message, _INVALID_REQUEST, "This is no JSON-RPC 2.0 message.")
        elif "method" not in message and ("result" in message or "error" in message):
            self._take_reply(message)
        elif "method" not in message:
            self._refuse(message, _INVALID_REQUEST, "A message has a `method`, or it is a reply.")
        elif complaint := self._complaint(message):
            self._refuse(message, *complaint)
        elif not self._cancels_nothing(message):
            with self.held():
                self._take(message)

    def _complaint(self, message: dict[str, Any]) -> tuple[int, str] | None:
        """Why a message cannot be taken now, or at all."""
        method = message["method"]
        if not isinstance(method, str) or not ("id" not in message or _is_id(message["id"])):
            return _INVALID_REQUEST, "`method` must be a text, and `id` a text or a whole number."
        if (kind := self.get_message_type(method)) and ("id" in message) != hasattr(attrs.fields(kind), "id"):
            wanted = "notification: send it without" if "id" in message else "request: send it with"
            return _INVALID_REQUEST, f"{method} is a {wanted} an `id`."
        if method == lsp.EXIT:
            return None
        if self._shutdown:
            return _INVALID_REQUEST, "The server is shutting down."
        initialized = self._workspace is not None
        if method == lsp.INITIALIZE and initialized:
            return _INVALID_REQUEST, "`initialize` was sent before."
        if method != lsp.INITIALIZE and not initialized:
            return _NOT_INITIALIZED, "Send `initialize` first."
        return None

    def _cancels_nothing(self, message: dict[str, Any]) -> bool:
        """A cancel that names no request of the client's: pygls keeps our own ones in the same table."""
        params = message.get("params")
        named = params.get("id") if isinstance(params, dict) else None
        return message["method"] == lsp.CANCEL_REQUEST and (not _is_id(named) or named in self._result_types)

    def _take(self, message: dict[str, Any]) -> None:
        method = message["method"]
        if self.get_message_type(method) is None:
            # pygls reads a message that LSP does not have only in exactly this form.
            fields = ("jsonrpc", "id", "method") if "id" in message else ("jsonrpc", "method")
            message = {name: message[name] for name in fields} | {"params": message.get("params")}
        try:
            structured = super().structure_message(message)
        except Exception as error:  # pygls, cattrs and lsprotocol raise many kinds
            log.warning("A message `%s` could not be read: %s", method[:_LONGEST_MESSAGE], type(error).__name__)
            self._refuse(message, _INVALID_PARAMS, f"The parameters of {method} cannot be read.")
            for uri in _changed(message):
                self.lost(uri)
            return
        super().handle_message(structured)

    def _take_reply(self, message: dict[str, Any]) -> None:
        """A reply to one of our requests; one that cannot be read counts as an error, so that nobody waits for ever."""
        number = message.get("id")
        if not _is_id(number) or number not in self._result_types:
            log.warning("A reply to no request of ours came.")
            return
        try:
            structured = super().structure_message(message)
        except Exception as error:
            log.warning("A reply could not be read: %s", type(error).__name__)
            unreadable = lsp.ResponseError(code=_INVALID_REQUEST, message="The client's reply cannot be read.")
            structured = lsp.ResponseErrorMessage(id=number, error=unreadable)
        self._result_types.pop(number, None)
        super().handle_message(structured)

    def _send_data(self, data: Any) -> None:
        """Send a message; from source code or a model's reply it may have what Emacs (NUL) or Rust and Emacs (half a
        surrogate pair) do not read: U+FFFD takes its place."""
        plain = self._serialize_message(data) if data and not isinstance(data, dict) else data
        if isinstance(plain, dict) and "error" in plain:
            plain.setdefault("id", None)  # lsprotocol leaves it out, and JSON-RPC wants it
        text = json.dumps(plain, default=self._serialize_message)
        if "\\u0000" in text or "\\ud" in text:
            plain = json.loads(_ESCAPE.sub(lambda found: r"\ufffd" if found[1] else found[0], text))
        super()._send_data(plain)

    def _refuse(self, message: Any, code: int, text: str) -> None:
        """Answer with an error; a notification, and what looks like a reply, is let go."""
        named = message if isinstance(message, dict) else {}
        number = named.get("id")
        log.warning("A message was not taken: %s", text[:_LONGEST_MESSAGE])
        notifies = isinstance(named.get("method"), str) and "id" not in named
        replies = "method" not in named and ("result" in named or "error" in named)
        if not (notifies or replies):
            self._send_response(number if _is_id(number) else None, error=lsp.ResponseError(code=code, message=text))

    def _send_response(
        self, msg_id: str | int | None, result: Any | None = None, error: lsp.ResponseError | None = None
    ) -> None:
        if error is not None:
            text = "Internal error; the server's log says more." if error.code == _INTERNAL_ERROR else error.message
            error = lsp.ResponseError(code=error.code, message=_shortened(text))
        super()._send_response(msg_id, result, error)  # type: ignore[arg-type]  # null where a request's id was none


def _changed(message: dict[str, Any]) -> list[str]:
    """The URIs of the documents whose text a message was to set, as far as it says them."""
    params: Any = message.get("params")
    if message["method"] in (lsp.TEXT_DOCUMENT_DID_OPEN, lsp.TEXT_DOCUMENT_DID_CHANGE):
        named = [_at(params, "textDocument", "uri")]
    elif message["method"] == lsp.NOTEBOOK_DOCUMENT_DID_CHANGE:
        contents = _at(params, "change", "cells", "textContent")
        named = [_at(each, "document", "uri") for each in contents] if isinstance(contents, list) else []
    else:
        named = []
    return [uri for uri in named if isinstance(uri, str)]


def _at(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"


def _number(text: str) -> int | float:
    """JSON has one kind of number: 3.0 is the line 3, and an id of 1.0 the id 1."""
    value = float(text)
    return int(value) if abs(value) <= _EXACT and value.is_integer() else value


def _no_number(text: str) -> None:
    raise ValueError("JSON has no such number")


def _is_id(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))
