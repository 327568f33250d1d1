"""Starts the engine processes, and shares them: one a model, whichever window asks first.

Nothing is kept but the socket's name: an engine is there when it answers, and whoever finds it gone or silent starts
another in its place, under a file lock.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

import attrs
import filelock

from hybrid_lsp import __version__, errors
from hybrid_lsp.backends import liveness
from hybrid_lsp.backends.endpoint import Endpoint
from hybrid_lsp.backends.liveness import Sign
from hybrid_lsp.errors import EngineError, EngineStartFailed, HybridLspError, ModelError, SocketUnavailable
from hybrid_lsp.models.store import locate
from hybrid_lsp.paths import digest, socket_path, state_dir
from hybrid_lsp.types import Tier

_POLL_S = 0.05
_SIGN_S = {Tier.SMALL: 2.0, Tier.LARGE: 10.0}
"""Longest wait for a sign of life. A large engine lets everything else go first, also when it answers."""
_LIVED_S = 60.0
"""An engine that served so long before it died did not die of starting."""
_FREE_RESTARTS = 1
_FIRST_DELAY_S = 1.0
_LONGEST_DELAY_S = 60.0


@attrs.frozen
class EngineSpec:
    """Which engine is wanted. Windows with the same spec share one process.

    `idle_exit_minutes` and `reuse_mb` do not tell engines apart: those of the window that starts one count.
    """

    model: str
    role: Tier = Tier.SMALL
    family: str = "auto"
    compute_type: str = "auto"
    threads: int = 0
    device: str = "auto"
    idle_exit_minutes: float = attrs.field(default=15.0, eq=False)
    reuse_mb: float = attrs.field(default=-1.0, eq=False)

    @property
    def located(self) -> str:
        """The model, with a folder's path made absolute."""
        folder = Path(self.model).expanduser()
        return str(folder.resolve()) if folder.is_dir() else self.model

    @property
    def name(self) -> str:
        """Name of the socket, without its ending: an engine of another version is another engine."""
        told_by = (self.located, self.family, self.compute_type, str(self.threads), self.device)
        return f"{self.role}-{__version__}-{digest(*told_by)}"


def _identity(model: str) -> tuple[str, str]:
    """A model's folder, and when its weights were written: weights made anew are another model."""
    try:
        folder = locate(model).resolve()
        return str(folder), str((folder / "model.bin").stat().st_mtime_ns)
    except (ModelError, OSError):
        return model, ""


@attrs.frozen
class Places:
    """The files of one engine, all beside its socket but for the log."""

    socket: Path
    lock: Path
    error: Path
    endpoint: Path
    log: Path
    output: Path

    @classmethod
    def of(cls, spec: EngineSpec) -> Places:
        """Raises SocketUnavailable."""
        socket = socket_path(f"{spec.name}.sock")
        logs = state_dir() / "logs"
        return cls(
            socket=socket,
            lock=socket.with_suffix(".lock"),
            error=socket.with_suffix(".error"),
            endpoint=socket.with_suffix(".json"),
            log=logs / f"engine-{spec.name}.log",
            output=logs / f"engine-{spec.name}.out",
        )


@attrs.define(eq=False)
class _Child:
    """An engine that this process started."""

    process: subprocess.Popen[bytes]
    started: float
    ended: float | None = None

    @property
    def failed(self) -> bool:
        """Whether it died (an engine that ends on its own when idle does so with 0)."""
        return self.process.returncode not in (None, 0)


@attrs.define(eq=False)
class _Record:
    """What is remembered of the engines of one spec."""

    child: _Child | None = None
    deaths: int = 0
    not_before: float = 0.0
    error: HybridLspError | None = None
    starting: asyncio.Task[Endpoint] | None = None


