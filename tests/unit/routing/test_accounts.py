"""What requests cost, what they may cost, and what is said when that comes to its end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import attrs
import pytest

from hybrid_lsp.config import ModelConfig
from hybrid_lsp.metrics.events import Ask, ModelAsked
from hybrid_lsp.metrics.ledger import Ledger, Spent
from hybrid_lsp.routing.accounts import Accounts, Asked
from hybrid_lsp.routing.prices import Price, listed_price, price_of
from hybrid_lsp.types import Chat, Infill, Message, Request, Usage

CHAT = Request(Chat((Message("user", "x" * 700),)))
CLOUD = ModelConfig(backend="openai", model="gpt-4o", base_url="https://api.example.com/v1")


def asked(**changes: Any) -> Asked:
    first = Asked("run", "action", "cloud", "openai:gpt-4o", Ask.ANSWERED, CHAT, 0.5, 2.0, 40, None)
    return attrs.evolve(first, **changes)


@attrs.define
class Books:
    """The accounts of one backend, and all that they say."""

    model: ModelConfig = CLOUD
    events: list[ModelAsked] = attrs.field(factory=list)
    said: list[str] = attrs.field(factory=list)
    ledger: Ledger = attrs.field(factory=lambda: Ledger(None))

    def open(self) -> Accounts:
        return Accounts({"cloud": self.model}, self.events.append, self.ledger, self.said.append)


def test_a_servers_bill_counts() -> None:
    books = Books()
    books.open().charge(asked(usage=Usage(1_000_000, 100_000, 250_000)))
    (event,) = books.events
    assert (event.tokens_in, event.cached, event.tokens_out, event.counted) == (1_000_000, 250_000, 100_000, True)
    assert event.cost == pytest.approx(2.5 + 1.0)
    assert event.cpu_s is None
    assert (event.first_ms, event.latency_ms) == (500, 2000)
    assert books.ledger.spent("cloud") == Spent(1_100_000, pytest.approx(3.5))


def test_without_a_bill_the_cost_is_estimated() -> None:
    books = Books()
    books.open().charge(asked())
    (event,) = books.events
    assert (event.tokens_in, event.tokens_out, event.counted) == (200, 40, False)
    infill = Request(Infill("x" * 350, "y" * 350))
    books.open().charge(asked(request=infill, ending=Ask.STOPPED))
    assert books.events[-1].tokens_in == 200


def test_a_request_that_failed_before_it_was_read_costs_nothing() -> None:
    books = Books()
    books.open().charge(asked(ending=Ask.FAILED, written=0))
    assert books.events[0].tokens_in == 0
    assert books.ledger.spent("cloud") == Spent()


def test_estimates_learn_from_bills() -> None:
    books = Books()
    accounts = books.open()
    for _ in range(40):
        accounts.charge(asked(usage=Usage(350, 40, cpu_s=3.0)))
    accounts.charge(asked(ending=Ask.STOPPED))
    stopped = books.events[-1]
    assert stopped.tokens_in == pytest.approx(350, rel=0.02)
    assert stopped.cpu_s == pytest.approx(3.0, rel=0.02)


def test_a_warning_once_and_then_a_refusal() -> None:
    books = Books(attrs.evolve(CLOUD, tokens_a_day=1000))
    accounts = books.open()
    refusals = []
    for _ in range(11):
        refusals.append(bool(accounts.refusal("cloud")))
        accounts.charge(asked(usage=Usage(60, 40)))
    assert refusals == [False] * 10 + [True]
    assert books.said == ["Backend `cloud` has used 80% of its budget for today (800 of 1,000 tokens)."]
    assert accounts.refusal("cloud") == ("the budget of the cloud model for today is spent (1,100 of 1,000 tokens)")


def test_a_limit_in_money() -> None:
    books = Books(attrs.evolve(CLOUD, money_a_day=0.5))
    accounts = books.open()
    accounts.charge(asked(usage=Usage(180_000, 0)))
    assert not accounts.refusal("cloud")
    assert books.said == ["Backend `cloud` has used 90% of its budget for today (0.45 of 0.50 in money)."]
    accounts.charge(asked(usage=Usage(180_000, 0)))
    assert "0.90 of 0.50 in money" in accounts.refusal("cloud")
    assert len(books.said) == 1


def test_a_new_day_begins_with_nothing_spent() -> None:
    today = [date(2030, 1, 1)]
    books = Books(attrs.evolve(CLOUD, tokens_a_day=100), ledger=Ledger(None, lambda: today[0]))
    accounts = books.open()
    accounts.charge(asked(usage=Usage(100, 100)))
    assert accounts.refusal("cloud")
    today[0] = date(2030, 1, 2)
    assert not accounts.refusal("cloud")


def test_windows_share_what_is_spent(tmp_path: Path) -> None:
    file = tmp_path / "state" / "spent.sqlite3"
    one, other = Ledger(file), Ledger(file)
    one.add("cloud", Spent(100, 0.5))
    one.close()
    other.add("cloud", Spent(10, 0.1))
    other.close()
    assert other.spent("cloud") == Spent(110, pytest.approx(0.6))
    third = Ledger(file)
    third.close()
    assert third.spent("cloud") == Spent(110, pytest.approx(0.6))


@pytest.mark.parametrize("content", [b"no database at all, but a longer text" * 40, b""])
def test_a_damaged_ledger_begins_anew(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "spent.sqlite3"
    file.write_bytes(content)
    ledger = Ledger(file)
    ledger.add("cloud", Spent(7, 0.0))
    ledger.close()
    again = Ledger(file)
    again.close()
    assert again.spent("cloud") == Spent(7)


def test_without_a_place_to_write_each_window_counts_for_itself(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    ledger = Ledger(tmp_path / "file" / "spent.sqlite3")
    ledger.add("cloud", Spent(7, 0.5))
    ledger.add("cloud", Spent(1, 0.5))
    ledger.close()
    assert ledger.spent("cloud") == Spent(8, 1.0)


@pytest.mark.parametrize(
    ("model", "price"),
    [
        ("gpt-4o", Price(2.5, 10)),
        ("openai/gpt-4o-mini", Price(0.15, 0.6)),
        ("gpt-4.1-mini-2025-04-14", Price(0.4, 1.6)),
        ("claude-sonnet-4-5", Price(3, 15)),
        ("anthropic/claude-opus-4@20250514", Price(15, 75)),
        ("gpt-4omni", Price()),
        ("my-model", Price()),
        ("", Price()),
    ],
)
def test_list_prices_by_name(model: str, price: Price) -> None:
    assert listed_price(model) == price


@pytest.mark.parametrize(
    ("settings", "price"),
    [
        ({}, Price(2.5, 10)),
        ({"price_in": 1.0}, Price(1, 10)),
        ({"price_in": 0.0, "price_out": 0.0}, Price()),
        ({"base_url": "http://127.0.0.1:8000/v1"}, Price()),
        ({"base_url": "http://127.0.0.1:8000/v1", "price_out": 3.0}, Price(0, 3)),
    ],
)
def test_prices_of_the_settings_count_before_listed_ones(settings: Mapping[str, Any], price: Price) -> None:
    assert price_of(attrs.evolve(CLOUD, **settings)) == price


def test_a_tier_without_settings_is_recorded_and_has_no_limit() -> None:
    books = Books()
    accounts = books.open()
    accounts.charge(asked(tier="small", usage=Usage(5, 5, cpu_s=math.nan)))
    assert books.events[0].cost == 0
    assert books.ledger.spent("small") == Spent()
    assert accounts.refusal("small") == ""
