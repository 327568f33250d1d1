"""The typing path, top to bottom: gate → reuse → copy → in flight → debounce, and then, in `work.py`: context → lighter
model → debounce → generate → confidence → trim.

A request waits for a generation and does not own it (see `flights.py`); what follows an accepted suggestion is worked
out while the user reads it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import attrs

from hybrid_lsp.completion import gate
from hybrid_lsp.completion.cascade import Lighter
from hybrid_lsp.completion.confidence import Judge
from hybrid_lsp.completion.cursor import Cursor
from hybrid_lsp.completion.debounce import MODEL_STARTS, SECOND_STARTS, Pace, Rhythm
from hybrid_lsp.completion.flights import Flight, Flights
from hybrid_lsp.completion.habits import Habits
from hybrid_lsp.completion.latest import SUPERSEDED
from hybrid_lsp.completion.query import Answer, Query, nothing
from hybrid_lsp.completion.reuse import Reuse, continued
from hybrid_lsp.completion.surroundings import Surroundings
from hybrid_lsp.completion.work import Work
from hybrid_lsp.config import CompletionConfig, Config
from hybrid_lsp.document import Document
from hybrid_lsp.errors import BackendTimeout
from hybrid_lsp.routing.candidates import Task
from hybrid_lsp.routing.router import Router
from hybrid_lsp.types import Reason

SILENCE_S = 1.0
"""A model that has written nothing so long after its time for decoding is not waited for; it may be heard later."""
PREPARE_S = 0.03
"""Between two pieces of work that can wait: a keystroke comes first."""
READING_S = 0.25
"""Idle time after which the answer to an accepted suggestion is worked out."""


@attrs.define
class CompletionPipeline:
    """Answers inline requests, and follows the documents between them.

    `lighter` is a model that is asked before the router's (None: none is). `shift` says by how much the log-odds of a
    language's suggestions are corrected by what the user took.
    `client_waits`: the editor itself waits for a pause in typing. `reads_files`: the model can tell other files from
    the one at hand. `ignored` says how many suggestions in a row were ignored in a document.
    """

    router: Router
    file_check: gate.FileCheck
    judge: Judge = attrs.field(factory=Judge)
    pause: gate.Pause = attrs.field(factory=gate.Pause)
    client_waits: bool = False
    reads_files: bool = False
    lighter: Lighter | None = None
    ignored: Callable[[str], int] = lambda uri: 0
    shift: Callable[[str], float] = lambda language: 0.0
    surroundings: Surroundings = attrs.field(factory=Surroundings)
    reuse: Reuse = attrs.field(factory=Reuse)
    flights: Flights = attrs.field(factory=Flights)
    rhythm: Rhythm = attrs.field(factory=Rhythm)
    habits: Habits = attrs.field()
    _ahead: dict[str, asyncio.TimerHandle] = attrs.field(factory=dict)
    _preparing: asyncio.TimerHandle | None = None

    @habits.default
    def _unknown_habits(self) -> Habits:
        return Habits(Pace(MODEL_STARTS if self.lighter is None else SECOND_STARTS))

    async def complete(self, query: Query, config: Config) -> Answer:
        """The answer to one request; raises nothing but CancelledError, when the request is superseded."""
        if stopped := gate.check(query, config.completion, self.pause, self.file_check):
            return stopped
        cursor = Cursor.of(query)
        answer = await self._answer(cursor, query, config.completion)
        if answer.suggestions and config.completion.speculate and cursor.certain:
            self._think_ahead(cursor, answer, config.completion)
        return attrs.evolve(cursor.placed(answer), left_out=self.surroundings.left_out(cursor))

    def opened(self, document: Document) -> None:
        """A document was opened."""
        self.surroundings.opened(document.plain)
        self._prepare_soon()

    def changed(self, old: Document, new: Document) -> None:
        """A document was edited: what no longer agrees with it is stopped."""
        self.rhythm.changed(old, new)
        for habits in self._all_habits:
            habits.pace.typed()
        self.surroundings.changed(old.plain, new.plain)
        self._prepare_soon()
        self._stop_thinking(new.uri)
        self.flights.changed(new.plain)

    def cancel(self, uri: str) -> None:
        """Stop all work on a document (it was closed, or an action starts)."""
        self._stop_thinking(uri)
        self.flights.cancel(uri)

    def closed(self, uri: str) -> None:
        self.cancel(uri)
        self.rhythm.closed(uri)
        self.surroundings.closed(uri)
        for habits in self._all_habits:
            habits.windows.forget(uri)

    def close(self) -> None:
        """Stop everything: the settings change, or the connection ends."""
        for uri in list(self._ahead):
            self._stop_thinking(uri)
        self.flights.cancel_all()
        if self._preparing is not None:
            self._preparing.cancel()

    def _prepare_soon(self) -> None:
        """Make what other files can be copied from ready, about a millisecond's work at a time."""
        if self._preparing is None:
            self._preparing = asyncio.get_running_loop().call_later(PREPARE_S, self._prepare)

    def _prepare(self) -> None:
        self._preparing = None
        if self.surroundings.index.prepare():
            self._prepare_soon()

    async def _answer(self, cursor: Cursor, query: Query, config: CompletionConfig) -> Answer:
        known = self._known(cursor)
        if known is None and (not_worth := self._not_worth(query, cursor, config)) is not None:
            known = not_worth
        if known is not None:
            self.rhythm.asked(needs_model=False)
            return known
        work = Work(self, cursor, config)
        try:
            quick = work.sure_copy() or await self._under_way(work)
            self.rhythm.asked(needs_model=quick is None)
            if quick is None:
                quick = await self._start(work)
        except TimeoutError:
            # The generation goes on, within its backend's own limit: whoever asks later joins it.
            quick = await work.instead(BackendTimeout(f"The model was silent for {_patience_s(config):g} s."))
        return quick if not cursor.invoked else await work.escalated(quick)

    def _known(self, cursor: Cursor) -> Answer | None:
        return self.reuse.find(cursor.prefix, cursor.suffix, uri=cursor.uri, invoked=cursor.invoked)

    def _not_worth(self, query: Query, cursor: Cursor, config: CompletionConfig) -> Answer | None:
        deleted = self.rhythm.deleted.get(query.document.uri, False)
        return gate.worth_a_model(query, config, deleted=deleted, place=lambda: self.surroundings.place(cursor))

    async def _under_way(self, work: Work) -> Answer | None:
        """The answer of a generation that was started for an earlier keystroke, or ahead. Raises TimeoutError."""
        cursor = work.cursor
        flight = self.flights.find(cursor.uri, cursor.prefix, cursor.suffix)
        if flight is None or (flight.invoked and flight.answered and not cursor.invoked):
            return None
        if flight.typed_on and not cursor.invoked and self._ready_lighter and self.router.loading(Task.COMPLETION):
            return None  # the lighter model has to do meanwhile
        answer = await self._wait(flight, work)
        if answer is None or (cursor.invoked and not answer.suggestions):
            return None
        return continued(answer, flight.prefix, cursor.prefix)

    async def _start(self, work: Work) -> Answer:
        if not self._can_ask:
            return work.without_model(Reason.NO_BACKEND, self.router.absence(Task.COMPLETION))
        cursor = work.cursor
        if not cursor.invoked:
            await asyncio.sleep(self.pause_before_s(self._first_pace, work.config))
        flight = self.flights.start(cursor.uri, cursor.prefix, cursor.suffix, work.run, invoked=cursor.invoked)
        answer = await self._wait(flight, work)
        return answer or nothing(Reason.SUPERSEDED, "The text has changed since.")

    async def _wait(self, flight: Flight, work: Work) -> Answer | None:
        """The flight's answer; raises TimeoutError where the model has been silent for too long."""
        try:
            return await flight.wait(_patience_s(work.config), lambda: self.router.loading(Task.COMPLETION))
        except asyncio.CancelledError as cancelled:
            # Typed on: the next request may want it. Otherwise the user has turned away.
            flight.leave(keep=cancelled.args == (SUPERSEDED,) or flight.typed_on)
            raise

    def _think_ahead(self, cursor: Cursor, answer: Answer, config: CompletionConfig) -> None:
        """After a moment without a keystroke: what comes once the suggestion has been accepted."""
        self._stop_thinking(cursor.uri)
        accepted = cursor.after(answer.suggestions[0].text)

        def start() -> None:
            del self._ahead[cursor.uri]
            known = self.reuse.knows(accepted.prefix, accepted.suffix)
            if known or self.flights.ahead(cursor.uri) or not self._can_ask:
                return
            work = Work(self, accepted, config, background=True)
            if (sure := work.sure_copy()) is None:
                self.flights.start(cursor.uri, accepted.prefix, accepted.suffix, work.run, base=cursor.prefix)
            else:
                self.reuse.keep(accepted.prefix, accepted.suffix, sure)

        self._ahead[cursor.uri] = asyncio.get_running_loop().call_later(READING_S, start)

    @property
    def _all_habits(self) -> list[Habits]:
        return [self.habits] if self.lighter is None else [self.lighter.habits, self.habits]

    @property
    def _ready_lighter(self) -> Lighter | None:
        """The lighter model, if it may be asked now."""
        return self.lighter if self.lighter is not None and self.lighter.answers else None

    @property
    def _first_pace(self) -> Pace:
        """Of the model that is asked first."""
        return (self._ready_lighter or self).habits.pace

    def pause_before_s(self, pace: Pace, config: CompletionConfig) -> float:
        """What is left to wait before a model of that pace may be asked."""
        return self.rhythm.wait_s(pace, config.debounce_ms, client_waited=self.client_waits)

    @property
    def _can_ask(self) -> bool:
        """Whether any model may be asked now."""
        return bool(self.router.candidates(Task.COMPLETION)) or self._ready_lighter is not None

    def _stop_thinking(self, uri: str) -> None:
        if (timer := self._ahead.pop(uri, None)) is not None:
            timer.cancel()


def _patience_s(config: CompletionConfig) -> float:
    """So long a model may say nothing new."""
    return config.time_budget_ms / 1000 + SILENCE_S
