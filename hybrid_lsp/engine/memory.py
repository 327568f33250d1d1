"""The memory of a model: what a token of a kept prompt takes, and how the C library gives memory out."""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from hybrid_lsp.errors import ModelBroken

_OVERHEAD = 1.25
"""Memory taken for a kept token beside its keys and values, as measured."""
_FLOAT_BYTES = 4
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_HELD_BYTES = 256 * 1024 * 1024
_FALLBACK = 128 * 1024
_PROMPTS, _LONG_PROMPT = 4, 4096
_MEMORY_SHARE = 16
_LEAST_BYTES = 96_000_000


def suitable(bytes_a_token: int, context: int) -> int:
    """Bytes for kept prompts: for a few long ones, within a small part of this machine's memory."""
    wanted = _PROMPTS * min(context, _LONG_PROMPT) * bytes_a_token
    total = int(psutil.virtual_memory().total)
    return max(_LEAST_BYTES, min(wanted, min(total, container_limit() or total) // _MEMORY_SHARE))


def container_limit(own: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes that the container (cgroup, of either version) of this process may use; None where nothing limits it."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return None
    found: list[int] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            found += _limits(root, path, "memory.max")
        elif "memory" in controllers.split(","):
            found += _limits(root / "memory", path, "memory.limit_in_bytes")
    return min(found, default=None)


def _limits(mounted: Path, path: str, name: str) -> Iterator[int]:
    """What a group and those above it may use. Within a container its own group may be the root of what is seen."""
    group = mounted / path.strip("/")
    for folder in (group, *group.parents):
        if not folder.is_relative_to(mounted):
            return
        try:
            said = (folder / name).read_text(encoding="utf-8").strip()
        except OSError:
            continue
        if said.isdigit():  # `max`: no limit
            yield int(said)


def bytes_a_token(folder: Path) -> int:
    """Memory for the keys and values of one token, from the shapes in `model.bin`; a large guess if it has others.

    CTranslate2 keeps them in single precision, and for each head (those shared by several heads are repeated).
    """
    # numpy's threads must not begin before the process has lowered its priority, which they inherit.
    from hybrid_lsp.models.weights.ct2 import Weights

    layers, width = set(), 0
    try:
        weights = Weights(folder / "model.bin")
    except ModelBroken:
        return _FALLBACK
    for name in weights:
        if (found := re.fullmatch(r"decoder/layer_(\d+)/self_attention/linear_0/weight", name)) is not None:
            layers.add(found[1])
        elif re.fullmatch(r"decoder/layer_\d+/self_attention/linear_1/weight", name):
            width = max(width, *weights.shape(name)[1:])
    return int(len(layers) * 2 * width * _FLOAT_BYTES * _OVERHEAD) or _FALLBACK


def hold_freed() -> None:
    """Have the C library keep freed memory for the next request, where it can be told to (glibc).

    Fresh pages from the system cost more than what is computed in them: a warm request takes twice as long.
    """
    if (libc := _glibc()) is not None:
        libc.mallopt(_M_MMAP_THRESHOLD, _HELD_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, _HELD_BYTES)


def give_back() -> None:
    """Return freed memory to the system, where the C library can be told to."""
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") and hasattr(libc, "mallopt") else None
