"""The selection path: offer → privacy → route → generate → verify, and static analysis when a model cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import aclosing

import attrs

from hybrid_lsp.actions import reply
from hybrid_lsp.actions.base import (
    Action,
    ActionContext,
    By,
    Grounding,
    NothingOutcome,
    Outcome,
    Output,
)
from hybrid_lsp.actions.edits import Unchanged
from hybrid_lsp.actions.explain import Explain
from hybrid_lsp.actions.optimize import Optimize
from hybrid_lsp.actions.security import Security
from hybrid_lsp.config import Config
from hybrid_lsp.context.privacy import Redaction, conceal
from hybrid_lsp.document import Document, Span
from hybrid_lsp.errors import ActionError, AnalysisError, BackendError, ReplyRejected
from hybrid_lsp.routing.router import Candidate, Router, Task, Waiting
from hybrid_lsp.types import Chat, Finish, Message, Reason, Request, Tier

ACTIONS: tuple[Action, ...] = (Explain(), Optimize(), Security())
MAX_CODE_CHARS = 60_000
"""A longer selection is not put into a prompt: some 15,000 tokens, half of what today's local models read."""
MAX_REPLY_CHARS = 100_000
"""A model that has written so much is stopped."""
_OBJECTED_CHARS = 4000
"""So much of a refused reply is shown to the model again."""

HOW_TO_GO_DEEPER = (
    "For a deeper answer set `large.backend`: `engine` with a model folder in `large.model`, or `openai` with "
    "the server's address in `large.base_url`."
)
_KEPT_PRIVATE = {
    Reason.SECRET_FILE: "The name of this file says that it holds secrets: no model sees it.",
    Reason.IGNORED_FILE: "Git or `privacy.exclude_globs` ignores this file: no model sees it.",
}


@attrs.frozen
class Offer:
    """An action in the editor's list; `tier` is who would answer now."""

    name: str
    title: str
    kind: str
    output: Output
    tier: Tier


@attrs.frozen
class Progress:
    """What a running action is doing.

    `message` is a line for the user, `text` a readable reply so far (empty for edits and findings), `interim` a
    static answer to show while a slow model is waited for.
    """

    tier: Tier
    backend: str
    message: str
    tokens: int = 0
    text: str = attrs.field(default="", repr=False)
    interim: Outcome | None = attrs.field(default=None, repr=False)


OnProgress = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """For callers that do not show progress."""


@attrs.frozen
class ActionPipeline:
    """Offers and runs actions. `file_check` says why a file must be kept from models, or None."""

    router: Router
    config: Config
    file_check: Callable[[Document], Reason | None]
    actions: tuple[Action, ...] = ACTIONS

    def offer(self, document: Document, span: Span, only: Iterable[str] | None = None) -> list[Offer]:
        """What can be done here: asks no model, starts no process, parses nothing.

        `only` holds LSP kinds; a kind stands for those below it (`refactor` for `refactor.rewrite`).
        """
        if not self.config.actions.enabled or not document.text.strip():
            return []
        tier = self.router.candidates(Task.ACTION)[0].tier
        deep = self.router.configured(Tier.LARGE)
        kinds = None if only is None else list(only)
        return [
            Offer(each.name, each.title, each.kind, each.output, tier)
            for each in self.actions
            if (deep or document.language in each.languages) and _wanted(each.kind, kinds)
        ]

    async def run(self, name: str, document: Document, span: Span, on_progress: OnProgress = ignore) -> Outcome:
        """Run an action to its end. Cancelling the task closes the model's stream; nothing is applied here.

        Raises ActionError for a name that is not known; every other failure becomes an outcome that says so.
        """
        action = self._action(name)
        target = action.target(document, span)
        if target is None:
            return NothingOutcome(By(Tier.STATIC, ""), "There is no code here. Select some.")
        context = ActionContext(document, target, self.config)
        work = _Run(self.router, action, context, on_progress)
        if reason := self.file_check(document):
            return await work.without_model(_KEPT_PRIVATE.get(reason, "This file is kept from models."))
        if target.end - target.start > MAX_CODE_CHARS:
            return await work.without_model(
                f"The selection is longer than the {MAX_CODE_CHARS:,} characters that a model is given: select less."
            )
        return await work.outcome()

    def _action(self, name: str) -> Action:
        for each in self.actions:
            if each.name == name:
                return each
        known = ", ".join(f"`{each.name}`" for each in self.actions)
        raise ActionError(f"There is no action `{name}`.", f"Known are {known}.")


def _wanted(kind: str, only: list[str] | None) -> bool:
    return only is None or any(not each or kind == each or kind.startswith(each + ".") for each in only)


@attrs.frozen
class _Reply:
    text: str
    finish: Finish | None


