"""The weights in CTranslate2's `model.bin`, mapped into memory and read where they lie.

The layout is that of `ctranslate2.specs.ModelSpec.save`: a header, the variables one after the other, and the names
that stand for the same variable as another name.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hybrid_lsp.errors import ModelBroken

_TYPES: tuple[str, ...] = ("<f4", "i1", "<i2", "<i4", "<f2", "<u2")
"""By the file's number of a type; bfloat16, which numpy lacks, as its bits."""
_BFLOAT16 = 5
_MOST_VARIABLES = 100_000
_OLDEST_VERSION = 4
_NEWEST_VERSION = 6

Array = npt.NDArray[Any]


class Weights(Mapping[str, Array]):
    """The variables of a model by name; an array is a view of the file until it is copied."""

    def __init__(self, path: Path) -> None:
        """Read the table of contents. Raises ModelBroken for a file that is not whole or not a model's."""
        try:
            self._bytes = np.memmap(path, dtype=np.uint8, mode="r")
            self._places, self._aliases = _contents(self._bytes)
        except (OSError, ValueError, struct.error, UnicodeDecodeError, IndexError) as error:
            raise ModelBroken(f"{path} cannot be read: {error}.", "Make or copy the model's files again.") from error

    def __getitem__(self, name: str) -> Array:
        kind, shape, start, size = self._places[self._aliases.get(name, name)]
        array: Array = self._bytes[start : start + size].view(_TYPES[kind]).reshape(shape)
        if kind == _BFLOAT16:
            return (array.astype(np.uint32) << 16).view(np.float32)
        return array

    def __iter__(self) -> Any:
        yield from self._places
        yield from self._aliases

    def __len__(self) -> int:
        return len(self._places) + len(self._aliases)

    def number(self, name: str, default: float) -> float:
        """A variable that is one number."""
        return float(self[name].reshape(-1)[0]) if name in self else default

    def let_go(self) -> None:
        """Give back the memory of what was read; it is read again where it is needed."""
        mapped = getattr(self._bytes, "_mmap", None)
        if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
            mapped.madvise(mmap.MADV_DONTNEED)

    @property
    def own(self) -> list[str]:
        """The names of variables, each once: without those that stand for another's."""
        return list(self._places)

    def size(self, name: str) -> int:
        """Bytes of a variable."""
        return self._places[self._aliases.get(name, name)][3]

    def shape(self, name: str) -> tuple[int, ...]:
        return self._places[self._aliases.get(name, name)][1]


Place = tuple[int, tuple[int, ...], int, int]
"""Number of the type, shape, first byte and bytes of a variable."""


def _contents(data: npt.NDArray[np.uint8]) -> tuple[dict[str, Place], dict[str, str]]:
    reader = _Reader(data)
    (version,) = reader.take("I")
    if not _OLDEST_VERSION <= version <= _NEWEST_VERSION:
        raise ValueError(f"its version is {version}")
    reader.text()  # the kind of model
    reader.take("I")  # its revision
    places = dict(reader.variable() for _ in range(reader.count()))
    aliases = {reader.text(): reader.text() for _ in range(reader.count())}
    if unknown := set(aliases.values()) - set(places):
        raise ValueError(f"it lacks {min(unknown)}")
    # Who shares weights shares their scales, without a line for it.
    aliases |= {f"{name}_scale": f"{of}_scale" for name, of in aliases.items() if f"{of}_scale" in places}
    return places, aliases


class _Reader:
    """Goes through the bytes of a file."""

    def __init__(self, data: npt.NDArray[np.uint8]) -> None:
        self._data = data
        self._at = 0

    def take(self, layout: str) -> tuple[int, ...]:
        start, size = self._at, struct.calcsize("<" + layout)
        self._at += size
        return struct.unpack("<" + layout, self._data[start : start + size].tobytes())

    def text(self) -> str:
        (size,) = self.take("H")
        start, self._at = self._at, self._at + size
        return self._data[start : self._at].tobytes().rstrip(b"\0").decode()

    def count(self) -> int:
        (count,) = self.take("I")
        if count > _MOST_VARIABLES:
            raise ValueError(f"it claims {count} entries")
        return count

    def variable(self) -> tuple[str, Place]:
        name = self.text()
        (rank,) = self.take("B")
        shape = self.take(f"{rank}I")
        kind, size = self.take("BI")
        start, self._at = self._at, self._at + size
        if self._at > len(self._data):
            raise ValueError(f"it ends within {name}")
        if size != int(np.prod(shape, dtype=object)) * np.dtype(_TYPES[kind]).itemsize:
            raise ValueError(f"the size of {name} is not that of its shape")
        return name, (kind, shape, start, size)
