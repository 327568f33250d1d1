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
    """The live tasks of each document, oldest first; all but the last are being settled."""

    def __init__(self) -> None:
        self._tasks: dict[str, list[asyncio.Task[object]]] = {}

    @asynccontextmanager
    async def claim(self, uri: str) -> AsyncIterator[None]:
        """Run the block as the document's only live request, after the older one has been settled."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("claim() needs a running task")
        tasks = self._tasks.setdefault(uri, [])
        older = list(tasks)
        tasks.append(task)
        try:
            for each in older:
                each.cancel(SUPERSEDED)
            if older:
                # All of them: one that is cancelled while it waits for its own elders leaves them behind.
                await asyncio.wait(older)
            yield
        finally:
            tasks.remove(task)
            if not tasks:
                del self._tasks[uri]

    def cancel(self, uri: str) -> None:
        """Settle the document's live request (it was closed, or an action starts)."""
        for task in self._tasks.get(uri, ()):
            task.cancel()
