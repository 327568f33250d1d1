"""Comments: none is begun before what still stands right of the cursor, which would become part of it."""

from __future__ import annotations

from hybrid_lsp.context.lexical import Scanner, line_comment


def before_rest(text: str, suffix: str, language: str, line: Scanner) -> str:
    """Cut before a comment that goes on to the line's end, where the cursor's line goes on right of it. `line` has read
    the line up to the cursor."""
    if not suffix.partition("\n")[0].strip() or line.comment:
        return text
    at = line_comment(language, text, line)
    return text if at < 0 else text[:at].rstrip()
