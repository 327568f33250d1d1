"""One run of one action: route → generate → read → verify, again with the reason, elsewhere, and at last without.

A reply that is refused is asked for once more with the reason, then from the next model if there is one; after one
that was cut off, less is asked for and more is allowed. One that is the code as it was, where that cannot be the
answer, is asked for once more by another prompt. Static analysis answers where no model does; it keeps the last
refused reply for the user to see.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import aclosing

import attrs

from hybrid_lsp.actions import reply
from hybrid_lsp.actions.base import (
    Action,
    ActionContext,
    By,
    EditOutcome,
    Grounding,
    NothingOutcome,
    Outcome,
    Output,
    Trail,
)
from hybrid_lsp.actions.edits import Unchanged
from hybrid_lsp.actions.pace import Pace, Rates
from hybrid_lsp.actions.reply import CutOff
from hybrid_lsp.actions.telling import OnProgress, Progress, Telling
from hybrid_lsp.context.secrets.redaction import Redaction, conceal
from hybrid_lsp.document import Document
from hybrid_lsp.errors import AnalysisError, BackendError, ReplyRejected
from hybrid_lsp.routing.candidates import Candidate, Task, Waiting, instead
from hybrid_lsp.routing.features import Features, of_task
from hybrid_lsp.routing.router import Route, Router
from hybrid_lsp.types import Chat, Finish, Kind, Message, Request, Tier

MAX_REPLY_CHARS = 100_000
"""A model that has written so much is stopped."""
_OBJECTED_CHARS = 4000
"""So much of a refused reply is shown to the model again."""
_CUT_CHARS = 200
"""And of one that was too long."""
_MORE_TOKENS = 2
"""So many times as long may a reply be after one that was cut off."""
_CUT = (Finish.LENGTH, Finish.TIME)
_REPEATED_TEXT, _REPEATED_CODE = 300, 3000
"""Characters of the same again and again after which a model is stopped; code may well repeat itself."""
_TO_SENTENCE = 40
"""Tokens that a text gets beyond its limit to end a line."""

HOW_TO_GO_DEEPER = (
    "For a deeper answer set `large.backend`: `engine` with a model folder in `large.model`, or `openai` with "
    "the server's address in `large.base_url`."
)


@attrs.frozen
class _Reply:
    """`note` says why it was ended here, where it was; `confidence` is the mean probability of its tokens (the
    geometric one), NaN where the server does not say."""

    text: str
    finish: Finish | None
    note: str = ""
    confidence: float = math.nan


class Unsure(ReplyRejected):
    """The reply passes, and the model was so unsure of it that a heavier one is asked."""


_AS_IT_WAS = "The code came back as it was, and is asked for once more. "
_REFUSED = "The reply was refused, and is asked for once more. "
_NOT_WAITED = "The model was not waited for any longer."


@attrs.define
class Run:
    """One run of one action; where `enough` is set, it ends at once with what there is without a model.

    `sketch` is what is known of the task without work, `rates` what was measured of models so far, by their names;
    `others` are the other open files. `account` is the run's name where costs are recorded.
    """

    router: Router
    action: Action
    context: ActionContext
    on_progress: OnProgress
    sketch: Features
    enough: asyncio.Event = attrs.field(factory=asyncio.Event)
    rates: defaultdict[str, Rates] = attrs.field(factory=lambda: defaultdict(Rates))
    others: Callable[[], Iterable[Document]] = tuple
    account: str | None = None
    route: Route = attrs.field(init=False)
    candidate: Candidate | None = None
    asking: bool = False
    """Whether a model was asked already in this attempt: another one then takes its place."""
    escalations: int = 0
    fallbacks: int = 0
    refused: int = 0
    assured: float | None = None
    """How likely the first model's answer, where it passed, is as good as the heaviest one's, by how sure it was."""
    twice: bool = False
    insisted: bool = False
    """Whether the model was asked once more because it had given the code back as it was."""
    note: str = ""
    """Why the next question is asked, for the user."""
    tokens: int = 0
    notes: list[str] = attrs.field(factory=list)
    redaction: Redaction = attrs.field(factory=lambda: Redaction("", {}))
    max_tokens: int = attrs.field(init=False)
    telling: Telling = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.max_tokens = self.context.config.actions.max_tokens
        self.telling = Telling(self.action, self.context, self.on_progress, self.router.patience.notice_s)
        self.route = self.router.route(self.sketch, self._seconds)

    async def outcome(self) -> Outcome:
        """The first model's answer that passes, or the static one."""
        return self.traced(await self._outcome())

    def traced(self, outcome: Outcome) -> Outcome:
        """An outcome that tells how it was come to."""
        first = self.route.candidates[0]
        trail = Trail(
            first.tier,
            first.reason,
            self.route.features,
            self.route.sufficient,
            self.escalations,
            self.fallbacks,
            self.refused,
            self.tokens,
            self.assured,
        )
        return attrs.evolve(outcome, by=attrs.evolve(outcome.by, trail=trail))

    async def _outcome(self) -> Outcome:
        if self.enough.is_set():
            return await self.without_model(_NOT_WAITED)
        answer, enough = asyncio.ensure_future(self._by_model()), asyncio.ensure_future(self.enough.wait())
        try:
            await asyncio.wait({answer, enough}, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
        finally:
            answer.cancel()
            enough.cancel()
            await asyncio.wait({answer, enough})
        return await self.without_model(_NOT_WAITED)

    async def _by_model(self) -> Outcome:
        """The answer of the first candidate that gives one that passes; a lighter one that does not is followed by a
        heavier one, the heaviest gets a second try with the reason, and lighter ones come last."""
        if not self.route.asks_a_model:
            return await self.without_model(self._why_static())
        grounding = await self._ground()
        self.route = await asyncio.to_thread(self._routed, grounding)
        candidates = list(self.route.candidates)
        if self.route.knows_static:
            first = candidates.pop(0)
            if (known := await self._known(first)) is not None:
                return known
        messages = await asyncio.to_thread(lambda: self._concealed(self.action.messages(self.context, grounding)))
        while True:
            try:
                return await self._tried(candidates, messages, grounding)
            except ReplyRejected as error:
                raw = "" if isinstance(error, Unchanged) else self.redaction.again(error.raw)
                why = self._why_not(error)
            candidates = self._after(self._asked)
            if candidates[0].backend is None:
                return await self.without_model(why, raw)
            candidates[0] = instead(candidates[0], why.rstrip("."))
            if candidates[0].rises:
                self.escalations += 1
            else:
                self.fallbacks += 1

    async def _tried(self, candidates: list[Candidate], messages: tuple[Message, ...], grounding: Grounding) -> Outcome:
        """The answer of the first that gives one. Raises ReplyRejected: it does not pass, also not the second time.

        Where a heavier model can be asked, a second time is not worth it.
        """
        try:
            return await self._attempt(candidates, messages, grounding)
        except ReplyRejected as error:
            heavier = self._heavier is not None
            again = () if heavier else await asyncio.to_thread(self._again, error, messages, grounding)
            self.insisted = bool(again) and isinstance(error, Unchanged)
            self.refused += self._counts(error)
            if not again:
                raise
            self.note = _AS_IT_WAS if self.insisted else _REFUSED
            return await self._second(again, grounding)

    def _again(self, error: ReplyRejected, messages: tuple[Message, ...], grounding: Grounding) -> tuple[Message, ...]:
        """How the same model is asked for the second time; empty where it is not."""
        if isinstance(error, Unchanged):
            insistence = self.action.insistence(self.context, grounding)
            return self._concealed(insistence) if insistence else ()
        if isinstance(error, CutOff):
            self.max_tokens *= _MORE_TOKENS
        return (*messages, *self._objection(error))

    async def _second(self, messages: tuple[Message, ...], grounding: Grounding) -> Outcome:
        """The answer to a second question. Raises ReplyRejected."""
        try:
            return await self._attempt([self._asked, *self._after(self._asked)], messages, grounding)
        except ReplyRejected as error:
            self.refused += self._counts(error)
            self.twice = True
            raise

    def _counts(self, error: ReplyRejected) -> bool:
        """Whether a reply did not pass; the code as it was is one where the model was to change it after all."""
        return self.insisted or not isinstance(error, Unchanged)

    def _why_not(self, error: ReplyRejected) -> str:
        who = f"The {self._asked.tier} model"
        if isinstance(error, Unchanged) and self.insisted:
            return f"{who} gave the code back as it was, twice. Say it in other words, or have a larger model do it."
        if isinstance(error, Unchanged):
            return f"{who} sees nothing to change here."
        if isinstance(error, Unsure):
            return f"{who} is not sure ({error.message})"
        return f"{who}'s reply was refused{' twice, the last time' if self.twice else ''} because: {error.message}"

    async def _known(self, candidate: Candidate) -> Outcome | None:
        """What static analysis knows, where it has an answer of the kind that was asked for."""
        self.candidate = candidate
        try:
            found = await self.action.static(self.context, By(Tier.STATIC, candidate.reason, tuple(self.notes)))
        except AnalysisError as error:
            self.notes.append(str(error))
            return None
        return None if isinstance(found, NothingOutcome) else found

    def _routed(self, grounding: Grounding) -> Route:
        """Who does it: by all that is known of the task. Not for the event loop."""
        context = self.context
        found = of_task(
            self.sketch, context.document, context.span, context.instruction, grounding.findings, self.others()
        )
        return self.router.route(found, self._seconds)

    def _seconds(self, name: str) -> float | None:
        """How long a model of a name is expected to take here."""
        rates = self.rates.get(name)
        return rates.seconds(len(self.context.code), self.action.expected_chars(self.context)) if rates else None

    @property
    def _heavier(self) -> Candidate | None:
        """Who is asked where the answer of the one that was asked does not do."""
        following = self._after(self._asked)[0]
        return following if following.rises else None

    async def without_model(self, why: str, raw: str = "") -> Outcome:
        """The static answer, labelled with the reason for it."""
        by = By(Tier.STATIC, f"Static analysis. {why}", tuple(self.notes), raw)
        if self.context.document.language not in self.action.languages:
            return NothingOutcome(by, f"There is no static way of doing this for `{self.context.document.language}`.")
        self.on_progress(Progress(Tier.STATIC, "static", f"Static analysis. {why}"))
        try:
            return await self.action.static(self.context, by)
        except AnalysisError as error:
            return NothingOutcome(by, str(error))

    @property
    def _asked(self) -> Candidate:
        """Who was asked last."""
        assert self.candidate is not None
        return self.candidate

    def _after(self, candidate: Candidate) -> list[Candidate]:
        """Who may answer now, of those that come after one; static analysis is always the last."""
        listed = self.route.candidates
        at = next(number for number, each in enumerate(listed) if each.tier == candidate.tier and each.backend)
        now = {each.tier for each in self.router.route(self.route.features, self._seconds).candidates if each.backend}
        return [each for each in listed[at + 1 :] if each.tier in now or each.backend is None]

    def _why_static(self) -> str:
        why = self.router.absence(Task.ACTION)
        return why if self.router.chain else f"{why} {HOW_TO_GO_DEEPER}"

    async def _ground(self) -> Grounding:
        try:
            return await self.action.ground(self.context)
        except AnalysisError as error:
            self.notes.append(str(error))
            return Grounding()

    async def _attempt(
        self, candidates: list[Candidate], messages: tuple[Message, ...], grounding: Grounding
    ) -> Outcome:
        try:
            answer = await self._ask(candidates, messages)
        except BackendError as error:
            return await self.without_model(f"The model failed ({error}).")
        if answer is None:
            return await self.without_model(self._asked.reason)
        return await asyncio.to_thread(self._parsed, answer, grounding)

    def _parsed(self, answer: _Reply, grounding: Grounding) -> Outcome:
        by = By(self._asked.tier, self._asked.reason, tuple(self.notes))
        if count := self.redaction.count:
            secrets = "1 secret" if count == 1 else f"{count} secrets"
            by = by.noting(f"Placeholders took the place of {secrets} before the model saw the code.")
        if answer.finish in _CUT:
            limit = f"The reply was cut off at {self.max_tokens} tokens (`actions.max_tokens`)."
            if self.action.output is not Output.TEXT:
                raise CutOff(limit, raw=answer.text)
            by = by.noting(limit)
        if answer.note:
            by = by.noting(answer.note)
        text = reply.whole_sentences(answer.text) if answer.finish in _CUT or answer.note else answer.text
        try:
            outcome = self.action.parse(self.context, grounding, text, by)
        except Unchanged:
            raise
        except ReplyRejected as error:
            raise ReplyRejected(error.message, raw=answer.text) from error
        if isinstance(outcome, EditOutcome) and (doubt := self._doubt(answer)):
            raise Unsure(doubt, raw=answer.text)
        return outcome

    def _doubt(self, answer: _Reply) -> str:
        """Why an answer that passes is not taken, where a heavier model can be asked; else nothing."""
        if self._heavier is None:
            return ""
        features = self.route.features
        likely = self.router.likely(features, self._asked.tier, answer.confidence)
        if not self.escalations and not self.fallbacks:
            self.assured = likely
        return self.router.policy.doubt(features, likely)

    async def _ask(self, candidates: list[Candidate], messages: tuple[Message, ...]) -> _Reply | None:
        """One reply; None where the static tier is next. Raises BackendError; ReplyRejected for an endless reply."""
        request = Request(
            Chat(messages),
            max_tokens=self.max_tokens,
            json_schema=self.action.schema,
            logprobs=any(each.rises for each in candidates[1:]),
        )
        chars = sum(len(each.content) for each in messages)
        self.asking = False
        text, tokens, finish, note, logprob = "", 0, None, "", 0.0
        async with aclosing(self.router.stream(candidates, request, run=self.account)) as events:
            async for event in events:
                if isinstance(event, Candidate):
                    # What another one had written before it broke off is void.
                    self.fallbacks += self.asking
                    self.asking = True
                    self.candidate = event
                    text, tokens, finish, logprob = "", 0, None, 0.0
                    if event.backend is None:
                        return None
                    expected = self.action.expected_chars(self.context)
                    self.telling.begins(event, Pace(self.rates[event.name], chars, expected), self.note)
                    self.note = ""
                elif isinstance(event, Waiting):
                    await self.telling.waits(event, tokens)
                elif event.kind is Kind.THOUGHT:
                    await self.telling.thinks(event.tokens)
                else:
                    if event.kind is Kind.RETRACTION:
                        self.telling.retracted()
                        text, tokens, logprob = "", 0, 0.0
                    text, tokens, finish = text + event.text, tokens + event.tokens, event.finish
                    logprob += event.logprob
                    self.tokens += event.tokens
                    if len(text) > MAX_REPLY_CHARS:
                        raise ReplyRejected(f"The reply is longer than {MAX_REPLY_CHARS:,} characters.", raw=text)
                    self.telling.reply(text, tokens, self.redaction.restore)
                    ended = self._ended(text, tokens, event.text) if not finish else None
                    if ended is not None:
                        text, note = ended
                        break
        self.telling.ended()
        confidence = math.exp(logprob / tokens) if tokens else math.nan
        return _Reply(self._restored(text), finish, note, confidence)

    def _ended(self, text: str, tokens: int, newest: str) -> tuple[str, str] | None:
        """A reply that is over though the model goes on: what of it counts, and a note on that; None where it is not.

        Closing the stream stops the model.
        """
        if self.action.output is not Output.TEXT:
            if "\n" not in newest:
                return None
            once = reply.without_repetition(text, _REPEATED_CODE)
            if once is not None and "\n" in text[len(once) :]:
                raise ReplyRejected("The reply says the same again and again, without an end.", raw=text)
            return (text, "") if self.action.is_settled(self.context, text) else None
        if (once := reply.without_repetition(text, _REPEATED_TEXT)) is not None:
            return once, "The model began to say the same again and again, and was stopped."
        over = tokens - self.action.most_tokens(self.context)
        if over >= 0 and (text.endswith("\n") or over >= _TO_SENTENCE):
            return text, f"The model was stopped at {tokens} tokens. Select less, or ask about what you want to know."
        return None

    def _concealed(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        sealed = conceal(*(message.content for message in messages))
        self.redaction = sealed[0]
        return tuple(Message(old.role, new.text) for old, new in zip(messages, sealed, strict=True))

    def _objection(self, refused: ReplyRejected) -> tuple[Message, ...]:
        """The refused reply and why, for the second try."""
        how, shown = "Reply again, in the form asked for.", _OBJECTED_CHARS
        if isinstance(refused, CutOff):
            how, shown = f"Reply again. {self.action.shorter(self.context)}", _CUT_CHARS
        why = f"That reply cannot be used: {refused.message} {how}"
        return (
            Message("assistant", self.redaction.again(refused.raw[:shown]) or "(nothing)"),
            Message("user", self.redaction.again(why)),
        )

    def _restored(self, text: str) -> str:
        """The reply with the secrets it quotes; code with a made-up placeholder would destroy one."""
        whole = self.redaction.restore(text)
        if self.action.output in (Output.EDIT, Output.FILE) and self.redaction.left_in(whole):
            raise ReplyRejected("The reply changes a placeholder that stands for a secret.", raw=whole)
        return whole