@attrs.define
class _Run:
    """One run of one action."""

    router: Router
    action: Action
    context: ActionContext
    on_progress: OnProgress
    candidate: Candidate | None = None
    notes: list[str] = attrs.field(factory=list)
    redaction: Redaction = attrs.field(factory=lambda: Redaction("", {}))
    reported: int = 0

    async def outcome(self) -> Outcome:
        """The model's answer, asked twice at most, or the static one."""
        if self.router.candidates(Task.ACTION)[0].backend is None:
            return await self.without_model(self._why_static())
        grounding = await self._ground()
        messages = self._concealed(self.action.messages(self.context, grounding))
        try:
            return await self._attempt(messages, grounding)
        except Unchanged:
            return await self.without_model("The large model sees nothing to change here.")
        except ReplyRejected as error:
            refused = error
        try:
            return await self._attempt((*messages, *self._objection(refused)), grounding)
        except ReplyRejected as error:
            why = f"The large model's reply was refused twice, the last time because: {error.message}"
            return await self.without_model(why, error.raw)

    async def without_model(self, why: str, raw: str = "") -> Outcome:
        """The static answer, labelled with the reason for it."""
        by = By(Tier.STATIC, f"Static analysis. {why}", tuple(self.notes), raw)
        if self.context.document.language not in self.action.languages:
            return NothingOutcome(by, f"There is no static analysis for `{self.context.document.language}`.")
        self.on_progress(Progress(Tier.STATIC, "static", f"Static analysis. {why}"))
        try:
            return await self.action.static(self.context, by)
        except AnalysisError as error:
            return NothingOutcome(by, str(error))

    def _why_static(self) -> str:
        why = self.router.absence(Task.ACTION)
        return why if self.router.configured(Tier.LARGE) else f"{why} {HOW_TO_GO_DEEPER}"

    async def _ground(self) -> Grounding:
        try:
            return await self.action.ground(self.context)
        except AnalysisError as error:
            self.notes.append(str(error))
            return Grounding()

    async def _attempt(self, messages: tuple[Message, ...], grounding: Grounding) -> Outcome:
        try:
            answer = await self._ask(messages)
        except BackendError as error:
            return await self.without_model(f"The large model failed ({error.message}).")
        if answer is None:
            return await self.without_model(self.candidate.reason if self.candidate else "")
        return self._parsed(answer, grounding)

    def _parsed(self, answer: _Reply, grounding: Grounding) -> Outcome:
        assert self.candidate is not None
        by = By(Tier.LARGE, f"Large model {self.candidate.name}.", tuple(self.notes))
        if count := self.redaction.count:
            secrets = "1 secret" if count == 1 else f"{count} secrets"
            by = by.noting(f"Placeholders took the place of {secrets} before the model saw the code.")
        cut = answer.finish is Finish.LENGTH
        limit = f"The reply was cut off at {self.context.config.actions.max_tokens} tokens (`actions.max_tokens`)."
        if cut and self.action.output is Output.TEXT:
            by = by.noting(limit)
        try:
            return self.action.parse(self.context, grounding, answer.text, by)
        except Unchanged:
            raise
        except ReplyRejected as error:
            message = f"{limit} {error.message}" if cut else error.message
            raise ReplyRejected(message, raw=answer.text) from error

    async def _ask(self, messages: tuple[Message, ...]) -> _Reply | None:
        """One reply; None where the static tier is next. Raises BackendError; ReplyRejected for an endless reply."""
        request = Request(
            Chat(messages),
            max_tokens=self.context.config.actions.max_tokens,
            json_schema=self.action.schema,
        )
        text, tokens, finish = "", 0, None
        self.reported = 0
        async with aclosing(self.router.stream(self.router.candidates(Task.ACTION), request)) as events:
            async for event in events:
                if isinstance(event, Candidate):
                    self.candidate = event
                    if event.backend is None:
                        return None
                    self._report(event.reason)
                elif isinstance(event, Waiting):
                    await self._offer_interim(event)
                else:
                    text, tokens, finish = text + event.text, tokens + event.tokens, event.finish
                    if len(text) > MAX_REPLY_CHARS:
                        raise ReplyRejected(f"The reply is longer than {MAX_REPLY_CHARS:,} characters.", raw=text)
                    self._report_reply(text, tokens)
        return _Reply(self._restored(text), finish)

    def _concealed(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        sealed = conceal(*(message.content for message in messages))
        self.redaction = sealed[0]
        return tuple(Message(old.role, new.text) for old, new in zip(messages, sealed, strict=True))

    def _objection(self, refused: ReplyRejected) -> tuple[Message, ...]:
        """The refused reply and why, for the second try."""
        why = f"That reply cannot be used: {refused.message} Reply again, in the form asked for."
        return (
            Message("assistant", self.redaction.again(refused.raw[:_OBJECTED_CHARS]) or "(nothing)"),
            Message("user", self.redaction.again(why)),
        )

    def _restored(self, text: str) -> str:
        """The reply with the secrets it quotes; an edit with a made-up placeholder would destroy one."""
        whole = self.redaction.restore(text)
        if self.action.output is Output.EDIT and self.redaction.left_in(whole):
            raise ReplyRejected("The reply changes a placeholder that stands for a secret.", raw=whole)
        return whole

    def _report(self, message: str, tokens: int = 0, text: str = "") -> None:
        assert self.candidate is not None
        self.on_progress(Progress(self.candidate.tier, self.candidate.name, message, tokens, text))

    def _report_reply(self, text: str, tokens: int) -> None:
        """Tell of a growing reply, the longer the less often: each report looks at the whole text."""
        if len(text) - self.reported < max(1, len(text) // 50):
            return
        self.reported = len(text)
        shown = reply.harmless(self.redaction.restore(text)) if self.action.output is Output.TEXT else ""
        name = self.candidate.name if self.candidate else ""
        self._report(f"Large model {name}: {tokens} tokens.", tokens, shown)

    async def _offer_interim(self, waiting: Waiting) -> None:
        """A static answer to look at while the model is slow to start; the model goes on meanwhile."""
        message = f"Large model {waiting.candidate.name} has not begun after {waiting.seconds:g} s; still waiting."
        interim: Outcome | None = None
        if self.context.document.language in self.action.languages:
            by = By(Tier.STATIC, f"Static analysis meanwhile. {message}")
            try:
                interim = await self.action.static(self.context, by)
            except AnalysisError:
                interim = None
        self.on_progress(Progress(waiting.candidate.tier, waiting.candidate.name, message, interim=interim))
