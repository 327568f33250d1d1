"""Work that takes a while, shown by the editor and cancellable from it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

import attrs
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

if TYPE_CHECKING:
    from pygls.lsp.server import LanguageServer

CONSENT_S = 1.0
"""Longest wait for the client to say that it shows progress."""


class Report(Protocol):
    """Shows a line of what is happening, and of work that is counted how much is done, 0 to 100."""

    def __call__(self, message: str, percentage: int | None = None) -> None: ...


@attrs.define(eq=False)
class _Bar:
    """One piece of work: `begun` once the client knows of it, `message` and `percentage` what was said of it last."""

    token: str
    title: str
    task: asyncio.Task[Any]
    begun: bool = False
    message: str | None = None
    percentage: int | None = None


class ProgressBar:
    """Progress of running tasks by token; the editor's cancel button cancels the task."""

    def __init__(self, server: LanguageServer) -> None:
        self._server = server
        self._bars: dict[lsp.ProgressToken, _Bar] = {}
        self._opening: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def shown(self, title: str, *, wanted: bool, counted: bool = False) -> AsyncIterator[Report]:
        """Show the block as work in progress where the client can; yields how to report on it.

        `counted`: reports will say how much is done.

        A client that answers nothing while it waits for the work's result would never consent: it sees no progress.
        """
        task = asyncio.current_task()
        if not wanted or task is None:
            yield lambda message, percentage=None: None
            return
        bar = _Bar(uuid.uuid4().hex, title, task, percentage=0 if counted else None)
        self._bars[bar.token] = bar
        opening = asyncio.ensure_future(self._open(bar))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)
        try:
            await asyncio.wait({opening}, timeout=CONSENT_S)
            yield lambda message, percentage=None: self._report(bar, message, percentage)
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
            begin = lsp.WorkDoneProgressBegin(
                bar.title, cancellable=True, message=bar.message, percentage=bar.percentage
            )
            self._server.work_done_progress.begin(bar.token, begin)
            bar.begun = True
        else:
            self._server.work_done_progress.tokens.pop(bar.token, None)

    def _report(self, bar: _Bar, message: str, percentage: int | None) -> None:
        bar.message, bar.percentage = message, percentage
        if bar.begun:
            report = lsp.WorkDoneProgressReport(message=message, cancellable=True, percentage=percentage)
            self._server.work_done_progress.report(bar.token, report)

    def cancel(self, token: lsp.ProgressToken) -> None:
        """The user pressed cancel."""
        if (bar := self._bars.get(token)) is not None:
            bar.task.cancel()
