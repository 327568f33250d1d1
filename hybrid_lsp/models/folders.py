"""The small files in a model's folder, and what kinds of weights there are; light, for everybody."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Any

from hybrid_lsp.errors import ModelBroken

FAMILY_FILE = "family.json"
DEFAULT_CONTEXT = 2048
"""Tokens of context assumed where nothing says (conservative: every code model has them)."""


class Kind(StrEnum):
    """What weights are stored as."""

    GGUF = "gguf"
    SAFETENSORS = "safetensors"
    CT2 = "ctranslate2"
    TRANSFORMERS = "transformers"
    """For transformers to run: of an architecture that nothing else here knows, or not looked into."""


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object in a file. Raises ModelBroken."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelBroken(f"{path} cannot be read: {first_line(error)}.", "Copy the file again.") from error
    if not isinstance(value, dict):
        raise ModelBroken(f"{path} does not hold a JSON object.", "Copy the file again.")
    return value


def context_of(facts: dict[str, Any]) -> int:
    """The window in tokens that a mapping of facts about a model announces."""
    values = (facts.get(name) for name in ("context", "max_position_embeddings", "n_positions"))
    return next((value for value in values if isinstance(value, int) and value > 0), DEFAULT_CONTEXT)


def first_line(error: BaseException) -> str:
    """What an error says, in one short line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
