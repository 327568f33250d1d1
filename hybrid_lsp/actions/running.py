"""One run of one action: route → generate → read → verify, again with the reason, elsewhere, and at last without.

A reply that is refused is asked for once more with the reason, then from the next model if there is one; after one
that was cut off, less is asked for and more is allowed. Static analysis answers where no model does; it keeps the last
refused reply for the user to see.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import aclosing

import attrs

from hybrid_lsp.actions import reply
from hybrid_lsp.actions.base import (
    Action,
    ActionContext,
    By,
    EditOutcome,
    FindingsOutcome,
    Grounding,
    NothingOutcome,
    Outcome,
    Output,
    TextOutcome,
)
from hybrid_lsp.actions.edits import Unchanged
from hybrid_lsp.actions.pace import Pace, Rates
from hybrid_lsp.actions.reply import CutOff
from hybrid_lsp.context.secrets.redaction import Redaction, conceal
from hybrid_lsp.errors import AnalysisError, BackendError, ReplyRejected
from hybrid_lsp.routing.router import Candidate, Router, Task, Waiting, instead
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
class Progress:
    """What a running action is doing.

    `message` is a line for the user, `text` a readable reply so far (empty for edits and findings). `waits`: the
    model is silent and there is a static way; `interim` is its answer, once in a run, to show meanwhile.
    """

    tier: Tier
    backend: str
    message: str
    tokens: int = 0
    text: str = attrs.field(default="", repr=False)
    waits: bool = False
    interim: Outcome | None = attrs.field(default=None, repr=False)


OnProgress = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """For callers that do not show progress."""


@attrs.frozen
class _Reply:
    """`note` says why it was ended here, where it was."""

    text: str
    finish: Finish | None
    note: str = ""


_NOT_WAITED = "The model was not waited for any longer."
_ANSWERS: dict[Output, type[Outcome]] = {
    Output.TEXT: TextOutcome,
    Output.EDIT: EditOutcome,
    Output.FINDINGS: FindingsOutcome,
}
"""What may be shown in place of a model's answer, until it comes."""


