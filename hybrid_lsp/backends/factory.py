"""From settings to backends."""

from __future__ import annotations

import importlib.util

from hybrid_lsp.backends.endpoint import Endpoint, require_url, shown_url
from hybrid_lsp.backends.engine import EngineBackend
from hybrid_lsp.backends.http import HttpBackend
from hybrid_lsp.backends.langchain import INSTALL, LangChainBackend
from hybrid_lsp.backends.launcher import EngineSpec, Launcher
from hybrid_lsp.backends.ollama import OllamaBackend
from hybrid_lsp.config import EngineConfig, ModelConfig
from hybrid_lsp.errors import ConfigError
from hybrid_lsp.models import families
from hybrid_lsp.models.families import Family
from hybrid_lsp.types import Tier, TierName


def make_backend(
    model: ModelConfig, engine: EngineConfig, tier: TierName, launcher: Launcher | None = None
) -> EngineBackend | HttpBackend | None:
    """The backend that the settings of one tier describe, `small`, `large` or one of `backends`; None for `none`.

    Nothing is started or connected yet.

    Raises ConfigError for settings that cannot work.
    """
    if model.backend == "none":
        return None
    section = section_of(tier)
    family = _family(model, section)
    if model.backend == "engine":
        return _engine(model, engine, tier, launcher)
    if model.backend == "langchain":
        return _langchain(model, tier)
    base_url = require_url(model.address, f"{section}.base_url").rstrip("/")
    if model.backend in ("llamacpp", "ollama"):
        base_url = base_url.removesuffix("/v1")
    if model.backend != "llamacpp" and not model.model:
        raise ConfigError(f"`{section}.model` is empty.", "Set it to the name that the server knows the model by.")
    name = f"{model.backend}:{model.model or shown_url(base_url)}"
    kind = OllamaBackend if model.backend == "ollama" else HttpBackend
    backend = kind(
        name=name,
        endpoint=Endpoint(base_url),
        dialect=model.backend,
        model=model.model,
        family=family,
        timeout_s=model.timeout_s,
        thinking_tokens=model.thinking_tokens,
        api_key_env=model.api_key_env,
        api_key_header=model.api_key_header,
        parameters=model.parameters,
    )
    if isinstance(backend, OllamaBackend):
        backend.keep_alive_minutes = engine.idle_exit_minutes
        backend.prefers_template = model.family in ("", "auto")
    return backend


def _langchain(model: ModelConfig, tier: TierName) -> LangChainBackend:
    section = section_of(tier)
    if tier == Tier.SMALL:
        raise ConfigError(
            "`small.backend` is `langchain`, whose models chat and fill in no code.",
            "Use it as `large` or in `backends`; for ghost text take `engine`, `ollama`, `llamacpp` or `openai`.",
        )
    if not model.model:
        raise ConfigError(f"`{section}.model` is empty.", "Set it to PROVIDER:NAME, such as `openai:gpt-4o-mini`.")
    if importlib.util.find_spec("langchain") is None:
        raise ConfigError(f"`{section}.backend` is `langchain`, which is not installed.", INSTALL)
    return LangChainBackend(
        name=f"langchain:{model.model}",
        endpoint=Endpoint(require_url(model.base_url, f"{section}.base_url") if model.base_url else ""),
        model=model.model,
        timeout_s=model.timeout_s,
        thinking_tokens=model.thinking_tokens,
        api_key_env=model.api_key_env,
        parameters=model.parameters,
    )


def section_of(tier: TierName) -> str:
    """Where the settings of a tier stand."""
    return tier if tier in (Tier.SMALL, Tier.LARGE) else f"backends.{tier}"


def _engine(model: ModelConfig, engine: EngineConfig, tier: TierName, launcher: Launcher | None) -> EngineBackend:
    if not model.model:
        raise ConfigError(f"`{section_of(tier)}.model` is empty.", "Set it to `embedded` or to a folder with a model.")
    spec = EngineSpec(
        model=model.model,
        role=Tier.SMALL if tier == Tier.SMALL else Tier.LARGE,
        family=model.family,
        compute_type=model.compute_type,
        device=model.device,
        threads=model.threads,
        idle_exit_minutes=engine.idle_exit_minutes,
        reuse_mb=engine.reuse_mb,
    )
    shared = Launcher(start_timeout_s=engine.start_timeout_s) if launcher is None else launcher
    return EngineBackend(spec, shared, model.timeout_s, model.thinking_tokens)


def _family(model: ModelConfig, section: str) -> Family:
    if model.family not in ("", "auto") and families.named(model.family) is None:
        known = ", ".join(f"`{family.name}`" for family in families.FAMILIES)
        raise ConfigError(f"`{section}.family` is `{model.family}`, which is not known.", f"Known are {known}, `auto`.")
    return families.detect(model.family, model.model)
