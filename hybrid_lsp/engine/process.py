"""The process around the engine: its socket, its priority, its log, and how it ends.

    python -m hybrid_lsp.engine.process --model embedded --role small --socket PATH

It ends by itself when nobody asked for `--idle-exit-minutes`, and when its socket is gone or another's, for then nobody
can ask; and in order on SIGTERM and SIGINT. When the model does not load, the reason is written as one JSON object
(`kind`, `message`, `remedy`) to the file `--error-file`, by default beside the socket with the ending `.error`, and the
exit status is 3; 4 when the socket cannot be had.
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
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from hybrid_lsp.engine import listening, memory
from hybrid_lsp.engine.listening import PORT, Listener, OwnFile
from hybrid_lsp.errors import HybridLspError, SocketUnavailable
from hybrid_lsp.paths import state_dir

EXIT_MODEL = 3
EXIT_SOCKET = 4
_LOG = logging.getLogger("hybrid_lsp.engine")
_LOG_BYTES = 1_000_000
_LOG_FILES = 2
_LONGEST_GOODBYE_S = 5
_LOOK_S = 1.0
"""So often an engine looks whether its socket is still its own."""


@attrs.frozen
class EngineOptions:
    """How one engine process is run.

    `socket` or `port` says where it listens; a port is on 127.0.0.1, 0 means any free one, None llama.vim's own.
    `replace`: whoever has the socket is known to answer nobody. With `endpoint_file` a TCP engine asks for a bearer
    token and writes its address, the token and its process there, readable by the user only. `reuse_mb` is the most
    memory for what is kept of earlier prompts, `quiet_ms` the pause in requests before work is done ahead.
    """

    model: str
    role: str = "small"
    socket: Path | None = None
    replace: bool = False
    port: int | None = None
    endpoint_file: Path | None = None
    error_file: Path | None = None
    log_file: Path | None = None
    family: str = "auto"
    compute_type: str = "auto"
    threads: int = 0
    library: Any = "auto"
    device: str = "auto"
    idle_exit_minutes: float = 15.0
    reuse_mb: float = -1.0
    quiet_ms: float = 100.0

    @property
    def loading(self) -> dict[str, Any]:
        """The arguments of `service.load`."""
        names = ("model", "family", "compute_type", "threads", "library", "reuse_mb", "device")
        return {name: getattr(self, name) for name in names}

    @property
    def name(self) -> str:
        """Short name for the log's file."""
        return self.socket.stem if self.socket else f"{self.role}-{self.port or 'tcp'}"


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    arguments = _parser().parse_args(argv)
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
    # Before there is a socket: whoever connects to one is soon answered.
    import hybrid_lsp.engine.app  # noqa: F401

    try:
        with _listening(options) as listener:
            if listener is None:
                _LOG.info("another engine serves %s", options.socket)
                return 0
            return asyncio.run(_Process(options, error_file).serve(listener))
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
        self._files: list[OwnFile] = []

    async def serve(self, listener: Listener) -> int:
        import uvicorn

        from hybrid_lsp.engine.app import create_app
        from hybrid_lsp.engine.guard import Activity, LoopbackGuard

        self._app = create_app(self._load, self._failed, role=self._options.role)
        self._activity = Activity(self._app)
        self._files = [listener.file] if listener.file else []
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
        watch = asyncio.create_task(self._end_when_unwanted())
        try:
            await self._server.serve(sockets=[listener.socket])
        finally:
            watch.cancel()
            for file in self._files:
                file.remove()
        return self._status

    def _load(self) -> Any:
        from hybrid_lsp.engine import service

        options = self._options
        engine = service.load(**options.loading)
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
        for number in (getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name)):
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
            for file in self._files:
                file.remove()
            logging.shutdown()
            os._exit(0)
        self._end(why)

    async def _end_when_unwanted(self) -> None:
        allowed = self._options.idle_exit_minutes * 60
        while (left := allowed - self._activity.idle_s) > 0:
            await asyncio.sleep(min(left, _LOOK_S) + 0.01)
            if not all(file.stands for file in self._files):
                # Who is being answered still is: what is begun goes on, within uvicorn's time for goodbyes.
                _LOG.info("ending: its socket is gone, or another engine's")
                self._server.should_exit = True
                return
        self._end(f"nobody asked for {self._options.idle_exit_minutes:g} minutes")

    def _publish(self, listener: Listener) -> str | None:
        """Write address, token and process for the launcher; None: no token is asked for."""
        port = listener.socket.getsockname()[1]
        _LOG.info("listening on http://127.0.0.1:%d", port)
        if self._options.endpoint_file is None:
            return None
        token = secrets.token_urlsafe(32)
        content = {"base_url": f"http://127.0.0.1:{port}", "token": token, "pid": os.getpid()}
        self._files.append(_write_private(self._options.endpoint_file, json.dumps(content)))
        return token