@attrs.define
class Run:
    """One run of one action; where `enough` is set, it ends at once with what there is without a model.

    `rates` are what was measured of models so far, by their names.
    """

    router: Router
    action: Action
    context: ActionContext
    on_progress: OnProgress
    enough: asyncio.Event = attrs.field(factory=asyncio.Event)
    rates: defaultdict[str, Rates] = attrs.field(factory=lambda: defaultdict(Rates))
    candidate: Candidate | None = None
    notes: list[str] = attrs.field(factory=list)
    redaction: Redaction = attrs.field(factory=lambda: Redaction("", {}))
    reported: int = 0
    thought: int = 0
    """Tokens of reasoning before the reply; `thought_since` a monotonic time, `thought_told` what was last reported."""
    thought_since: float = 0.0
    thought_told: int = 0
    bridged: bool = False
    max_tokens: int = attrs.field(init=False)
    pace: Pace | None = None

    def __attrs_post_init__(self) -> None:
        self.max_tokens = self.context.config.actions.max_tokens

    async def outcome(self) -> Outcome:
        """The first model's answer that passes, or the static one."""
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
        candidates = self.router.candidates(Task.ACTION)
        if candidates[0].backend is None:
            return await self.without_model(self._why_static())
        grounding = await self._ground()
        messages = await asyncio.to_thread(lambda: self._concealed(self.action.messages(self.context, grounding)))
        while True:
            try:
                return await self._twice(candidates, messages, grounding)
            except Unchanged:
                return await self.without_model(f"The {self._asked.tier} model sees nothing to change here.")
            except ReplyRejected as error:
                why = f"The {self._asked.tier} model's reply was refused twice, the last time because: {error.message}"
                candidates = self._after(self._asked)
                if candidates[0].backend is None:
                    return await self.without_model(why, self.redaction.again(error.raw))
                candidates[0] = instead(candidates[0], why.rstrip("."))

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
        """Who may answer now, of those that come after one."""
        tiers = list(Tier)[: list(Tier).index(candidate.tier)]
        return [each for each in self.router.candidates(Task.ACTION) if each.tier in tiers]

    def _why_static(self) -> str:
        why = self.router.absence(Task.ACTION)
        return why if self.router.configured(Tier.LARGE) else f"{why} {HOW_TO_GO_DEEPER}"

    async def _ground(self) -> Grounding:
        try:
            return await self.action.ground(self.context)
        except AnalysisError as error:
            self.notes.append(str(error))
            return Grounding()

    async def _twice(self, candidates: list[Candidate], messages: tuple[Message, ...], grounding: Grounding) -> Outcome:
        """The answer of the first candidate that gives one; raises ReplyRejected where it is refused twice."""
        try:
            return await self._attempt(candidates, messages, grounding)
        except Unchanged:
            raise
        except ReplyRejected as error:
            again = [self._asked, *self._after(self._asked)]
            if isinstance(error, CutOff):
                self.max_tokens *= _MORE_TOKENS
            return await self._attempt(again, (*messages, *self._objection(error)), grounding)

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
            return self.action.parse(self.context, grounding, text, by)
        except Unchanged:
            raise
        except ReplyRejected as error:
            raise ReplyRejected(error.message, raw=answer.text) from error

    async def _ask(self, candidates: list[Candidate], messages: tuple[Message, ...]) -> _Reply | None:
        """One reply; None where the static tier is next. Raises BackendError; ReplyRejected for an endless reply."""
        request = Request(Chat(messages), max_tokens=self.max_tokens, json_schema=self.action.schema)
        chars = sum(len(each.content) for each in messages)
        text, tokens, finish, note = "", 0, None, ""
        async with aclosing(self.router.stream(candidates, request)) as events:
            async for event in events:
                if isinstance(event, Candidate):
                    # What another one had written before it broke off is void.
                    self.candidate, self.reported, self.thought = event, 0, 0
                    text, tokens, finish = "", 0, None
                    if event.backend is None:
                        return None
                    self.pace = Pace(self.rates[event.name], chars, self.action.expected_chars(self.context))
                    self._report(f"{event.reason}{_to_go(' It takes {}.', self.pace.left())}")
                elif isinstance(event, Waiting):
                    await self._bridge(event, tokens)
                elif event.kind is Kind.THOUGHT:
                    await self._report_thought(event.tokens)
                else:
                    if event.kind is Kind.RETRACTION:
                        # What was read as the answer was thought.
                        text, tokens, self.reported = "", 0, 0
                    text, tokens, finish = text + event.text, tokens + event.tokens, event.finish
                    if len(text) > MAX_REPLY_CHARS:
                        raise ReplyRejected(f"The reply is longer than {MAX_REPLY_CHARS:,} characters.", raw=text)
                    self._report_reply(text, tokens)
                    ended = self._ended(text, tokens, event.text) if not finish else None
                    if ended is not None:
                        text, note = ended
                        break
        if self.pace is not None:
            self.pace.end()
        return _Reply(self._restored(text), finish, note)

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

    def _report(self, message: str, tokens: int = 0, text: str = "") -> None:
        self.on_progress(Progress(self._asked.tier, self._asked.name, message, tokens, text))

    def _report_reply(self, text: str, tokens: int) -> None:
        """Tell of a growing reply, the longer the less often: each report looks at the whole text."""
        if self.pace is not None:
            self.pace.grown(len(text))
        if len(text) - self.reported < max(1, len(text) // 50):
            return
        self.reported = len(text)
        shown = reply.harmless(self.redaction.restore(text)) if self.action.output is Output.TEXT else ""
        left = _to_go(", {} to go", self.pace.left() if self.pace else "")
        self._report(f"{_who(self._asked)}: {tokens} token{'' if tokens == 1 else 's'}{left}.", tokens, shown)

    async def _report_thought(self, tokens: int) -> None:
        """A model thinks before it answers: say so, and show a static answer where it takes its time."""
        now = time.monotonic()
        if not self.thought:
            self.thought_since, self.thought_told = now, 0
        self.thought += tokens
        if self.thought - self.thought_told < max(1, self.thought // 50):
            return
        self.thought_told = self.thought
        message = f"{_who(self._asked)}: thinking… {self.thought} token{'' if self.thought == 1 else 's'}."
        able = self.context.document.language in self.action.languages
        late = now - self.thought_since >= self.router.patience.notice_s
        interim = await self._meanwhile(message) if able and late else None
        self.on_progress(Progress(self._asked.tier, self._asked.name, message, waits=able and late, interim=interim))

    async def _bridge(self, waiting: Waiting, tokens: int) -> None:
        """A model is silent: say so, and show a static answer meanwhile where no text of the model's is read yet."""
        since = f"has not begun after {waiting.seconds:g} s"
        if tokens:
            since = f"has paused at {tokens} tokens for {waiting.seconds:g} s"
        message = f"{_who(waiting.candidate)} {since}; still waiting."
        able = self.context.document.language in self.action.languages
        unread = not tokens or self.action.output is not Output.TEXT
        interim = await self._meanwhile(message) if able and unread else None
        self.on_progress(
            Progress(waiting.candidate.tier, waiting.candidate.name, message, tokens, waits=able, interim=interim)
        )

    async def _meanwhile(self, message: str) -> Outcome | None:
        """The static answer, the first time that it is wanted; None where it is not of the kind that was asked for."""
        if self.bridged:
            return None
        self.bridged = True
        try:
            found = await self.action.static(self.context, By(Tier.STATIC, f"Static analysis meanwhile. {message}"))
        except AnalysisError:
            return None
        return found if isinstance(found, _ANSWERS.get(self.action.output, ())) else None


def _to_go(form: str, left: str) -> str:
    return form.format(left) if left else ""


def _who(candidate: Candidate) -> str:
    return f"{candidate.tier.capitalize()} model {candidate.name}"