@attrs.define(eq=False)
class Launcher:
    """Gets engines. One for a process; `tcp` is for systems without Unix sockets."""

    start_timeout_s: float = 60.0
    tcp: bool = sys.platform == "win32"
    environ: Mapping[str, str] | None = None
    clock: Callable[[], float] = time.monotonic
    _records: dict[EngineSpec, _Record] = attrs.field(factory=dict)

    async def ensure(self, spec: EngineSpec) -> Endpoint:
        """The address of a healthy engine, started if need be.

        Raises:
            ModelMissing, ModelBroken, ModelError, ConfigError: the engine said why it cannot serve.
            SocketUnavailable: its socket cannot be made.
            EngineStartFailed: it died, was not ready in time, or died so often that it is left alone for a while.
        """
        places = Places.of(spec)
        if await self._look(spec, places) is Sign.READY and (endpoint := self._endpoint(places)) is not None:
            return endpoint
        record = self._records.setdefault(spec, _Record())
        if record.starting is None or record.starting.done():
            record.starting = asyncio.create_task(self._obtain(spec, places, record))
            record.starting.add_done_callback(_retrieve)
        # Whoever waits may give up; the start goes on, for the next one.
        return await asyncio.shield(record.starting)

    def starts(self, spec: EngineSpec) -> bool:
        """Whether an engine is being started, though whoever asked for it may have given up."""
        record = self._records.get(spec)
        return record is not None and record.starting is not None and not record.starting.done()

    async def lives(self, spec: EngineSpec) -> bool:
        """Whether an engine answers, be it that it is loading; asked of one that has fallen silent."""
        return await self._look(spec, Places.of(spec)) in (Sign.READY, Sign.LOADING)

    async def _obtain(self, spec: EngineSpec, places: Places, record: _Record) -> Endpoint:
        """Wait for an engine that somebody else starts, or be the one who does."""
        deadline = self.clock() + self.start_timeout_s
        while self.clock() < deadline:
            async with self._sole_starter(places) as chosen:
                sign = await self._look(spec, places)
                if chosen and sign in (Sign.ABSENT, Sign.SILENT):
                    return await self._start(spec, places, record, deadline, sign)
            if sign is Sign.READY and (endpoint := self._endpoint(places)) is not None:
                return endpoint
            await asyncio.sleep(_POLL_S)
        raise self._too_slow(places)

    @asynccontextmanager
    async def _sole_starter(self, places: Places) -> AsyncIterator[bool]:
        """Hold the lock, or learn that somebody else does. The event loop is never blocked."""
        lock = filelock.FileLock(places.lock, thread_local=False)
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            yield False
            return
        except OSError as error:
            raise SocketUnavailable(
                f"The lock {places.lock} cannot be made: {error.strerror}.", "Set HYBRID_LSP_RUNTIME_DIR."
            ) from error
        try:
            yield True
        finally:
            lock.release()

    async def _start(self, spec: EngineSpec, places: Places, record: _Record, deadline: float, sign: Sign) -> Endpoint:
        self._settle(record)
        if (wait := record.not_before - self.clock()) > 0:
            raise _left_alone(record, wait, places)
        places.error.unlink(missing_ok=True)
        silent = sign is Sign.SILENT
        if silent:
            # It holds the memory that the next one needs.
            at = liveness.pid_in(places.endpoint) if self.tcp else liveness.pid_at(places.socket)
            liveness.kill(at)
        child = record.child = self._spawn(self.command(spec, places, replace=silent), places)
        while self.clock() < deadline:
            if await self._look(spec, places) is Sign.READY and (endpoint := self._endpoint(places)) is not None:
                return endpoint
            if child.failed:
                record.error = self._died(child, places)
                self._settle(record)
                raise record.error
            if child.process.returncode is not None:  # another was there first, and has gone since
                child = record.child = self._spawn(self.command(spec, places), places)
            await asyncio.sleep(_POLL_S)
        child.process.terminate()  # else the next request would find it loading, and wait as long again
        raise self._too_slow(places)

    def command(self, spec: EngineSpec, places: Places, *, replace: bool = False) -> list[str]:
        """The command line of an engine; with `replace` it takes the socket from one that does not answer."""
        where = (
            ["--port", "0", "--endpoint-file", str(places.endpoint)] if self.tcp else ["--socket", str(places.socket)]
        ) + (["--replace"] if replace else [])
        options = {
            "model": spec.located,
            "role": str(spec.role),
            "family": spec.family,
            "compute-type": spec.compute_type,
            "threads": str(spec.threads),
            "device": spec.device,
            "idle-exit-minutes": f"{spec.idle_exit_minutes:g}",
            "reuse-mb": f"{spec.reuse_mb:g}",
            "error-file": str(places.error),
            "log-file": str(places.log),
        }
        named = [f"--{name}={value}" for name, value in options.items()]
        # -P: a workspace with a folder `hybrid_lsp` in it must not be what is run.
        return [sys.executable, "-P", "-m", "hybrid_lsp.engine.process", *where, *named]

    def _spawn(self, command: Sequence[str], places: Places) -> _Child:
        """Start a process that outlives this one. What it prints (a crash in C++) goes beside its log."""
        try:
            with _writable(places.output) as output:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    env=self.environ,
                    cwd=places.socket.parent,  # not the workspace, which could then not be moved or unmounted
                    close_fds=True,
                )
        except OSError as error:
            raise EngineStartFailed(
                f"The engine cannot be started: {error.strerror or error}.", f"Check {places.socket.parent}."
            ) from error
        child = _Child(process, self.clock())
        threading.Thread(target=self._reap, args=(child,), name="reap-engine", daemon=True).start()
        return child

    def _reap(self, child: _Child) -> None:
        """Wait for the child, so that it leaves no zombie and its end has a time."""
        child.process.wait()
        child.ended = self.clock()

    def _settle(self, record: _Record) -> None:
        """Draw the conclusion from how the last engine ended."""
        child = record.child
        if child is None or child.process.returncode is None:
            return
        record.child = None
        ended = child.ended if child.ended is not None else self.clock()
        if not child.failed or ended - child.started >= _LIVED_S:
            record.deaths, record.not_before, record.error = 0, 0.0, None
        if child.failed:
            record.deaths += 1
            record.not_before = ended + _delay(record.deaths)

    async def _look(self, spec: EngineSpec, places: Places) -> Sign:
        return await liveness.look(self._endpoint(places), _SIGN_S[spec.role])

    def _endpoint(self, places: Places) -> Endpoint | None:
        if not self.tcp:
            return Endpoint("http://localhost", uds=places.socket) if places.socket.exists() else None
        try:
            content = json.loads(places.endpoint.read_text(encoding="utf-8"))
            return Endpoint(content["base_url"], token=content["token"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _died(self, child: _Child, places: Places) -> HybridLspError:
        """The engine's own words, or what the system says of its end."""
        return _read_error(places.error) or EngineStartFailed(
            f"The engine ended with status {child.process.returncode} before it was ready. {_last_line(places.output)}",
            f"See {places.log} and {places.output}.",
        )

    def _too_slow(self, places: Places) -> EngineStartFailed:
        return EngineStartFailed(
            f"The engine was not ready within {self.start_timeout_s:g} s.",
            f"Raise `engine.start_timeout_s`, or see {places.log}.",
        )


def _left_alone(record: _Record, wait: float, places: Places) -> HybridLspError:
    """The error of the last start again, or that the engine dies too often."""
    later = f"It is tried again in {wait:.0f} s."
    if record.error is not None:
        return type(record.error)(record.error.message, f"{record.error.remedy} {later}")
    return EngineStartFailed(f"The engine died {record.deaths} times. {later}", f"See {places.log}.")


def _retrieve(task: asyncio.Task[Endpoint]) -> None:
    if not task.cancelled():
        task.exception()  # whoever waits has it; nobody may be left


def _delay(deaths: int) -> float:
    """Seconds before the next start: none after the first death, then doubling."""
    if deaths <= _FREE_RESTARTS:
        return 0.0
    return float(min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2.0 ** (deaths - _FREE_RESTARTS - 1)))


def _read_error(path: Path) -> HybridLspError | None:
    """The error that an engine left behind."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        kind = getattr(errors, str(said["kind"]), None)
        message, remedy = str(said["message"]), str(said["remedy"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    known = isinstance(kind, type) and issubclass(kind, errors.ModelError | EngineError | errors.ConfigError)
    return kind(message, remedy) if known and kind is not None else EngineStartFailed(message, remedy)


def _writable(path: Path) -> BinaryIO:
    """The file, to be written anew; the null device where the disk is full or read-only: no model is lost to a log."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")
    except OSError:
        return Path(os.devnull).open("wb")


def _last_line(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - 2000))
            lines = stream.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1][:200] if lines else ""
