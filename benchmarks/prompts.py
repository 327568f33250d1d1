"""Prompts of a wanted length, from our own source code."""

from __future__ import annotations

from pathlib import Path

import hybrid_lsp

CHARS_A_TOKEN = 3.3
"""Of Python in the embedded model's vocabulary, about; how many tokens there were, the server says."""


def source() -> str:
    """A good deal of Python."""
    package = Path(hybrid_lsp.__file__).parent
    return "\n\n".join(path.read_text(encoding="utf-8") for path in sorted(package.rglob("*.py")))


def fresh(tokens: int, number: int) -> str:
    """About so many tokens that no other number shares the beginning of."""
    text = source()
    size = int(tokens * CHARS_A_TOKEN)
    start = (number * 7919) % (len(text) - size)
    return f"# part {number}\n{text[start : start + size]}\n"


TYPED = (
    "    total = first",
    " + second",
    " * weight",
    "\n    return total",
    " - offset",
    "\n\n\ndef scale",
    "(value",
    ", by):",
)
"""What is typed after it, a piece at a time."""
