"""Ask the model, and take no more from it than will be shown."""

from __future__ import annotations

import time
from contextlib import aclosing

import attrs

from hybrid_lsp.completion.confidence import mean_probability
from hybrid_lsp.routing.router import Candidate, Router, Task
from hybrid_lsp.types import Piece, Request


@attrs.frozen
class Generation:
    """What came: the text, who wrote it, its mean token probability, the tokens, and the milliseconds it took."""

    text: str
    candidate: Candidate
    confidence: float
    tokens: int
    elapsed_ms: float


async def generate(router: Router, request: Request, max_lines: int) -> Generation:
    """Collect the reply, and close the stream (which stops the model) when `max_lines` lines are complete.

    Raises BackendError or EngineError when no model answers.
    """
    started = time.perf_counter()
    candidates = router.candidates(Task.COMPLETION)
    answering = candidates[0] if candidates else None
    pieces: list[Piece] = []
    text = ""
    async with aclosing(router.stream(candidates, request)) as events:
        async for event in events:
            if isinstance(event, Candidate):
                answering = event
            elif isinstance(event, Piece):
                pieces.append(event)
                text += event.text
                if text.count("\n") >= max_lines and text.strip():
                    break
    assert answering is not None, "a stream without a candidate raises"
    return Generation(
        text="\n".join(text.split("\n")[:max_lines]),
        candidate=answering,
        confidence=mean_probability(pieces),
        tokens=sum(piece.tokens for piece in pieces),
        elapsed_ms=(time.perf_counter() - started) * 1000,
    )
