"""Which small models may be given an action, and which large ones a hole to fill."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hybrid_lsp.config import ModelConfig
from hybrid_lsp.routing.taught import can_chat, can_fill_in


@pytest.mark.parametrize(
    ("backend", "model", "chats"),
    [
        ("openai", "Qwen/Qwen2.5-Coder-1.5B-Instruct", True),
        ("openai", "qwen2.5-coder:1.5b-instruct-q4_K_M", True),
        ("llamacpp", "gemma-3-4b-it", True),
        ("openai", "Qwen/Qwen2.5-Coder-1.5B", False),
        ("openai", "granite-code:3b", False),
        ("none", "x-instruct", False),
        ("engine", "embedded", False),
        ("engine", "some-instruct", False),
    ],
)
def test_by_name(backend: str, model: str, chats: bool) -> None:
    assert can_chat(ModelConfig(backend=backend, model=model)) is chats


@pytest.mark.parametrize(
    ("name", "text", "chats"),
    [
        ("chat_template.jinja", "{{ messages }}", True),
        ("tokenizer_config.json", json.dumps({"chat_template": "{{ messages }}"}), True),
        ("tokenizer_config.json", json.dumps({"chat_template": None}), False),
        ("tokenizer_config.json", "[1]", False),
        ("tokenizer_config.json", "{", False),
    ],
)
def test_by_the_template_in_its_folder(tmp_path: Path, name: str, text: str, chats: bool) -> None:
    (tmp_path / name).write_text(text)
    assert can_chat(ModelConfig(backend="engine", model=str(tmp_path))) is chats


@pytest.mark.parametrize(
    ("settings", "fills"),
    [
        ({"backend": "engine", "model": "/models/qwen2.5-coder-1.5b-instruct"}, True),
        ({"backend": "openai", "model": "qwen2.5-coder:7b"}, True),
        ({"backend": "openai", "model": "gpt-4o"}, False),
        ({"backend": "openai", "model": "my-own", "family": "starcoder2"}, True),
        ({"backend": "engine", "model": "SmolLM2-135M-Instruct"}, False),
        ({"backend": "none", "model": "qwen2.5-coder:7b"}, False),
    ],
)
def test_who_fills_in(settings: dict[str, str], fills: bool) -> None:
    assert can_fill_in(ModelConfig(**settings)) is fills
