"""Processes that tests in editors leave behind: engines and servers of one runtime folder."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import psutil


@contextmanager
def engine_folder() -> Iterator[str]:
    """A runtime folder whose engines end with the block."""
    with tempfile.TemporaryDirectory(prefix="hl-") as folder:
        try:
            yield folder
        finally:
            for process in engines(folder):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
                    process.wait(10)


def engines(folder: str) -> list[psutil.Process]:
    """The engine processes of a runtime folder."""
    return [each for each in psutil.process_iter(["cmdline"]) if _belongs(each.info["cmdline"] or [], folder)]


def _belongs(command: list[str], folder: str) -> bool:
    line = " ".join(command)
    return "hybrid_lsp.engine" in line and folder in line


def servers(parent: int) -> list[psutil.Process]:
    """The language servers that a process has started."""
    try:
        children = psutil.Process(parent).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [each for each in children if _serves(each)]


def _serves(process: psutil.Process) -> bool:
    try:
        return "serve" in process.cmdline()
    except psutil.Error:
        return False
