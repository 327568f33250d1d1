"""The typing path, top to bottom: gate → debounce → context → generate → trim → confidence."""

from __future__ import annotations

import asyncio
import math
import uuid

import attrs

from hybrid_lsp.completion import gate
from hybrid_lsp.completion.confidence import Thresholds, sure_enough
from hybrid_lsp.completion.generate import Generation, generate
from hybrid_lsp.completion.query import Answer, Query, nothing
from hybrid_lsp.completion.trim import trim, without_suffix
from hybrid_lsp.config import CompletionConfig, Config
from hybrid_lsp.context.privacy import Redaction, conceal
from hybrid_lsp.context.window import around
from hybrid_lsp.document import Span
from hybrid_lsp.errors import BackendTimeout, BackendUnavailable, HybridLspError
from hybrid_lsp.routing.router import Router, Task
from hybrid_lsp.types import Infill, Reason, Request, Suggestion

MULTILINE_LINES = 4
"""Most lines that are offered at once on an empty line."""


@attrs.frozen
class CompletionPipeline:
    """Answers inline requests; holds no state of its own between them."""

    router: Router
    file_check: gate.FileCheck
    thresholds: Thresholds = attrs.field(factory=Thresholds)

    async def complete(self, query: Query, config: Config) -> Answer:
        """The answer to one request; raises nothing but CancelledError, when the request is superseded."""
        if stopped := gate.check(query, config, self.file_check):
            return stopped
        if not self.router.candidates(Task.COMPLETION):
            return nothing(Reason.NO_BACKEND, self.router.absence(Task.COMPLETION))
        if not query.invoked:
            await asyncio.sleep(config.completion.debounce_ms / 1000)
        written, secrets = _context(query, config.completion)
        lines = _lines(written, config.completion)
        try:
            generation = await generate(self.router, _request(written, lines, config.completion), lines)
        except BackendTimeout as error:
            return nothing(Reason.TIMEOUT, str(error))
        except BackendUnavailable as error:
            return nothing(Reason.NO_BACKEND, str(error))
        except HybridLspError as error:
            return nothing(Reason.BACKEND_FAILED, str(error))
        # A reply that quotes a secret of this very file must insert the secret, not its placeholder.
        generation = attrs.evolve(generation, text=secrets.restore(generation.text))
        return self._judge(query, config.completion, written, generation)

    def _judge(self, query: Query, config: CompletionConfig, written: Infill, generation: Generation) -> Answer:
        text = trim(generation.text, written.prefix, written.suffix)
        answer = Answer(
            tier=generation.candidate.tier,
            model=generation.candidate.name,
            model_ms=generation.elapsed_ms,
            tokens=generation.tokens,
        )
        if not text.strip():
            return attrs.evolve(answer, reason=_why_empty(generation.text, written), detail="")
        threshold = self._threshold(query, config)
        if not sure_enough(generation.confidence, threshold):
            detail = f"The model is {generation.confidence:.0%} sure; {threshold:.0%} are needed."
            return attrs.evolve(answer, reason=Reason.LOW_CONFIDENCE, detail=detail)
        return attrs.evolve(answer, suggestions=(_suggestion(query, text, generation),))

    def _threshold(self, query: Query, config: CompletionConfig) -> float:
        """Who asks by hand sees whatever there is."""
        if query.invoked:
            return 0.0
        if config.min_confidence >= 0:
            return config.min_confidence
        return self.thresholds.for_language(query.document.language)


def _context(query: Query, config: CompletionConfig) -> tuple[Infill, Redaction]:
    document, offset = query.document, query.offset
    if query.selected is not None:
        # What the editor's own list has selected is as good as typed.
        document = document.replace(query.selected.span, query.selected.text)
        offset = query.selected.span.start + len(query.selected.text)
    window = around(document, offset, config.context_chars)
    prefix, suffix = conceal(window.prefix, window.suffix)
    return Infill(prefix.text, suffix.text), prefix


def _lines(written: Infill, config: CompletionConfig) -> int:
    """How many lines are asked for: several only where the cursor's line is still empty."""
    before = written.prefix.rpartition("\n")[2]
    after = written.suffix.partition("\n")[0]
    return MULTILINE_LINES if config.multiline and not before.strip() and not after.strip() else 1


def _request(written: Infill, lines: int, config: CompletionConfig) -> Request:
    return Request(
        prompt=written,
        max_tokens=config.max_tokens * (2 if lines > 1 else 1),
        stop=("\n",) if lines == 1 else ("\n\n",),
        time_budget_ms=config.time_budget_ms,
    )


def _why_empty(raw: str, written: Infill) -> Reason:
    if not raw.strip():
        return Reason.EMPTY_REPLY
    return Reason.REPETITION if without_suffix(raw, written.suffix).strip() else Reason.DUPLICATE_OF_SUFFIX


def _suggestion(query: Query, text: str, generation: Generation) -> Suggestion:
    span = Span(query.offset, query.offset)
    if query.selected is not None:
        span, text = query.selected.span, query.selected.text + text
    return Suggestion(
        id=uuid.uuid4().hex,
        text=text,
        span=span,
        tier=generation.candidate.tier,
        model=generation.candidate.name,
        confidence=generation.confidence if not math.isnan(generation.confidence) else 1.0,
    )
