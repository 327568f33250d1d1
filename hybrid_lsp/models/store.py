"""Where a model's files are, what kind they are, and how they get there.

Nothing here opens a connection except `download`, which only a command of the user calls.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

import attrs

from hybrid_lsp.errors import ModelBroken, ModelError, ModelMissing
from hybrid_lsp.paths import digest, models_dir

EMBEDDED = "embedded"
FAMILY_FILE = "family.json"
DEFAULT_CONTEXT = 2048
"""Tokens of context assumed where nothing says (conservative: every code model has them)."""

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_CT2_FILES = ("model.bin", "config.json", "tokenizer.json")
_VOCABULARIES = ("vocabulary.json", "vocabulary.txt")
_WEIGHTS = ("*.safetensors",)
_PICKLED = ("pytorch_model*.bin", "*.pt", "*.pth", "*.ckpt")
"""Weights that run code when they are read: never read."""
_COPIED = (
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "generation_config.json",
    "special_tokens_map.json",
)


class Kind(StrEnum):
    """What a folder holds."""

    CT2 = "ctranslate2"
    TRANSFORMERS = "transformers"


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
    if _HUB_NAME.fullmatch(model):
        remedy = f"Download it with `hybrid-lsp engine --model {model} --download`, or give a folder."
        return _existing(hub_dir(model), f"The model {model} is not on this machine.", remedy)
    raise ModelMissing(
        f"There is no model folder {folder}.", "Correct `model` in your settings, or put the model's files there."
    )


_REINSTALL = "Reinstall hybrid-lsp, or make the model with `hybrid-lsp train`."


def resolve(model: str) -> StoredModel:
    """Where a model is and what it is, with its files checked.

    Raises ModelMissing (no folder, or files are missing) or ModelBroken (a file cannot be read).
    """
    folder = locate(model)
    remedy = _REINSTALL if model == EMBEDDED else ""
    kind = _kind_of(folder, remedy)
    facts = _read_json(folder / FAMILY_FILE) if (folder / FAMILY_FILE).exists() else {}
    return StoredModel(
        folder=folder,
        kind=kind,
        name=str(facts.get("name") or (EMBEDDED if model == EMBEDDED else folder.name)),
        family=str(facts.get("family") or ""),
        context=_context_of(facts, folder),
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
    with _finished_or_nothing(folder) as part:
        try:
            snapshot_download(
                name, local_dir=part, allow_patterns=["*.json", "*.jinja", "*.txt", *_WEIGHTS, "model.bin"]
            )
        except Exception as error:
            # The hub's library raises its own errors, httpx's and the system's alike; to the user all mean one thing.
            raise ModelMissing(
                f"{name} could not be downloaded: {type(error).__name__}: {_first_line(error)}",
                "Check the name and the network, or copy the model's files here and give their folder.",
            ) from error
    return folder


def convert(model: str, quantization: str = "int8", tell: Callable[[str], None] = lambda _: None) -> Path:
    """Convert a transformers folder to CTranslate2 in the models folder; returns the new folder (kept if it is there).

    Raises ModelError (transformers is not installed) or ModelBroken (the architecture has no converter).
    """
    source = resolve(model)
    if source.kind is Kind.CT2:
        return source.folder
    if importlib.util.find_spec("transformers") is None or importlib.util.find_spec("torch") is None:
        raise ModelError("Converting a model needs transformers and torch.", "pip install 'hybrid-lsp[torch]'")
    target = models_dir() / f"{source.name}-{quantization}-{digest(str(source.folder.resolve()))}"
    if target.is_dir():
        return target
    tell(f"converting {source.folder} to {target}")
    with _finished_or_nothing(target) as part:
        _run_converter(source, part, quantization)
    return target


def _run_converter(source: StoredModel, target: Path, quantization: str) -> None:
    from ctranslate2.converters import TransformersConverter

    present = [name for name in _COPIED if (source.folder / name).is_file()]
    try:
        TransformersConverter(str(source.folder), copy_files=present, low_cpu_mem_usage=True).convert(
            str(target), quantization=quantization, force=True
        )
    except (ValueError, OSError, KeyError, RuntimeError) as error:
        raise ModelBroken(
            f"{source.folder} cannot be converted to CTranslate2: {_first_line(error)}",
            "Use the folder as it is: the engine then runs it with torch.",
        ) from error
    facts = {"name": source.name, "family": source.family, "context": source.context}
    (target / FAMILY_FILE).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


@contextmanager
def _finished_or_nothing(target: Path) -> Iterator[Path]:
    """A temporary sibling that becomes `target` at the end; one maker at a time, and never half a model.

    Where another process finished first, its folder is kept and ours is thrown away.
    """
    import filelock  # only who makes a model needs it

    target.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(target.with_name(f"{target.name}.lock")):
        part = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            yield part
            if not target.exists():
                os.replace(part, target)  # noqa: PTH105 (a folder, replaced in one step)
        finally:
            shutil.rmtree(part, ignore_errors=True)


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


def _context_of(facts: dict[str, Any], folder: Path) -> int:
    config = _read_json(folder / "config.json")
    for value in (facts.get("context"), config.get("max_position_embeddings"), config.get("n_positions")):
        if isinstance(value, int) and value > 0:
            return value
    return DEFAULT_CONTEXT


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelBroken(f"{path} cannot be read: {_first_line(error)}.", "Copy the file again.") from error
    if not isinstance(value, dict):
        raise ModelBroken(f"{path} does not hold a JSON object.", "Copy the file again.")
    return value


def _existing(folder: Path, message: str, remedy: str) -> Path:
    if not folder.is_dir():
        raise ModelMissing(message, remedy)
    return folder


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
