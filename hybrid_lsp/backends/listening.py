"""From the events of one reply to its pieces: what was answered, what was only thought, and why it ended.

This is the one place between the connection and whoever reads a reply: every action, progress text and ghost text has
what it does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import attrs

from hybrid_lsp.backends.dialects import Said
from hybrid_lsp.backends.reasoning import Segment, Splitter
from hybrid_lsp.errors import BackendRefused
from hybrid_lsp.models.stops import StopFinder
from hybrid_lsp.types import Finish, Kind, Piece


@attrs.frozen
class Limits:
    """What one reply may cost: `answer` and `thought` in tokens, `budget_s` in seconds since its first token.

    None where it is not for this side to watch.
    """

    answer: int | None = None
    thought: int | None = None
    budget_s: float | None = None


class Listener:
    """Turns what a server says into pieces, and knows when the reply is over.

    It looks for all stop strings, of which servers take only some, in the answer alone. `name` is the backend's.
    """

    def __init__(self, name: str, splitter: Splitter, stops: tuple[str, ...], limits: Limits) -> None:
        self._name, self._splitter, self._limits = name, splitter, limits
        self._finder = StopFinder(stops)
        self._first: float | None = None
        self._tokens, self._logprob = 0, 0.0
        self._answer_tokens, self._thought_tokens = 0, 0
        self._answered, self._began, self._whole = False, False, False
        self._thought = False
        self._refused = ""
        self.done = False
        self.finish: Finish | None = None
        """Why it ended, once it has."""
        self.thinking = False
        """Whether the last that was said is a thought."""

    def take(self, said: Said) -> Iterator[Piece]:
        """The pieces that an event brings. Raises BackendRefused: there is no answer to be had."""
        self._refused += said.refused
        self._tokens += said.tokens
        self._logprob += said.logprob if said.tokens else 0.0
        if said.thought:
            yield from self._pieces([Segment(Kind.THOUGHT, said.thought)])
        # Some servers send the whole answer again with their last event.
        if said.text and not (said.whole and self._began):
            self._began, self._whole = True, self._whole or said.whole
            yield from self._pieces(self._splitter.feed(said.text))
        if not self.done and (finish := said.finish or self._own_end()) is not None:
            yield from self.end(finish)

    def end(self, finish: Finish | None = None) -> Iterator[Piece]:
        """The last pieces, once the server has ended; without a reason that is an end only of what came as a whole."""
        if self.done or (finish is None and not self._whole):
            return
        if self._refused:
            raise self._withheld()
        yield from self._pieces(self._splitter.end())
        yield from self._last(finish)

    def _last(self, finish: Finish | None) -> Iterator[Piece]:
        if self.done:  # what was held back went beyond the limit
            return
        if rest := self._finder.flush():
            self._answered = self._answered or bool(rest.strip())
            yield self._piece(rest)
        if self._thought and not self._answered:
            raise self._only_thought(finish)
        self.done, self.thinking, self.finish = True, False, finish or Finish.STOP
        # The tokens that ended the text are counted, and how likely they were.
        yield attrs.evolve(self._piece(""), finish=self.finish)

    def _pieces(self, segments: list[Segment]) -> Iterator[Piece]:
        for segment in segments:
            if self.done:
                return
            if segment.kind is Kind.ANSWER:
                yield from self._answer(segment.text)
            elif segment.kind is Kind.THOUGHT:
                yield from self._think(segment.text)
            else:
                yield self._retract()

    def _answer(self, text: str) -> Iterator[Piece]:
        self.thinking = False
        tokens = self._tokens
        if self._limits.answer is not None and self._answer_tokens + tokens > self._limits.answer > 0:
            # The server's limit is for the thinking too; a token more than was asked for is none of the answer.
            self._tokens, self._logprob = 0, 0.0
            yield from self.end(Finish.LENGTH)
            return
        self._answer_tokens += tokens
        if safe := self._finder.feed(text):
            self._answered = self._answered or bool(safe.strip())
            yield self._piece(safe)

    def _think(self, text: str) -> Iterator[Piece]:
        self._thought = self._thought or bool(text.strip())
        self.thinking = True
        if not text.strip():
            return
        piece = self._piece("", Kind.THOUGHT)
        self._thought_tokens += piece.tokens
        if self._limits.thought is not None and self._thought_tokens > self._limits.thought:
            raise BackendRefused(
                f"{self._name} thought for more than {self._limits.thought} tokens and gave no answer.", _LESS
            )
        yield piece

    def _retract(self) -> Piece:
        self._thought, self._answered = True, False
        self._thought_tokens, self._answer_tokens = self._thought_tokens + self._answer_tokens, 0
        self._finder = StopFinder(self._finder.stops)
        return attrs.evolve(self._piece("", Kind.RETRACTION), tokens=0)

    def _own_end(self) -> Finish | None:
        if self._finder.found is not None:
            return Finish.STOP
        now = time.monotonic()
        self._first = now if self._first is None else self._first
        budget_s = self._limits.budget_s
        return Finish.TIME if budget_s is not None and now - self._first >= budget_s else None

    def _piece(self, text: str, kind: Kind = Kind.ANSWER) -> Piece:
        tokens, self._tokens = self._tokens, 0
        logprob, self._logprob = self._logprob, 0.0
        return Piece(text, tokens, logprob, kind=kind)

    def _withheld(self) -> BackendRefused:
        return BackendRefused(
            f"{self._name} gave no answer: {' '.join(self._refused.split())[:300]}.".replace("..", "."),
            "Ask in other words, or another model.",
        )

    def _only_thought(self, finish: Finish | None) -> BackendRefused:
        if finish is Finish.LENGTH:
            return BackendRefused(f"{self._name} was cut off while it still thought, and gave no answer.", _LESS)
        if finish is Finish.TIME:
            return BackendRefused(f"{self._name} thought for all the time it had, and gave no answer.", _LESS)
        return BackendRefused(f"{self._name} only thought, and gave no answer.", _LESS)


_LESS = (
    'Raise `thinking_tokens`, have it think less by `parameters` (as `reasoning_effort = "low"`), or take a model '
    "that does not think."
)
