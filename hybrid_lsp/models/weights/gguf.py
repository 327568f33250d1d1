"""GGUF files: their metadata, and their tensors as numbers.

The header is read here and not by the `gguf` package, which takes a minute for a vocabulary of 150,000 and believes
whatever sizes a file announces; what a quantised block means is that package's part. The format:
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import mmap
import struct
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from hybrid_lsp.errors import ModelBroken, ModelMissing
from hybrid_lsp.models.weights.tensors import Floats, Stored

MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_AGAIN = "Get the file again."
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_SMALLEST_ENTRY = 8 + 4 + 1
_SMALLEST_TENSOR = 8 + 4 + 8 + 4 + 8
_MOST_DIMENSIONS = 4
_MOST_STRINGS = 4_000_000
_MOST_ELEMENTS = 1 << 40
_ALIGNMENT = 32


@attrs.frozen
class Place:
    """Where a tensor lies: `kind` is its number format by ggml's numbers, `shape` has the rows first."""

    shape: tuple[int, ...]
    kind: int
    offset: int
    size: int


@attrs.frozen
class GgufFile:
    """An opened file: its metadata, and where its tensors are."""

    path: Path
    metadata: dict[str, Any]
    places: dict[str, Place]
    data: mmap.mmap

    @property
    def architecture(self) -> str:
        return str(self.metadata.get("general.architecture", ""))

    def value(self, key: str, default: Any = None) -> Any:
        """What the metadata say about the architecture (`block_count`)."""
        return self.metadata.get(f"{self.architecture}.{key}", default)

    def tensors(self) -> dict[str, Stored]:
        """The tensors by name."""
        return {name: Stored(place.shape, _Rows(self.data, place, name)) for name, place in self.places.items()}

    def raw(self, name: str) -> memoryview:
        """A tensor's bytes as they are stored."""
        place = self.places[name]
        return memoryview(self.data)[place.offset : place.offset + place.size]


def read(path: Path) -> GgufFile:
    """Open a file and check all that its header announces. Raises ModelMissing or ModelBroken."""
    try:
        with path.open("rb") as stream:
            if stream.read(4) != MAGIC:
                raise ModelBroken(f"{path} is no GGUF file.", "Give a file with weights in the GGUF format.")
            data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError as error:
        raise ModelMissing(f"There is no file {path}.", "Correct its name.") from error
    except (OSError, ValueError) as error:
        raise ModelBroken(f"{path} cannot be read: {error}.", _AGAIN) from error
    try:
        return _Header(path, data).read()
    except (struct.error, UnicodeDecodeError) as error:
        raise ModelBroken(f"{path} is cut off or damaged in its header.", _AGAIN) from error


