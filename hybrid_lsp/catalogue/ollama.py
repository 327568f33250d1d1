"""The models of Ollama's servers: looked for when the user asks, chosen and fetched by the server itself.

`ollama:NAME` is a model that Ollama serves; without the prefix, a name of its store means the file, for our engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import attrs

from hybrid_lsp import config as settings
from hybrid_lsp.backends.endpoint import shown_url
from hybrid_lsp.backends.factory import make_backend
from hybrid_lsp.backends.ollama import Facts, OllamaBackend, OllamaModel, Progress
from hybrid_lsp.catalogue.work import Work, megabytes
from hybrid_lsp.config import EngineConfig, ModelConfig
from hybrid_lsp.errors import BackendUnavailable, HybridLspError
from hybrid_lsp.types import Tier, TierName

PREFIX = "ollama:"
_ANSWERS_WITHIN_S = 2.0
"""Who is there answers at once; who is not keeps no list waiting."""
_MOST_MODELS = 200


@attrs.frozen
class Served:
    """One model of a server, and what the server knows of it."""

    model: OllamaModel
    facts: Facts

    @property
    def name(self) -> str:
        """As `pull` and `use` take it."""
        return PREFIX + self.model.name


@attrs.frozen
class Server:
    """A server: how it is asked (`place`, the settings of a tier), and its models; None where nobody answers."""

    place: ModelConfig
    models: tuple[Served, ...] | None

    @property
    def shown(self) -> str:
        """Its address, without what may be secret."""
        return shown_url(self.place.address)

    def is_at(self, place: ModelConfig) -> bool:
        """Whether the settings of a tier mean this server."""
        return place.backend == "ollama" and _plain(place) == _plain(self.place)

    def named(self, name: str) -> Served | None:
        """Its model of that name."""
        return next((each for each in self.models or () if is_same(each.model.name, name)), None)


@attrs.frozen
class Fetch:
    """What a pull by Ollama would do. `here`: nothing is to be done."""

    name: str
    place: ModelConfig
    here: bool = False

    @property
    def target(self) -> str:
        """Where the model will be."""
        return f"Ollama at {shown_url(self.place.address)}"

    @property
    def question(self) -> str:
        """What a user decides on."""
        if self.here:
            return f"{self.name} is there already: {self.target}."
        return f"{self.name}: {self.target} fetches it into its own store. It tells the size when it begins."

    def describe(self) -> dict[str, Any]:
        """As plain values, for a client that asks its user."""
        return {"name": self.name, "source": self.target, "here": self.here, "question": self.question}


def asked(name: str) -> str:
    """The model that a name means by Ollama; "" where it means none."""
    return name.removeprefix(PREFIX).strip() if name.startswith(PREFIX) else ""


def is_same(one: str, other: str) -> bool:
    """Whether two names are one model's: without a tag it is the latest."""
    return one.removesuffix(":latest").casefold() == other.removesuffix(":latest").casefold()


def tiers() -> dict[TierName, ModelConfig]:
    """The tiers of the user's settings that an Ollama serves."""
    return {tier: each for tier, each in settings.users().models_by_tier.items() if each.backend == "ollama"}


def servers() -> list[Server]:
    """Ask the usual address, and those that the settings name, all at the same time."""
    return asyncio.run(_servers(list(_places())))


def plan(name: str) -> Fetch:
    """What it takes to have a model served. Raises BackendError: nobody is there."""
    place = _place_of(name)
    (server,) = asyncio.run(_servers([place]))
    if server.models is None:
        raise nobody(server)
    return Fetch(PREFIX + name, place, here=server.named(name) is not None)


def fetch(fetch: Fetch, work: Work) -> None:
    """Have the server fetch a model. Raises BackendError, ModelStopped; what it has fetched then stays there."""
    if not fetch.here:
        asyncio.run(_fetch(fetch, work))


def nobody(server: Server) -> BackendUnavailable:
    """The error where a server does not answer."""
    return BackendUnavailable(
        f"No Ollama answers at {server.shown}.",
        "Start it: ollama serve; or name its address: OLLAMA_HOST, or `base_url` of the tier.",
    )


def _places() -> Iterator[ModelConfig]:
    """How each server is asked: the usual one first, none twice."""
    known = set()
    for each in (*tiers().values(), ModelConfig(backend="ollama")):
        if (address := _plain(each)) not in known:
            known.add(address)
            yield each


def _plain(place: ModelConfig) -> str:
    return place.address.rstrip("/").removesuffix("/v1")


def _place_of(name: str) -> ModelConfig:
    """Where a model is to be: where the settings name it, else at the usual address."""
    named = [each for each in tiers().values() if is_same(each.model, name)]
    return named[0] if named else ModelConfig(backend="ollama")


def _backend(place: ModelConfig, name: str, timeout_s: float) -> OllamaBackend:
    """Raises ConfigError: the address is none."""
    asks = attrs.evolve(place, model=name, timeout_s=timeout_s)
    made = make_backend(asks, EngineConfig(), Tier.LARGE)
    assert isinstance(made, OllamaBackend)
    return made


async def _servers(places: list[ModelConfig]) -> list[Server]:
    return list(await asyncio.gather(*map(_server, places)))


async def _server(place: ModelConfig) -> Server:
    try:
        backend = _backend(place, "any", _ANSWERS_WITHIN_S)
    except HybridLspError:
        return Server(place, None)
    async with aclosing(backend):
        try:
            models = (await backend.models())[:_MOST_MODELS]
        except HybridLspError:
            return Server(place, None)
        facts = await asyncio.gather(*(_facts(backend, each.name) for each in models))
    served = map(Served, models, facts)
    # What makes vectors of texts serves no tier.
    return Server(place, tuple(each for each in served if each.facts.writes is not False))


async def _facts(backend: OllamaBackend, name: str) -> Facts:
    try:
        return await backend.known(name)
    except HybridLspError:
        return Facts()  # it is listed all the same


async def _fetch(fetch: Fetch, work: Work) -> None:
    backend = _backend(fetch.place, asked(fetch.name), _ANSWERS_WITHIN_S)
    layers: dict[str, Progress] = {}
    reached = 0.0  # a layer that is named late makes the whole larger; a bar does not go back
    async with aclosing(backend), aclosing(backend.pull()) as progress:
        async for each in progress:
            if each.layer:
                layers[each.layer] = each
            share, what = _told(each, layers)
            work.report(reached := max(reached, share), what)


def _told(latest: Progress, layers: dict[str, Progress]) -> tuple[float, str]:
    """The share of all that it has named so far, and what it does."""
    done, total = (sum(getattr(each, name) for each in layers.values()) for name in ("completed", "total"))
    size = f": {megabytes(done)} of {megabytes(total)}" if total else ""
    return (done / total if total else 0.0), f"{latest.status.partition(' ')[0]}{size}"
