"""One suggestion in the making: what the models are given, in which order they are asked, and what is made of it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from functools import cached_property, partial
from typing import Protocol

import attrs

from hybrid_lsp.completion import cascade
from hybrid_lsp.completion.cascade import First, Lighter
from hybrid_lsp.completion.closing import closing
from hybrid_lsp.completion.confidence import SURE, Copies, Judge, Judgement
from hybrid_lsp.completion.cursor import Cursor
from hybrid_lsp.completion.debounce import Pace
from hybrid_lsp.completion.deep import PATIENCE, deep_request
from hybrid_lsp.completion.experience import shifted
from hybrid_lsp.completion.flights import Flight
from hybrid_lsp.completion.generate import Generation, OnText, generate
from hybrid_lsp.completion.habits import Habits, Watch
from hybrid_lsp.completion.length import Shape, ended
from hybrid_lsp.completion.place import Place
from hybrid_lsp.completion.query import Answer
from hybrid_lsp.completion.reuse import Reuse
from hybrid_lsp.completion.suggest import Presenter, extended, with_work
from hybrid_lsp.completion.surroundings import Surroundings
from hybrid_lsp.completion.trim import Site
from hybrid_lsp.config import CompletionConfig
from hybrid_lsp.context.secrets.redaction import conceal
from hybrid_lsp.errors import BackendTimeout, BackendUnavailable, HybridLspError
from hybrid_lsp.models.confidence import Spot
from hybrid_lsp.routing.candidates import Candidate, Task
from hybrid_lsp.routing.features import Features
from hybrid_lsp.routing.policy import COMPLETION
from hybrid_lsp.routing.router import Router
from hybrid_lsp.types import Finish, Infill, Reason, Request, Tier

MULTILINE_LINES = 4
"""Most lines that are offered at once on an empty line."""
SHOWN_WITHIN_S = 0.3
"""A block that is not complete by then is shown as far as it is; it grows while the user types into it."""
LIKELY = 0.25
"""Probability from which a line that is known already is worth drafting: confirming it costs what a token or two do."""


class Means(Protocol):
    """What suggestions are made with."""

    router: Router
    judge: Judge
    lighter: Lighter | None
    habits: Habits
    surroundings: Surroundings
    reuse: Reuse
    reads_files: bool
    ignored: Callable[[str], int]
    shift: Callable[[str], float]

    def pause_before_s(self, pace: Pace, config: CompletionConfig) -> float:
        """What is left to wait before a model of that pace may be asked."""
        ...


@attrs.frozen
class _Read:
    """What a model is given, what puts the secrets back into its reply, and the characters of it that were cut anew."""

    window: Infill
    restore: Callable[[str], str]
    anew: int


@attrs.define(slots=False)
class Work:
    """One suggestion in the making, from the context to the answer."""

    means: Means
    cursor: Cursor
    config: CompletionConfig
    background: bool = False
    id: str = attrs.field(factory=lambda: uuid.uuid4().hex)
    _first: First | None = None
    """What the lighter model has said, once it was asked."""

    @cached_property
    def copies(self) -> Copies:
        index = self.means.surroundings.index
        return self._judge.copies(index, self.cursor.document, self.cursor.offset)

    @cached_property
    def site(self) -> Site:
        multiline = self.config.multiline
        return self.means.surroundings.site(self.cursor, multiline=multiline, max_lines=MULTILINE_LINES)

    def sure_copy(self) -> Answer | None:
        """What the grammar closes, or the copied line where it is so sure that no model is needed."""
        if text := closing(self.cursor.document.language, self.cursor.prefix, self.cursor.suffix):
            answer = self._presenter().closing(text)
            self._keep(answer)
            return answer
        if self.cursor.invoked or self._judge.needs_network(len(self.cursor.prefix)):
            return None
        alone = self._judge.copy_alone(self.copies)
        if alone.probability < SURE or self._corrected(self._judge, alone) < SURE:
            return None
        answer = self._presenter().copied(alone)
        self._keep(answer)
        return answer

    def without_model(self, reason: Reason, detail: str) -> Answer:
        return self._presenter().without_model(self._judge.copy_alone(self.copies), reason, detail)

    async def run(self, flight: Flight) -> Answer:
        """Ask the models; the answer is remembered, also for those who ask later."""
        loading = self.means.router.loading(Task.COMPLETION)
        self._first = first = await self._lighter() if loading or not self.cursor.invoked else None
        if first is not None and loading and (first.answer.suggestions or not self.cursor.invoked):
            return first.meanwhile  # not remembered: who asks next may get more
        decided = self._decided(first) if first is not None else None
        for_a_key = not (self.cursor.invoked or self.background)
        if for_a_key and first is not None:
            self.means.habits.pace.needed(decided is None)
        if decided is not None:
            self._keep(decided)
            return decided
        if for_a_key and self.means.lighter is not None:
            await flight.rest(self.means.pause_before_s(self.means.habits.pace, self.config))
        try:
            generation = await self._generate(flight, first)
        except HybridLspError as error:
            return await self.instead(error)
        answer = self._presenter().generated(generation, self.copies)
        if (shown := flight.shown) is not None:
            answer = extended(shown, answer)
        answer = with_work(answer, first.answer if first else None)
        if not (self.background and generation.finish is Finish.TIME):  # it made way for other work
            self._keep(answer)
        return answer

    def _decided(self, first: First) -> Answer | None:
        """The answer that needs no other model; who wants to see everything is not spared anything."""
        if self.cursor.invoked:
            return None
        if first.decides:
            return first.answer
        return first.given_up if first.hopeless and self.config.min_confidence < 0 else None

    async def instead(self, error: HybridLspError) -> Answer:
        """The lighter model's answer has to do, or a copied line; what is wrong is said all the same."""
        first = self._first or await self._lighter()
        if first is not None and first.answer.suggestions:
            return attrs.evolve(first.answer, detail=str(error))
        return self.without_model(_reason_of(error), str(error))

    async def _lighter(self) -> First | None:
        """What the lighter model says; None where there is none."""
        lighter = self.means.lighter
        if lighter is None or not (candidates := lighter.router.candidates(Task.COMPLETION)):
            return None
        habits = lighter.habits
        read = await self._concealed(habits, files=False)
        shape, presenter = self.site.shape or Shape(), self._presenter(self._on_the_spot(lighter.judge))
        request = _request(read.window, shape, self.config, background=self.background)
        enough = self._enough(presenter, shape)
        written = ""

        async def ask() -> Generation:
            nonlocal written
            generation = await self._ask(lighter.router, habits, candidates, request, enough, _unheard, read)
            written = generation.text
            return _restored(generation, read.restore)

        first = await cascade.first(lighter, presenter, self.copies, ask)
        return attrs.evolve(first, written=written) if first is not None else None

    async def _ask(
        self,
        router: Router,
        habits: Habits,
        candidates: list[Candidate],
        request: Request,
        enough: Callable[[Generation], bool],
        heard: OnText,
        read: _Read,
    ) -> Generation:
        """A model's reply, from which its habits are learned."""
        watch = Watch(lambda: router.loading(Task.COMPLETION), heard)
        uri, most = self.cursor.uri, self.config.context_chars
        habits.pace.started()
        try:
            generation = await generate(router, candidates, request, enough, watch.heard, run=self.id)
        except asyncio.CancelledError:
            if watch.tells and not watch.spoke:
                habits.given_up(watch.elapsed_ms, uri, most, read=read.anew)
            raise
        finally:
            watch.end()
        if watch.tells:
            habits.pace.answered(generation.elapsed_ms / 1000)
            habits.began(generation.first_ms, uri, most, read=read.anew)
        return generation

    def _enough(self, presenter: Presenter, shape: Shape) -> Callable[[Generation], bool]:
        """Whether more of a reply would not be shown."""
        return lambda so_far: ended(so_far.text, shape) or not presenter.wants_more(so_far, self.copies)

    async def escalated(self, answer: Answer) -> Answer:
        """The large model's answer, where the small one's would not have been shown unasked; else the same."""
        means = self.means
        sure = answer.suggestions and not self._doubts(answer.suggestions[0].confidence)
        if sure or not self.config.escalate or not (candidates := means.router.candidates(Task.DEEP_COMPLETION)):
            return answer
        read = await self._concealed(Habits(budget=means.habits.budget), files=False)
        shape = self.site.shape or Shape()
        usual = _request(read.window, shape, self.config, background=False)
        for candidate in candidates:
            # A model that is asked in words is told to be short.
            enough = (lambda so_far: ended(so_far.text, shape)) if candidate.fills_in else _never
            request = deep_request(read.window, usual, fills_in=candidate.fills_in)
            try:
                generation = await generate(means.router, [candidate], request, enough, _unheard, PATIENCE, self.id)
            except HybridLspError:
                continue
            deep = self._presenter().deep(_restored(generation, read.restore))
            if not deep.suggestions:
                break
            self._keep(deep)
            return deep
        return answer

    def _doubts(self, confidence: float) -> bool:
        """Whether a large model would likely do better than a suggestion that is right with that probability."""
        router, task = self.means.router, Features(COMPLETION, COMPLETION, self.cursor.document.language)
        likely = router.likely(task, Tier.SMALL, confidence)
        if likely is None:
            return confidence < self._usual_threshold(self._judge)
        return bool(router.policy.doubt(task, likely))

    async def _generate(self, flight: Flight, first: First | None) -> Generation:
        """Ask the model, with secrets replaced in what it reads and put back in what it writes."""
        router, presenter = self.means.router, self._presenter()
        if not (candidates := router.candidates(Task.COMPLETION)):
            raise BackendUnavailable(router.absence(Task.COMPLETION))
        files = self.means.reads_files and self.config.neighbours
        habits = self.means.habits
        read = await self._concealed(habits, files=files)
        shape = self.site.shape or Shape()
        request = _request(read.window, shape, self.config, background=self.background)
        draft, least = self._draft(first), presenter.least_logprob(self.copies)
        request = attrs.evolve(request, draft=draft, least_logprob=least)

        def heard(so_far: Generation) -> None:
            so_far = _restored(so_far, read.restore)
            flight.write(so_far.text)
            is_late = so_far.elapsed_ms >= SHOWN_WITHIN_S * 1000
            if is_late and so_far.lines[0].finished and not flight.answered:
                self._show(flight, so_far)

        whole = self._enough(presenter, shape)

        def enough(so_far: Generation) -> bool:
            so_far = _restored(so_far, read.restore)
            futile = presenter.hopeless(so_far, self.copies) or _goes_another_way(flight.shown, so_far.text)
            return futile or whole(so_far)

        bridge = self._bridge(flight, first)
        try:
            generation = await self._ask(router, habits, candidates, request, enough, heard, read)
        finally:
            bridge.cancel()
        return _restored(generation, read.restore)

    def _draft(self, first: First | None) -> str:
        """What the model will likely write; nothing that would have to be concealed from it."""
        alone = self._judge.copy_alone(self.copies)
        text = alone.text if alone.probability >= LIKELY else ""
        if first is not None and first.written:
            text = first.written
        return text if conceal(text)[0].text == text else ""

    def _bridge(self, flight: Flight, first: First | None) -> asyncio.TimerHandle:
        """Show the lighter model's line where the heavier one keeps the user waiting: it may only make it longer."""

        def show() -> None:
            if first is not None and first.bridges and not flight.answered:
                self._keep(first.answer)
                flight.show(first.answer)

        return asyncio.get_running_loop().call_later(SHOWN_WITHIN_S, show)

    def _show(self, flight: Flight, so_far: Generation) -> None:
        """Show the complete lines; the rest is still to come."""
        complete = [line for line in so_far.lines if line.finished]
        answer = self._presenter().generated(attrs.evolve(so_far, lines=complete), self.copies)
        if answer.suggestions:
            self._keep(answer)
            flight.show(answer)

    async def _concealed(self, habits: Habits, *, files: bool) -> _Read:
        """What a model reads, with secrets replaced. Other work goes on between the steps, of which each may take as
        long as a key may wait."""
        assert self.site
        await asyncio.sleep(0)
        most, windows = self.config.context_chars, habits.windows
        read = self.means.surroundings.context(self.cursor, windows, habits.budget.chars(most), most, files=files)
        anew = len(read.prefix) + len(read.suffix) if windows.anew else 0
        await asyncio.sleep(0)
        prefix, suffix, *others = conceal(read.prefix, read.suffix, *(file.text for file in read.extra), cut=True)
        extra = tuple(attrs.evolve(file, text=sealed.text) for file, sealed in zip(read.extra, others, strict=True))
        return _Read(Infill(prefix.text, suffix.text, extra, read.filename), prefix.restore, anew)

    def _keep(self, answer: Answer) -> None:
        by_hand = self.cursor.uri if self.cursor.invoked else None
        self.means.reuse.keep(self.cursor.prefix, self.cursor.suffix, answer, by_hand=by_hand)

    @cached_property
    def _judge(self) -> Judge:
        return self._on_the_spot(self.means.judge)

    def _on_the_spot(self, judge: Judge) -> Judge:
        return judge.of(self.cursor.document.language, self._spot)

    def _spot(self) -> Spot:
        return Spot(self.cursor.prefix, self.site.place is Place.STRING, self.site.place is Place.COMMENT)

    def _presenter(self, judge: Judge | None = None) -> Presenter:
        """Who asks by hand sees whatever there is."""
        judge = judge or self._judge
        threshold = 0.0 if self.cursor.invoked else self._usual_threshold(judge)
        return Presenter(self.cursor, self.site, judge, threshold, partial(self._corrected, judge))

    def _corrected(self, judge: Judge, judged: Judgement) -> float:
        """How likely a suggestion is right, in this file and for this user."""
        sure = judged.probability if self.site.in_prose else judge.in_file(judged, len(self.cursor.prefix))
        by = self.means.shift(self.cursor.document.language) if judged.text else 0.0
        return shifted(sure, by)

    def _usual_threshold(self, judge: Judge) -> float:
        if self.config.min_confidence >= 0:
            return self.config.min_confidence
        document = self.cursor.document
        ignored = self.means.ignored(document.uri)
        return judge.threshold(document.language, len(self.cursor.prefix), ignored, prose=self.site.in_prose)


def _reason_of(error: HybridLspError) -> Reason:
    if isinstance(error, BackendTimeout):
        return Reason.TIMEOUT
    return Reason.NO_BACKEND if isinstance(error, BackendUnavailable) else Reason.BACKEND_FAILED


def _goes_another_way(shown: Answer | None, text: str) -> bool:
    """Whether a text can no longer become a longer form of what is on the screen."""
    if shown is None or not shown.suggestions:
        return False
    there = shown.suggestions[0].text
    return not (text.startswith(there) or there.startswith(text))


def _request(written: Infill, shape: Shape, config: CompletionConfig, *, background: bool) -> Request:
    return Request(
        prompt=written,
        max_tokens=config.max_tokens * (1 if shape.single else 2),
        stop=("\n",) if shape.single else ("\n\n",),
        time_budget_ms=config.time_budget_ms,
        background=background,
    )


def _restored(generation: Generation, restore: Callable[[str], str]) -> Generation:
    return attrs.evolve(generation, lines=[attrs.evolve(line, text=restore(line.text)) for line in generation.lines])


def _never(generation: Generation) -> bool:
    """A large model is told to be short, and its time is limited."""
    return False


def _unheard(generation: Generation) -> None:
    """Nobody waits for a part of a large model's answer."""
