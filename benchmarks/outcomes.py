"""What one model makes of one task (see `tasks`), and what each of its replies costs.

A row holds what a router could see (the features, the replies' probabilities, what was refused) and what it could not
(whether the tests pass), so that policies can be compared on rows without asking a model again.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

import attrs
import psutil

from benchmarks import place
from benchmarks.tasks import Task
from hybrid_lsp.actions.base import EditOutcome, NothingOutcome
from hybrid_lsp.actions.pipeline import ActionPipeline
from hybrid_lsp.backends.base import Backend
from hybrid_lsp.completion import deep
from hybrid_lsp.completion.confidence import Judge
from hybrid_lsp.completion.habits import Habits
from hybrid_lsp.completion.pipeline import CompletionPipeline
from hybrid_lsp.completion.query import Query
from hybrid_lsp.completion.trim import trim
from hybrid_lsp.config import CompletionConfig, Config, RoutingConfig
from hybrid_lsp.routing.candidates import Patience
from hybrid_lsp.routing.features import Features
from hybrid_lsp.routing.policy import COMPLETION, Policy
from hybrid_lsp.routing.router import Router
from hybrid_lsp.types import Chat, Infill, Kind, Piece, Request, Tier

_LONGEST_S = 600.0
_PATIENCE = Patience(first_piece_s=_LONGEST_S, quiet_s=_LONGEST_S)


@attrs.frozen
class Reply:
    """One reply: `probability` is the geometric mean of its tokens', `cpu_s` the engine's processor time."""

    seconds: float
    cpu_s: float
    read_chars: int
    tokens: int
    probability: float | None
    first_s: float | None


@attrs.frozen
class Row:
    """One task by one model; `passed` whether the answer passed our own checks, `at_once` the first reply's did,
    `right` whether its tests pass, None where there is no answer."""

    key: str
    kind: str
    model: str
    held_out: bool
    features: Features
    passed: bool
    at_once: bool
    right: bool | None
    label: str
    replies: list[Reply]
    billions: float = 0.0
    judged: float | None = None
    """How likely a line is right, by its model's own calibration."""

    @property
    def probability(self) -> float | None:
        """What is known of the answer's chances when it has come."""
        return self.judged if self.judged is not None or not self.replies else self.replies[-1].probability

    @property
    def seconds(self) -> float:
        return sum(each.seconds for each in self.replies)

    @property
    def cpu_s(self) -> float:
        return sum(each.cpu_s for each in self.replies)


@attrs.define
class Metered:
    """A backend whose replies are measured; `engine` is the process that computes them, `judge` its model's numbers."""

    backend: Backend
    judge: Judge
    engine: Callable[[], psutil.Process]
    replies: list[Reply] = attrs.field(factory=list)
    billions: float = 0.0
    idle: asyncio.Event = attrs.field(factory=asyncio.Event)
    """Whether no reply is being written: one that was shown in part goes on."""

    @property
    def name(self) -> str:
        return self.backend.name

    async def generate(self, request: Request) -> AsyncGenerator[Piece, None]:
        self.idle.clear()
        process = self.engine()
        started, before = time.perf_counter(), place.cpu_s(process)
        tokens, logprob, first = 0, 0.0, None
        try:
            asked = attrs.evolve(request, logprobs=True)
            async with aclosing(self.backend.generate(asked)) as pieces:
                async for piece in pieces:
                    first = first or time.perf_counter() - started
                    if piece.kind is Kind.ANSWER:
                        tokens, logprob = tokens + piece.tokens, logprob + piece.logprob
                    yield piece
        finally:
            mean = math.exp(logprob / tokens) if tokens and not math.isnan(logprob) else None
            spent = place.cpu_s(process) - before
            seconds = time.perf_counter() - started
            self.replies.append(Reply(seconds, spent, _chars(request), tokens, mean, first))
            self.idle.set()


def _chars(request: Request) -> int:
    if isinstance(request.prompt, Chat):
        return sum(len(each.content) for each in request.prompt.messages)
    return len(request.prompt.prefix) + len(request.prompt.suffix)


