"""The table of the contract in the documentation is that of the tests."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    return runpy.run_path(str(ROOT / "tools" / "write_contract.py"))


def test_the_table_of_the_contract_is_current(tool: dict[str, Any]) -> None:
    text = tool["PAGE"].read_text(encoding="utf-8")
    assert tool["table"]() in text, "run: python tools/write_contract.py"
    assert len(list(tool["clauses"]())) >= 20


def test_what_was_seen_of_real_servers_is_what_the_suite_asks(tool: dict[str, Any]) -> None:
    data = runpy.run_path(str(ROOT / "tests" / "columns.py"))
    known = dict(tool["clauses"]())
    own = {"test_it_is_greedy"}  # of real models alone, beside the clauses
    for party, kept in tool["seen"]().items():
        assert party in data["SERVERS"]
        assert set(kept) <= set(known) | own
        assert not [name for name in kept if "canned" in known.get(name, ())]
