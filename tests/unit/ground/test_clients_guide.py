"""What docs/clients.md tells users to write down is taken without a complaint, and it names all that there is."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hybrid_lsp import config
from hybrid_lsp.actions.pipeline import ACTIONS
from hybrid_lsp.config import Layer
from hybrid_lsp.server import commands

GUIDE = (Path(__file__).parent.parent.parent.parent / "docs" / "clients.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def settings() -> Iterator[Any]:
    """Each mapping of settings that the guide gives some client."""
    (helix,) = (tomllib.loads(block) for block in blocks("toml"))
    yield helix["language-server"]["hybrid-lsp"]["config"]
    general, kate, sublime = (json.loads(block) for block in blocks("json"))
    yield general
    yield kate["servers"]["python"]["initializationOptions"]
    yield sublime["clients"]["hybrid-lsp"]["initializationOptions"]


@pytest.mark.parametrize("values", list(settings()))
def test_the_settings_are_taken(values: Any) -> None:
    made, problems = config.load([Layer("the guide", values)])
    assert problems == []
    assert made.completion.in_list


def test_the_server_of_helix_is_named_as_it_is_used() -> None:
    helix = tomllib.loads(blocks("toml")[0])
    (language,) = helix["language"]
    assert set(language["language-servers"]) == set(helix["language-server"])
    server = helix["language-server"]["hybrid-lsp"]
    assert [server["command"], *server["args"]] == ["hybrid-lsp", "serve"]


def test_every_command_and_action_is_named() -> None:
    named = {name: value for name, value in vars(commands).items() if str(value).startswith("hybrid-lsp.")}
    assert {"ACCEPT", "MODELS", "RUN_ACTION", "STATISTICS"} <= set(named)
    for name in named.values():
        assert f"| `{name}` |" in GUIDE
    for action in ACTIONS:
        assert f"`{action.name}`" in GUIDE
