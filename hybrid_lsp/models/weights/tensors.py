"""Tensors that are read in pieces: what a file holds, put together and turned as a network wants it.

Nothing is read before `rows` is called, so a chain of these costs no memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import attrs
import numpy as np
import numpy.typing as npt

from hybrid_lsp.errors import ModelBroken

Floats = npt.NDArray[np.float32]


class Tensor(Protocol):
    """An array in a file; `rows` are along its first axis."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def rows(self, start: int, stop: int) -> Floats:
        """Rows `start` to `stop` in single precision. Raises ModelBroken."""
        ...


@attrs.frozen
class Stored:
    """A tensor of a file; `read` gives some of its rows."""

    shape: tuple[int, ...]
    read: Callable[[int, int], Floats]

    def rows(self, start: int, stop: int) -> Floats:
        return self.read(start, stop)


@attrs.frozen
class Joined:
    """Tensors of equal width below each other."""

    parts: Sequence[Tensor]

    @property
    def shape(self) -> tuple[int, ...]:
        return (sum(part.shape[0] for part in self.parts), *self.parts[0].shape[1:])

    def rows(self, start: int, stop: int) -> Floats:
        pieces, first = [], 0
        for part in self.parts:
            low, high = max(start - first, 0), min(stop - first, part.shape[0])
            if low < high:
                pieces.append(part.rows(low, high))
            first += part.shape[0]
        return np.concatenate(pieces)


@attrs.frozen
class Reordered:
    """A tensor with its rows in another order; it is small enough to be read whole (one projection of one layer)."""

    tensor: Tensor
    order: npt.NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.tensor.shape

    def rows(self, start: int, stop: int) -> Floats:
        wanted = self.order[start:stop]
        first = int(wanted.min())
        found: Floats = self.tensor.rows(first, int(wanted.max()) + 1)[wanted - first]
        return found


@attrs.frozen
class Raised:
    """A tensor and a number added to each of its elements."""

    tensor: Tensor
    by: float

    @property
    def shape(self) -> tuple[int, ...]:
        return self.tensor.shape

    def rows(self, start: int, stop: int) -> Floats:
        return self.tensor.rows(start, stop) + np.float32(self.by)


@attrs.frozen
class Zeros:
    """For a bias that some of several joined projections lack."""

    shape: tuple[int, ...]

    def rows(self, start: int, stop: int) -> Floats:
        return np.zeros((stop - start, *self.shape[1:]), np.float32)


class Tensors:
    """The tensors of a model by their names in GGUF (`blk.0.attn_q.weight`), whatever their file calls them."""

    def __init__(self, found: Mapping[str, Tensor], where: str) -> None:
        self._found = found
        self._where = where

    def __contains__(self, name: str) -> bool:
        return name in self._found

    def get(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Raises ModelBroken where it is missing or has another shape."""
        tensor = self._found.get(name)
        if tensor is None:
            raise ModelBroken(f"{self._where} lacks the tensor {name}.", "Get the file again; it may be incomplete.")
        if tensor.shape != shape:
            raise ModelBroken(
                f"In {self._where} the tensor {name} has the shape {tensor.shape} where {shape} is announced.",
                "Get the file again; its maker may have got it wrong.",
            )
        return tensor

    def optional(self, name: str, shape: tuple[int, ...]) -> Tensor | None:
        return self.get(name, shape) if name in self._found else None
