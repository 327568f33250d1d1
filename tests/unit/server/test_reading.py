"""What a client sends is taken for what it is, or for nothing."""

from __future__ import annotations

from typing import Any

import cattrs
import pytest
from lsprotocol import types as lsp

from hybrid_lsp.server.editor import _capabilities
from hybrid_lsp.server.reading import converter

READER = converter()
RANGE = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 1}}


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
        (lsp.TextDocumentContentChangeWholeDocument, {"text": 5}),
        (lsp.TextDocumentContentChangePartial, {"range": RANGE, "text": None}),
        (lsp.TextDocumentItem, {"uri": "file:///a.py", "languageId": "python", "version": 1, "text": None}),
        (lsp.VersionedTextDocumentIdentifier, {"uri": "file:///a.py", "version": None}),
        (lsp.Position, {"line": 1.5, "character": 0}),
        (lsp.Position, {"line": "1", "character": 0}),
        (lsp.Position, {"line": True, "character": 0}),
        (lsp.Position, {"line": None, "character": 0}),
    ],
)
def test_what_is_none_of_its_kind_is_refused(kind: type, value: dict[str, Any]) -> None:
    with pytest.raises((TypeError, cattrs.ClassValidationError)):
        READER.structure(value, kind)


@pytest.mark.parametrize("wrong", [{"name": "an editor", "version": 3}, {"name": None}])
def test_a_client_that_says_its_name_wrongly_is_served(wrong: dict[str, Any]) -> None:
    params = {"processId": None, "rootUri": None, "capabilities": {}, "clientInfo": wrong}
    assert READER.structure(params, lsp.InitializeParams).client_info is not None