class _Header:
    """Reads a header from its start to its end; each announced size is held against what the file has left."""

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self._path, self._data = path, data
        self._at = len(MAGIC)

    def read(self) -> GgufFile:
        (version,) = self._numbers("I")
        if version not in _VERSIONS:
            swapped = int.from_bytes(int(version).to_bytes(4, "little"), "big") in _VERSIONS
            order = "is big-endian" if swapped else f"has version {version} of the format"
            raise ModelBroken(f"{self._path} {order}, which is not read.", "Get a file of version 3, little-endian.")
        tensors, entries = self._numbers("QQ")
        self._need(tensors * _SMALLEST_TENSOR + entries * _SMALLEST_ENTRY, "entries")
        metadata: dict[str, Any] = {}
        for _ in range(entries):
            key = self._text()
            (kind,) = self._numbers("I")
            metadata[key] = self._value(kind, key)
        announced = [self._tensor() for _ in range(tensors)]
        return GgufFile(self._path, metadata, self._placed(announced, self._alignment(metadata)), self._data)

    def _alignment(self, metadata: dict[str, Any]) -> int:
        alignment = metadata.get("general.alignment", _ALIGNMENT)
        if not isinstance(alignment, int) or alignment <= 0 or alignment & (alignment - 1):
            raise self._broken(f"its alignment is {alignment}")
        return alignment

    def _value(self, kind: int, key: str, inside: bool = False) -> Any:
        if kind in _SCALARS:
            return self._numbers(_SCALARS[kind])[0]
        if kind == _STRING:
            return self._text()
        if kind == _ARRAY and not inside:
            return self._array(key)
        raise self._broken(f"the value of {key} is of a kind that there is not, or an array of arrays")

    def _array(self, key: str) -> list[Any]:
        kind, count = self._numbers("IQ")
        if kind in _SCALARS:
            layout = np.dtype(_SCALARS[kind]).newbyteorder("<")
            self._need(count * layout.itemsize, key)
            values = np.frombuffer(self._data, layout, count, self._at).tolist()
            self._at += count * layout.itemsize
            return list(values)
        self._need(count * 8, key)
        if count > _MOST_STRINGS:
            raise self._broken(f"{key} has {count} entries")
        return [self._value(kind, key, inside=True) for _ in range(count)]

    def _tensor(self) -> tuple[str, Place]:
        name = self._text()
        (dimensions,) = self._numbers("I")
        if not 1 <= dimensions <= _MOST_DIMENSIONS:
            raise self._broken(f"the tensor {name} has {dimensions} dimensions")
        shape = tuple(reversed(self._numbers(f"{dimensions}Q")))
        kind, offset = self._numbers("IQ")
        elements = math.prod(shape)
        if not 0 < elements <= _MOST_ELEMENTS:
            raise self._broken(f"the tensor {name} has {elements} elements")
        block, size = _block(kind, name, self._path)
        if shape[-1] % block:
            raise self._broken(f"the rows of the tensor {name} are no whole blocks")
        return name, Place(shape, kind, offset, elements // block * size)

    def _placed(self, announced: list[tuple[str, Place]], alignment: int) -> dict[str, Place]:
        start = self._at + -self._at % alignment
        places: dict[str, Place] = {}
        for name, place in announced:
            if name in places:
                raise self._broken(f"the tensor {name} is there twice")
            if start + place.offset + place.size > len(self._data):
                raise self._broken(f"the tensor {name} ends behind the file's end")
            places[name] = attrs.evolve(place, offset=start + place.offset)
        return places

    def _numbers(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + layout, self._data, self._at)
        self._at += struct.calcsize("<" + layout)
        return values

    def _text(self) -> str:
        (size,) = self._numbers("Q")
        self._need(size, "a text")
        text = self._data[self._at : self._at + size].decode("utf-8")
        self._at += size
        return text

    def _need(self, size: int, what: str) -> None:
        if size > len(self._data) - self._at:
            raise self._broken(f"{what} would take {size} bytes, more than the file has")

    def _broken(self, why: str) -> ModelBroken:
        return ModelBroken(f"{self._path} is cut off or damaged: {why}.", _AGAIN)


def _block(kind: int, name: str, path: Path) -> tuple[int, int]:
    """Elements and bytes of a block of a number format. Raises ModelBroken where nobody can read it."""
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

    try:
        block, size = GGML_QUANT_SIZES[GGMLQuantizationType(kind)]
    except (ValueError, KeyError) as error:
        raise ModelBroken(
            f"In {path} the tensor {name} has the unknown number format {kind}.", "Choose a file in Q4_K_M or Q8_0."
        ) from error
    return block, size


@attrs.frozen
class _Rows:
    """Reads rows of a tensor."""

    data: mmap.mmap
    place: Place
    name: str

    def __call__(self, start: int, stop: int) -> Floats:
        from gguf.constants import GGMLQuantizationType
        from gguf.quants import dequantize

        size = self.place.size // self.place.shape[0]
        at = self.place.offset + start * size
        block = np.frombuffer(self.data, np.uint8, (stop - start) * size, at)
        kind = GGMLQuantizationType(self.place.kind)
        try:
            values = dequantize(block.reshape(-1, self.place.size // math.prod(self.place.shape[:-1])), kind)
        except NotImplementedError as error:
            raise ModelBroken(
                f"The tensor {self.name} is in {kind.name}, which is not read.", "Choose a file in Q4_K_M or Q8_0."
            ) from error
        return values.reshape(stop - start, *self.place.shape[1:]).astype(np.float32, copy=False)
