"""Which model serves a tier: written into the user's settings, whose other lines and comments stay as they are."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import attrs

from hybrid_lsp import config as settings
from hybrid_lsp import settings_file
from hybrid_lsp.catalogue import found, ollama
from hybrid_lsp.catalogue.ollama import Served, Server
from hybrid_lsp.catalogue.pull import unknown
from hybrid_lsp.config import ModelConfig
from hybrid_lsp.errors import ModelMissing
from hybrid_lsp.models import families, store
from hybrid_lsp.paths import config_file
from hybrid_lsp.types import Tier


@attrs.frozen
class Chosen:
    """What was written, and what the user should know of it."""

    model: str
    tier: Tier
    file: Path
    notes: tuple[str, ...] = ()


def use(name: str, tier: Tier = Tier.SMALL) -> Chosen:
    """Have a model of this machine serve a tier from now on; servers that run follow by themselves.

    Raises ModelMissing (it was not pulled), ModelBroken, ConfigError (the settings cannot be read or written),
    BackendError (no Ollama answers).
    """
    if theirs := ollama.asked(name):
        return _use_ollama(theirs, tier)
    model, folder = _settled(name)
    notes = _fitness(model, folder, tier)
    file = config_file()
    settings_file.change(file, lambda document: _choose(document, str(tier), "engine", model))
    return Chosen(model, tier, file, (*notes, *_overruled(tier, "engine", model)))


def _use_ollama(name: str, tier: Tier) -> Chosen:
    server, served = _at(name, tier)
    file = config_file()
    settings_file.change(file, lambda document: _choose_ollama(document, str(tier), name, server.place))
    notes = _fitness_of(name, served, tier) if served else [f"{ollama.nobody(server).message} Start it: ollama serve"]
    return Chosen(name, tier, file, (*notes, *_overruled(tier, "ollama", name)))


def _at(name: str, tier: Tier) -> tuple[Server, Served | None]:
    """The server that has a model, the tier's own first; None where none runs, and the model lies in its store.

    Raises ModelMissing, BackendError.
    """
    servers = ollama.servers()
    own = ollama.tiers().get(tier)
    servers.sort(key=lambda each: own is None or not each.is_at(own))
    for server in servers:
        if (served := server.named(name)) is not None:
            return server, served
    answering = [each for each in servers if each.models is not None]
    if answering:
        raise ModelMissing(
            f"Ollama at {answering[0].shown} has no model {name}.",
            f"Run: hybrid-lsp models pull {ollama.PREFIX}{name} --use {tier}",
        )
    stored = (ollama.asked(each.name) for each in found.everything() if each.source is found.Source.OLLAMA)
    if any(ollama.is_same(each, name) for each in stored):
        return servers[0], None
    raise ollama.nobody(servers[0])


def _fitness_of(name: str, served: Served, tier: Tier) -> list[str]:
    """What a user should know of one of Ollama's models in that tier."""
    facts, notes = served.facts, []
    if tier is Tier.SMALL and not facts.fills_in and not families.detect("auto", name).fills_in:
        notes.append(f"{name} was not trained to fill in: it sees only what stands before the cursor.")
    if tier is Tier.LARGE and not facts.chats:
        notes.append(f"{name} has no chat template: actions need one (its name often has `instruct` in it).")
    if served.model.runs_at:
        notes.append(f"{name} is computed at {served.model.runs_at}: your code goes there.")
    return notes


def located(name: str) -> str:
    """What the setting says for a model of this machine. Raises ModelMissing, ModelBroken."""
    return _settled(name)[0]


def in_use() -> dict[Tier, str]:
    """The models of the user's settings, by tier."""
    config = settings.users()
    tiers = {Tier.SMALL: config.small, Tier.LARGE: config.large}
    return {tier: model.model for tier, model in tiers.items() if model.backend == "engine"}


def _settled(name: str) -> tuple[str, Path]:
    """What the setting says, and the model's folder; its files are checked."""
    ours = list(found.ours())
    mine = found.named(name, ours)
    if mine is not None:
        return (mine.name, store.resolve(mine.name).folder)
    if Path(name).expanduser().is_dir():
        folder = Path(name).expanduser().resolve()
        return (str(folder), store.resolve(str(folder)).folder)
    everything = found.everything()
    if (other := found.named(name, everything)) is not None:
        remedy = f"Run: hybrid-lsp models pull {ollama.asked(other.name) or other.name}"
        raise ModelMissing(f"{name} is {other.source}'s file, which our engine cannot serve as it is.", remedy)
    from hybrid_lsp.catalogue import known

    if (entry := known.named(name)) is not None:
        raise ModelMissing(f"{entry.name} is not on this machine.", f"Run: hybrid-lsp models pull {entry.name}")
    raise unknown(name, everything)


def _fitness(model: str, folder: Path, tier: Tier) -> list[str]:
    """What speaks against a model in that tier."""
    stored = store.resolve(model)
    family = families.detect(stored.family or "auto", stored.name)
    if tier is Tier.SMALL and not family.fills_in:
        return [f"{model} was not trained to fill in: it sees only what stands before the cursor."]
    if tier is Tier.LARGE and not _chats(folder):
        return [f"{model} was not trained to chat: actions need one that was (its name often ends in `instruct`)."]
    return []


def _chats(folder: Path) -> bool:
    """Whether a chat template came with it."""
    if (folder / "chat_template.jinja").is_file():
        return True
    try:
        return '"chat_template"' in (folder / "tokenizer_config.json").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False


def _overruled(tier: Tier, backend: str, model: str) -> list[str]:
    """What else says something of that tier and wins, or no longer fits."""
    notes = []
    for key, wanted in (("backend", backend), ("model", model)):
        name = settings.env_name(f"{tier}.{key}")
        if os.environ.get(name, wanted) != wanted:
            notes.append(f"The environment variable {name} says `{os.environ[name]}`, which wins: unset it.")
    return notes


def _choose(document: MutableMapping[str, Any], section: str, backend: str, model: str) -> None:
    table = document.setdefault(section, {})
    table.update({"backend": backend, "model": model})
    if table.get("family", "auto") != "auto":
        table["family"] = "auto"  # the earlier model's


def _choose_ollama(document: MutableMapping[str, Any], section: str, model: str, place: ModelConfig) -> None:
    """What was said of another server does not hold for this one: its key must not go there."""
    table = document.setdefault(section, {})
    if table.get("backend") != "ollama":
        table.pop("parameters", None)
    for name in ("base_url", "api_key_env", "api_key_header"):
        if (value := getattr(place, name)) != getattr(ModelConfig(), name):
            table[name] = value
        else:
            table.pop(name, None)
    _choose(document, section, "ollama", model)
