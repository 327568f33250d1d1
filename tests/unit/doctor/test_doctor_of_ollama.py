"""The doctor on an Ollama that the settings name, with one thing wrong each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from scripted_servers import OLLAMA, OllamaStore, Scripted, beside

from hybrid_lsp import cli
from hybrid_lsp.paths import config_file

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def store() -> OllamaStore:
    return OllamaStore(names=("coder:1.5b", "talker:latest"))


@pytest.fixture
def server(store: OllamaStore, monkeypatch: pytest.MonkeyPatch, no_proxy_variables: None) -> Iterator[Scripted]:
    with beside(Scripted(OLLAMA, "alpha", more=store)) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.endpoint.base_url)
        yield server
        assert store.mistakes == []
        assert not {"/api/generate", "/api/chat"} & {path for path, _ in server.asked}  # nothing is loaded for it


def examine(capsys: Capture, model: str, tier: str = "small", more: str = "") -> tuple[int, list[dict[str, str]]]:
    """The status, and what is said of the tier: what is not well first."""
    other = "" if tier == "small" else "[small]\nbackend = 'none'\n"
    config_file().write_text(f"{other}[{tier}]\nbackend = 'ollama'\nmodel = '{model}'\n{more}", encoding="utf-8")
    status = cli.main(["doctor", "--json"])
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["findings"]
    told = [each for each in found if each["area"] == "backends" and each["message"].startswith(tier)]
    return status, sorted(told, key=lambda each: each["state"] == "ok")


def test_all_is_well(capsys: Capture, server: Scripted) -> None:
    status, (found,) = examine(capsys, "coder:1.5b")
    assert (status, found["state"]) == (0, "ok")
    assert found["message"].startswith("small: coder:1.5b is there (Ollama 0.14.1, fills in): http://127.0.0.1:")


def test_nobody_is_there(capsys: Capture) -> None:
    status, (found,) = examine(capsys, "coder:1.5b")
    assert (status, found["state"]) == (1, "error")
    assert "Nobody answers at http://127.0.0.1:9" in found["message"]
    assert "ollama serve" in found["remedy"]


def test_the_model_is_not_there(capsys: Capture, server: Scripted) -> None:
    status, (found,) = examine(capsys, "coder:7b", "large")
    assert (status, found["state"]) == (1, "error")
    assert "model 'coder:7b' not found" in found["message"]
    assert found["remedy"] == "Run: hybrid-lsp models pull ollama:coder:7b"


def test_the_model_does_not_fill_in(capsys: Capture, server: Scripted, store: OllamaStore) -> None:
    store.capabilities = ("completion",)
    status, found = examine(capsys, "talker")
    assert status == 0
    assert (found[0]["state"], found[1]["state"]) == ("warning", "ok")
    assert "talker does not fill in" in found[0]["message"]
    assert "models list" in found[0]["remedy"]
    assert len(examine(capsys, "talker", "large")[1]) == 1


@pytest.mark.parametrize("tier", ["small", "large"])
def test_its_context_is_too_small(capsys: Capture, server: Scripted, tier: str) -> None:
    status, found = examine(capsys, "coder:1.5b", tier, "parameters = { num_ctx = 1024 }\n")
    assert (status, found[0]["state"]) == (0, "warning")
    assert "has a context of 1024 tokens" in found[0]["message"]
    assert f"Raise {tier}.parameters.num_ctx to " in found[0]["remedy"]


def test_it_would_cut_a_prompt(capsys: Capture, server: Scripted, store: OllamaStore) -> None:
    store.version = "0.5.7"
    _, found = examine(capsys, "coder:1.5b")
    assert "Ollama 0.5.7 may cut a long prompt" in found[0]["message"]
    assert "Update Ollama" in found[0]["remedy"]
