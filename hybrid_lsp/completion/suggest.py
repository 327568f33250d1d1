"""What is shown of what was copied or generated: the likelier source, if it is sure enough, and trimmed."""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Callable

import attrs

from hybrid_lsp.completion.confidence import Copies, Judge, Judgement, sure_enough
from hybrid_lsp.completion.cursor import Cursor
from hybrid_lsp.completion.generate import Generation
from hybrid_lsp.completion.lines import Line
from hybrid_lsp.completion.paired import CLOSERS
from hybrid_lsp.completion.query import WORDS, Answer, nothing
from hybrid_lsp.completion.trim import Site, trimmed
from hybrid_lsp.document import Span
from hybrid_lsp.types import Finish, Reason, Suggestion, Tier

COPY = "copy"
"""The name of the copy model in logs, metrics and the status."""
GRAMMAR = "grammar"
"""The name of what the grammar alone decides."""
CERTAIN = 0.95
"""How likely that is right: what is open may stand in a text."""
_ONLY_OPENS = re.compile(r"\s*[rRuU]?(?:\"{3}|'{3})")
"""A line that says nothing yet: nearly all docstrings go on where they begin."""
LEAST, _HALVINGS, _SLACK = -16.0, 6, 0.5
"""A sum of log-probabilities, in nats, with which no line is likely; how often the half is looked at; and what is given
beyond that, since some numbers take an unlikely end for a good sign."""
_NEARLY = 0.6
"""Of the probability that is needed: a copied line this likely may be shown once the model has agreed."""
_ONE_KEY = "Only a closing sign is left: a key writes it as well as accepting it."
"""Where more follows it is wrong, where nothing follows it saves nothing, and other editors have written it."""


