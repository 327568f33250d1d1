"""A lighter model before the one that the user chose: its line is shown where the other's would hardly be better."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

import attrs

from hybrid_lsp.completion.confidence import Copies, Judge
from hybrid_lsp.completion.debounce import LIGHTER_STARTS, Pace
from hybrid_lsp.completion.generate import Generation
from hybrid_lsp.completion.habits import Habits
from hybrid_lsp.completion.query import Answer
from hybrid_lsp.completion.suggest import Presenter
from hybrid_lsp.errors import HybridLspError
from hybrid_lsp.models.confidence import BEGINNING
from hybrid_lsp.models.contest import Contest, place
from hybrid_lsp.routing.candidates import Task
from hybrid_lsp.routing.router import Router
from hybrid_lsp.types import Reason

WITHIN_S = 0.5
"""A lighter model that takes longer is no help: it is still loading, or the machine is busy."""


@attrs.frozen
class Lighter:
    """The model that is asked first, by a router of its own, and what decides between it and the heavier one."""

    router: Router
    judge: Judge
    contest: Contest = attrs.field(factory=Contest)
    habits: Habits = attrs.field(factory=lambda: Habits(Pace(LIGHTER_STARTS)))

    @property
    def answers(self) -> bool:
        """Whether it may be asked now."""
        return bool(self.router.candidates(Task.COMPLETION))


@attrs.frozen
class First:
    """What a lighter model answered: `decides` where no heavier one need be asked, `bridges` where its line will do
    if the heavier one is late, `hopeless` where the heavier one's would hardly be right either.

    `written` is its reply as it came, secrets still replaced: a draft of the heavier one's."""

    answer: Answer
    decides: bool = False
    bridges: bool = False
    hopeless: bool = False
    written: str = attrs.field(default="", repr=False)

    @property
    def meanwhile(self) -> Answer:
        """The answer while the heavier one loads."""
        detail = "The small model is still loading; meanwhile the embedded one answers, where it is sure enough."
        return attrs.evolve(self.answer, detail=detail)

    @property
    def given_up(self) -> Answer:
        """The answer where nobody is asked any more."""
        detail = "The embedded model is not sure, and where it is so unsure the small model is seldom right."
        return attrs.evolve(self.answer, suggestions=(), reason=Reason.LOW_CONFIDENCE, detail=detail)


async def first(
    lighter: Lighter, presenter: Presenter, copies: Copies, ask: Callable[[], Awaitable[Generation]]
) -> First | None:
    """The lighter model's answer; None where it has none in time, and then why is nobody's concern."""
    try:
        async with asyncio.timeout(WITHIN_S):
            generation = await ask()
    except (TimeoutError, HybridLspError):
        return None
    answer = presenter.generated(generation, copies)
    best = presenter.judge.best(copies, generation.lines[0], presenter.cursor.prefix)
    if not best.text.strip() or math.isnan(best.probability):
        return First(answer)
    contest, features = lighter.contest, place(best.probability, best.text, presenter.site.before)
    # Where a file has only begun the lighter one knows little, and the other one has little to read.
    begun = len(presenter.cursor.prefix) < BEGINNING and not presenter.site.in_prose
    return First(
        answer,
        decides=bool(answer.suggestions) and contest.decided(features),
        bridges=bool(answer.suggestions) and contest.decided(features, late=True),
        hopeless=contest.hopeless(features) and not begun,
    )
