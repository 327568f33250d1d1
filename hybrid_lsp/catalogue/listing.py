"""What `models list` shows: the models of this machine, and those that suit it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs

from hybrid_lsp.backends.proxies import is_loopback
from hybrid_lsp.catalogue import found, known, machine, ollama
from hybrid_lsp.catalogue.choose import in_use
from hybrid_lsp.catalogue.found import Found, Source
from hybrid_lsp.catalogue.known import Known
from hybrid_lsp.catalogue.machine import Machine, Rates
from hybrid_lsp.catalogue.ollama import Served, Server
from hybrid_lsp.catalogue.pull import interrupted, plain_name
from hybrid_lsp.errors import HybridLspError
from hybrid_lsp.models import store, weights
from hybrid_lsp.types import TierName

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
    `backend` is who serves it as it is: ours once it is pulled, or Ollama. `quantisation` in its server's words.
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
    quantisation: str = ""
    backend: str = "engine"

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
    servers, tiers = ollama.servers(), ollama.tiers()
    own = [server for server in servers if _is_here(server)]
    rows = [_lying(each, here) for each in found.everything() if not _is_served(each, own)]
    for server in servers:
        theirs = {tier: each.model for tier, each in tiers.items() if server.is_at(each)}
        rows += [_served(each, server, here, theirs) for each in server.models or ()]
        rows += [_missing(server, model, theirs) for model in _lacking(server, theirs)]
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


def _is_served(each: Found, own: list[Server]) -> bool:
    """Whether a server of this machine lists what lies in Ollama's store."""
    return each.source is Source.OLLAMA and any(server.named(ollama.asked(each.name)) for server in own)


def _is_here(server: Server) -> bool:
    return is_loopback(urlsplit(server.place.address).hostname or "")


def _served(each: Served, server: Server, here: Machine, tiers: Mapping[TierName, str]) -> Row:
    """A model of an Ollama; what it is, the server says. `tiers` are those that the settings have it serve."""
    facts = each.facts
    local = _is_here(server) and not each.model.runs_at
    where = "" if _is_here(server) else f" at {server.shown}"
    return Row(
        name=each.name,
        source=f"{Source.OLLAMA}{where}" + (f", runs at {each.model.runs_at}" if each.model.runs_at else ""),
        size=each.model.size,
        licence=facts.licence,
        languages="",
        fills_in=facts.fills_in,
        chats=facts.chats,
        rates=here.rates(facts.parameters / 1e6) if facts.parameters and local else None,
        here=True,
        fits=here.holds(each.model.size / 1e6) if local else True,
        tiers=_tiers_of(tiers, each.model.name),
        quantisation=each.model.quantisation,
        backend="ollama",
    )


def _lacking(server: Server, tiers: Mapping[TierName, str]) -> list[str]:
    """The models that the settings name at a server that answers, and does not have them."""
    return sorted(
        each for each in set(tiers.values()) if each and server.models is not None and server.named(each) is None
    )


def _missing(server: Server, model: str, tiers: Mapping[TierName, str]) -> Row:
    return Row(
        name=ollama.PREFIX + model,
        source=f"to be pulled by Ollama at {server.shown}",
        size=0,
        licence="",
        languages="",
        fills_in=None,
        chats=None,
        rates=None,
        here=False,
        tiers=_tiers_of(tiers, model),
        backend="ollama",
    )


def _tiers_of(tiers: Mapping[TierName, str], model: str) -> tuple[str, ...]:
    return tuple(str(tier) for tier, each in tiers.items() if ollama.is_same(each, model))


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
        backend="ollama" if each.source is Source.OLLAMA else "engine",
    )
