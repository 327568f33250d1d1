"""A tiny real model, a hub that has it, and folders of other programs that have some too."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent.parent))

from hub import Hub, serving
from tiny_model import build_apart

REPO = "owner/Tiny-Coder"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `hf` (safetensors) and `ct2`."""
    return build_apart(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def hub(tiny: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A hub with the tiny model, which the hub's library is pointed to; its cache is the test's own."""
    files = {each.name: each.read_bytes() for each in (tiny / "hf").iterdir() if each.is_file()}
    monkeypatch.setenv("HOME", str(tmp_path / "somebody"))
    for name in ("HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME", "XDG_DATA_HOME", "OLLAMA_MODELS", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with serving(Hub({REPO: files})) as served:
        monkeypatch.setenv("HF_ENDPOINT", served.url)
        yield served
