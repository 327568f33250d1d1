"""A hub that has the embedded model under another name: small, real, and ready to be served."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent.parent))

from hub import Hub, serving

from hybrid_lsp.models import store

REPO = "owner/Tiny-Coder"


@pytest.fixture
def tiny() -> Path:
    """A CTranslate2 folder, and in it `weights` with the same as safetensors."""
    return store.embedded_dir()


@pytest.fixture
def hub(tiny: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """The hub, which the hub's library is pointed to; its cache is the test's own."""
    files = {each.name: each.read_bytes() for each in tiny.iterdir() if each.is_file()}
    monkeypatch.setenv("HOME", str(tmp_path / "somebody"))
    for name in ("HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME", "XDG_DATA_HOME", "OLLAMA_MODELS", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with serving(Hub({REPO: files})) as served:
        monkeypatch.setenv("HF_ENDPOINT", served.url)
        yield served
