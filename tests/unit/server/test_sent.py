"""What is sent can be read by clients whose JSON parsers are strict: Emacs takes no NUL, Rust no half surrogates."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from lsprotocol import types as lsp

from hybrid_lsp.server.app import create_server
from hybrid_lsp.server.hybrid import HybridServer

texts = st.text(st.sampled_from('a"\\/u0\n\x00\x01é😀\ud83d\ude00') | st.characters(), max_size=20)
RAW = "\\u0000 \\ud800"
"""What source code may say, and means no character of that kind."""


class Kept:
    """A writer that keeps what it is given."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data

    def close(self) -> None:
        """There is nothing to close."""


def sent(server: HybridServer, send: Any, *arguments: Any) -> dict[str, Any]:
    """The one message that a call sends."""
    kept = Kept()
    server.protocol.set_writer(kept)
    send(*arguments)
    head, _, body = kept.data.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}\r\n".encode() in head + b"\r\n"
    body.decode("ascii")
    return dict(json.loads(body))


@given(texts)
@example(RAW)
@example("\\\x00\\\ud800")
def test_every_text_can_be_read(text: str) -> None:
    server = create_server()
    message = sent(server, server.window_show_message, lsp.ShowMessageParams(lsp.MessageType.Info, text))
    said = message["params"]["message"]
    said.encode("utf-8")
    assert "\0" not in said
    paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert said == paired.replace("\0", "\ufffd")


def test_so_can_what_is_no_message_of_lsp_and_what_is_a_name() -> None:
    server = create_server()
    message = sent(server, server.protocol.notify, "hybridLsp/explanation", {"a\0": ["\ud800", {"b": "\0"}]})
    assert message["params"] == {"a\ufffd": ["\ufffd", {"b": "\ufffd"}]}
    params = lsp.ApplyWorkspaceEditParams(lsp.WorkspaceEdit(changes={"file:///a": []}), label="\0")
    message = sent(server, server.workspace_apply_edit, params)
    assert message["params"] == {"edit": {"changes": {"file:///a": []}}, "label": "\ufffd"}