@attrs.frozen
class Presenter:
    """Makes answers for one cursor, whose `site` says what fits there.

    `threshold` is the probability, `corrected` for the user, below which nothing is shown.
    """

    cursor: Cursor
    site: Site
    judge: Judge
    threshold: float
    corrected: Callable[[Judgement], float] = lambda judged: judged.probability

    def copied(self, alone: Judgement) -> Answer:
        """The copied line."""
        return self._shown_or_not(alone, alone.text, Answer(tier=Tier.STATIC, model=COPY))

    def closing(self, text: str) -> Answer:
        """The rest of a closing tag, which the grammar alone decides."""
        certain = attrs.evolve(self, corrected=lambda judged: judged.probability)
        judged = Judgement(text, CERTAIN, from_copy=True)
        return certain._shown_or_not(judged, text, Answer(tier=Tier.STATIC, model=GRAMMAR))

    def without_model(self, alone: Judgement, reason: Reason, detail: str) -> Answer:
        """The copied line has to do, if it is sure enough; what is wrong with the model is said all the same."""
        answer = self.copied(alone)
        return attrs.evolve(answer, detail=detail) if answer.suggestions else nothing(reason, detail)

    def generated(self, generation: Generation, copies: Copies) -> Answer:
        """The likelier of the model's text and the copied line."""
        best, below = self._judged(generation.lines, copies)
        answer = self._answer(generation, best, below)
        if answer.suggestions or not self.cursor.invoked:
            return answer
        for other in self.judge.ranked(copies, generation.lines[0], self.cursor.prefix):
            if other.text != best.text and (found := self._answer(generation, other, [])).suggestions:
                return found
        return answer

    def _answer(self, generation: Generation, best: Judgement, below: list[Line]) -> Answer:
        text = "\n".join([best.text, *(line.text for line in below if line.finished)])
        finish = None if best.from_copy else generation.finish
        return self._shown_or_not(best, text, _written_by(generation, best), finish)

    def wants_more(self, generation: Generation, copies: Copies) -> bool:
        """Whether a longer reply could still make a longer suggestion."""
        lines = generation.lines
        first = 0 if lines[0].text.strip() else 1
        if len(lines) <= first or not lines[first].finished:
            return True
        best, below = self._judged(lines, copies)
        judged = 1 + best.text.count("\n")
        return not best.from_copy and len(below) == len(lines) - judged

    def hopeless(self, generation: Generation, copies: Copies) -> bool:
        """Whether a first line of which a part has come will not be shown, however sure the model is of the rest."""
        line = generation.lines[0]
        if line.finished or not line.text.strip():
            return False
        if any(map(self._is_sure, self.judge.within_reach(copies, line))):
            return False
        best = self._best(copies, line)
        return not (best.from_copy and self._is_sure(best))

    def least_logprob(self, copies: Copies) -> float:
        """The sum of its tokens' log-probabilities, in nats, below which no first line would be shown; negative
        infinity where any may be, and where a copied line may: what the model says of it is then heard to the end."""
        copied = self.corrected(self.judge.copy_alone(copies))
        if copied >= self.threshold * _NEARLY or any(map(self._is_sure, self.judge.possible(copies, LEAST))):
            return -math.inf
        low, high = LEAST, 0.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            sure = any(map(self._is_sure, self.judge.possible(copies, middle)))
            low, high = (low, middle) if sure else (middle, high)
        return low - _SLACK

    def _is_sure(self, judged: Judgement) -> bool:
        return sure_enough(self.corrected(judged), self.threshold)

    def _judged(self, lines: list[Line], copies: Copies) -> tuple[Judgement, list[Line]]:
        """The likelier beginning, and the lines below it that are likely enough to be shown with it."""
        best = self._block_below(lines) or self._best(copies, lines[0])
        if best.from_copy:
            return best, []
        below = lines[1 + best.text.count("\n") :]
        return best, self.judge.further(below, self.corrected(best), freely=self.threshold == 0)

    def _best(self, copies: Copies, line: Line) -> Judgement:
        """By hand a copy comes first only where it would be shown unasked too: most of the others are wrong."""
        if not self.cursor.invoked:
            return self.judge.best(copies, line, self.cursor.prefix)
        return self.judge.ranked(copies, line, self.cursor.prefix)[0]

    def deep(self, generation: Generation) -> Answer:
        """A large model's text, which was asked for by hand: shown as it is."""
        judged = Judgement(generation.text, math.nan, from_copy=False)
        return self._shown_or_not(judged, judged.text, _written_by(generation), generation.finish)

    def _block_below(self, lines: list[Line]) -> Judgement | None:
        """Where a model ends the cursor's line as it is and goes on below it: that, judged by the line below."""
        shape = self.site.shape
        if shape is None or shape.single or len(lines) < 2 or lines[0].text.strip() or not lines[1].text.strip():
            return None
        indent = lines[1].text[: len(lines[1].text) - len(lines[1].text.lstrip())]
        below = Line(lines[1].text.lstrip(), lines[1].log_probs, lines[1].finished)
        judged = self.judge.best(Copies(), below, f"{self.cursor.prefix}\n{indent}")
        ends = Line("", lines[0].log_probs).mean
        return Judgement(f"\n{lines[1].text}", judged.probability * ends, from_copy=False)

    def _shown_or_not(self, judged: Judgement, raw: str, answer: Answer, finish: Finish | None = None) -> Answer:
        judged = attrs.evolve(judged, probability=self.corrected(judged))
        sure = sure_enough(judged.probability, self.threshold)
        # What is not sure enough need not be parsed: it is not shown.
        site = attrs.evolve(self.site, finish=finish, parsed=self.site.parsed if sure else None)
        text, reason = attrs.astuple(trimmed(raw, site))
        if reason is Reason.SYNTAX_ERROR and self.cursor.invoked and site.broken_elsewhere:
            # The check cannot tell what the errors come from, and who asks by hand knows what is broken there.
            text, reason = attrs.astuple(trimmed(raw, attrs.evolve(site, parsed=None)))
        if reason is not None:
            return attrs.evolve(answer, reason=reason, detail=WORDS[reason])
        if _ONLY_OPENS.fullmatch(site.before + text) and not self.cursor.invoked:
            return attrs.evolve(answer, reason=Reason.LOW_CONFIDENCE, detail="It would only open a docstring.")
        if text.strip(" \t") in CLOSERS and not (self.cursor.invoked or self.cursor.closed.closers):
            return attrs.evolve(answer, reason=Reason.EMPTY_REPLY, detail=_ONE_KEY)
        if not sure:
            detail = f"The best suggestion is {judged.probability:.0%} likely; {self.threshold:.0%} are needed."
            return attrs.evolve(answer, reason=Reason.LOW_CONFIDENCE, detail=detail)
        return attrs.evolve(answer, suggestions=(self._suggestion(text, judged, answer),))

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


def with_work(answer: Answer, earlier: Answer | None) -> Answer:
    """The answer, with what another model worked for the same place before it."""
    if earlier is None:
        return answer
    return attrs.evolve(answer, model_ms=answer.model_ms + earlier.model_ms, tokens=answer.tokens + earlier.tokens)


def _written_by(generation: Generation, judged: Judgement | None = None) -> Answer:
    by_copy = judged is not None and judged.from_copy
    return Answer(
        tier=Tier.STATIC if by_copy else generation.candidate.tier,
        model=COPY if by_copy else generation.candidate.name,
        model_ms=generation.elapsed_ms,
        tokens=generation.tokens,
    )
