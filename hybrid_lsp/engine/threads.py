"""How many threads a model computes with."""

from __future__ import annotations

import os

import psutil  # type: ignore[import-untyped]

_MOST = 8
"""Decoding is bound by memory: more threads than this make a small model slower."""


def default_threads() -> int:
    """Physical cores that this process may use, within reason."""
    physical = psutil.cpu_count(logical=False) or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else physical
    return max(1, min(physical, allowed, _MOST))
