"""Where models are, and what is said when they are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hybrid_lsp.errors import ModelBroken, ModelMissing
from hybrid_lsp.models import store
from hybrid_lsp.models.folders import DEFAULT_CONTEXT, Kind


def fill(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text("{}", encoding="utf-8")
    return folder


CT2 = ("model.bin", "config.json", "tokenizer.json", "vocabulary.json")


def test_a_folder_says_what_it_is(tmp_path: Path) -> None:
    folder = fill(tmp_path / "m", *CT2)
    (folder / "family.json").write_text(json.dumps({"family": "hybrid", "context": 512, "name": "v0"}))
    found = store.resolve(str(folder))
    assert (found.kind, found.name, found.family, found.context) == (Kind.CT2, "v0", "hybrid", 512)


def test_a_transformers_folder(tmp_path: Path) -> None:
    folder = fill(tmp_path / "m", "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"max_position_embeddings": 4096}))
    found = store.resolve(str(folder))
    assert (found.kind, found.name, found.family, found.context) == (Kind.TRANSFORMERS, "m", "", 4096)


def test_where_nothing_says_the_context_is_modest(tmp_path: Path) -> None:
    assert store.resolve(str(fill(tmp_path / "m", *CT2))).context == DEFAULT_CONTEXT


@pytest.mark.parametrize("missing", CT2)
def test_missing_files_are_named(tmp_path: Path, missing: str) -> None:
    folder = fill(tmp_path / "m", *(name for name in CT2 if name != missing))
    with pytest.raises(ModelMissing, match=missing) as caught:
        store.resolve(str(folder))
    assert "ct2-transformers-converter" in caught.value.remedy


def test_a_missing_config_of_a_transformers_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"config\.json"):
        store.resolve(str(fill(tmp_path / "m", "model.safetensors")))


@pytest.mark.parametrize("name", ["family.json", "config.json"])
@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe"])
def test_a_broken_file_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    folder = fill(tmp_path / "m", *CT2)
    (folder / name).write_bytes(content)
    with pytest.raises(ModelBroken, match=name):
        store.resolve(str(folder))


@pytest.mark.parametrize(
    ("model", "remedy"),
    [
        ("", "embedded"),
        ("/nowhere/at/all", "Correct `model`"),
        ("owner/name", "models pull owner/name"),
        ("tiny", "models pull tiny"),
        ("~nobody", "Correct"),
    ],
)
def test_what_is_not_there_is_told_with_a_remedy(model: str, remedy: str) -> None:
    with pytest.raises(ModelMissing) as caught:
        store.locate(model)
    assert remedy in caught.value.remedy


def test_a_missing_embedded_model_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(store, "embedded_dir", lambda: tmp_path / "embedded")
    with pytest.raises(ModelMissing, match="hybrid-lsp train"):
        store.resolve("embedded")


def test_a_downloaded_model_is_found_by_its_name() -> None:
    fill(store.hub_dir("owner/name"), *CT2)
    assert store.resolve("owner/name").folder == store.hub_dir("owner/name")
