"""What is shown of what was copied or generated: the likelier source, if it is sure enough, and trimmed."""

from __future__ import annotations

import math
import uuid

import attrs

from hybrid_lsp.completion.confidence import Judge, Judgement, further, sure_enough
from hybrid_lsp.completion.cursor import Cursor
from hybrid_lsp.completion.generate import Generation
from hybrid_lsp.completion.lines import Line
from hybrid_lsp.completion.query import Answer, nothing
from hybrid_lsp.completion.trim import trim, without_suffix
from hybrid_lsp.document import Span
from hybrid_lsp.models.confidence import Suggestion as Copied
from hybrid_lsp.types import Reason, Suggestion, Tier

COPY = "copy"
"""The name of the copy model in logs, metrics and the status."""


@attrs.frozen
class Presenter:
    """Makes answers for one cursor. `threshold` is the probability below which nothing is shown."""

    cursor: Cursor
    judge: Judge
    threshold: float

    def copied(self, alone: Judgement) -> Answer:
        """The copied line."""
        return self._shown_or_not(alone, [], Answer(tier=Tier.STATIC, model=COPY))

    def without_model(self, alone: Judgement, reason: Reason, detail: str) -> Answer:
        """The copied line has to do, if it is sure enough; what is wrong with the model is said all the same."""
        answer = self.copied(alone)
        return attrs.evolve(answer, detail=detail) if answer.suggestions else nothing(reason, detail)

    def generated(self, generation: Generation, copy: Copied) -> Answer:
        """The likelier of the model's text and the copied line."""
        best = self.judge.best(copy, generation.lines[0], self.cursor.prefix)
        return self._shown_or_not(best, generation.lines, _written_by(generation, best))

    def deep(self, generation: Generation) -> Answer:
        """A large model's text, which was asked for by hand: shown as it is."""
        text = "\n".join(line.text for line in generation.lines)
        return self._shown_or_not(Judgement(text, math.nan, from_copy=False), [], _written_by(generation))

    def _shown_or_not(self, judged: Judgement, lines: list[Line], answer: Answer) -> Answer:
        raw = judged.text if judged.from_copy else "\n".join([judged.text, *further(lines)])
        text = trim(raw, self.cursor.prefix, self.cursor.suffix)
        if not text.strip():
            return attrs.evolve(answer, reason=self._why_empty(raw))
        if not sure_enough(judged.probability, self.threshold):
            detail = f"The best suggestion is {judged.probability:.0%} likely; {self.threshold:.0%} are needed."
            return attrs.evolve(answer, reason=Reason.LOW_CONFIDENCE, detail=detail)
        return attrs.evolve(answer, suggestions=(self._suggestion(text, judged, answer),))

    def _why_empty(self, raw: str) -> Reason:
        if not raw.strip():
            return Reason.EMPTY_REPLY
        return Reason.REPETITION if without_suffix(raw, self.cursor.suffix).strip() else Reason.DUPLICATE_OF_SUFFIX

    def _suggestion(self, text: str, judged: Judgement, answer: Answer) -> Suggestion:
        assert answer.tier is not None
        assert answer.model is not None
        here = Span(self.cursor.offset, self.cursor.offset)
        return Suggestion(uuid.uuid4().hex, text, here, answer.tier, answer.model, judged.probability)


def extended(shown: Answer, final: Answer) -> Answer:
    """What a longer answer makes of one that is on the screen: it may grow, and never becomes another (no flicker)."""
    if not shown.suggestions or not final.suggestions:
        return shown if shown.suggestions else final
    old, new = shown.suggestions[0], final.suggestions[0]
    if not new.text.startswith(old.text):
        return shown
    return attrs.evolve(final, suggestions=(attrs.evolve(new, id=old.id),))


def _written_by(generation: Generation, judged: Judgement | None = None) -> Answer:
    by_copy = judged is not None and judged.from_copy
    return Answer(
        tier=Tier.STATIC if by_copy else generation.candidate.tier,
        model=COPY if by_copy else generation.candidate.name,
        model_ms=generation.elapsed_ms,
        tokens=generation.tokens,
    )
