"""What a reply has cost, as each kind of server says it: OpenAI's `usage`, llama.cpp's `timings`, Ollama's counts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hybrid_lsp.types import Usage

_MOST = 10**12
"""What is more is no count of tokens."""


def read(event: Any) -> Usage | None:
    """The cost that an event tells; None where it tells none. Counts that are none are left out."""
    if not isinstance(event, Mapping):
        return None
    for name, reader in (("usage", _usage), ("timings", _timings)):
        if isinstance(told := event.get(name), Mapping) and (found := reader(told)) is not None:
            return found
    return _ollama(event)


def _usage(told: Mapping[str, Any]) -> Usage | None:
    details = told.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, Mapping) else None
    return _made(_count(told.get("prompt_tokens")), _count(told.get("completion_tokens")), cached)


def _timings(told: Mapping[str, Any]) -> Usage | None:
    """`prompt_n` tokens were computed beside the `cache_n` that were known; `cpu_ms` is our own engine's word."""
    computed, cached = _count(told.get("prompt_n")), _count(told.get("cache_n")) or 0
    read = None if computed is None else computed + cached
    return _made(read, _count(told.get("predicted_n")), cached, _seconds(told.get("cpu_ms")))


def _ollama(event: Mapping[str, Any]) -> Usage | None:
    return _made(
        _count(event.get("prompt_eval_count")),
        _count(event.get("eval_count")),
        _count(event.get("prompt_eval_cached_count")),
    )


def _made(read: int | None, written: int | None, cached: int | None, cpu_s: float = math.nan) -> Usage | None:
    if read is None or written is None:
        return None
    return Usage(read, written, min(cached or 0, read), cpu_s)


def _count(value: Any) -> int | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and 0 <= value < _MOST else None


def _seconds(milliseconds: Any) -> float:
    count = _count(milliseconds)
    return math.nan if count is None else float(milliseconds) / 1000
