"""Safetensors: one file or several, read through a memory map, in half precision of either kind or single.

Read here because numpy has no bfloat16 and the package gives a tensor only whole. The format: eight bytes with the size
of a JSON header, the header, the numbers.
"""

from __future__ import annotations

import json
import math
import mmap
import struct
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from hybrid_lsp.errors import ModelBroken, ModelMissing
from hybrid_lsp.models.weights.tensors import Floats, Stored

_MOST_HEADER = 100_000_000
"""As the package has it."""
_FORMATS = {"F32": 4, "F16": 2, "BF16": 2}
_AGAIN = "Get the file again."
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")


@attrs.frozen
class Place:
    """Where a tensor lies, and in which number format."""

    path: Path
    shape: tuple[int, ...]
    kind: str
    offset: int
    size: int


def files_of(folder: Path) -> list[Path]:
    """The folder's safetensors. Raises ModelBroken (only pickled weights) or ModelMissing (none, or not all)."""
    index = folder / "model.safetensors.index.json"
    if index.is_file() and not (folder / "model.safetensors").is_file():
        return _indexed(folder, index)
    if found := sorted(folder.glob("*.safetensors")):
        return found
    if any(True for pattern in _PICKLED for _ in folder.glob(pattern)):
        raise ModelBroken(
            f"The weights in {folder} are pickled, and reading a pickle can run any program.",
            "Get the model's .safetensors, or a GGUF file of it.",
        )
    raise ModelMissing(f"There are no weights in {folder}.", "Copy the model's .safetensors there.")


def _indexed(folder: Path, index: Path) -> list[Path]:
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        files = sorted(folder / Path(name).name for name in names)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelBroken(f"{index} cannot be read.", _AGAIN) from error
    missing = [path.name for path in files if not path.is_file()]
    if missing or not files:
        raise ModelMissing(f"In {folder} are missing: {', '.join(missing) or 'all weights'}.", "Copy these files too.")
    return files


def places(files: list[Path]) -> dict[str, Place]:
    """Where each tensor lies. Raises ModelBroken."""
    found: dict[str, Place] = {}
    for path in files:
        try:
            found |= _header(path)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error, RecursionError) as error:
            raise ModelBroken(f"{path} is cut off or damaged in its header.", _AGAIN) from error
    return found


def tensors(found: dict[str, Place]) -> dict[str, Stored]:
    """The tensors by name."""
    maps = {path: _map(path) for path in {place.path for place in found.values()}}
    return {name: Stored(place.shape, _Rows(maps[place.path], place, name)) for name, place in found.items()}


def _map(path: Path) -> mmap.mmap:
    with path.open("rb") as stream:
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)


def _header(path: Path) -> dict[str, Place]:
    size = path.stat().st_size
    with path.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        if length > min(_MOST_HEADER, size - 8):
            raise ValueError("header")
        header: dict[str, Any] = json.loads(stream.read(length))
    header.pop("__metadata__", None)
    return {name: _place(path, name, entry, 8 + length, size) for name, entry in header.items()}


def _place(path: Path, name: str, entry: dict[str, Any], base: int, end: int) -> Place:
    kind, (start, stop) = str(entry["dtype"]), entry["data_offsets"]
    shape = tuple(int(length) for length in entry["shape"])
    sound = 0 <= start <= stop <= end - base and all(length >= 0 for length in shape)
    if not sound or (kind in _FORMATS and math.prod(shape) * _FORMATS[kind] != stop - start):
        raise ModelBroken(f"{path} is cut off or damaged: the tensor {name} has no place in it.", _AGAIN)
    return Place(path, shape, kind, base + start, stop - start)


@attrs.frozen
class _Rows:
    """Reads rows of a tensor."""

    data: mmap.mmap
    place: Place
    name: str

    def __call__(self, start: int, stop: int) -> Floats:
        kind = self.place.kind
        if kind not in _FORMATS:
            raise ModelBroken(
                f"The tensor {self.name} is in {kind}, which is not read.",
                "Get the model in bf16, or a GGUF file of it.",
            )
        width = math.prod(self.place.shape[1:])
        count, at = (stop - start) * width, self.place.offset + start * width * _FORMATS[kind]
        shape = (stop - start, *self.place.shape[1:])
        if kind == "BF16":
            # The upper half of a float32.
            halves = np.frombuffer(self.data, "<u2", count, at).astype(np.uint32)
            return (halves << 16).view(np.float32).reshape(shape)
        layout = "<f2" if kind == "F16" else "<f4"
        return np.frombuffer(self.data, layout, count, at).astype(np.float32).reshape(shape)
