"""Settings, models, engines and servers: whether each tier would answer, by asking it."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import aclosing
from urllib.parse import urlsplit

import attrs
import httpx

from hybrid_lsp import config as settings
from hybrid_lsp.backends.endpoint import Endpoint
from hybrid_lsp.backends.engine import EngineBackend
from hybrid_lsp.backends.factory import make_backend, section_of
from hybrid_lsp.backends.launcher import Launcher
from hybrid_lsp.backends.ollama import OllamaBackend
from hybrid_lsp.catalogue import listing, machine
from hybrid_lsp.catalogue.work import megabytes
from hybrid_lsp.config import Config, ModelConfig
from hybrid_lsp.doctor.findings import Finding, doubtful, fine, wrong
from hybrid_lsp.errors import HybridLspError, ModelError
from hybrid_lsp.models import families, store
from hybrid_lsp.paths import config_file
from hybrid_lsp.types import Infill, Request, Tier, TierName

_ANSWERS_WITHIN_S = 10.0
_CHECK_OLLAMA = "See Ollama's log: ollama serve"
_NEEDED_SHARE = 1.3
"""A model takes more memory than its file has: what it computes with, and kept prompts."""


def configuration() -> tuple[Config, list[Finding]]:
    """The settings as a server without an editor has them, and what is wrong with them."""
    layers, problems = settings.user_layers()
    config, more = settings.load(layers)
    findings = [_misset(each) for each in problems + more]
    if not findings:
        where = str(config_file()) if config_file().exists() else f"defaults ({config_file()} does not exist)"
        findings.append(fine("settings", where))
    return config, findings


def models(config: Config) -> Iterator[Finding]:
    """The files of the models that our engine is to serve, and the memory for them."""
    sizes = 0
    for tier, model in _tiers(config):
        if model.backend != "engine":
            continue
        try:
            stored = store.resolve(model.model)
        except ModelError as error:
            remedy = error.remedy or _use(tier)
            yield wrong("models", f"{tier}: {error.message}", remedy)
            continue
        size = sum(each.stat().st_size for each in stored.folder.iterdir() if each.is_file())
        sizes += size
        yield fine("models", f"{tier}: {stored.name} ({megabytes(size)}), {stored.folder}")
    yield from _memory(sizes)
    if config.small.backend == "none":
        remedy = "Run: hybrid-lsp models use embedded"
        yield doubtful("models", "No model completes: `small.backend` is `none`.", remedy)


def _memory(sizes: int) -> Iterator[Finding]:
    here = machine.this_machine()
    needed = sizes * _NEEDED_SHARE
    if needed > here.memory:
        remedy = "Choose a smaller one: hybrid-lsp models list shows what suits this machine."
        yield wrong(
            "memory", f"The models need {megabytes(needed)}, this machine has {megabytes(here.memory)}.", remedy
        )
    elif needed > here.free_memory:
        text = f"The models need {megabytes(needed)}, and {megabytes(here.free_memory)} are free: it will swap."
        yield doubtful("memory", text, "Close something large, or: hybrid-lsp models list")
    else:
        yield fine("memory", f"{megabytes(here.free_memory)} of {megabytes(here.memory)} free")
        best = listing.recommended(here).get("small")
        if sizes and best is not None and sizes < 100_000_000:
            yield fine("memory", f"enough for {best.title}: hybrid-lsp models pull {best.name} --use small")


async def backends(config: Config) -> AsyncIterator[Finding]:
    """Ask each tier for something short."""
    for tier, model in _tiers(config):
        if model.backend == "engine":
            yield await _engine(config, tier, model)
        elif model.backend == "ollama":
            async for finding in _ollama(config, tier, model):
                yield finding
        elif model.backend != "none":
            async for finding in _server(tier, model):
                yield finding


async def _engine(config: Config, tier: TierName, model: ModelConfig) -> Finding:
    launcher = Launcher(start_timeout_s=config.engine.start_timeout_s)
    try:
        backend = make_backend(model, config.engine, tier, launcher)
        assert isinstance(backend, EngineBackend)
        try:
            await backend.warm()
            milliseconds = await _ask(backend)
            props = await backend.props()
        finally:
            await backend.aclose()
    except HybridLspError as error:
        remedy = error.remedy or _use(tier)
        return wrong("engine", f"{tier}: {error.message}", remedy)
    return fine("engine", f"{tier}: {props.get('model', model.model)} answered in {milliseconds:.0f} ms")


async def _ask(backend: EngineBackend) -> float:
    started = time.perf_counter()
    request = Request(Infill("def add(a, b):\n    return a + "), max_tokens=4)
    async for _ in backend.generate(request):
        pass
    return (time.perf_counter() - started) * 1000


async def _ollama(config: Config, tier: TierName, model: ModelConfig) -> AsyncIterator[Finding]:
    """Whether an Ollama answers, has the model, and what the model can do there."""
    try:
        backend = make_backend(attrs.evolve(model, timeout_s=_ANSWERS_WITHIN_S), config.engine, tier)
        assert isinstance(backend, OllamaBackend)
        async with aclosing(backend):
            window = await backend.window()  # the first question of all: nobody there, or no such model, is said here
            facts, version, name = backend.facts, await backend.version(), f"{tier}: {model.model}"
    except HybridLspError as error:
        yield wrong("backends", f"{tier}: {error.message}", error.remedy or _CHECK_OLLAMA)
        return
    assert facts is not None
    blind = tier == Tier.SMALL and not facts.fills_in and not families.detect(model.family, model.model).fills_in
    if blind:
        remedy = "hybrid-lsp models list shows which models fill in; then: hybrid-lsp models use ollama:NAME"
        yield doubtful("backends", f"{name} does not fill in: it sees only what stands before the cursor.", remedy)
    if not window.refuses:
        text = f"Ollama {version} may cut a long prompt without a word, so each is kept short."
        yield doubtful("backends", f"{tier}: {text}", "Update Ollama: https://ollama.com/download")
    setting, chars, answer = _longest(config, tier)
    needed = window.tokens(["x" * chars]) + answer
    if needed > window.limit:
        remedy = f"Raise {section_of(tier)}.parameters.num_ctx to {needed}, or lower {setting}; or take another model."
        text = f"has a context of {window.limit:g} tokens, and {setting} ({chars}) can take {needed}."
        yield doubtful("backends", f"{name} {text}", remedy)
    able = ", ".join(["fills in"] * bool(facts.fills_in) + ["thinks"] * facts.thinks)
    yield fine("backends", f"{name} is there (Ollama {version}{', ' + able if able else ''}): {backend.endpoint.shown}")


def _longest(config: Config, tier: TierName) -> tuple[str, int, int]:
    """The setting that bounds a prompt of a tier, its characters, and the tokens of an answer."""
    if tier == Tier.SMALL:
        return "completion.context_chars", config.completion.context_chars, config.completion.max_tokens
    return "actions.review_chars", config.actions.review_chars, config.actions.max_tokens


async def _server(tier: TierName, model: ModelConfig) -> AsyncIterator[Finding]:
    """Whether somebody answers at a server's address, and has the model."""
    try:
        make_backend(model, settings.EngineConfig(), tier)
    except HybridLspError as error:
        yield wrong("backends", f"{tier}: {error.message}", error.remedy)
        return
    if model.api_key_env and not os.environ.get(model.api_key_env):
        remedy = f"Set it where the editor is started: export {model.api_key_env}=…"
        yield wrong("backends", f"{tier}: the variable {model.api_key_env} for the API key is not set.", remedy)
    names, problem = await _models_of(model)
    if problem:
        yield wrong("backends", f"{tier}: {model.base_url} {problem}.", _remedy(model.base_url))
    elif model.backend == "openai" and names and model.model not in names:
        shown = ", ".join(sorted(names)[:8])
        remedy = f"Set {section_of(tier)}.model to one of: {shown}."
        yield wrong("backends", f"{tier}: {model.base_url} has no model `{model.model}`.", remedy)
    else:
        yield fine("backends", f"{tier}: {model.base_url} answers")


