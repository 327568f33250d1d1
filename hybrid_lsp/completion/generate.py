"""Ask the model, and take no more from it than will be shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import aclosing

import attrs

from hybrid_lsp.completion.lines import Line, split
from hybrid_lsp.routing.candidates import Candidate, Patience
from hybrid_lsp.routing.router import Router
from hybrid_lsp.types import Finish, Kind, Piece, Request


@attrs.frozen
class Generation:
    """What came (so far): the lines, who wrote them, the tokens, and the milliseconds it took.

    `first_ms` is the time to the first piece; `finish` is None while more may come, and where the model was stopped.
    """

    lines: list[Line]
    candidate: Candidate
    tokens: int
    first_ms: float
    elapsed_ms: float
    finish: Finish | None = None

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)


OnText = Callable[[Generation], None]


async def generate(
    router: Router,
    candidates: Sequence[Candidate],
    request: Request,
    enough: Callable[[Generation], bool],
    on_text: OnText,
    patience: Patience | None = None,
    run: str | None = None,
) -> Generation:
    """Collect the reply, and close the stream (which stops the model) when `enough` says that no more of it is wanted.

    `on_text` sees what has come after each piece; `patience` is the router's own unless given; `run` is the same for
    all models that are asked for one suggestion. Raises BackendError when no model answers.
    """
    writing = _Writing(candidates[0])
    async with aclosing(router.stream(candidates, request, patience, run=run)) as events:
        async for event in events:
            if isinstance(event, Candidate):
                writing.candidate = event
            elif isinstance(event, Piece):
                writing.take(event)
                so_far = writing.generation
                on_text(so_far)
                if enough(so_far):
                    break
    return writing.generation


@attrs.define
class _Writing:
    """A reply as it comes."""

    candidate: Candidate
    pieces: list[Piece] = attrs.field(factory=list)
    started: float = attrs.field(factory=time.perf_counter)
    first: float | None = None

    def take(self, piece: Piece) -> None:
        if piece.kind is Kind.RETRACTION:
            self.pieces.clear()
        self.first = time.perf_counter() if self.first is None else self.first
        self.pieces.append(piece)

    @property
    def generation(self) -> Generation:
        now = time.perf_counter()
        return Generation(
            lines=split(self.pieces),
            candidate=self.candidate,
            tokens=sum(piece.tokens for piece in self.pieces),
            first_ms=((now if self.first is None else self.first) - self.started) * 1000,
            elapsed_ms=(now - self.started) * 1000,
            finish=self.pieces[-1].finish if self.pieces else None,
        )
