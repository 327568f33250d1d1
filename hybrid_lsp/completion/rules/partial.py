"""The end of a reply that was cut off: what is not whole is not shown."""

from __future__ import annotations

import re

_LAST_WORD = re.compile(r"\w+\Z")
_LOOSE_END = re.compile(r"(?:\.|::|->|\s)+\Z")


def whole(text: str) -> str:
    """Without the last line of several, and without the last word of a single one."""
    *complete, _ = text.split("\n")
    if any(line.strip() for line in complete):
        return "\n".join(complete)
    return _LOOSE_END.sub("", _LAST_WORD.sub("", text)) if _LAST_WORD.search(text) else text
