"""Strings: nothing goes past the end of the string that the cursor stands in, while that end still stands after it."""

from __future__ import annotations

from hybrid_lsp.context.lexical import first_unescaped


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
