"""The typing path, top to bottom: gate → reuse → copy → debounce → context → generate → confidence → trim."""

from __future__ import annotations

import asyncio
import uuid

import attrs

from hybrid_lsp.completion import gate
from hybrid_lsp.completion.confidence import SURE, Judge, Judgement, further, sure_enough
from hybrid_lsp.completion.generate import Generation, generate
from hybrid_lsp.completion.lines import Line
from hybrid_lsp.completion.query import Answer, Query, nothing
from hybrid_lsp.completion.reuse import Reuse
from hybrid_lsp.completion.trim import trim, without_suffix
from hybrid_lsp.config import CompletionConfig, Config
from hybrid_lsp.context.privacy import conceal
from hybrid_lsp.context.window import around
from hybrid_lsp.document import Document, Span
from hybrid_lsp.errors import BackendTimeout, BackendUnavailable, HybridLspError
from hybrid_lsp.routing.router import Router, Task
from hybrid_lsp.types import Infill, Reason, Request, Suggestion, Tier

MULTILINE_LINES = 4
"""Most lines that are offered at once on an empty line."""
COPY = "copy"
"""The name of the copy model in logs, metrics and the status."""


@attrs.frozen
class CompletionPipeline:
    """Answers inline requests; all that it remembers between them is their answers."""

    router: Router
    file_check: gate.FileCheck
    judge: Judge = attrs.field(factory=Judge)
    reuse: Reuse = attrs.field(factory=Reuse)

    async def complete(self, query: Query, config: Config) -> Answer:
        """The answer to one request; raises nothing but CancelledError, when the request is superseded."""
        if stopped := gate.check(query, config, self.file_check):
            return stopped
        run = _Run(self, query, config.completion)
        if known := self.reuse.find(run.prefix, run.suffix, invoked=query.invoked):
            return run.placed(known)
        answer = await run.answer()
        self.reuse.keep(run.prefix, run.suffix, answer)
        return run.placed(answer)


@attrs.define
class _Run:
    """One request on its way."""

    pipeline: CompletionPipeline
    query: Query
    config: CompletionConfig
    document: Document = attrs.field(init=False)
    offset: int = attrs.field(init=False)
    prefix: str = attrs.field(init=False)
    suffix: str = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.document, self.offset = self.query.document, self.query.offset
        if (selected := self.query.selected) is not None:
            # What the editor's own list has selected is as good as typed.
            self.document = self.document.replace(selected.span, selected.text)
            self.offset = selected.span.start + len(selected.text)
        self.prefix, self.suffix = self.document.text[: self.offset], self.document.text[self.offset :]

    def placed(self, answer: Answer) -> Answer:
        """The answer in the document as it is: what the editor's list has selected is replaced along with it."""
        if (selected := self.query.selected) is None:
            return answer
        shown = (attrs.evolve(each, span=selected.span, text=selected.text + each.text) for each in answer.suggestions)
        return attrs.evolve(answer, suggestions=tuple(shown))

    async def answer(self) -> Answer:
        judge, router = self.pipeline.judge, self.pipeline.router
        copy = judge.copy(self.prefix, self.suffix)
        alone = judge.copy_alone(copy)
        if alone.probability >= SURE and not self.query.invoked:
            return self._shown_or_not(alone, [], _by_copy())
        if not router.candidates(Task.COMPLETION):
            return self._or_copy(alone, Reason.NO_BACKEND, router.absence(Task.COMPLETION))
        if not self.query.invoked:
            await asyncio.sleep(self.config.debounce_ms / 1000)
        try:
            generation = await self._generate()
        except BackendTimeout as error:
            return self._or_copy(alone, Reason.TIMEOUT, str(error))
        except BackendUnavailable as error:
            return self._or_copy(alone, Reason.NO_BACKEND, str(error))
        except HybridLspError as error:
            return self._or_copy(alone, Reason.BACKEND_FAILED, str(error))
        best = judge.best(copy, generation.lines[0], self.prefix)
        return self._shown_or_not(best, generation.lines, _by_network(generation, best))

    async def _generate(self) -> Generation:
        """Ask the model, with secrets replaced in what it reads and put back in what it writes."""
        window = around(self.document, self.offset, self.config.context_chars)
        prefix, suffix = conceal(window.prefix, window.suffix)
        lines = self._most_lines(window)
        request = _request(Infill(prefix.text, suffix.text), lines, self.config)
        generation = await generate(self.pipeline.router, request, lines)
        if prefix.count:
            restored = [attrs.evolve(line, text=prefix.restore(line.text)) for line in generation.lines]
            return attrs.evolve(generation, lines=restored)
        return generation

    def _most_lines(self, window: Infill) -> int:
        """How many lines are asked for: several only where the cursor's line is still empty."""
        before = window.prefix.rpartition("\n")[2]
        after = window.suffix.partition("\n")[0]
        return MULTILINE_LINES if self.config.multiline and not before.strip() and not after.strip() else 1

    def _or_copy(self, alone: Judgement, reason: Reason, detail: str) -> Answer:
        """Without a model the copied line has to do, if it is sure enough; what is wrong is said all the same."""
        answer = self._shown_or_not(alone, [], _by_copy())
        return attrs.evolve(answer, detail=detail) if answer.suggestions else nothing(reason, detail)

    def _shown_or_not(self, judged: Judgement, lines: list[Line], answer: Answer) -> Answer:
        raw = judged.text if judged.from_copy else "\n".join([judged.text, *further(lines)])
        text = trim(raw, self.prefix, self.suffix)
        if not text.strip():
            return attrs.evolve(answer, reason=self._why_empty(raw))
        threshold = self._threshold()
        if not sure_enough(judged.probability, threshold):
            detail = f"The best suggestion is {judged.probability:.0%} likely; {threshold:.0%} are needed."
            return attrs.evolve(answer, reason=Reason.LOW_CONFIDENCE, detail=detail)
        return attrs.evolve(answer, suggestions=(self._suggestion(text, judged, answer),))

    def _threshold(self) -> float:
        """Who asks by hand sees whatever there is."""
        if self.query.invoked:
            return 0.0
        if self.config.min_confidence >= 0:
            return self.config.min_confidence
        return self.pipeline.judge.threshold(self.document.language)

    def _why_empty(self, raw: str) -> Reason:
        if not raw.strip():
            return Reason.EMPTY_REPLY
        return Reason.REPETITION if without_suffix(raw, self.suffix).strip() else Reason.DUPLICATE_OF_SUFFIX

    def _suggestion(self, text: str, judged: Judgement, answer: Answer) -> Suggestion:
        assert answer.tier is not None
        assert answer.model is not None
        return Suggestion(
            uuid.uuid4().hex, text, Span(self.offset, self.offset), answer.tier, answer.model, judged.probability
        )


def _request(written: Infill, lines: int, config: CompletionConfig) -> Request:
    return Request(
        prompt=written,
        max_tokens=config.max_tokens * (2 if lines > 1 else 1),
        stop=("\n",) if lines == 1 else ("\n\n",),
        time_budget_ms=config.time_budget_ms,
    )


def _by_copy() -> Answer:
    return Answer(tier=Tier.STATIC, model=COPY)


def _by_network(generation: Generation, judged: Judgement) -> Answer:
    return Answer(
        tier=Tier.STATIC if judged.from_copy else generation.candidate.tier,
        model=COPY if judged.from_copy else generation.candidate.name,
        model_ms=generation.elapsed_ms,
        tokens=generation.tokens,
    )
