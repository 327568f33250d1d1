"""From one laptop to a company, in virtual time: people who type, replicas that answer, and the arithmetic beside it.

The rates are those measured in docs/real-models.md (Qwen2.5-Coder-0.5B, int8, two threads a replica), the rhythm is
recorded, and the replica is chosen by the product's own code. How many people type at once is an assumption.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Callable, Iterator

import attrs

from benchmarks import traces
from benchmarks.report import Report, quantile
from hybrid_lsp.cluster.affinity import Holders, Marks, marks

TYPING = 0.2
"""Share of the people who type at the same moment, in the busiest hour: assumed."""
PAUSE_S = 0.2
"""After so long without a key the model is asked (the product follows the rhythm; this is about its mean)."""
ASKED = 0.43
"""Share of the places at which the cascade asks this model and not the embedded one."""
COLD_S, WARM_S = 2.0, 0.145
DECODE = 36.7
TOKENS = 12
"""Of a suggestion, about what a line has."""
PLACE_S = 45.0
"""So long a person types at one place before going to another, where the prompt is new."""
KEPT = 8
"""Prompts of 6,000 characters that a replica keeps in the memory that the engine takes by default."""
BUSY = 0.6
"""Share of a replica's time that the arithmetic plans with; the rest is for bursts."""
PROMPT_CHARS = 2048
PEOPLE = (1, 50, 5000)
WARM_UP_S = 90.0
SECONDS = {1: 1800.0, 50: 600.0, 5000: 60.0}
"""Virtual time for so many people."""


@attrs.define(eq=False)
class Ask:
    """One request; `given_up` once the next key came."""

    user: int
    wanted: Marks
    at: float
    given_up: bool = False


@attrs.define(eq=False)
class Replica:
    """One model, which answers one request at a time, the newest first."""

    waiting: list[Ask] = attrs.field(factory=list)
    running: Ask | None = None
    kept: dict[bytes, float] = attrs.field(factory=dict)
    busy_s: float = 0.0
    since: float = 0.0
    turn: int = 0

    @property
    def load(self) -> int:
        return len(self.waiting) + (self.running is not None)

    def lacking(self, wanted: Marks) -> float:
        """The share of a prompt that is to be computed: a given up prefill goes on where it was."""
        return 1.0 - self.kept.get(wanted[-1], 0.0)

    def keep(self, wanted: Marks, share: float) -> None:
        """So much of a prompt is computed; the prompts used longest ago give way."""
        self.kept.pop(wanted[-1], None)
        self.kept[wanted[-1]] = min(1.0, share)
        while len(self.kept) > KEPT:
            del self.kept[next(iter(self.kept))]


@attrs.define
class Found:
    """What happened, in counts and seconds."""

    keys: int = 0
    starts: int = 0
    warm: int = 0
    tokens: int = 0
    first_s: list[float] = attrs.field(factory=list)
    whole: int = 0


