"""A folder that is made appears whole or not at all, by one maker at a time."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hybrid_lsp.errors import ModelStopped

_POLL_S = 0.2


@contextmanager
def finished_or_nothing(target: Path, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Path]:
    """A temporary sibling that becomes `target` at the end; one maker at a time, and never half a model.

    Where another process finished first, its folder is kept and ours is thrown away. Raises ModelStopped where
    `cancelled` says so while another maker is waited for.
    """
    import filelock  # only who makes a model needs it

    target.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(target.with_name(f"{target.name}.lock"))
    while True:
        try:
            lock.acquire(timeout=_POLL_S)
            break
        except filelock.Timeout:
            if cancelled():
                raise ModelStopped(f"The making of {target} was stopped.") from None
    try:
        _throw_away_leftovers(target)
        part = Path(tempfile.mkdtemp(prefix=_prefix(target), dir=target.parent))
        try:
            yield part
            if not target.exists():
                os.replace(part, target)  # noqa: PTH105 (a folder, replaced in one step)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    finally:
        lock.release()


def _throw_away_leftovers(target: Path) -> None:
    """What makers left that were killed; nobody else makes this target now."""
    for left in target.parent.glob(f"{_prefix(target)}*"):
        shutil.rmtree(left, ignore_errors=True)


def _prefix(target: Path) -> str:
    return f".{target.name}.part-"
