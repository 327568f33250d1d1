"""Work that takes a while, shown by the editor and cancellable from it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import attrs
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

if TYPE_CHECKING:
    from pygls.lsp.server import LanguageServer

CONSENT_S = 1.0
"""Longest wait for the client to say that it shows progress."""

Report = Callable[[str], None]
"""Shows a line of what is happening."""


@attrs.define(eq=False)
class _Bar:
    """One piece of work: `begun` once the client knows of it, `message` what was said of it last."""

    token: str
    title: str
    task: asyncio.Task[Any]
    begun: bool = False
    message: str | None = None


class ProgressBar:
    """Progress of running tasks by token; the editor's cancel button cancels the task."""

    def __init__(self, server: LanguageServer) -> None:
        self._server = server
        self._bars: dict[lsp.ProgressToken, _Bar] = {}
        self._opening: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def shown(self, title: str, *, wanted: bool) -> AsyncIterator[Report]:
        """Show the block as work in progress where the client can; yields how to report on it.

        A client that answers nothing while it waits for the work's result would never consent: it sees no progress.
        """
        task = asyncio.current_task()
        if not wanted or task is None:
            yield lambda message: None
            return
        bar = _Bar(uuid.uuid4().hex, title, task)
        self._bars[bar.token] = bar
        opening = asyncio.ensure_future(self._open(bar))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)
        try:
            await asyncio.wait({opening}, timeout=CONSENT_S)
            yield lambda message: self._report(bar, message)
        finally:
            del self._bars[bar.token]
            if bar.begun:
                self._server.work_done_progress.end(bar.token, lsp.WorkDoneProgressEnd())
            self._server.work_done_progress.tokens.pop(bar.token, None)

    async def _open(self, bar: _Bar) -> None:
        try:
            await self._server.work_done_progress.create_async(bar.token)
        except JsonRpcException:
            return
        if bar.token in self._bars:
            begin = lsp.WorkDoneProgressBegin(bar.title, cancellable=True, message=bar.message)
            self._server.work_done_progress.begin(bar.token, begin)
            bar.begun = True
        else:
            self._server.work_done_progress.tokens.pop(bar.token, None)

    def _report(self, bar: _Bar, message: str) -> None:
        bar.message = message
        if bar.begun:
            report = lsp.WorkDoneProgressReport(message=message, cancellable=True)
            self._server.work_done_progress.report(bar.token, report)

    def cancel(self, token: lsp.ProgressToken) -> None:
        """The user pressed cancel."""
        if (bar := self._bars.get(token)) is not None:
            bar.task.cancel()
