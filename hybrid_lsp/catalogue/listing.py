"""What `models list` shows: the models of this machine, and those that suit it."""

from __future__ import annotations

from typing import Any

import attrs

from hybrid_lsp.catalogue import found, known, machine
from hybrid_lsp.catalogue.choose import in_use
from hybrid_lsp.catalogue.found import Found, Source
from hybrid_lsp.catalogue.known import Known
from hybrid_lsp.catalogue.machine import Machine, Rates
from hybrid_lsp.catalogue.pull import interrupted, plain_name
from hybrid_lsp.errors import HybridLspError
from hybrid_lsp.models import store, weights

WAIT_MS = 1000.0
"""Who types does not wait longer for a suggestion."""
_READING_TOKENS = 5.0
"""Tokens a second below which an explanation comes slower than it is read."""
_EMBEDDED_M = 7
_OPEN = ("Apache-2.0", "MIT")
"""Licences that bind nobody's use: a model under another one is listed, and left to its user to choose."""
_MOST_INSPECTED = 100


@attrs.frozen
class Row:
    """One model. `size` in bytes of what lies here, or would be served; None: not known. `rates` as for this machine.

    `tiers` are those that the settings name it for, `recommended` the one that it is the best for here, or "".
    """

    name: str
    source: str
    size: int
    licence: str
    languages: str
    fills_in: bool | None
    chats: bool | None
    rates: Rates | None
    here: bool
    fits: bool = True
    tiers: tuple[str, ...] = ()
    recommended: str = ""

    def describe(self) -> dict[str, Any]:
        """As plain values."""
        values = attrs.asdict(self) | {"suggestion_ms": round(self.rates.suggestion_ms) if self.rates else None}
        return values | {"measured": bool(self.rates and self.rates.measured)}


@attrs.frozen
class Listing:
    """All of it. `interrupted` are pulls that were not finished: name and bytes."""

    rows: tuple[Row, ...]
    machine: Machine
    interrupted: tuple[tuple[str, int], ...] = ()

    def describe(self) -> dict[str, Any]:
        """As plain values."""
        memory = {"memory": self.machine.memory, "free_memory": self.machine.free_memory}
        return {"models": [row.describe() for row in self.rows], "interrupted": list(self.interrupted), **memory}


def make() -> Listing:
    """Look at this machine and the catalogue."""
    here = machine.this_machine()
    best = recommended(here)
    rows = [_lying(each, here) for each in found.everything()]
    names = {row.name for row in rows if row.source == Source.OURS}
    rows += [_known(each, here, best) for each in known.models() if each.name not in names]
    return Listing(tuple(rows), here, tuple(interrupted()))


def recommended(here: Machine) -> dict[str, Known]:
    """The best of the catalogue for each tier: the largest that is quick enough here and fits beside what runs."""
    best: dict[str, Known] = {}
    for each in known.models():
        rates = here.rates(each.computed_m)
        if not each.tier or each.licence not in _OPEN:
            continue
        quick = rates.suggestion_ms <= WAIT_MS if each.tier == "small" else rates.decode >= _READING_TOKENS
        larger = each.tier not in best or best[each.tier].parameters_m < each.parameters_m
        if quick and larger and here.holds(each.served_mb):
            best[each.tier] = each
    return best


def _known(each: Known, here: Machine, best: dict[str, Known]) -> Row:
    return Row(
        name=each.name,
        source="to be pulled",
        size=int(each.served_mb * 1e6),
        licence=each.licence,
        languages=each.languages,
        fills_in=each.fills_in,
        chats=each.chats,
        rates=here.rates(each.computed_m),
        here=False,
        fits=here.holds(each.served_mb),
        recommended=each.tier if best.get(each.tier) == each else "",
    )


def _lying(each: Found, here: Machine) -> Row:
    """A model of this machine; what it is, it says itself."""
    entry = known.named(each.name) or known.named(plain_name(each.name))
    parameters: float | None = _EMBEDDED_M if each.name == store.EMBEDDED else entry.computed_m if entry else None
    licence, fills_in, chats = each.licence, None, None
    try:
        info = weights.inspect(each.path)
        parameters = parameters or info.parameters / 1e6
        licence, fills_in, chats = licence or info.licence, info.fills_in, info.has_chat
    except HybridLspError:
        pass  # it is listed all the same: `pull` says what is wrong with it
    rates = machine.measured(each.path) or (here.rates(parameters) if parameters else None)
    return Row(
        name=each.name,
        source=str(each.source),
        size=each.size,
        licence=licence or (entry.licence if entry else ""),
        languages="Python" if each.name == store.EMBEDDED else entry.languages if entry else "",
        fills_in=fills_in,
        chats=chats,
        rates=rates,
        here=True,
        fits=here.holds(each.size / 1e6),
        tiers=tuple(str(tier) for tier, model in in_use().items() if model in (each.name, str(each.path))),
    )
