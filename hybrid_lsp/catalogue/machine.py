"""What this machine can run, and how fast: roughly in a fraction of a second, and by every `bench` exactly.

A token costs two operations for each parameter it is computed with. A prompt is computed many tokens at a time, as
fast as the processor multiplies; a reply one token at a time, as fast as the memory gives the weights (Williams et
al., "Roofline", 2009). So two figures of the machine say how fast any model is, within some tens of per cent.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import attrs

from hybrid_lsp.engine.memory import container_limit
from hybrid_lsp.paths import state_dir

NEW_TOKENS = 16
"""Tokens of a prompt that are new at a usual keystroke; what stands before them is kept computed."""
SHOWN_TOKENS = 8
"""Tokens of a usual suggestion."""
_SHARE_OF_MEMORY = 0.5
"""A model may take so much of what is free: the editor and its browser tabs are there too."""
_OVERHEAD_MB = 250
"""An engine's own memory, and kept prompts."""
_MATRIX, _BUFFER_MB = 768, 256
# What CTranslate2 reaches with int8 weights of the two figures that numpy reaches here: 0.5B on two threads.
_INT8_GAIN = 1.6
_BANDWIDTH_SHARE = 0.7


@attrs.frozen
class Rates:
    """Tokens a second, of a prompt and of a reply; `measured`: of this very model, else worked out."""

    prefill: float
    decode: float
    measured: bool = False

    @property
    def suggestion_ms(self) -> float:
        """Milliseconds from a key to a usual suggestion."""
        return 1000 * (NEW_TOKENS / max(self.prefill, 1e-3) + SHOWN_TOKENS / max(self.decode, 1e-3))


@attrs.frozen
class Machine:
    """One computer. `operations` a second of many tokens at once, `bandwidth` in bytes a second; memory in bytes."""

    memory: int
    free_memory: int
    operations: float
    bandwidth: float

    def rates(self, computed_m: float) -> Rates:
        """How fast a model is that computes with so many million parameters, at one byte each."""
        weights = max(computed_m, 1e-3) * 1e6
        return Rates(self.operations / (2 * weights), self.bandwidth / weights)

    def holds(self, served_mb: float) -> bool:
        """Whether a model of that size fits into the memory beside what runs."""
        return (served_mb + _OVERHEAD_MB) * 1e6 <= self.free_memory * _SHARE_OF_MEMORY


def this_machine(timer: Callable[[], float] = time.perf_counter) -> Machine:
    """Memory as it is now, and the best speeds that were ever seen here: other programs only make it slower.

    Measuring takes a fraction of a second.
    """
    import psutil  # type: ignore[import-untyped]

    memory = psutil.virtual_memory()
    total = min(memory.total, container_limit() or memory.total)
    seen = _read("speeds").get("here", {})
    now = {"operations": _operations(timer), "bandwidth": _bandwidth(timer)}
    speeds = {name: max(value, seen.get(name, 0.0)) for name, value in now.items()}
    if speeds != seen:
        _write("speeds", {"here": speeds})
    return Machine(total, min(memory.available, total), speeds["operations"], speeds["bandwidth"])


def measured(folder: Path) -> Rates | None:
    """What a `bench` found of the model in a folder, or None."""
    found = _read("models").get(str(folder), {})
    known = {"prefill", "decode"} <= found.keys()
    return Rates(found["prefill"], found["decode"], measured=True) if known else None


def remember(folder: Path, rates: Rates) -> None:
    """Keep what a `bench` found."""
    found = {"prefill": rates.prefill, "decode": rates.decode}
    _write("models", _read("models") | {str(folder): found})


def free_disk(folder: Path) -> int:
    """Bytes free where a folder is, or would be made."""
    while not folder.exists() and folder.parent != folder:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _operations(timer: Callable[[], float]) -> float:
    import numpy

    one = numpy.ones((_MATRIX, _MATRIX), numpy.float32)
    one @ one  # the first run starts the threads
    return _INT8_GAIN * 2 * _MATRIX**3 / _quickest(lambda: one @ one, timer)


def _bandwidth(timer: Callable[[], float]) -> float:
    import numpy

    block = numpy.ones(_BUFFER_MB * 1_000_000 // 8)
    return _BANDWIDTH_SHARE * block.nbytes / _quickest(block.sum, timer)


def _quickest(work: Callable[[], object], timer: Callable[[], float]) -> float:
    best = float("inf")
    for _ in range(3):
        started = timer()
        work()
        best = min(best, timer() - started)
    return max(best, 1e-9)


def _file() -> Path:
    return state_dir() / "machine.json"


Part = dict[str, dict[str, float]]
"""A part of the record: figures by what they are of."""


def _read(part: str) -> Part:
    """One part of the record; what is not figures counts as not there."""
    try:
        found = json.loads(_file().read_text(encoding="utf-8"))[part]
        return {str(name): {key: float(value) for key, value in each.items()} for name, each in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _write(part: str, content: Part) -> None:
    """A record that cannot be written is measured again: no more than that is lost."""
    whole = {name: _read(name) for name in ("speeds", "models")} | {part: content}
    aside = _file().with_name(f".machine.{os.getpid()}")
    try:
        aside.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
        aside.replace(_file())
    except OSError:
        with suppress(OSError):
            aside.unlink()
