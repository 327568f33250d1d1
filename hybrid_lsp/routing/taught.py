"""What a model was taught, as far as can be told without asking it: to follow instructions, to fill in code."""

from __future__ import annotations

import json
import re
from pathlib import Path

from hybrid_lsp.config import ModelConfig
from hybrid_lsp.errors import ModelError
from hybrid_lsp.models import families, store

# How the names of models that were taught to chat end or go on: `Qwen2.5-Coder-1.5B-Instruct`, `gemma-3-4b-it`.
_NAMED_SO = re.compile(r"(?i)(?:^|[-_:/.])(?:instruct|chat|it)(?:$|[-_:/.])")


def can_chat(model: ModelConfig) -> bool:
    """Whether a small model, made for ghost text, may be given an action.

    A folder tells by its chat template; a model behind a server, which has the template, by its name.
    """
    if model.backend == "engine":
        try:
            return _has_template(store.locate(model.model))
        except ModelError:
            return False
    return model.backend != "none" and bool(_NAMED_SO.search(model.model))


def can_fill_in(model: ModelConfig) -> bool:
    """Whether a large model may be asked for code between two texts as a small one is; else it is asked in words."""
    return model.backend != "none" and families.detect(model.family, model.model).fills_in


def _has_template(folder: Path) -> bool:
    if (folder / "chat_template.jinja").is_file():
        return True
    try:
        config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and bool(config.get("chat_template"))
