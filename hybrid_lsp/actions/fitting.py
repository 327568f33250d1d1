"""Code between a file and a model: without the file's indentation for the one, with it again for the other."""

from __future__ import annotations

import re

from hybrid_lsp.context import grammars, symbols
from hybrid_lsp.document import Document, Span

_INDENT = re.compile(r"[ \t]*")
# What grammars call a string: `template_string`, `raw_string_literal`, `heredoc_body`.
_STRINGS = ("string", "string_literal", "heredoc_body")


def dedented(document: Document, span: Span) -> str:
    """The code of a span with LF line endings and without the indentation of its first line."""
    code = normal(document.slice(span))
    return _shifted(code, document.language, indent_of(code), "")


def fitted(document: Document, span: Span, code: str) -> str:
    """Code with the indentation, the kind of indentation and the line endings of the span that it replaces."""
    code = normal(code).rstrip()
    code = re.sub(r"\A(?:[ \t]*\n)+", "", code)
    if _uses_tabs(document.text) and not _uses_tabs(code):
        code = _with_tabs(code)
    code = _shifted(code, document.language, indent_of(code), indent_of(normal(document.slice(span))))
    return code.replace("\n", _line_ending(document))


def normal(text: str) -> str:
    """A text whose lines all end in LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def indent_of(code: str) -> str:
    """The white space that the first line with text begins with."""
    line = next((line for line in code.split("\n") if line.strip()), "")
    match = _INDENT.match(line)
    return match.group() if match else ""


def _shifted(code: str, language: str, old: str, new: str) -> str:
    """Every line with its indentation `old` become `new`; the inside of strings is left alone."""
    if old == new:
        return code
    lines = code.split("\n")
    inside = _lines_in_strings(code, language)
    return "\n".join(line if number in inside else _shift(line, old, new) for number, line in enumerate(lines))


def _shift(line: str, old: str, new: str) -> str:
    if not line.strip():
        return ""
    return new + (line[len(old) :] if line.startswith(old) else line.lstrip(" \t"))


def _lines_in_strings(code: str, language: str) -> set[int]:
    """Lines that begin inside a string; docstrings are left out, their indentation means nothing."""
    document = Document("", code, language=language)
    tree = symbols.tree(document)
    found: set[int] = set()
    for node in grammars.walk(tree.root_node) if tree else ():
        if node.type.endswith(_STRINGS) and (node.parent is None or node.parent.type != "expression_statement"):
            first, last = document.position(node.start_byte)[0], document.position(node.end_byte)[0]
            found.update(range(first + 1, last + 1))
    return found


def _uses_tabs(text: str) -> bool:
    return text.startswith("\t") or "\n\t" in text


def _with_tabs(code: str) -> str:
    """Leading spaces as tabs, one for each step of indentation (the smallest that occurs)."""
    widths = [len(line) - len(line.lstrip(" ")) for line in code.split("\n") if line.strip()]
    base = widths[0] if widths else 0
    unit = min((width - base for width in widths if width > base), default=4)
    return re.sub(r"(?m)^ +", lambda match: "\t" * (len(match[0]) // unit) + " " * (len(match[0]) % unit), code)


def _line_ending(document: Document) -> str:
    match = re.search(r"\r\n|\n|\r", document.text)
    return match.group() if match else "\n"
