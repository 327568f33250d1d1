"""Strings: nothing goes past the end of the string that the cursor stands in, while that end still stands after it, and
none of three quotes begins where two have made an empty one."""

from __future__ import annotations

import re

from hybrid_lsp.context.lexical import first_unescaped

_EMPTY = re.compile(r"(?<![\"'\\])[A-Za-z]{0,3}(?:\"\"|'')\Z")


def within_string(text: str, delimiter: str) -> str:
    """Cut before the delimiter that stands right of the cursor or below already; a heredoc's is a line of its own."""
    if not delimiter:
        return text
    if delimiter[0].isalnum() or delimiter[0] == "_":
        lines = text.split("\n")
        end = next((number for number, line in enumerate(lines) if number and line.strip() == delimiter), len(lines))
        return "\n".join(lines[:end])
    at = first_unescaped(text, (delimiter,))
    return text if at < 0 else text[:at]


def without_third(text: str, before: str) -> str:
    """Nothing, where a text would make three quotes of an empty string that stands in an expression, and end none.

    `before` is the line up to the cursor, which stands in code there. Alone on its line it may well become a docstring.
    """
    found = _EMPTY.search(before)
    if found is None or not text.startswith(quote := before[-1]) or not before[: found.start()].strip():
        return text
    return text if 3 * quote in text[1:] else ""
