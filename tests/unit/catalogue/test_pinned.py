"""The commits of the catalogue's models: written by a tool, and fetched by a pull."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import attrs
import pytest
from hub import COMMIT, Hub

sys.path.append(str(Path(__file__).parent.parent.parent.parent / "tools"))

import pin_models

from hybrid_lsp.catalogue import known, pull


def test_the_tool_writes_each_commit_and_nothing_else(hub: Hub) -> None:
    text = pin_models.CATALOGUE.read_text(encoding="utf-8")
    hub.repos |= {each.repo: {} for each in known.models()}
    pinned, changed = pin_models.pinned(text)
    entries = json.loads(pinned)["models"]
    assert {known.Known(**each).place for each in entries} == {f"{each.repo}@{COMMIT}" for each in known.models()}
    assert len(changed) == len(entries)
    assert pinned.count("\n") == text.count("\n")
    assert [{**each, "revision": ""} for each in entries] == [
        {**each, "revision": ""} for each in json.loads(text)["models"]
    ]
    assert pin_models.pinned(pinned) == (pinned, [])
    moved = pinned.replace(COMMIT, "0123456789" * 4)
    assert pin_models.pinned(moved)[0] == pinned
    assert pin_models.pinned(moved)[1][0].endswith(f"01234567 -> {COMMIT[:8]}")


def test_a_pull_asks_for_the_commit_of_the_catalogue(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = attrs.evolve(known.models()[0], repo="owner/Tiny-Coder", revision=COMMIT)
    monkeypatch.setattr(known, "named", lambda name: entry if name == entry.name else None)
    plan = pull.plan(entry.name)
    assert f"commit {COMMIT[:8]}" in plan.source
    assert hub.requests == [f"GET /api/models/{entry.repo}/revision/{COMMIT}"]
