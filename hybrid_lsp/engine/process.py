"""The process around the engine: its socket, its priority, its log, and how it ends.

    python -m hybrid_lsp.engine.process --model embedded --role small --socket PATH

It ends by itself when nobody asked for `--idle-exit-minutes`, and in order on SIGTERM and SIGINT. When the model does
not load, the reason is written as one JSON object (`kind`, `message`, `remedy`) to the file `--error-file`, by default
beside the socket with the ending `.error`, and the exit status is 3; 4 when the socket cannot be had.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import logging.handlers
import os
import secrets
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import filelock

from hybrid_lsp.engine import memory
from hybrid_lsp.errors import HybridLspError, SocketUnavailable
from hybrid_lsp.paths import state_dir

EXIT_MODEL = 3
EXIT_SOCKET = 4
_LOG = logging.getLogger("hybrid_lsp.engine")
_LOG_BYTES = 1_000_000
_LOG_FILES = 2
_LONGEST_GOODBYE_S = 5
_SOCKET_BACKLOG = 64
_PORT = 8012
"""Where llama.vim looks for a server."""


@attrs.frozen
class EngineOptions:
    """How one engine process is run.

    `socket` or `port` says where it listens; a port is on 127.0.0.1, 0 means any free one, None llama.vim's own.
    With `endpoint_file` a TCP engine asks for a bearer token and writes its address and the token there, readable by
    the user only. `reuse_mb` is the most memory for what is kept of earlier prompts, `quiet_ms` the pause in requests
    before work is done ahead.
    """

    model: str
    role: str = "small"
    socket: Path | None = None
    port: int | None = None
    endpoint_file: Path | None = None
    error_file: Path | None = None
    log_file: Path | None = None
    family: str = "auto"
    compute_type: str = "auto"
    threads: int = 0
    library: Any = "auto"
    idle_exit_minutes: float = 15.0
    reuse_mb: float = -1.0
    quiet_ms: float = 100.0

    @property
    def name(self) -> str:
        """Short name for the log's file."""
        return self.socket.stem if self.socket else f"{self.role}-{self.port or 'tcp'}"


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    arguments = _parser().parse_args(argv)
    if arguments.download:
        return _download(arguments.model)
    fields = {field.name for field in attrs.fields(EngineOptions)}
    return run(EngineOptions(**{name: value for name, value in vars(arguments).items() if name in fields}))


def run(options: EngineOptions) -> int:
    """Serve a model until it is idle or told to end; returns the exit status."""
    _log_to(options.log_file or state_dir() / "logs" / f"engine-{options.name}.log")
    if options.role == "large":
        lower_priority()
    memory.hold_freed()
    error_file = options.error_file or (options.socket.with_suffix(".error") if options.socket else None)
    if error_file is not None:
        error_file.unlink(missing_ok=True)
    try:
        with _listening(options) as listener:
            return asyncio.run(_Process(options, error_file).serve(listener)) if listener else 0
    except SocketUnavailable as error:
        _report(error, error_file)
        return EXIT_SOCKET


def lower_priority() -> None:
    """Let everything else on this machine go first: what a large model computes must not slow the typing.

    Called before any thread is started, for threads inherit it.
    """
    if hasattr(os, "SCHED_IDLE"):
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
            return
    import psutil  # type: ignore[import-untyped]

    lowest = getattr(psutil, "IDLE_PRIORITY_CLASS", 19)
    with contextlib.suppress(psutil.Error, OSError):
        psutil.Process().nice(lowest)


class _Process:
    """The server and what ends it."""

    def __init__(self, options: EngineOptions, error_file: Path | None) -> None:
        self._options = options
        self._error_file = error_file
        self._status = 0

    async def serve(self, listener: socket.socket) -> int:
        import uvicorn

        from hybrid_lsp.engine.app import create_app
        from hybrid_lsp.engine.guard import Activity, LoopbackGuard

        self._app = create_app(self._load, self._failed, role=self._options.role)
        self._activity = Activity(self._app)
        guarded = self._activity if self._options.socket else LoopbackGuard(self._activity, self._publish(listener))
        config = uvicorn.Config(
            guarded,
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            lifespan="on",
            timeout_graceful_shutdown=_LONGEST_GOODBYE_S,
        )
        self._server = _server_class()(config)
        self._loop = asyncio.get_running_loop()
        self._end_on_signals()
        idle = asyncio.create_task(self._end_when_idle())
        try:
            await self._server.serve(sockets=[listener])
        finally:
            idle.cancel()
        return self._status

    def _load(self) -> Any:
        from hybrid_lsp.engine import service

        options = self._options
        engine = service.load(
            options.model, options.family, options.compute_type, options.threads, options.library, options.reuse_mb
        )
        engine.idle.quiet_s = options.quiet_ms / 1000
        return engine

    def _failed(self, error: HybridLspError) -> None:
        """A broken model: say why where the launcher reads it, and go."""
        _report(error, self._error_file)
        self._status = EXIT_MODEL
        self._end("the model does not load")

    def _end(self, why: str) -> None:
        _LOG.info("ending: %s", why)
        engine = self._app.state.host.engine
        if engine is not None:
            engine.cancel_all()
        self._server.should_exit = True

    def _end_on_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            # Windows' loop has no signal handlers; a plain one serves there.
            try:
                self._loop.add_signal_handler(number, self._told_to_end, number.name)
            except NotImplementedError:
                signal.signal(number, lambda *_: self._loop.call_soon_threadsafe(self._told_to_end, "signal"))

    def _told_to_end(self, why: str) -> None:
        host = self._app.state.host
        if host.engine is None and host.error is None:
            # A library in the middle of loading cannot be interrupted, and there is nothing to lose yet.
            _LOG.info("ending while loading: %s", why)
            for file in (self._options.socket, self._options.endpoint_file):
                if file is not None:
                    file.unlink(missing_ok=True)
            logging.shutdown()
            os._exit(0)
        self._end(why)

    async def _end_when_idle(self) -> None:
        allowed = self._options.idle_exit_minutes * 60
        while (left := allowed - self._activity.idle_s) > 0:  # noqa: ASYNC110 (time itself is waited for)
            await asyncio.sleep(min(left, 30) + 0.01)
        self._end(f"nobody asked for {self._options.idle_exit_minutes:g} minutes")

    def _publish(self, listener: socket.socket) -> str | None:
        """Write address and token for the launcher; None: no token is asked for."""
        if self._options.endpoint_file is None:
            return None
        token = secrets.token_urlsafe(32)
        content = {"base_url": f"http://127.0.0.1:{listener.getsockname()[1]}", "token": token}
        _write_private(self._options.endpoint_file, json.dumps(content))
        return token


