"""The user's own tests on an edit, before it is shown (`verify.command`), on a copy of the workspace.

This is the one place where code that a model wrote is run, and only because the user's own settings name the command:
a workspace cannot set it. The copy holds what git tracks and what it would add, in a folder of its user's alone; the
command runs without a shell, without the API keys of our settings, at low priority and for a limited time.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import attrs

from hybrid_lsp import children
from hybrid_lsp.actions import bereaved
from hybrid_lsp.actions.bereaved import Executor
from hybrid_lsp.config import Config
from hybrid_lsp.errors import AnalysisError

MOST_BYTES = 200_000_000
"""A larger workspace is not copied."""
MOST_FILES = 50_000
_LIST_S = 20.0


@attrs.frozen
class Candidate:
    """A file of the workspace with its text before the edit (None: it is new) and after it."""

    path: Path
    before: str | None = attrs.field(repr=False)
    after: str = attrs.field(repr=False)


@attrs.frozen
class Run:
    """One run of the tests; `status` is None where it was stopped after the limit."""

    status: int | None
    seconds: float

    @property
    def passed(self) -> bool:
        return self.status == 0


async def tried(candidate: Candidate, root: Path | None, config: Config) -> str:
    """What the tests say of an edit, in a sentence: pass or fail, and the time they take with and without it.

    The run with the edit comes first, so that what a first run costs more is on its side. Raises AnalysisError: the
    workspace cannot be copied (no git, too large), or the command cannot be started.
    """
    if root is None or not candidate.path.is_relative_to(root):
        raise AnalysisError("The file is in no folder of the workspace.", "Open the project's folder.")
    try:
        # Not in a thread: whoever is cancelled there does not learn of the folder that it has made.
        folder = Path(tempfile.mkdtemp(prefix="hybrid-lsp-trial-"))
    except OSError as error:
        raise AnalysisError(f"No copy can be made of the workspace: {error.strerror or error}.", _NEEDS_ROOM) from error
    try:
        async with bereaved.executor(folder) as executor:
            return await _tried_in(folder, candidate, root, config, executor)
    finally:
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))


async def _tried_in(folder: Path, candidate: Candidate, root: Path, config: Config, executor: Executor) -> str:
    copy = folder / (root.name or "workspace")
    files = await _files(root)
    stop = threading.Event()
    await _in_thread(lambda: _copy_files(files, root, copy, stop), stop)
    place = copy / candidate.path.relative_to(root)
    await _in_thread(lambda: _write(place, candidate.after))
    with_edit = await _run(config, copy, executor)
    await _in_thread(lambda: _write(place, candidate.before))
    return _sentence(with_edit, await _run(config, copy, executor), config.verify.timeout_s)


def _sentence(with_edit: Run, without: Run, limit_s: float) -> str:
    if with_edit.passed and without.passed:
        ratio = with_edit.seconds / max(without.seconds, 1e-9)
        took = f"{with_edit.seconds:.1f} s: {ratio:.2f} times the {without.seconds:.1f} s without it"
        return f"Your tests pass with the edit, in {took}."
    if with_edit.passed:
        return "Your tests pass with the edit and fail without it."
    how = "fail" if with_edit.status is not None else f"do not end within {limit_s:g} s"
    rest = "; they pass without it." if without.passed else ", and without it too."
    return f"Your tests {how} with the edit{rest}"


async def _files(root: Path) -> list[Path]:
    """What git tracks and what it would add, relative to the root."""
    # What the repository's own configuration says is not run.
    safe = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=", "--no-optional-locks")
    argv = ("git", "-C", str(root), *safe, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    try:
        child = await children.start(*argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError as error:
        raise AnalysisError(f"git cannot be started: {error.strerror or error}.", _NEEDS_GIT) from error
    try:
        async with asyncio.timeout(_LIST_S):
            out, _ = await child.communicate()
    except TimeoutError:
        raise AnalysisError(f"git did not list the workspace's files within {_LIST_S:g} s.", _NEEDS_GIT) from None
    finally:
        await children.end(child)
    if child.returncode != 0:
        raise AnalysisError("The workspace is no git repository.", _NEEDS_GIT)
    return [Path(os.fsdecode(name)) for name in dict.fromkeys(out.split(b"\0")) if name]


_NEEDS_GIT = "`verify.command` works on what git knows of the workspace."


_NEEDS_ROOM = "Make room in the folder of temporary files, or clear `verify.command`."


async def _in_thread(work: Callable[[], None], stop: threading.Event | None = None) -> None:
    """Work on the disk, which has ended when this has, cancelled or not. Raises AnalysisError for a full disk."""
    working = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(working)
    except asyncio.CancelledError:
        if stop is not None:
            stop.set()
        await asyncio.wait([working])
        raise
    except OSError as error:
        raise AnalysisError(f"The workspace cannot be copied: {error.strerror or error}.", _NEEDS_ROOM) from error


def _copy_files(files: Iterable[Path], root: Path, copy: Path, stop: threading.Event) -> None:
    """Copy plain files; a link counts as the file that it leads to, where that lies in the workspace too."""
    copy.mkdir(mode=0o700)
    inside, size = root.resolve(), 0
    for number, name in enumerate(files):
        if stop.is_set():
            return
        source = _real(root / name, inside)
        if source is None:
            continue
        size += source.stat().st_size
        if size > MOST_BYTES or number >= MOST_FILES:
            raise AnalysisError(
                f"The workspace is larger than the {MOST_BYTES / 1e6:.0f} MB and {MOST_FILES:,} files that are copied.",
                "Open a smaller folder, or clear `verify.command`.",
            )
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def _real(path: Path, inside: Path) -> Path | None:
    """The plain file that a path leads to; None where it is gone, or lies elsewhere."""
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):
        return None
    return real if real.is_file() and real.is_relative_to(inside) else None


def _write(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", errors="replace", newline="")


async def _run(config: Config, copy: Path, executor: Executor) -> Run:
    """Run the tests once; raises AnalysisError when they cannot be started."""
    started = time.perf_counter()
    try:
        child = await children.start(
            *config.verify.command,
            cwd=copy,
            env=_environment(config, copy, os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=sys.platform != "win32",
        )
    except (OSError, ValueError) as error:
        raise AnalysisError(
            f"`verify.command` cannot be started: {error}.", "Name a program that is on the PATH, or its whole path."
        ) from error
    try:
        executor.runs(child.pid if sys.platform != "win32" else None)
        _yield_to_others(child.pid)
        async with asyncio.timeout(config.verify.timeout_s):
            status: int | None = await child.wait()
    except TimeoutError:
        status = None
    finally:
        await children.end(child)
        executor.runs(None)
    return Run(status, time.perf_counter() - started)


def _environment(config: Config, copy: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The user's, with the copy first on Python's path (an editable install names the original), without our keys."""
    keys = {config.small.api_key_env, config.large.api_key_env}
    kept = {name: value for name, value in environ.items() if name not in keys and not name.startswith("HYBRID_LSP_")}
    path = [str(copy / "src"), str(copy), *filter(None, [kept.get("PYTHONPATH")])]
    # Compiled files are told apart by seconds and size, which two runs in one second may share.
    return kept | {"PYTHONPATH": os.pathsep.join(path), "PYTHONDONTWRITEBYTECODE": "1"}


def _yield_to_others(pid: int) -> None:
    import psutil  # type: ignore[import-untyped]

    with contextlib.suppress(psutil.Error, OSError):
        process = psutil.Process(pid)
        process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if sys.platform == "win32" else 10)
