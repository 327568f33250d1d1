"""Every way of telling the user something.

Three severities: the log (always), the status (what a status bar shows), and a pop-up only for what the user must act
on, each text once.
"""

from __future__ import annotations

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
        log.info(message)
        self._server.window_log_message(lsp.LogMessageParams(lsp.MessageType.Info, message))

    def trace(self, message: str) -> None:
        """To the log only: one line for each answer while typing."""
        log.debug(message)

    def warn(self, message: str) -> None:
        """A pop-up, once for each text: the user must act on it."""
        log.warning(message)
        if message not in self._told:
            self._told.add(message)
            self._server.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Warning, message))

    def answer(self, message: str) -> None:
        """A pop-up, each time: the answer to something the user has just asked for."""
        log.info(message)
        self._server.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Info, message))

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
    log.handlers.clear()
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


def _rotate(path: Path) -> None:
    """Only at a start: several windows append to one file, and none may rename it under another."""
    if path.exists() and path.stat().st_size > _LOG_BYTES:
        path.replace(path.with_suffix(".old.log"))
