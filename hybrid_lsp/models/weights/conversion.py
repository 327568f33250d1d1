"""Weights to a CTranslate2 folder, in a process of its own that can be stopped at any time.

The process (`worker`) writes a JSON object a line: `{"share": 0.4, "what": "..."}` for progress and at the end
`{"error": CLASS, "message": ..., "remedy": ...}` or nothing.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Literal

from hybrid_lsp import errors
from hybrid_lsp.errors import DiskFull, ModelBroken, ModelError, ModelStopped
from hybrid_lsp.models.making import finished_or_nothing
from hybrid_lsp.models.weights.info import inspect

Quantization = Literal["int8", "float32"]
_POLL_S = 0.2
_SPARE = 200_000_000
"""Bytes left free on the disk."""


def convert(
    source: Path,
    target: Path,
    *,
    progress: Callable[[float, str], None] = lambda share, what: None,
    cancelled: Callable[[], bool] = lambda: False,
    quantization: Quantization = "int8",
) -> None:
    """Make the CTranslate2 folder `target` from a GGUF file or a folder with weights.

    `progress` is told how much is done (0 to 1) and what is being done, `cancelled` asked several times a second; both
    in the thread of the caller. `target` appears whole or not at all; where it is there already, nothing is done. Two
    makers of one target wait for each other. Raises ModelMissing, ModelBroken, ModelError (a package is missing: its
    remedy is the command that installs it), DiskFull, or ModelStopped where `cancelled` said so.
    """
    if target.is_dir():
        return
    info = inspect(source)
    needed = (info.size_int8 or info.size) * (4 if quantization == "float32" else 1)
    try:
        with finished_or_nothing(target, cancelled) as part:
            if target.is_dir():
                return
            _require_room(part, needed)
            _run(source, part, quantization, progress, cancelled)
    except OSError as error:
        raise ModelError(f"{target} cannot be made: {error}.", "Choose a folder that you can write to.") from error


def _require_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + _SPARE:
        raise DiskFull(
            f"The model takes {needed / 1e6:.0f} MB in {folder.parent}, where {free / 1e6:.0f} MB are free.",
            "Make room, or set HYBRID_LSP_MODELS_DIR to a folder on another disk.",
        )


def _run(
    source: Path,
    part: Path,
    quantization: str,
    progress: Callable[[float, str], None],
    cancelled: Callable[[], bool],
) -> None:
    command = [sys.executable, "-m", "hybrid_lsp.models.weights.worker", str(source), str(part), quantization]
    # Not in the folder of whoever called: a module there must not be taken for one of ours.
    environ = os.environ | {"PYTHONSAFEPATH": "1", "PYTHONUTF8": "1"}
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environ, encoding="utf-8", errors="replace", **pipes) as process:
        last = _follow(process, progress, cancelled)
    if "error" in last:
        raise _error(last)
    if not last.get("done"):
        raise ModelBroken(
            f"The conversion of {source} ended without a result (exit status {process.returncode}). {last['said']}",
            "It may have run out of memory: close other programs and try again, or choose a smaller model.",
        )


def _follow(
    process: subprocess.Popen[str], progress: Callable[[float, str], None], cancelled: Callable[[], bool]
) -> dict[str, Any]:
    """Tell the progress until the process has ended; its last line, and the last of what it said otherwise."""
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    complaints: list[str] = []
    assert process.stdout is not None and process.stderr is not None  # noqa: PT018 (both are pipes)
    readers = [
        threading.Thread(target=_read_lines, args=(process.stdout, lines.put), daemon=True),
        threading.Thread(target=_read_lines, args=(process.stderr, _last_of(complaints)), daemon=True),
    ]
    for reader in readers:
        reader.start()
    try:
        last = _told_last(lines, progress, cancelled)
    except BaseException:
        process.kill()  # also where the user interrupts, or `progress` raises
        raise
    finally:
        for reader in readers:
            reader.join()
    return {"said": " ".join(complaints)[-300:]} | last


def _told_last(
    lines: queue.SimpleQueue[str | None], progress: Callable[[float, str], None], cancelled: Callable[[], bool]
) -> dict[str, Any]:
    last: dict[str, Any] = {}
    while True:
        if cancelled():
            raise ModelStopped("The conversion was stopped; nothing is left of it.")
        try:
            line = lines.get(timeout=_POLL_S)
        except queue.Empty:
            continue
        if line is None:
            return last
        if (told := _object(line)) is not None:
            last = told
            if "share" in told:
                progress(float(told["share"]), str(told["what"]))


def _read_lines(stream: IO[str], put: Callable[[str | None], None]) -> None:
    with stream:
        for line in stream:
            put(line)
    put(None)


def _last_of(kept: list[str]) -> Callable[[str | None], None]:
    def put(line: str | None) -> None:
        if line is not None:
            kept[:] = [*kept[-4:], line.strip()]

    return put


def _object(line: str) -> dict[str, Any] | None:
    """A line as JSON; None where a library wrote it."""
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _error(told: dict[str, Any]) -> ModelError:
    kind = getattr(errors, str(told["error"]), ModelError)
    return (kind if issubclass(kind, ModelError) else ModelError)(str(told["message"]), str(told["remedy"]))
