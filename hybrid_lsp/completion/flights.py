"""Generations under way: kept while the text so far agrees with what is typed, stopped at once when it does not.

A request is not the owner of the generation that it started. When the user types on, the next request joins it, so the
answer a later keystroke needs is not computed twice (as Continue's GeneratorReuseManager does).
"""

from __future__ import annotations

import asyncio
import logging
import math
import traceback
from collections.abc import Awaitable, Callable, Iterator

import attrs

from hybrid_lsp.completion.query import Answer
from hybrid_lsp.document import Document

log = logging.getLogger(__name__)

_LOOKS = 20
"""So often within their patience the waiters look whether the model is silent."""
GRACE_S = 0.5
"""So long a generation that nobody waits for any more may run on, for the request that the last keystroke brings."""
_MOST_CLOSERS = 12
"""Closers right of a cursor, more than anybody nests on one line."""


@attrs.define(eq=False)
class Flight:
    """One generation for the cursor between `prefix` and `suffix`.

    `base` is None, or, for an answer worked out ahead, the part of `prefix` that is in the document already.
    `written` is the model's text so far; `typed_on` says that the document has changed since. `invoked`: by hand.
    """

    uri: str
    prefix: str = attrs.field(repr=False)
    suffix: str = attrs.field(repr=False)
    base: str | None = attrs.field(default=None, repr=False)
    written: str = attrs.field(default="", repr=False)
    typed: str = attrs.field(default="", repr=False)
    typed_on: bool = False
    invoked: bool = False
    waiters: int = 0
    shown: Answer | None = None
    """What was answered before the generation's end, which it may only make longer."""
    _first: asyncio.Future[Answer] = attrs.field(factory=lambda: asyncio.get_running_loop().create_future())
    _task: asyncio.Task[None] | None = None
    _rests: bool = False
    _spoke: bool = False
    """Whether the model has written something since a waiter last looked, or was not asked yet."""

    @property
    def answered(self) -> bool:
        """An answer has been given; the generation may still be making it longer."""
        return self._first.done()

    def write(self, text: str) -> None:
        """Take note of all the model's text so far; stops where it goes another way than the user has gone."""
        self._spoke = self._spoke or text != self.written
        self.written = text
        if not _same_way(self.typed, text):
            self.stop()

    def show(self, answer: Answer) -> None:
        """Answer before the end."""
        self.shown = answer
        self._answer(answer)

    def _answer(self, answer: Answer) -> None:
        if not self._first.done():
            self._first.set_result(answer)

    def follow(self, before: str, after: str, *, closed: bool = False) -> bool:
        """Whether the text around the cursor is still what this generation continues; it stops when not.

        `closed`: what an editor closes by itself right of the cursor may stand at the end of `before`.
        """
        typed = _opened(before) if closed else (before,)
        agreeing = next((each for each in typed if self._agrees(each)), None) if after == self.suffix else None
        if agreeing is None:
            self.stop()
        elif agreeing != (self.prefix if self.base is None else self.base):
            self.typed_on = True
            if self._rests:
                self.stop()
                return False
        return agreeing is not None

    def _agrees(self, before: str) -> bool:
        if before.startswith(self.prefix):
            self.typed = before[len(self.prefix) :]
            return _same_way(self.typed, self.written)
        return self.base is not None and before.startswith(self.base) and self.prefix.startswith(before)

    async def rest(self, seconds: float) -> None:
        """Wait for the user to type on, before a model that is not asked for each key; it ends the flight if so."""
        if seconds and self.typed_on:
            self.stop()
        self._rests = True
        try:
            await asyncio.sleep(seconds)
        finally:
            self._rests = False
        self._spoke = True  # no model was silent

    async def wait(self, patience_s: float = math.inf, loading: Callable[[], bool] = lambda: False) -> Answer | None:
        """The answer; None where the generation was stopped. A cancelled waiter leaves the generation running.

        Raises TimeoutError: the model wrote nothing new for `patience_s` seconds, in which it was not `loading`.
        """
        self.waiters += 1
        quiet_s, look_s = 0.0, None if patience_s == math.inf else patience_s / _LOOKS
        try:
            while not (await asyncio.wait({self._first}, timeout=look_s))[0]:
                quiet_s = 0.0 if self._spoke or loading() else quiet_s + (look_s or 0.0)
                self._spoke = False
                if quiet_s >= patience_s:
                    raise TimeoutError
        finally:
            self.waiters -= 1
        return None if self._first.cancelled() else self._first.result()

    def run(self, work: Callable[[Flight], Awaitable[Answer]], ended: Callable[[Flight], None]) -> None:
        """Start; `work` gives the final answer, and may give an earlier one by `show`."""
        self._task = asyncio.ensure_future(self._run(work, ended))

    async def _run(self, work: Callable[[Flight], Awaitable[Answer]], ended: Callable[[Flight], None]) -> None:
        try:
            self._answer(await work(self))
        except Exception as error:
            self._fail(error)
        finally:
            self._first.cancel()
            ended(self)

    def _fail(self, error: Exception) -> None:
        if not self._first.done():
            self._first.set_exception(error)
        if not self.waiters:
            self._first.exception()  # marks it as seen
            # Without its own words, which may hold source text.
            trace = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s in a generation that nobody waits for:\n%s", type(error).__name__, trace)

    def stop(self) -> None:
        """Stop the generation: the backend's stream is closed, and the model stops within one token."""
        self._first.cancel()
        if (task := self._task) is None:
            return
        called_by_itself = asyncio.current_task() is task
        if called_by_itself:  # in its own `write`: it is raised where the generation waits next
            asyncio.get_running_loop().call_soon(task.cancel)
        else:
            task.cancel()

    def leave(self, *, keep: bool) -> None:
        """A waiter was cancelled; with `keep` the next request may still want what is under way."""
        if self.waiters or self.answered:
            return
        if keep:
            asyncio.get_running_loop().call_later(GRACE_S, self._stop_unwanted)
        else:
            self.stop()

    def _stop_unwanted(self) -> None:
        if not self.waiters and not self.answered:
            self.stop()