async def ask(task: Task, name: str, metered: Metered) -> Row:
    """Have one model do one task; `name` is how its row calls it."""
    tier = Tier.SMALL if task.kind == "infill" else Tier.LARGE
    return await _ask(task, name, Router({tier: metered}, patience=_PATIENCE), Config(), [metered])


async def ask_in_words(task: Task, name: str, metered: Metered) -> Row:
    """Have a line filled in as a large model is asked for it that was not taught to."""
    _reset([metered])
    text = await _deeply(task, metered)
    return _row(task, name, [metered], _of_line(task), bool(text.strip()), task.check(text), "", None)


async def ask_both(task: Task, name: str, small: Metered, large: Metered, routing: RoutingConfig) -> Row:
    """Have the router share a task between both."""
    sizes = {Tier.SMALL: small.billions, Tier.LARGE: large.billions}
    router = Router(
        {Tier.SMALL: small, Tier.LARGE: large},
        small_chats=True,
        fillers=[Tier.LARGE],
        sizes=sizes,
        policy=Policy(routing),
        patience=_PATIENCE,
    )
    return await _ask(task, name, router, Config(routing=routing), [small, large])


async def _ask(task: Task, name: str, router: Router, config: Config, metered: Sequence[Metered]) -> Row:
    _reset(metered)
    if task.kind == "infill":
        text, judged = await _filled(task, router, config, metered)
        return _row(task, name, metered, _of_line(task), bool(text.strip()), task.check(text), "", judged)
    pipeline = ActionPipeline(router, config, lambda document: None)
    done = await pipeline.run(
        task.action, task.document, task.span, instruction=task.instruction, diagnostic=task.problem
    )
    assert done.by.trail is not None
    passed = done.tier != Tier.STATIC and not isinstance(done, NothingOutcome)
    right = task.check(done.edit.apply()) if passed and isinstance(done, EditOutcome) else None
    return _row(task, name, metered, done.by.trail.features, passed, right, done.label, None)


def _reset(metered: Sequence[Metered]) -> None:
    for each in metered:
        each.replies = []
        each.idle.set()


def _of_line(task: Task) -> Features:
    return Features(COMPLETION, COMPLETION, task.document.language)


def _row(
    task: Task,
    name: str,
    metered: Sequence[Metered],
    features: Features,
    passed: bool,
    right: bool | None,
    label: str,
    judged: float | None,
) -> Row:
    replies = [reply for each in metered for reply in each.replies]
    # A line may be copied, without a reply.
    at_once = passed and len(replies) <= 1
    known = (task.key, task.kind, name, task.is_held_out, features, passed, at_once, right, label, replies)
    return Row(*known, metered[-1].billions, judged)


async def _filled(task: Task, router: Router, config: Config, metered: Sequence[Metered]) -> tuple[str, float | None]:
    """What is shown when the line is asked for by hand, and how likely it is right by the judge's word."""
    pipeline = CompletionPipeline(router, lambda document: None, metered[0].judge, habits=Habits.once())
    query = Query(task.document, task.span.start, invoked=True)
    patient = attrs.evolve(config, completion=CompletionConfig(time_budget_ms=60_000))
    answer = await pipeline.complete(query, patient)
    for each in metered:
        await each.idle.wait()
    pipeline.close()
    if not answer.suggestions:
        return "", None
    first = answer.suggestions[0]
    return first.text, None if math.isnan(first.confidence) else first.confidence


async def _deeply(task: Task, backend: Backend) -> str:
    """The text, as the large model is asked for it by hand."""
    text, cursor = task.document.text, task.span.start
    hole = Infill(text[:cursor], text[cursor:])
    request = deep.deep_request(hole, Request(hole, 0), fills_in=False)
    reply = "".join([piece.text async for piece in backend.generate(request) if piece.kind is Kind.ANSWER])
    return trim(reply, text[:cursor], text[cursor:])