class Simulation:
    """`route` orders the replicas for a request; None: anyone, at random."""

    def __init__(self, typing: int, replicas: int, *, affine: bool = True) -> None:
        self.random = random.Random(1)  # noqa: S311 (a simulation)
        self._dice = random.Random(2)  # noqa: S311 (apart: who is asked changes nothing of what is typed)
        self.replicas = [Replica() for _ in range(replicas)]
        self.found = Found()
        self.now = self._began = 0.0
        self._affine = affine
        self._holders = Holders()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._keys = [itertools.count() for _ in range(typing)]
        self._latest = [0] * typing
        self._open: list[Ask | None] = [None] * typing
        self._places: list[tuple[float, Marks]] = [(0.0, ())] * typing
        for user in range(typing):
            self._type(user, self._rhythm())

    def run(self, seconds: float) -> Found:
        """So much virtual time, after as much as it takes until prompts are kept."""
        self._until(WARM_UP_S)
        self.found, self._began = Found(), self.now
        for replica in self.replicas:
            replica.busy_s = 0.0
        self._until(WARM_UP_S + seconds)
        return self.found

    @property
    def seconds(self) -> float:
        """What was counted for so long."""
        return self.now - self._began

    def _until(self, end: float) -> None:
        while self._events and self._events[0][0] < end:
            self.now, _, event = heapq.heappop(self._events)
            event()

    @property
    def busy(self) -> float:
        """Share of their time that the replicas worked."""
        return sum(each.busy_s for each in self.replicas) / (self.seconds * len(self.replicas))

    def _later(self, seconds: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), event))

    def _rhythm(self) -> Iterator[float]:
        gaps = traces.gaps()
        at = self.random.randrange(len(gaps))
        return itertools.cycle(gaps[at:] + gaps[:at])

    def _type(self, user: int, rhythm: Iterator[float]) -> None:
        def key() -> None:
            self.found.keys += 1
            number = self._latest[user] = next(self._keys[user])
            if (asked := self._open[user]) is not None:
                self._give_up(asked)
            if self.random.random() < ASKED:
                self._later(PAUSE_S, lambda: self._ask(user) if self._latest[user] == number else None)
            self._later(next(rhythm), key)

        self._later(next(rhythm), key)

    def _place(self, user: int) -> Marks:
        until, wanted = self._places[user]
        if self.now >= until:
            text = f"{user} {self.now} ".ljust(PROMPT_CHARS, "x")
            until, wanted = self.now + self.random.expovariate(1 / PLACE_S), marks(str(user), text)
            self._places[user] = until, wanted
        return wanted

    def _ask(self, user: int) -> None:
        asked = self._open[user] = Ask(user, self._place(user), self.now)
        loads = {number: replica.load for number, replica in enumerate(self.replicas)}
        if self._affine:
            chosen = self._holders.ranked(asked.wanted, loads)[0]
            self._holders.give(asked.wanted, chosen)
        else:
            first, second = (self._dice.randrange(len(loads)) for _ in range(2))
            chosen = min(first, second, key=loads.__getitem__)  # as Ray does by default
        replica = self.replicas[chosen]
        replica.waiting.append(asked)
        self._next(replica)

    def _next(self, replica: Replica) -> None:
        if replica.running is not None or not replica.waiting:
            return
        asked = replica.running = replica.waiting.pop()
        replica.since, replica.turn = self.now, replica.turn + 1
        self.found.starts += 1
        lacking = replica.lacking(asked.wanted)
        self.found.warm += not lacking
        turn, first_s = replica.turn, WARM_S + (COLD_S - WARM_S) * lacking

        def first() -> None:
            if replica.turn == turn:
                replica.keep(asked.wanted, 1.0)
                self.found.first_s.append(self.now - asked.at)

        def last() -> None:
            if replica.turn == turn:
                self.found.whole += 1
                self.found.tokens += TOKENS
                self._open[asked.user] = None
                self._free(replica)

        self._later(first_s, first)
        self._later(first_s + TOKENS / DECODE, last)

    def _give_up(self, asked: Ask) -> None:
        self._open[asked.user] = None
        for replica in self.replicas:
            if asked in replica.waiting:
                replica.waiting.remove(asked)
            elif replica.running is asked:
                done = (self.now - replica.since) / (COLD_S - WARM_S)
                replica.keep(asked.wanted, 1.0 - replica.lacking(asked.wanted) + done)
                turn = replica.turn = replica.turn + 1  # nothing more comes of it
                self._later(1 / DECODE, lambda r=replica, t=turn: self._free(r) if r.turn == t else None)

    def _free(self, replica: Replica) -> None:
        replica.busy_s += self.now - replica.since
        replica.running = None
        self._next(replica)


async def run(report: Report) -> None:
    """Plan for each number of people by arithmetic, then let them type."""
    alone = Simulation(1, 1)
    found = alone.run(SECONDS[1])
    per_key = alone.replicas[0].busy_s / found.keys
    name = "scaling, one person"
    report.add(name, "keys a second while typing", found.keys / alone.seconds)
    report.add(name, "model starts for 100 keys", found.starts / found.keys * 100)
    report.add(name, "CPU seconds for 100 keys, two threads", 200 * per_key, "s")
    _tell(report, name, alone)
    for people in PEOPLE[1:]:
        typing = round(people * TYPING)
        keys_a_second = typing * found.keys / alone.seconds
        replicas = math.ceil(keys_a_second * per_key / BUSY)
        name = f"scaling, {people} people"
        report.add(name, "typing at once", typing)
        report.add(name, "replicas by arithmetic", replicas)
        report.add(name, "model starts a second by arithmetic", keys_a_second * found.starts / found.keys)
        for affine, way in ((True, "to who holds the prompt"), (False, "to anyone")):
            each = Simulation(typing, replicas, affine=affine)
            each.run(SECONDS[people])
            _tell(report, f"{name}, {way}", each)


def _tell(report: Report, name: str, each: Simulation) -> None:
    found = each.found
    report.add(name, "busy", each.busy)
    report.add(name, "prompts known", found.warm / max(1, found.starts))
    report.add(name, "model starts a second", found.starts / each.seconds)
    report.add(name, "tokens a second", found.tokens / each.seconds)
    report.add(name, "whole suggestions for 100 keys", found.whole / found.keys * 100)
    report.add(name, "first token after the pause, p50", quantile(found.first_s, "p50"), "s")
    report.add(name, "first token after the pause, p95", quantile(found.first_s, "p95"), "s")
