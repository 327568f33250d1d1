"""The actions that run in one editor window: one at a time in a place, and cut short where nobody wants to wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs

from hybrid_lsp.actions.base import Action

_PASSED_OVER = 2
"""So many questions in a row whose button was not pressed are enough of them."""


@attrs.frozen
class Place:
    """What a run is alone with: two cursors in one function mean the same `target`."""

    action: str
    uri: str
    target: str


@attrs.define(eq=False)
class Running:
    """One run. Setting `enough` ends the wait for a model; `waits` says that there is one, and an answer without it.

    `asked`: the user was asked whether to wait.
    """

    action: Action
    task: asyncio.Task[Any]
    enough: asyncio.Event = attrs.field(factory=asyncio.Event)
    waits: bool = False
    asked: bool = False


class Runs:
    """What runs, by place."""

    def __init__(self) -> None:
        self._running: dict[Place, Running] = {}
        self._passed_over = 0

    @asynccontextmanager
    async def alone(self, place: Place, action: Action) -> AsyncIterator[Running]:
        """Run the block as the only one in its place: an older one is cancelled, and has ended."""
        task = asyncio.current_task()
        assert task is not None
        older, newer = self._running.get(place), Running(action, task)
        self._running[place] = newer
        try:
            if older is not None:
                older.task.cancel()
                await asyncio.wait([older.task])
            yield newer
        finally:
            if self._running.get(place) is newer:
                del self._running[place]
            if newer.enough.is_set():
                self._passed_over = 0
            elif newer.asked:
                self._passed_over += 1

    def may_ask(self, running: Running) -> bool:
        """Whether to ask the user not to wait: who knows that their model is slow, and waits, is asked no more."""
        running.asked = running.asked or self._passed_over < _PASSED_OVER
        return running.asked

    def cancel(self, uri: str) -> None:
        """End all that runs on a document."""
        for running in self._of(uri):
            running.task.cancel()

    def waiting(self, uri: str) -> list[Running]:
        """The runs on a document whose model is silent, though something could be said without it."""
        return [running for running in self._of(uri) if running.waits]

    def answer_now(self, uri: str) -> int:
        """Have those answer without their model; returns how many there are."""
        waiting = self.waiting(uri)
        for running in waiting:
            running.enough.set()
        return len(waiting)

    def _of(self, uri: str) -> list[Running]:
        return [running for place, running in self._running.items() if place.uri == uri]
