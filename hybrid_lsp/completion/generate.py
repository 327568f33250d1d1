"""Ask the model, and take no more from it than will be shown."""

from __future__ import annotations

import time
from contextlib import aclosing

import attrs

from hybrid_lsp.completion.lines import Line, split
from hybrid_lsp.routing.router import Candidate, Router, Task
from hybrid_lsp.types import Piece, Request


@attrs.frozen
class Generation:
    """What came: the lines, who wrote them, the tokens, and the milliseconds it took."""

    lines: list[Line]
    candidate: Candidate
    tokens: int
    elapsed_ms: float


async def generate(router: Router, request: Request, max_lines: int) -> Generation:
    """Collect the reply, and close the stream (which stops the model) when `max_lines` lines are complete.

    Raises BackendError when no model answers.
    """
    started = time.perf_counter()
    candidates = router.candidates(Task.COMPLETION)
    answering = candidates[0] if candidates else None
    pieces: list[Piece] = []
    async with aclosing(router.stream(candidates, request)) as events:
        async for event in events:
            if isinstance(event, Candidate):
                answering = event
            elif isinstance(event, Piece):
                pieces.append(event)
                if sum(piece.text.count("\n") for piece in pieces) >= max_lines:
                    break
    assert answering is not None, "a stream without a candidate raises"
    return Generation(
        lines=split(pieces)[:max_lines],
        candidate=answering,
        tokens=sum(piece.tokens for piece in pieces),
        elapsed_ms=(time.perf_counter() - started) * 1000,
    )
