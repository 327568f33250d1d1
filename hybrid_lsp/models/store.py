"""Where a model's files are, and what kind they are. How they get there: `hybrid_lsp.catalogue`."""

from __future__ import annotations

import re
from pathlib import Path

import attrs

from hybrid_lsp.errors import ModelBroken, ModelMissing
from hybrid_lsp.models.folders import FAMILY_FILE, Kind, context_of, read_json
from hybrid_lsp.paths import models_dir

EMBEDDED = "embedded"

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_PULLED_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_CT2_FILES = ("model.bin", "config.json", "tokenizer.json")
_VOCABULARIES = ("vocabulary.json", "vocabulary.txt")
_WEIGHTS = ("*.safetensors",)
_PICKLED = ("pytorch_model*.bin", "*.pt", "*.pth", "*.ckpt")
"""Weights that run code when they are read: never read."""


@attrs.frozen
class StoredModel:
    """A model on this machine.

    `family` is "" where the folder does not say, `context` the window in tokens; `heals`: trained for token healing.
    """

    folder: Path
    kind: Kind
    name: str
    family: str
    context: int
    heals: bool = False


def embedded_dir() -> Path:
    """The folder of the model that ships with the package."""
    return Path(__file__).parent / "embedded"


def locate(model: str) -> Path:
    """The folder of a `model` setting: `embedded`, the name of a model that was pulled, a folder, or the hub's name of
    a model that is in the hub's own cache, where `from_pretrained` puts it.

    Raises ModelMissing where there is no such folder.
    """
    if not model:
        raise ModelMissing("No model is named.", "Set `model` to `embedded` or to a folder with a model.")
    if model == EMBEDDED:
        return _existing(embedded_dir(), "The embedded model is not in this installation.", _REINSTALL)
    folder = Path(model).expanduser()
    if _PULLED_NAME.fullmatch(model) and (models_dir() / model).is_dir():
        return models_dir() / model
    if folder.is_dir():
        return folder
    if folder.is_file():
        raise ModelMissing(f"{folder} is a file, and a model is served from a folder.", _PULL)
    if _HUB_NAME.fullmatch(model) or _PULLED_NAME.fullmatch(model):
        if (cached := _in_hub_cache(model)) is not None:
            return cached
        remedy = f"Run: hybrid-lsp models pull {model}"
        return _existing(hub_dir(model), f"The model {model} is not on this machine.", remedy)
    raise ModelMissing(
        f"There is no model folder {folder}.",
        "Correct `model` in your settings; `hybrid-lsp models list` shows what is here.",
    )


_PULL = "Make it with `hybrid-lsp models pull FILE`, and set `model` to what that says."
_REINSTALL = "Reinstall hybrid-lsp, or make the model with `hybrid-lsp train`."


def resolve(model: str) -> StoredModel:
    """Where a model is and what it is, with its files checked.

    Raises ModelMissing (no folder, or files are missing) or ModelBroken (a file cannot be read).
    """
    folder = locate(model)
    remedy = _REINSTALL if model == EMBEDDED else ""
    kind = _kind_of(folder, remedy)
    facts = read_json(folder / FAMILY_FILE) if (folder / FAMILY_FILE).exists() else {}
    return StoredModel(
        folder=folder,
        kind=kind,
        name=str(facts.get("name") or (EMBEDDED if model == EMBEDDED else folder.name)),
        family=str(facts.get("family") or ""),
        context=context_of(read_json(folder / "config.json") | facts),
        heals=facts.get("heals") is True,
    )


def hub_dir(name: str) -> Path:
    """Where models that were downloaded by their hub's name lie, as earlier versions did it."""
    return models_dir() / "hub" / name.replace("/", "--")


def _in_hub_cache(name: str) -> Path | None:
    """The latest snapshot of a model that transformers, say, has downloaded."""
    from huggingface_hub import try_to_load_from_cache  # not on the way to the first reply

    found = try_to_load_from_cache(name, "config.json")
    return Path(found).parent if isinstance(found, str) else None


def _kind_of(folder: Path, remedy: str) -> Kind:
    if (folder / "model.bin").is_file() or not _has_weights(folder):
        missing = [name for name in _CT2_FILES if not (folder / name).is_file()]
        if not any((folder / name).is_file() for name in _VOCABULARIES):
            missing.append(_VOCABULARIES[0])
        if missing:
            raise ModelMissing(f"In the model folder {folder} are missing: {', '.join(missing)}.", remedy or _MAKE)
        return Kind.CT2
    if not (folder / "config.json").is_file():
        raise ModelMissing(f"In the model folder {folder} is missing: config.json.", remedy or _MAKE)
    return Kind.TRANSFORMERS


_MAKE = (
    "Copy the files there, or make the folder from a transformers model: ct2-transformers-converter --model SOURCE "
    "--output_dir FOLDER --quantization int8 --copy_files tokenizer.json tokenizer_config.json"
)


def _has_weights(folder: Path) -> bool:
    if any(True for pattern in _WEIGHTS for _ in folder.glob(pattern)):
        return True
    if any(True for pattern in _PICKLED for _ in folder.glob(pattern)):
        raise ModelBroken(
            f"The weights in {folder} are pickles, which may run any code when they are read.",
            "Take the model's safetensors files, or convert it where you trust it.",
        )
    return False


def _existing(folder: Path, message: str, remedy: str) -> Path:
    if not folder.is_dir():
        raise ModelMissing(message, remedy)
    return folder
