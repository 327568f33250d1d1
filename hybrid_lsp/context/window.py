"""The text around the cursor that goes into a prompt."""

from __future__ import annotations

from hybrid_lsp.document import Document
from hybrid_lsp.types import Infill

# What was written before the cursor says more about what comes than what follows it; the engine shares its own
# window out the same way.
_SUFFIX_SHARE = 0.25


def around(document: Document, offset: int, limit: int) -> Infill:
    """The prefix's end and the suffix's start, `limit` characters in all, cut at line starts and line ends.

    A side that is shorter than its share leaves the rest to the other.
    """
    prefix, suffix = document.text[:offset], document.text[offset:]
    suffix_limit = max(int(limit * _SUFFIX_SHARE), limit - len(prefix))
    prefix_limit = limit - min(len(suffix), suffix_limit)
    return Infill(_end_of(prefix, prefix_limit), _start_of(suffix, suffix_limit))


def _end_of(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    tail = text[len(text) - limit :]
    line_start = tail.find("\n") + 1
    # One endless line is cut where it must be.
    return tail[line_start:] if line_start and line_start < len(tail) else tail


def _start_of(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    head = text[:limit]
    line_end = head.rfind("\n") + 1
    return head[:line_end] if line_end else head
