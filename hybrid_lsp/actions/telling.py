"""What the user is told while an action runs: who does it, how far it is, how long it will take, and what to read
meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable

import attrs

from hybrid_lsp.actions import reply
from hybrid_lsp.actions.base import (
    Action,
    ActionContext,
    By,
    EditOutcome,
    FindingsOutcome,
    Outcome,
    Output,
    TextOutcome,
)
from hybrid_lsp.actions.pace import Pace
from hybrid_lsp.errors import AnalysisError
from hybrid_lsp.routing.candidates import Candidate, Waiting
from hybrid_lsp.types import Tier, TierName

_ANSWERS: dict[Output, type[Outcome]] = {
    Output.TEXT: TextOutcome,
    Output.EDIT: EditOutcome,
    Output.FINDINGS: FindingsOutcome,
}
"""What may be shown in place of a model's answer, until it comes."""


@attrs.frozen
class Progress:
    """What a running action is doing.

    `message` is a line for the user, `text` a readable reply so far (empty for edits and findings). `waits`: the
    model is silent and there is a static way; `interim` is its answer, once in a run, to show meanwhile.
    """

    tier: TierName
    backend: str
    message: str
    tokens: int = 0
    text: str = attrs.field(default="", repr=False)
    waits: bool = False
    interim: Outcome | None = attrs.field(default=None, repr=False)


OnProgress = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """For callers that do not show progress."""


@attrs.define
class Telling:
    """Tells of one run. `notice_s` is the silence, in seconds, from which a static answer is shown meanwhile."""

    action: Action
    context: ActionContext
    on_progress: OnProgress
    notice_s: float
    asked: Candidate | None = None
    pace: Pace | None = None
    reported: int = 0
    thought: int = 0
    """Tokens of reasoning before the reply; `thought_since` a monotonic time, `thought_told` what was last reported."""
    thought_since: float = 0.0
    thought_told: int = 0
    bridged: bool = False

    def begins(self, candidate: Candidate, pace: Pace, note: str = "") -> None:
        """A model is asked now; `note` says why again."""
        self.asked, self.pace, self.reported, self.thought = candidate, pace, 0, 0
        self._report(f"{note}{candidate.reason}{_to_go(' It takes {}.', pace.left())}")

    def ended(self) -> None:
        """Its reply is whole, or nobody wants more of it."""
        if self.pace is not None:
            self.pace.end()

    def retracted(self) -> None:
        """What was read as the answer was thought."""
        self.reported = 0

    def reply(self, text: str, tokens: int, restore: Callable[[str], str]) -> None:
        """Tell of a growing reply, the longer the less often: each report looks at the whole text."""
        if self.pace is not None:
            self.pace.grown(len(text))
        if len(text) - self.reported < max(1, len(text) // 50):
            return
        self.reported = len(text)
        shown = reply.harmless(restore(text)) if self.action.output is Output.TEXT else ""
        left = _to_go(", {} to go", self.pace.left() if self.pace else "")
        self._report(f"{_who(self._asked)}: {tokens} token{'' if tokens == 1 else 's'}{left}.", tokens, shown)

    async def thinks(self, tokens: int) -> None:
        """A model thinks before it answers: say so, and show a static answer where it takes its time."""
        now = time.monotonic()
        if not self.thought:
            self.thought_since, self.thought_told = now, 0
        self.thought += tokens
        if self.thought - self.thought_told < max(1, self.thought // 50):
            return
        self.thought_told = self.thought
        message = f"{_who(self._asked)}: thinking… {self.thought} token{'' if self.thought == 1 else 's'}."
        late = now - self.thought_since >= self.notice_s
        interim = await self._meanwhile(message) if self._able and late else None
        waits = self._able and late
        self.on_progress(Progress(self._asked.tier, self._asked.name, message, waits=waits, interim=interim))

    async def waits(self, waiting: Waiting, tokens: int) -> None:
        """A model is silent: say so, and show a static answer meanwhile where no text of the model's is read yet."""
        since = f"has not begun after {waiting.seconds:g} s"
        if tokens:
            since = f"has paused at {tokens} tokens for {waiting.seconds:g} s"
        message = f"{_who(waiting.candidate)} {since}; still waiting."
        unread = not tokens or self.action.output is not Output.TEXT
        interim = await self._meanwhile(message) if self._able and unread else None
        tier, name = waiting.candidate.tier, waiting.candidate.name
        self.on_progress(Progress(tier, name, message, tokens, waits=self._able, interim=interim))

    @property
    def _asked(self) -> Candidate:
        assert self.asked is not None
        return self.asked

    @property
    def _able(self) -> bool:
        """Whether there is a static way of doing it."""
        return self.context.document.language in self.action.languages

    def _report(self, message: str, tokens: int = 0, text: str = "") -> None:
        self.on_progress(Progress(self._asked.tier, self._asked.name, message, tokens, text))

    async def _meanwhile(self, message: str) -> Outcome | None:
        """The static answer, the first time that it is wanted; None where it is not of the kind that was asked for."""
        if self.bridged:
            return None
        self.bridged = True
        try:
            found = await self.action.static(self.context, By(Tier.STATIC, f"Static analysis meanwhile. {message}"))
        except AnalysisError:
            return None
        return found if isinstance(found, _ANSWERS.get(self.action.output, ())) else None


def _to_go(form: str, left: str) -> str:
    return form.format(left) if left else ""


def _who(candidate: Candidate) -> str:
    return f"{candidate.tier.capitalize()} model {candidate.name}"
