"""What suits a machine, from figures that a test sets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybrid_lsp.catalogue import known, listing, machine, offer
from hybrid_lsp.catalogue.machine import Machine, Rates
from hybrid_lsp.paths import config_file, state_dir

GB = 10**9


def computer(*, memory: int = 64 * GB, operations: float = 2e11, bandwidth: float = 1e10) -> Machine:
    return Machine(memory, memory, operations, bandwidth)


def test_rates_follow_from_the_two_figures() -> None:
    rates = computer().rates(500)
    assert rates.prefill == pytest.approx(200)
    assert rates.decode == pytest.approx(20)
    assert rates.suggestion_ms == pytest.approx(1000 * (16 / 200 + 8 / 20))


@pytest.mark.parametrize(
    ("here", "small", "large"),
    [
        (computer(), "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b-instruct"),
        (computer(operations=2e12, bandwidth=6e10), "mellum-4b", "qwen2.5-coder-7b-instruct"),
        (computer(operations=2e12, bandwidth=6e10, memory=4 * GB), "qwen2.5-coder-0.5b", None),
        (computer(operations=1e9, bandwidth=1e8), None, None),
        (computer(memory=GB), None, None),
    ],
)
def test_the_largest_that_is_quick_enough_and_fits(here: Machine, small: str | None, large: str | None) -> None:
    best = {tier: each.name for tier, each in listing.recommended(here).items()}
    assert (best.get("small"), best.get("large")) == (small, large)


def ticking(*steps: float) -> Iterator[float]:
    now = 0.0
    while True:
        for step in steps:
            yield now
            now += step


def test_the_best_that_was_ever_seen_counts() -> None:
    slow, quick = ticking(1.0), ticking(0.001)
    first = machine.this_machine(lambda: next(slow))
    second = machine.this_machine(lambda: next(quick))
    third = machine.this_machine(lambda: next(slow))
    assert second.bandwidth == pytest.approx(first.bandwidth * 1000)
    assert (third.bandwidth, third.operations) == (second.bandwidth, second.operations)
    assert first.memory >= first.free_memory > 0


@pytest.mark.parametrize("content", ["{", "[]", '{"speeds": 3}', '{"models": {"/m": {"prefill": "x"}}}', "\xff"])
def test_a_record_that_is_broken_is_made_anew(content: str) -> None:
    state_dir().mkdir(parents=True)
    (state_dir() / "machine.json").write_bytes(content.encode("latin-1"))
    assert machine.measured(Path("/m")) is None
    assert machine.this_machine().operations > 0
    machine.remember(Path("/m"), Rates(100.0, 10.0))
    assert machine.measured(Path("/m")) == Rates(100.0, 10.0, measured=True)
    assert json.loads((state_dir() / "machine.json").read_text())["speeds"]["here"]["operations"] > 0


def test_without_a_place_to_write_it_works_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_LSP_STATE_DIR", "/dev/null/state")
    machine.remember(Path("/m"), Rates(100.0, 10.0))
    assert machine.this_machine().bandwidth > 0


# -- the list --------------------------------------------------------------------------------------------------------


def test_the_list_names_what_is_here_and_what_suits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(machine, "this_machine", computer)
    rows = {row.name: row for row in listing.make().rows}
    embedded, best = rows["embedded"], rows["qwen2.5-coder-0.5b"]
    assert (embedded.here, embedded.tiers, embedded.licence) == (True, ("small",), "MIT")
    assert (best.here, best.recommended, best.fits) == (False, "small", True)
    assert not rows["qwen2.5-coder-7b"].recommended
    described = best.describe()
    assert described["suggestion_ms"] == round(computer().rates(494).suggestion_ms)
    assert described["measured"] is False
    json.dumps(listing.make().describe())


def test_what_was_measured_wins_over_what_is_worked_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from hybrid_lsp.models import store

    monkeypatch.setenv("HOME", str(tmp_path))
    machine.remember(store.embedded_dir(), Rates(1600.0, 80.0))
    (row,) = (row for row in listing.make().rows if row.name == "embedded")
    assert row.rates is not None
    assert row.rates.measured
    assert row.rates.suggestion_ms == pytest.approx(110)


# -- the catalogue ---------------------------------------------------------------------------------------------------


def test_the_catalogue_is_consistent() -> None:
    names = [each.name for each in known.models()]
    assert len(set(names)) == len(names)
    for each in known.models():
        assert each.tier in ("small", "large", "")
        assert each.tier != "small" or each.fills_in
        assert each.tier != "large" or each.chats
        assert each.licence
        assert each.computed_m <= each.parameters_m <= each.served_mb * 1.05
        assert known.named(each.repo.upper()) == each


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("qwen2.5-codr-0.5b", "qwen2.5-coder-0.5b"), ("smollm", "smollm2-135m-instruct"), ("Mellum", "mellum-4b")],
)
def test_a_slip_of_the_finger(typed: str, meant: str) -> None:
    assert meant in known.near(typed)


def test_nothing_is_near_to_nonsense() -> None:
    assert known.near("zzzz") == []
    assert known.near("") == []


# -- the first run ---------------------------------------------------------------------------------------------------


def test_it_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "this_machine", computer)
    first = offer.take()
    assert first is not None
    assert first.model == "qwen2.5-coder-0.5b"
    assert first.question == (
        "The embedded model finishes lines. This machine can run Qwen2.5-Coder 0.5B in about 450 ms a suggestion: "
        "633 MB, licence Apache-2.0. Get it?"
    )
    assert offer.take() is None


def test_of_two_windows_one_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have looked, and seen that nobody asked yet."""
    monkeypatch.setattr(machine, "this_machine", computer)
    best = listing.recommended(computer())["small"]
    assert [offer._claim(best.name), offer._claim(best.name)] == [True, False]


def test_who_has_chosen_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "this_machine", computer)
    config_file().write_text('[small]\nbackend = "none"\n', encoding="utf-8")
    assert offer.take() is None
    assert not offer.file().exists()


def test_a_machine_that_is_too_slow_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "this_machine", lambda: computer(bandwidth=1e7))
    assert offer.take() is None
    assert not offer.file().exists()


def test_what_cannot_be_remembered_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "this_machine", computer)
    monkeypatch.setenv("HYBRID_LSP_STATE_DIR", "/dev/null/state")
    assert offer.take() is None
