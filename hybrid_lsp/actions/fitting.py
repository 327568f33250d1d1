"""Code between a file and a model: without the file's indentation for the one, with it again for the other."""

from __future__ import annotations

import re

from hybrid_lsp.actions import indentation
from hybrid_lsp.document import Document, Span

_INDENT = re.compile(r"[ \t]*")
_MARK = "\ufeff"
"""A byte order mark: it belongs to the file, not to its code."""


def dedented(document: Document, span: Span) -> str:
    """The code of a span with LF line endings and without the indentation of its first line, or a byte order mark."""
    code = normal(document.slice(span)).removeprefix(_MARK)
    return _shifted(code, document.language, indent_of(code), "")


def fitted(document: Document, span: Span, code: str) -> str:
    """Code with the indentation, the kind of indentation and the line endings of the span that it replaces."""
    old = document.slice(span)
    code = normal(code).removeprefix(_MARK).rstrip()
    code = re.sub(r"\A(?:[ \t]*\n)+", "", code)
    style = indentation.of(document, span)
    code = indentation.converted(code, document.language, style)
    indent = indent_of(normal(old)) if old.strip() else indentation.at_blank(document, span, code, style)
    code = _shifted(code, document.language, indent_of(code), indent)
    mark = _MARK if old.startswith(_MARK) else ""
    return mark + code.replace("\n", _line_ending(document))


def normal(text: str) -> str:
    """A text whose lines all end in LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def indent_of(code: str) -> str:
    """The white space that the first line with text begins with."""
    line = next((line for line in code.removeprefix(_MARK).split("\n") if line.strip()), "")
    match = _INDENT.match(line)
    return match.group() if match else ""


def _shifted(code: str, language: str, old: str, new: str) -> str:
    """Every line with its indentation `old` become `new`; the inside of strings is left alone."""
    if old == new:
        return code
    lines = code.split("\n")
    inside = indentation.lines_in_strings(code, language)
    return "\n".join(line if number in inside else _shift(line, old, new) for number, line in enumerate(lines))


def _shift(line: str, old: str, new: str) -> str:
    if not line.strip():
        return ""
    return new + (line[len(old) :] if line.startswith(old) else line.lstrip(" \t"))


def _line_ending(document: Document) -> str:
    match = re.search(r"\r\n|\n|\r", document.text)
    return match.group() if match else "\n"
