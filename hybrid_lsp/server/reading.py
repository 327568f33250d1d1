"""What reads the client's messages: pygls' converter, which takes no text for what it is not.

cattrs makes a text of null ("None"), a line of 1.5 (1), and so a document of what was never typed. In everything else
it stays lenient: a client that says its name wrongly is still served.
"""

from __future__ import annotations

from typing import Any

import cattrs
from lsprotocol import types as lsp
from pygls.protocol import default_converter

_FIELDS: dict[type, dict[str, type]] = {
    lsp.Position: {"line": int, "character": int},
    lsp.TextDocumentItem: {"uri": str, "text": str},
    lsp.TextDocumentContentChangeWholeDocument: {"text": str},
    lsp.TextDocumentContentChangePartial: {"text": str},
    lsp.VersionedTextDocumentIdentifier: {"uri": str, "version": int},
}
"""What must be of exactly this kind; a position before the ranges that are read by it."""


def converter() -> cattrs.Converter:
    """A converter that raises TypeError for a document's text that is none, and for a position in it that is none."""
    made: cattrs.Converter = default_converter()  # type: ignore[no-untyped-call]  # pygls leaves it unannotated
    for kind, fields in _FIELDS.items():
        _check(made, kind, fields)
    return made


def _check(made: cattrs.Converter, kind: type, fields: dict[str, type]) -> None:
    read = made.get_structure_hook(kind)

    def checked(value: Any, wanted: type) -> Any:
        for name, needed in fields.items():
            if isinstance(value, dict) and type(value.get(name)) is not needed:
                raise TypeError(f"`{name}` must be of the kind {needed.__name__}")
        return read(value, wanted)

    made.register_structure_hook(kind, checked)