def _server_class() -> Any:
    """uvicorn's server with our signal handlers: its own end the process by the signal, not with status 0."""
    import uvicorn

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    return Server


def _listening(options: EngineOptions) -> contextlib.AbstractContextManager[Listener | None]:
    """A listening socket; None where another engine answers at this path already. Raises SocketUnavailable."""
    if options.socket is None:
        return listening.on_loopback(options.port)
    return listening.on_path(options.socket, replace=options.replace)


def _report(error: HybridLspError, file: Path | None) -> None:
    _LOG.error("%s: %s", type(error).__name__, error)
    if file is not None:
        body = {"kind": type(error).__name__, "message": error.message, "remedy": error.remedy}
        with contextlib.suppress(OSError):  # a full disk: the log has it, or stderr
            _write_private(file, json.dumps(body))


def _write_private(path: Path, text: str) -> OwnFile:
    """Write a file that only the user reads, whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    with open(part, "x", encoding="utf-8", opener=_private) as stream:
        stream.write(text + "\n")
    own = attrs.evolve(OwnFile.of(part), path=path)
    part.replace(path)
    return own


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
    logging.raiseExceptions = False  # a disk that fills up later is no reason for a traceback a line
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s [%(process)d] %(message)s", handlers=[handler]
    )
    for noisy, level in (("uvicorn", logging.WARNING), ("asyncio", logging.ERROR)):
        logging.getLogger(noisy).setLevel(level)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hybrid-lsp engine",
        description="Serve one model over HTTP, to one user.",
        epilog="For a team, on Ray Serve: see `hybrid-lsp engine --ray --help`.",
    )
    parser.add_argument("--model", required=True, help="`embedded`, a model that was pulled, or a folder")
    parser.add_argument("--role", choices=("small", "large"), default="small", help="large runs at idle priority")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--socket", type=Path, help="Unix socket to listen on, made with mode 0600")
    where.add_argument("--port", type=int, help=f"port on 127.0.0.1 to listen on; 0: any free one (default {PORT})")
    parser.add_argument("--replace", action="store_true", help="take --socket from whoever has it and answers nobody")
    parser.add_argument("--endpoint-file", type=Path, help="for --port: ask for a token, and write it there")
    parser.add_argument("--error-file", type=Path, help="where to say why the model does not load")
    parser.add_argument("--log-file", type=Path, help="default: in the user's state folder")
    parser.add_argument("--family", default="auto", help="prompt format")
    parser.add_argument("--compute-type", default="auto", help="number format")
    parser.add_argument("--threads", type=int, default=0, help="0: chosen for this machine")
    parser.add_argument("--library", choices=("auto", "ctranslate2", "onnxruntime", "torch"), default="auto")
    parser.add_argument("--device", default="auto", help="for torch: `auto`, `balanced`, `cpu`, `cuda:1`, ...")
    parser.add_argument(
        "--reuse-mb", type=float, default=-1.0, help="most memory for kept prompts (0: keep none, -1: what suits)"
    )
    parser.add_argument("--quiet-ms", type=float, default=100.0, help="pause in requests before work is done ahead")
    parser.add_argument("--idle-exit-minutes", type=float, default=15.0, help="end when nobody asked for so long")
    return parser


if __name__ == "__main__":
    sys.exit(main())
