"""At most one live inline request a document: a newer one settles the older ones first.

Neovim does not cancel a request when the next is sent, and shows a late answer to an older one; so the server
supersedes. Cancelling the older task gives its request error -32800; waiting for it puts that before the newest answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

SUPERSEDED = "superseded"
"""The message of the CancelledError in a task that a newer one took the place of."""


class Latest:
    """The live task of each document."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[object]] = {}

    @asynccontextmanager
    async def claim(self, uri: str) -> AsyncIterator[None]:
        """Run the block as the document's only live request, after the older one has been settled."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("claim() needs a running task")
        older = self._tasks.get(uri)
        self._tasks[uri] = task
        try:
            if older is not None:
                older.cancel(SUPERSEDED)
                await asyncio.wait([older])
            yield
        finally:
            if self._tasks.get(uri) is task:
                del self._tasks[uri]

    def cancel(self, uri: str) -> None:
        """Settle the document's live request (it was closed, or an action starts)."""
        if (task := self._tasks.get(uri)) is not None:
            task.cancel()
