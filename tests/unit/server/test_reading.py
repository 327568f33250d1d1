"""What a client sends is taken for what it is, or for nothing."""

from __future__ import annotations

from typing import Any

import cattrs
import pytest
from lsprotocol import types as lsp

from hybrid_lsp.server.editor import _capabilities
from hybrid_lsp.server.reading import converter

READER = converter()


def test_what_a_full_client_says_of_itself_is_read_as_pygls_reads_it() -> None:
    params = lsp.InitializeParams(
        capabilities=_capabilities(), client_info=lsp.ClientInfo("an editor", "1"), trace=lsp.TraceValue.Verbose
    )
    plain = READER.unstructure(params)
    read = READER.structure(plain, lsp.InitializeParams)
    assert READER.unstructure(read) == plain
    assert read.capabilities.workspace.apply_edit is True
    assert read.trace is lsp.TraceValue.Verbose
    item = {"uri": "file:///a.py", "languageId": "python", "version": 3, "text": "x\n"}
    assert READER.structure(item, lsp.TextDocumentItem).language_id == lsp.LanguageKind.Python


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (lsp.TextDocumentContentChangeWholeDocument, {"text": None}),
        (lsp.TextDocumentContentChangeWholeDocument, {"text": True}),
        (lsp.TextDocumentContentChangeWholeDocument, {"text": ["x"]}),
        (lsp.TextDocumentIdentifier, {"uri": None}),
        (lsp.Position, {"line": 1.5, "character": 0}),
        (lsp.Position, {"line": "1", "character": 0}),
        (lsp.Position, {"line": True, "character": 0}),
        (lsp.Position, {"line": None, "character": 0}),
    ],
)
def test_what_is_none_of_its_kind_is_refused(kind: type, value: dict[str, Any]) -> None:
    with pytest.raises(cattrs.ClassValidationError):
        READER.structure(value, kind)


def test_a_number_may_be_a_version() -> None:
    assert READER.structure({"name": "an editor", "version": 3}, lsp.ClientInfo).version == "3"