class Flights:
    """The generations of all documents: of each one for its cursor, and one ahead."""

    def __init__(self) -> None:
        self._flights: dict[str, list[Flight]] = {}

    def start(
        self,
        uri: str,
        prefix: str,
        suffix: str,
        work: Callable[[Flight], Awaitable[Answer]],
        base: str | None = None,
        *,
        invoked: bool = False,
    ) -> Flight:
        """Start a generation; for the cursor itself (`base` None) it takes the place of the document's others."""
        if base is None:
            self.cancel(uri)
        flight = Flight(uri, prefix, suffix, base, invoked=invoked)
        self._flights.setdefault(uri, []).append(flight)
        flight.run(work, self._ended)
        return flight

    def find(self, uri: str, prefix: str, suffix: str) -> Flight | None:
        """A generation that a request at this cursor can wait for; those that go another way are stopped."""
        agreeing = [flight for flight in self._of(uri) if flight.follow(prefix, suffix)]
        return next((flight for flight in agreeing if prefix.startswith(flight.prefix)), None)

    def ahead(self, uri: str) -> bool:
        """Whether something is being worked out ahead."""
        return any(flight.base is not None for flight in self._of(uri))

    def changed(self, document: Document) -> None:
        """The text has changed: stop what no longer agrees, without waiting for the next request."""
        for flight in self._of(document.uri):
            cut = len(document.text) - len(flight.suffix)
            flight.follow(document.text[: max(0, cut)], document.text[max(0, cut) :], closed=True)

    def cancel(self, uri: str) -> None:
        """Stop all of a document's generations."""
        for flight in self._of(uri):
            flight.stop()

    def cancel_all(self) -> None:
        """Stop everything (the settings change, or the connection ends)."""
        for uri in list(self._flights):
            self.cancel(uri)

    def _of(self, uri: str) -> list[Flight]:
        return list(self._flights.get(uri, ()))

    def _ended(self, flight: Flight) -> None:
        flights = self._flights.get(flight.uri, [])
        if flight in flights:
            flights.remove(flight)
        if not flights:
            self._flights.pop(flight.uri, None)


def _opened(before: str) -> Iterator[str]:
    """A text, and the same without some of the closers that it ends with, the longest first."""
    yield before
    for _ in range(_MOST_CLOSERS):
        before = before.rstrip(" \t")
        if not before.endswith(tuple(")]}\"'`")):
            return
        before = before[:-1]
        yield before


def _same_way(typed: str, written: str) -> bool:
    return typed.startswith(written) or written.startswith(typed)
