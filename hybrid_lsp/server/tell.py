"""Every way of telling the user something.

Three severities: the log (always), the status (what a status bar shows), and a pop-up only for what the user must act
on, each text once, and several at a time as one.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from lsprotocol import types as lsp

if TYPE_CHECKING:
    from pygls.lsp.server import LanguageServer

log = logging.getLogger("hybrid_lsp")

STATUS = "didChangeStatus"
EXPLANATION = "hybridLsp/explanation"

_LOG_BYTES = 5_000_000
_GATHER_S = 1.0
"""After a pop-up, what else is to be told waits so long, and comes as one."""
_MOST_GATHERED = 3
_LONGEST = 2000
"""Characters of one message: it may repeat what somebody else has written."""


@attrs.define
class Status:
    """What a status bar shows: `kind` as Copilot's server has it (Normal, Warning, Error, Inactive)."""

    kind: str = "Normal"
    message: str = ""
    busy: bool = False
    reason: str | None = None
    tier: str | None = None


class Tell:
    """Tells the editor's user; knows what its client can show."""

    def __init__(self, server: LanguageServer) -> None:
        self._server = server
        self._told: set[str] = set()
        self._gathered: list[str] = []
        self._gathering: asyncio.TimerHandle | None = None
        self.status = Status()
        self.wants_status = False
        self.wants_stream = False
        self.wants_offer = False

    def learn(self, capabilities: lsp.ClientCapabilities) -> None:
        """Read from the client's capabilities which of our own notifications it wants."""
        experimental = capabilities.experimental
        ours = experimental.get("hybridLsp") if isinstance(experimental, dict) else None
        wanted: dict[str, Any] = ours if isinstance(ours, dict) else {}
        self.wants_status = bool(wanted.get("status"))
        self.wants_stream = bool(wanted.get("stream"))
        self.wants_offer = bool(wanted.get("offer"))

    def info(self, message: str) -> None:
        """To the log, and the editor's output channel."""
        message = _shortened(message)
        log.info(message)
        self._server.window_log_message(lsp.LogMessageParams(lsp.MessageType.Info, message))

    def trace(self, message: str) -> None:
        """To the log only: one line for each answer while typing."""
        log.debug(message)

    def warn(self, message: str) -> None:
        """A pop-up, once for each text: the user must act on it. Those that follow closely come as one."""
        message = _shortened(message)
        log.warning(message)
        if message in self._told:
            return
        self._told.add(message)
        if self._gathering is None:
            self._pop_up(lsp.MessageType.Warning, message)
            self._gather()
        else:
            self._gathered.append(message)

    def answer(self, message: str) -> None:
        """A pop-up, each time: the answer to something the user has just asked for."""
        log.info(_shortened(message))
        self._pop_up(lsp.MessageType.Info, message)

    def _pop_up(self, kind: lsp.MessageType, message: str) -> None:
        self._server.window_show_message(lsp.ShowMessageParams(kind, message))

    def _gather(self) -> None:
        self._gathering = asyncio.get_running_loop().call_later(_GATHER_S, self._tell_gathered)

    def _tell_gathered(self) -> None:
        gathered, self._gathered, self._gathering = self._gathered, [], None
        if not gathered:
            return
        more = len(gathered) - _MOST_GATHERED
        rest = [f"And {more} more: the server's log has them all."] if more > 0 else []
        self._pop_up(lsp.MessageType.Warning, "\n".join([*gathered[:_MOST_GATHERED], *rest]))
        self._gather()

    def show_status(self, **changes: Any) -> None:
        """Update the status; clients that want it are told when it differs."""
        status = attrs.evolve(self.status, **changes)
        if status != self.status:
            self.status = status
            if self.wants_status:
                self._server.protocol.notify(STATUS, attrs.asdict(status))

    def stream(self, token: str, title: str, markdown: str, *, done: bool) -> None:
        """The text of an explanation so far, to clients that show it as it grows."""
        if self.wants_stream:
            body = {"token": token, "title": title, "markdown": markdown, "done": done}
            self._server.protocol.notify(EXPLANATION, body)


def start_logging(folder: Path) -> Path | None:
    """Log to a file in `folder`; None (and a warning on stderr) when it cannot be written.

    pygls logs whole messages, source text included: it is only heard about failures.
    """
    logging.getLogger("pygls").setLevel(logging.CRITICAL)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # its failures are logged by the transport
    logging.raiseExceptions = False  # a disk that fills up later is no reason for a traceback a line
    for old in log.handlers[:]:
        log.removeHandler(old)
        old.close()
    log.propagate = False
    path = folder / "server.log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _rotate(path)
        handler: logging.Handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        handler = logging.StreamHandler()
        handler.setLevel(logging.WARNING)
        log.addHandler(handler)
        log.warning("No log is kept: %s cannot be written (%s).", path, error)
        return None
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    log.addHandler(handler)
    return path


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _rotate(path: Path) -> None:
    """Only at a start: several windows append to one file, and none may rename it under another."""
    if path.exists() and path.stat().st_size > _LOG_BYTES:
        path.replace(path.with_suffix(".old.log"))
