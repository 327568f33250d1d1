"""From settings to backends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hybrid_lsp.backends.engine import EngineBackend
from hybrid_lsp.backends.factory import make_backend
from hybrid_lsp.backends.http import HttpBackend
from hybrid_lsp.config import Config, EngineConfig, ModelConfig
from hybrid_lsp.errors import ConfigError
from hybrid_lsp.types import Tier

ENGINE = EngineConfig(idle_exit_minutes=3, reuse_mb=5, start_timeout_s=7)


def make(**settings: object) -> EngineBackend | HttpBackend | None:
    return make_backend(ModelConfig(**settings), ENGINE, Tier.SMALL)  # type: ignore[arg-type]


def test_the_defaults_are_the_embedded_engine_and_no_large_model() -> None:
    config = Config()
    small = make_backend(config.small, config.engine, Tier.SMALL)
    assert isinstance(small, EngineBackend)
    assert small.name == "engine:embedded"
    assert make_backend(config.large, config.engine, Tier.LARGE) is None


def test_an_engine() -> None:
    backend = make(backend="engine", model="/m", threads=3, compute_type="int8", family="hybrid", timeout_s=9)
    assert isinstance(backend, EngineBackend)
    assert (backend.timeout_s, backend.launcher.start_timeout_s, backend.spec.idle_exit_minutes) == (9, 7, 3)
    assert backend.spec.reuse_mb == 5
    assert (backend.spec.threads, backend.spec.compute_type, backend.spec.family) == (3, "int8", "hybrid")


def test_an_openai_server() -> None:
    backend = make(backend="openai", model="qwen2.5-coder:1.5b", base_url="http://localhost:8000/v1/", api_key_env="K")
    assert isinstance(backend, HttpBackend)
    assert (backend.name, backend.endpoint.base_url) == ("openai:qwen2.5-coder:1.5b", "http://localhost:8000/v1")
    assert (backend.family.name, backend.api_key_env) == ("qwen-coder", "K")


def test_llama_cpp_needs_no_model_and_no_version_in_its_address() -> None:
    backend = make(backend="llamacpp", base_url="http://localhost:8080/v1")
    assert isinstance(backend, HttpBackend)
    assert (backend.dialect, backend.endpoint.base_url) == ("llamacpp", "http://localhost:8080")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"backend": "openai", "model": "m"}, "small.base_url"),
        ({"backend": "openai", "model": "m", "base_url": "localhost:8000"}, "small.base_url"),
        ({"backend": "openai", "model": "m", "base_url": "http://"}, "small.base_url"),
        ({"backend": "openai", "base_url": "http://localhost/v1"}, "small.model"),
        ({"backend": "llamacpp"}, "small.base_url"),
        ({"backend": "engine"}, "small.model"),
        ({"backend": "engine", "model": "m", "family": "cat"}, "small.family"),
    ],
)
def test_settings_that_cannot_work_are_named(settings: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named) as caught:
        make(**settings)
    assert caught.value.remedy


def test_clients_are_light() -> None:
    """What every editor window loads has no model library in it."""
    code = "import sys, hybrid_lsp.backends.factory; print(' '.join(sys.modules))"
    root = Path(__file__).parent.parent.parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    heavy = {"torch", "transformers", "ctranslate2", "tokenizers", "uvicorn", "starlette", "numpy", "psutil"}
    assert not loaded & heavy
