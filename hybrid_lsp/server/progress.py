"""Work that takes a while, shown by the editor and cancellable from it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

if TYPE_CHECKING:
    from pygls.lsp.server import LanguageServer

Report = Callable[[str], None]
"""Shows a line of what is happening."""


class ProgressBar:
    """Progress of running tasks by token; the editor's cancel button cancels the task."""

    def __init__(self, server: LanguageServer) -> None:
        self._server = server
        self._tasks: dict[lsp.ProgressToken, asyncio.Task[Any]] = {}

    @asynccontextmanager
    async def shown(self, title: str, *, wanted: bool) -> AsyncIterator[Report]:
        """Show the block as work in progress where the client can; yields how to report on it."""
        task = asyncio.current_task()
        if not wanted or task is None:
            yield lambda message: None
            return
        token = uuid.uuid4().hex
        try:
            await self._server.work_done_progress.create_async(token)
        except JsonRpcException:
            yield lambda message: None
            return
        self._tasks[token] = task
        self._server.work_done_progress.begin(token, lsp.WorkDoneProgressBegin(title, cancellable=True))
        try:
            yield lambda message: self._report(token, message)
        finally:
            del self._tasks[token]
            self._server.work_done_progress.end(token, lsp.WorkDoneProgressEnd())
            self._server.work_done_progress.tokens.pop(token, None)

    def _report(self, token: str, message: str) -> None:
        self._server.work_done_progress.report(token, lsp.WorkDoneProgressReport(message=message, cancellable=True))

    def cancel(self, token: lsp.ProgressToken) -> None:
        """The user pressed cancel."""
        if (task := self._tasks.get(token)) is not None:
            task.cancel()
