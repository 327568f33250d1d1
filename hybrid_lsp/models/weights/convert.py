"""Weights to a CTranslate2 folder, in a process of its own that can be stopped at any time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def convert(
    source: Path,
    target: Path,
    *,
    progress: Callable[[float, str], None] = lambda share, what: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> None:
    """Make the CTranslate2 folder `target` in int8 from a GGUF file or a folder with weights.

    `progress` is told how much is done (0 to 1) and what is being done, `cancelled` asked several times a second; both
    in the thread of the caller. `target` appears whole or not at all; where it is there already, nothing is done. Two
    makers of one target wait for each other. Raises ModelMissing, ModelBroken, ModelError (a package is missing: its
    remedy is the command that installs it), DiskFull, or ModelStopped where `cancelled` said so.
    """
    raise NotImplementedError
