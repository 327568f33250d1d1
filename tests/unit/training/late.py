"""Modules imported once something of them is wanted: torch takes seconds, and each worker collects all tests."""

from __future__ import annotations

import importlib
from typing import Any


class Late:
    """A module in the place of its name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)
