"""Where a model's files are, and what kind they are. How they get there: `hybrid_lsp.catalogue`."""

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
_PULLED_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_CT2_FILES = ("model.bin", "config.json", "tokenizer.json")
_VOCABULARIES = ("vocabulary.json", "vocabulary.txt")
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
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
    """The folder of a `model` setting: `embedded`, the name of a model that was pulled, or a folder.

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
    if _HUB_NAME.fullmatch(model) or _PULLED_NAME.fullmatch(model):
        remedy = f"Run: hybrid-lsp models pull {model}"
        return _existing(hub_dir(model), f"The model {model} is not on this machine.", remedy)
    raise ModelMissing(
        f"There is no model folder {folder}.",
        "Correct `model` in your settings; `hybrid-lsp models list` shows what is here.",
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
    """Where models that were downloaded by their hub's name lie, as earlier versions did it."""
    return models_dir() / "hub" / name.replace("/", "--")


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
    return any(True for pattern in _WEIGHTS for _ in folder.glob(pattern))


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
