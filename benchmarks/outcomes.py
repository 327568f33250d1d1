"""What one model makes of one task (see `tasks`), and what each of its replies costs.

A row holds what a router could see (the features, the replies' probabilities, what was refused) and what it could not
(whether the tests pass), so that policies can be compared on rows without asking a model again.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from pathlib import Path

import attrs
import cattrs
import psutil

from benchmarks import place
from benchmarks.tasks import Task
from hybrid_lsp.actions.base import EditOutcome, NothingOutcome
from hybrid_lsp.actions.pipeline import ActionPipeline
from hybrid_lsp.backends.base import Backend
from hybrid_lsp.completion import deep
from hybrid_lsp.completion.confidence import Judge
from hybrid_lsp.completion.pipeline import CompletionPipeline
from hybrid_lsp.completion.query import Query
from hybrid_lsp.completion.trim import trim
from hybrid_lsp.config import CompletionConfig, Config
from hybrid_lsp.routing.candidates import Patience
from hybrid_lsp.routing.features import Features
from hybrid_lsp.routing.router import Router
from hybrid_lsp.types import Chat, Infill, Kind, Piece, Request, Tier

_LONGEST_S = 600.0


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


async def ask(task: Task, model: str, metered: Metered, *, deep_infill: bool = False) -> Row:
    """Have one model do one task; `deep_infill`: a line is asked for as of the large model in the editor."""
    metered.replies, judged = [], None
    metered.idle.set()
    if task.kind == "infill":
        text, judged = (await _deeply(task, metered), None) if deep_infill else await _filled(task, metered)
        features = Features("completion", "completion", task.document.language)
        passed, right, label = bool(text.strip()), task.check(text), ""
    else:
        router = Router({Tier.LARGE: metered}, patience=Patience(first_piece_s=_LONGEST_S, quiet_s=_LONGEST_S))
        pipeline = ActionPipeline(router, Config(), lambda document: None)
        done = await pipeline.run(
            task.action, task.document, task.span, instruction=task.instruction, diagnostic=task.problem
        )
        assert done.by.trail is not None
        features, label = done.by.trail.features, done.label
        passed = done.tier == Tier.LARGE and not isinstance(done, NothingOutcome)
        right = task.check(done.edit.apply()) if passed and isinstance(done, EditOutcome) else None
    replies = list(metered.replies)
    # A line may be copied, without a reply.
    at_once = passed and len(replies) <= 1
    known = (task.key, task.kind, model, task.is_held_out, features, passed, at_once, right, label, replies)
    return Row(*known, metered.billions, judged)


async def _filled(task: Task, metered: Metered) -> tuple[str, float | None]:
    """What is shown when the line is asked for by hand, and how likely it is right by the judge's word."""
    pipeline = CompletionPipeline(Router({Tier.SMALL: metered}), lambda document: None, metered.judge)
    query = Query(task.document, task.span.start, invoked=True)
    answer = await pipeline.complete(query, Config(completion=CompletionConfig(time_budget_ms=60_000)))
    await metered.idle.wait()
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


def read(path: Path) -> list[Row]:
    """The rows of a file; none where there is no such file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [cattrs.structure(json.loads(line), Row) for line in lines]


def append(path: Path, rows: Iterable[Row]) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.writelines(json.dumps(cattrs.unstructure(row)) + "\n" for row in rows)
