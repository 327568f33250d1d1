"""Where a model's files are, what kind they are, and how they get there.

Nothing here opens a connection except `download`, which only a command of the user calls.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path

import attrs

from hybrid_lsp.errors import ModelError, ModelMissing
from hybrid_lsp.models.folders import FAMILY_FILE, Kind, context_of, first_line, read_json
from hybrid_lsp.models.making import finished_or_nothing
from hybrid_lsp.paths import models_dir

EMBEDDED = "embedded"

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_CT2_FILES = ("model.bin", "config.json", "tokenizer.json")
_VOCABULARIES = ("vocabulary.json", "vocabulary.txt")
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")


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
    """The folder of a `model` setting: `embedded`, a folder, or `owner/name` of something downloaded earlier.

    Raises ModelMissing where there is no such folder.
    """
    if not model:
        raise ModelMissing("No model is named.", "Set `model` to `embedded` or to a folder with a model.")
    if model == EMBEDDED:
        return _existing(embedded_dir(), "The embedded model is not in this installation.", _REINSTALL)
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_file():
        raise ModelMissing(f"{folder} is a file, and a model is served from a folder.", _PULL)
    if _HUB_NAME.fullmatch(model):
        remedy = f"Download it with `hybrid-lsp engine --model {model} --download`, or give a folder."
        return _existing(hub_dir(model), f"The model {model} is not on this machine.", remedy)
    raise ModelMissing(
        f"There is no model folder {folder}.", "Correct `model` in your settings, or put the model's files there."
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
    """Where a model downloaded from a hub lies."""
    return models_dir() / "hub" / name.replace("/", "--")


def download(name: str, tell: Callable[[str], None] = lambda _: None) -> Path:
    """Download `owner/name` from the Hugging Face hub; returns its folder.

    Raises ModelError where the hub's library is not installed, ModelMissing where the hub cannot be reached or has
    no such model.
    """
    if not _HUB_NAME.fullmatch(name):
        raise ModelMissing(f"{name} is not the name of a model on a hub.", "Such names look like `owner/name`.")
    if importlib.util.find_spec("huggingface_hub") is None:
        raise ModelError("Downloading needs the package huggingface_hub.", "pip install 'hybrid-lsp[torch]'")
    from huggingface_hub import snapshot_download

    folder = hub_dir(name)
    tell(f"downloading {name} to {folder}")
    with finished_or_nothing(folder) as part:
        try:
            snapshot_download(name, local_dir=part, allow_patterns=["*.json", "*.jinja", "*.txt", *_WEIGHTS, "*.bin"])
        except Exception as error:
            # The hub's library raises its own errors, httpx's and the system's alike; to the user all mean one thing.
            raise ModelMissing(
                f"{name} could not be downloaded: {type(error).__name__}: {first_line(error)}",
                "Check the name and the network, or copy the model's files here and give their folder.",
            ) from error
    return folder


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
    return any(True for pattern in _WEIGHTS for _ in folder.glob(pattern))


def _existing(folder: Path, message: str, remedy: str) -> Path:
    if not folder.is_dir():
        raise ModelMissing(message, remedy)
    return folder
