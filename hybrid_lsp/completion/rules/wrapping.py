"""What chat models put around code: fences, an introduction, the line so far once more, control tokens."""

from __future__ import annotations

import re

_FENCE = re.compile(r"(?:\A|\n)[ \t]*```[\w+#.-]*[ \t]*(?:\n|\Z)")
_LEAD_IN = re.compile(
    r"\s*(?:(?:sure|certainly|of course|okay)\b[^\n]*[:.!]"
    r"|(?:here(?:'s| is| are)|this is|the)\b[^\n]*\b(?:code|complet\w+|fill\w*|function|snippet)\b[^\n]*:)[ \t]*\n+",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"<[|｜][\w▁.-]{1,40}[|｜]>|</s>|<EOT>")  # noqa: RUF001 (DeepSeek's spelling)
_TWO_WORDS = re.compile(r"\w\W+\w")
"""Less than that may well come twice."""


def without_fences(text: str) -> str:
    """What stands inside of the first Markdown fence, or before one that only closes."""
    if not (first := _FENCE.search(text)):
        return text
    before = text[: first.start()]
    if before.strip() and not _LEAD_IN.fullmatch(before + "\n"):
        return before
    return _FENCE.split(text[first.end() :], maxsplit=1)[0]


def without_lead_in(text: str) -> str:
    """Without a first line that speaks about the code."""
    match = _LEAD_IN.match(text)
    return text[match.end() :] if match else text


def without_controls(text: str) -> str:
    """Up to the first control token that a server did not know for one."""
    match = _CONTROL.search(text)
    return text[: match.start()] if match else text


def without_line_so_far(text: str, before: str) -> str:
    """Without what already stands left of the cursor on its line."""
    written = before.lstrip()
    start = text.lstrip()
    return start[len(written) :] if _TWO_WORDS.search(written) and start.startswith(written) else text