def _server_class() -> Any:
    """uvicorn's server with our signal handlers: its own end the process by the signal, not with status 0."""
    import uvicorn

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    return Server


@contextlib.contextmanager
def _listening(options: EngineOptions) -> Iterator[socket.socket | None]:
    """A listening socket; None where another engine has this path already. Raises SocketUnavailable."""
    if options.socket is None:
        with _loopback(options) as listener:
            yield listener
        return
    # Held as long as this process lives: whoever holds it may take away a socket that a killed engine left.
    owner = filelock.FileLock(options.socket.with_suffix(".owner"))
    try:
        owner.acquire(blocking=False)
    except filelock.Timeout:
        _LOG.info("another engine serves %s", options.socket)
        yield None
        return
    except OSError as error:
        raise _no_socket(options.socket, error) from error
    try:
        with _listen_on_path(options.socket) as listener:
            yield listener
    finally:
        options.socket.unlink(missing_ok=True)
        owner.release()


@contextlib.contextmanager
def _loopback(options: EngineOptions) -> Iterator[socket.socket]:
    with _listen_on_loopback(_PORT if options.port is None else options.port) as listener:
        _LOG.info("listening on http://127.0.0.1:%d", listener.getsockname()[1])
        try:
            yield listener
        finally:
            if options.endpoint_file is not None:
                options.endpoint_file.unlink(missing_ok=True)


def _listen_on_loopback(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port), backlog=_SOCKET_BACKLOG)
    except OSError as error:
        raise SocketUnavailable(f"Port {port} cannot be had: {error.strerror}.", "Choose another `--port`.") from error


def _listen_on_path(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen(_SOCKET_BACKLOG)
    except OSError as error:
        listener.close()
        raise _no_socket(path, error) from error
    return listener


def _no_socket(path: Path, error: OSError) -> SocketUnavailable:
    return SocketUnavailable(
        f"The socket {path} cannot be made: {error.strerror or error}.",
        "Set HYBRID_LSP_RUNTIME_DIR to a short path that only you can write to.",
    )


def _report(error: HybridLspError, file: Path | None) -> None:
    _LOG.error("%s: %s", type(error).__name__, error)
    if file is not None:
        body = {"kind": type(error).__name__, "message": error.message, "remedy": error.remedy}
        _write_private(file, json.dumps(body))


def _write_private(path: Path, text: str) -> None:
    """Write a file that only the user reads, whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    with open(part, "x", encoding="utf-8", opener=_private) as stream:
        stream.write(text + "\n")
    part.replace(path)


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _log_to(file: Path) -> None:
    """Log to a rotated file, never a prompt or a reply; without one (a full or read-only disk) to stderr."""
    handler: logging.Handler
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            file, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8", delay=False
        )
    except OSError:
        handler = logging.StreamHandler()
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s [%(process)d] %(message)s", handlers=[handler]
    )
    for noisy, level in (("uvicorn", logging.WARNING), ("asyncio", logging.ERROR)):
        logging.getLogger(noisy).setLevel(level)


def _download(model: str) -> int:
    from hybrid_lsp.models import store

    try:
        store.download(model, lambda text: print(text, file=sys.stderr))
    except HybridLspError as error:
        print(error, file=sys.stderr)
        return EXIT_MODEL
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hybrid-lsp engine", description="Serve one model over HTTP.")
    parser.add_argument("--model", required=True, help="`embedded`, a folder, or OWNER/NAME of a downloaded model")
    parser.add_argument("--download", action="store_true", help="download OWNER/NAME from the hub, and end")
    parser.add_argument("--role", choices=("small", "large"), default="small", help="large runs at idle priority")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--socket", type=Path, help="Unix socket to listen on, made with mode 0600")
    where.add_argument("--port", type=int, help=f"port on 127.0.0.1 to listen on; 0: any free one (default {_PORT})")
    parser.add_argument("--endpoint-file", type=Path, help="for --port: ask for a token, and write it there")
    parser.add_argument("--error-file", type=Path, help="where to say why the model does not load")
    parser.add_argument("--log-file", type=Path, help="default: in the user's state folder")
    parser.add_argument("--family", default="auto", help="prompt format")
    parser.add_argument("--compute-type", default="auto", help="number format")
    parser.add_argument("--threads", type=int, default=0, help="0: chosen for this machine")
    parser.add_argument("--library", choices=("auto", "ctranslate2", "onnxruntime", "torch"), default="auto")
    parser.add_argument(
        "--reuse-mb", type=float, default=-1.0, help="most memory for kept prompts (0: keep none, -1: what suits)"
    )
    parser.add_argument("--quiet-ms", type=float, default=100.0, help="pause in requests before work is done ahead")
    parser.add_argument("--idle-exit-minutes", type=float, default=15.0, help="end when nobody asked for so long")
    return parser


if __name__ == "__main__":
    sys.exit(main())
