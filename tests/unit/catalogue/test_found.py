"""The models that lie on a machine, as each program lays them out; and folders that are not what they seem."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from hybrid_lsp.catalogue import found, pull
from hybrid_lsp.catalogue.found import Source
from hybrid_lsp.errors import ModelError
from hybrid_lsp.models import store

SIZE = 1_200_000


def gguf(path: Path, size: int = SIZE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"GGUF" + bytes(size - 4))
    return path


def manifest(home: Path, name: str, layers: list[dict[str, Any]]) -> None:
    file = home / ".ollama/models/manifests" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"schemaVersion": 2, "layers": layers}), encoding="utf-8")


def blob(home: Path, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    file = home / ".ollama/models/blobs" / f"sha256-{digest}"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return f"sha256:{digest}"


def names(home: Path, **environ: str) -> dict[str, Source]:
    return {each.name: each.source for each in found.everything(environ, home) if each.name != store.EMBEDDED}


def test_every_program_s_models_are_found(tmp_path: Path) -> None:
    gguf(tmp_path / ".lmstudio/models/maker/Coder-GGUF/coder-Q4_K_M.gguf")
    gguf(tmp_path / ".cache/llama.cpp/coder.gguf")
    gguf(tmp_path / "Downloads/a file.gguf")
    gguf(tmp_path / ".cache/huggingface/hub/models--owner--name/snapshots/abc/name-Q8_0.gguf")
    weights = blob(tmp_path, b"GGUF" + bytes(SIZE))
    licence = blob(tmp_path, b"\nApache License\nVersion 2.0")
    layers = [
        {"mediaType": "application/vnd.ollama.image.model", "digest": weights},
        {"mediaType": "application/vnd.ollama.image.license", "digest": licence},
    ]
    manifest(tmp_path, "registry.ollama.ai/library/coder/1.5b", layers)
    manifest(tmp_path, "registry.ollama.ai/somebody/coder/latest", layers)
    assert names(tmp_path) == {
        "owner/name/name-Q8_0.gguf": Source.HUB,
        "ollama:coder:1.5b": Source.OLLAMA,  # the other name is the same file
        "maker/Coder-GGUF/coder-Q4_K_M.gguf": Source.LM_STUDIO,
        str(tmp_path / ".cache/llama.cpp/coder.gguf"): Source.LOOSE,
        str(tmp_path / "Downloads/a file.gguf"): Source.LOOSE,
    }
    (ollama,) = (each for each in found.everything({}, tmp_path) if each.source is Source.OLLAMA)
    assert ollama.licence == "Apache License"
    assert ollama.size == SIZE + 4


def test_folders_that_the_environment_or_settings_name(tmp_path: Path) -> None:
    gguf(tmp_path / "hub/models--a--b/snapshots/x/b.gguf")
    gguf(tmp_path / "studio/p/r/c.gguf")
    (tmp_path / ".lmstudio").mkdir()
    (tmp_path / ".lmstudio/settings.json").write_text(json.dumps({"downloadsFolder": str(tmp_path / "studio")}))
    assert names(tmp_path, HF_HUB_CACHE=str(tmp_path / "hub")) == {
        "a/b/b.gguf": Source.HUB,
        "p/r/c.gguf": Source.LM_STUDIO,
    }
    assert names(tmp_path, HF_HOME=str(tmp_path)) == names(tmp_path, HF_HUB_CACHE=str(tmp_path / "hub"))


def test_safetensors_of_the_hub_s_cache(tmp_path: Path) -> None:
    folder = tmp_path / ".cache/huggingface/hub/models--owner--name/snapshots/abc"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(bytes(100))
    assert names(tmp_path) == {}
    (folder / "config.json").write_text("{}")
    assert names(tmp_path) == {"owner/name": Source.HUB}


@pytest.mark.parametrize(
    "layers",
    [
        "no list",
        [],
        ["no object"],
        [{"mediaType": "application/vnd.ollama.image.model"}],
        [{"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:../../../etc/passwd"}],
        [{"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:abc"}],
        [{"mediaType": "application/vnd.ollama.image.model", "digest": 7}],
    ],
)
def test_a_manifest_that_lies_names_no_file(tmp_path: Path, layers: Any) -> None:
    manifest(tmp_path, "registry.ollama.ai/library/coder/latest", layers)
    assert names(tmp_path) == {}


def test_what_is_no_model(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    gguf(folder / "vocabulary.gguf", 1000)
    gguf(folder / "mmproj-f16.gguf")
    gguf(folder / "large-00002-of-00003.gguf")
    gguf(folder / "large-00001-of-00003.gguf")
    gguf(folder / "a/b/too-deep.gguf")
    (folder / "gone.gguf").symlink_to(tmp_path / "nowhere")
    (folder / "loop").symlink_to(folder)
    assert [Path(name).name for name in names(tmp_path)] == ["large-00001-of-00003.gguf"]


def test_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_LSP_MODELS_DIR", str(tmp_path))
    for folder, files in {
        "good": ("model.bin", "config.json", "tokenizer.json", "vocabulary.json"),
        "half": ("model.bin",),
        "hub/owner--name": ("model.bin", "config.json", "tokenizer.json", "vocabulary.json"),
        ".incoming": (),
    }.items():
        (tmp_path / folder).mkdir(parents=True)
        for name in files:
            (tmp_path / folder / name).write_text("{}")
    assert [each.name for each in found.ours()] == ["embedded", "good", "owner/name"]


def test_a_model_is_meant_by_several_names(tmp_path: Path) -> None:
    gguf(tmp_path / ".lmstudio/models/maker/Coder-GGUF/coder-Q4_K_M.gguf")
    manifest(
        tmp_path,
        "registry.ollama.ai/library/llama/latest",
        [{"mediaType": "application/vnd.ollama.image.model", "digest": blob(tmp_path, b"GGUF" + bytes(SIZE))}],
    )
    everything = found.everything({}, tmp_path)
    for name in ("maker/Coder-GGUF/coder-Q4_K_M.gguf", "coder-q4_k_m.gguf", "coder-Q4_K_M"):
        assert (one := found.named(name, everything)) is not None
        assert one.source is Source.LM_STUDIO
    for name in ("ollama:llama:latest", "llama:latest", "llama", "LLAMA"):
        assert (one := found.named(name, everything)) is not None
        assert one.source is Source.OLLAMA
    assert found.named("other", everything) is None


def test_another_program_s_model_is_pulled_from_the_disk_but_not_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME", "XDG_DATA_HOME", "OLLAMA_MODELS"):
        monkeypatch.delenv(name, raising=False)
    file = gguf(tmp_path / ".lmstudio/models/maker/Coder-GGUF/coder-Q4_K_M.gguf")
    with pytest.raises(ModelError, match="belongs to LM Studio"):
        pull.remove("coder-Q4_K_M")
    assert file.exists()