async def _models_of(model: ModelConfig) -> tuple[set[str], str]:
    """The names that a server knows, and what is wrong with it ("" where it answers)."""
    base = re.sub(r"/v1/?$", "", model.base_url.rstrip("/"))
    key = os.environ.get(model.api_key_env, "") if model.api_key_env else ""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        async with Endpoint(base).client() as client:
            response = await client.get("/v1/models", headers=headers, timeout=_ANSWERS_WITHIN_S)
    except httpx.HTTPError as error:
        return set(), f"does not answer ({type(error).__name__})"
    if response.status_code in (401, 403):
        return set(), "refuses the API key" if key else "wants an API key (setting `api_key_env`)"
    try:
        entries = response.json()["data"] if response.status_code == httpx.codes.OK else []
        return {str(each["id"]) for each in entries}, ""
    except (ValueError, KeyError, TypeError):
        return set(), ""  # it answers; not all servers list their models


def _remedy(base_url: str) -> str:
    """How the server at that address is usually started."""
    port = urlsplit(base_url).port
    known = {
        11434: "ollama serve",
        1234: "lms server start",
        8080: "llama-server -m FILE.gguf",
        8000: "vllm serve MODEL",
    }
    started = f"Start it, for example: {known[port]}" if port in known else "Start it, or correct `base_url`"
    return f"{started}. `curl {base_url.rstrip('/')}/models` says more."


def _misset(problem: settings.Problem) -> Finding:
    remedy = f"Correct it: ${{EDITOR:-vi}} '{config_file()}'" if "environment" not in problem.source else "Correct it."
    return wrong("settings", f"{problem.name}: {problem.message} (in {problem.source})", remedy)


def _use(tier: TierName) -> str:
    """The way to a model that is there for certain."""
    return (
        f"Run: hybrid-lsp models use embedded --tier {tier}"
        if tier in (Tier.SMALL, Tier.LARGE)
        else f"Correct `backends.{tier}`."
    )


def _tiers(config: Config) -> Iterable[tuple[TierName, ModelConfig]]:
    return config.models_by_tier.items()


async def collected(findings: AsyncIterator[Finding]) -> list[Finding]:
    """All of them."""
    return [each async for each in findings]


def run_backends(config: Config) -> list[Finding]:
    """`backends`, to its end."""
    return asyncio.run(collected(backends(config)))
