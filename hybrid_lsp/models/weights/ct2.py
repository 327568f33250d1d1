"""What stands in a `model.bin` of CTranslate2, without its numbers."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple


class Variable(NamedTuple):
    """Where a variable lies in the file; `offset` and `size` in bytes."""

    name: str
    shape: tuple[int, ...]
    offset: int
    size: int


def variables(path: Path) -> Iterator[Variable]:
    """The variables of a file of version 4 and later.

    Raises OSError, struct.error or UnicodeDecodeError where it is no such file.
    """
    with path.open("rb") as stream:
        _read(stream, "I")  # version
        _text(stream)  # kind of model
        _read(stream, "I")  # revision
        (count,) = _read(stream, "I")
        for _ in range(count):
            name = _text(stream)
            (rank,) = _read(stream, "B")
            shape = _read(stream, f"{rank}I")
            _, size = _read(stream, "BI")
            offset = stream.tell()
            stream.seek(size, 1)
            yield Variable(name, shape, offset, size)


def _text(stream: IO[bytes]) -> str:
    (size,) = _read(stream, "H")
    return stream.read(size).rstrip(b"\0").decode()


def _read(stream: IO[bytes], layout: str) -> tuple[int, ...]:
    layout = "<" + layout
    return struct.unpack(layout, stream.read(struct.calcsize(layout)))
