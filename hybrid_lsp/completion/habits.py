"""What is known of one model by how it has answered here: how often it may be started, and how much it may read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import attrs

from hybrid_lsp.completion.budget import TARGET_MS, ContextBudget
from hybrid_lsp.completion.debounce import Pace
from hybrid_lsp.completion.generate import Generation, OnText
from hybrid_lsp.context.standing import Windows

LOADS_AFTER_S = 0.1
"""A model that a request has started is loading by then, and one that is ready may have answered."""


@attrs.define
class Habits:
    """The pace, the budget, and the windows that it has read."""

    pace: Pace = attrs.field(factory=Pace)
    budget: ContextBudget = attrs.field(factory=ContextBudget)
    windows: Windows = attrs.field(factory=Windows)

    @classmethod
    def once(cls) -> Habits:
        """Of a model that is asked a single time: no second request comes to read more."""
        return cls(budget=ContextBudget(begins=False))

    def began(self, first_ms: float, uri: str, most: int, *, read: int) -> None:
        """It began to answer after so many milliseconds; `most` is the user's limit, `read` the characters of its
        window where that was cut anew, else 0."""
        self.budget.answered(first_ms, most, read=read)
        if first_ms > TARGET_MS and not read:
            self.windows.slow(uri, self.budget.chars(most))

    def given_up(self, waited_ms: float, uri: str, most: int, *, read: int) -> None:
        """Nothing had come when it was stopped: what is known is that it takes as long, at least."""
        if waited_ms > TARGET_MS:
            self.began(waited_ms, uri, most, read=read)


@attrs.define
class Watch:
    """What is seen of a model while it answers: how long it takes to load says nothing of how fast it is."""

    _loading: Callable[[], bool]
    _heard: OnText
    spoke: bool = False
    tells: bool = True
    _started: float = attrs.field(factory=time.perf_counter)
    _looks: asyncio.TimerHandle = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._look()
        # It may be started by this very request.
        self._looks = asyncio.get_running_loop().call_later(LOADS_AFTER_S, self._look)

    def _look(self) -> None:
        self.tells = self.tells and not self._loading()

    def heard(self, so_far: Generation) -> None:
        self.spoke = True
        self._heard(so_far)

    @property
    def elapsed_ms(self) -> float:
        return (time.perf_counter() - self._started) * 1000

    def end(self) -> None:
        self._looks.cancel()
