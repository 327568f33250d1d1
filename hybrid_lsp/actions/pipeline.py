"""The selection path: offer → privacy → run, and then the user's own tests on an edit.

What a run does is in `running.py`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import attrs

from hybrid_lsp.actions import fix, trial
from hybrid_lsp.actions.ask import Ask
from hybrid_lsp.actions.base import (
    Action,
    ActionContext,
    By,
    EditOutcome,
    FileOutcome,
    InParts,
    Needs,
    NothingOutcome,
    Outcome,
    Output,
)
from hybrid_lsp.actions.change import Change
from hybrid_lsp.actions.docstrings import Docstrings
from hybrid_lsp.actions.explain import Explain
from hybrid_lsp.actions.fix import Fix
from hybrid_lsp.actions.optimize import Optimize
from hybrid_lsp.actions.pace import Rates
from hybrid_lsp.actions.parts import united
from hybrid_lsp.actions.running import Run
from hybrid_lsp.actions.security import Security, of_file
from hybrid_lsp.actions.simplify import Simplify
from hybrid_lsp.actions.telling import OnProgress, Progress, ignore
from hybrid_lsp.actions.write_tests import WriteTests
from hybrid_lsp.config import Config
from hybrid_lsp.document import Document, Span
from hybrid_lsp.errors import ActionError, AnalysisError
from hybrid_lsp.routing.candidates import Task
from hybrid_lsp.routing.features import Features, sketch
from hybrid_lsp.routing.router import Router
from hybrid_lsp.types import Finding, Reason, Tier, TierName

ACTIONS: tuple[Action, ...] = (
    Fix(),
    Explain(),
    Optimize(),
    Simplify(),
    Docstrings(),
    WriteTests(),
    Security(),
    of_file(),
    Ask(),
    Change(),
)
MAX_CODE_CHARS = 60_000
"""A longer selection is not put into a prompt: some 15,000 tokens, half of what today's local models read."""
MOST_PARTS = 50
"""So often at most a model is asked about one long file."""
MAX_INSTRUCTION_CHARS = 10_000
"""A longer instruction is not taken."""
_KEPT_PRIVATE = {
    Reason.SECRET_FILE: "The name of this file says that it holds secrets: no model sees it.",
    Reason.IGNORED_FILE: "Git or `privacy.exclude_globs` ignores this file: no model sees it.",
}


@attrs.frozen
class Offer:
    """An action in the editor's list; `tier` is who would answer now, `diagnostic` the problem that it is for."""

    name: str
    title: str
    kind: str
    output: Output
    tier: TierName
    diagnostic: Finding | None = None


MakeRun = Callable[[ActionContext, OnProgress], Run]


def _no_root(document: Document) -> Path | None:
    return None


@attrs.frozen
class ActionPipeline:
    """Offers and runs actions.

    `file_check` says why a file must be kept from models, or None; `root_of` names the workspace folder of a file,
    `others` the open files beside it.
    """

    router: Router
    config: Config
    file_check: Callable[[Document], Reason | None]
    actions: tuple[Action, ...] = ACTIONS
    root_of: Callable[[Document], Path | None] = _no_root
    others: Callable[[Document], Iterable[Document]] = lambda document: ()
    rates: defaultdict[str, Rates] = attrs.field(factory=lambda: defaultdict(Rates), repr=False)

    def offer(
        self,
        document: Document,
        span: Span,
        only: Iterable[str] | None = None,
        diagnostics: Sequence[Finding] = (),
    ) -> list[Offer]:
        """What can be done here: asks no model, starts no process, parses nothing.

        `only` holds LSP kinds; a kind stands for those below it (`refactor` for `refactor.rewrite`). `diagnostics`
        are problems that any server reports; those on the span's lines are offered to be fixed.
        """
        if not self.config.actions.enabled or not document.text.strip():
            return []
        kinds = None if only is None else list(only)
        wanted = [each for each in self.actions if is_wanted(each.kind, kinds) and each.terms.allow(document.language)]
        problems = [each for each in dict.fromkeys(diagnostics) if fix.near(document, span, each)]
        return [offer for each in wanted for offer in self._offers(each, document, span, problems)]

    def _offers(self, action: Action, document: Document, span: Span, problems: Sequence[Finding]) -> list[Offer]:
        deep = self.router.best(Task.ACTION) != Tier.STATIC
        if action.terms.needs is Needs.INSTRUCTION or not (deep or document.language in action.languages):
            return []
        make = partial(Offer, action.name, kind=action.kind, output=action.output)
        if action.terms.needs is Needs.SELECTION:
            return [make(title=action.title, tier=self._first(action, document, span))]
        return [
            make(title=fix.titled(each), tier=self._first(action, document, span, each), diagnostic=each)
            for each in problems
            if deep or fix.without_model(each)
        ]

    def _first(self, action: Action, document: Document, span: Span, problem: Finding | None = None) -> TierName:
        """Who would be asked first, as far as can be told without work."""
        return self.router.route(_sketch(action, document, span, problem)).candidates[0].tier

    def target(self, name: str, document: Document, span: Span, diagnostic: Finding | None = None) -> Span | None:
        """What an action would work on, as whole lines. Raises ActionError for a name that is not known."""
        return self.named(name).target(document, diagnostic.span if diagnostic else span)

    async def run(
        self,
        name: str,
        document: Document,
        span: Span,
        on_progress: OnProgress = ignore,
        *,
        instruction: str = "",
        diagnostic: Finding | None = None,
        enough: asyncio.Event | None = None,
        account: str | None = None,
    ) -> Outcome:
        """Run an action to its end. Cancelling the task closes the model's stream; nothing is applied here.

        Setting `enough` ends it with the static answer; `account` names the run where costs are recorded.

        Raises ActionError for a name that is not known, or where the instruction or the diagnostic is missing that it
        needs; every other failure becomes an outcome that says so.
        """
        action = self.named(name)
        _require(action, instruction, diagnostic)
        target = self.target(name, document, span, diagnostic)
        if target is None:
            return NothingOutcome(By(Tier.STATIC, ""), "There is no code here. Select some.")
        context = ActionContext(document, target, self.config, instruction, diagnostic)
        make = partial(self._run, action, enough=enough or asyncio.Event(), account=account)
        outcome = await self._outcome(make, action, context, on_progress)
        return await self._tried(outcome, on_progress)

    async def _outcome(self, make: MakeRun, action: Action, context: ActionContext, on_progress: OnProgress) -> Outcome:
        target = context.span
        work = make(context, on_progress)
        if reason := self.file_check(context.document):
            return await work.without_model(_KEPT_PRIVATE.get(reason, "This file is kept from models."))
        if isinstance(action, InParts) and work.route.asks_a_model:
            return await self._in_parts(make, action, context, on_progress)
        if target.end - target.start > MAX_CODE_CHARS:
            return await work.without_model(
                f"The selection is longer than the {MAX_CODE_CHARS:,} characters that a model is given: select less."
            )
        return await work.outcome()

    async def _tried(self, outcome: Outcome, on_progress: OnProgress) -> Outcome:
        """An edit with what the user's own tests say of it, where the user has them run (`verify.command`)."""
        candidate = _candidate(outcome)
        if candidate is None or not self.config.verify.command:
            return outcome
        assert isinstance(outcome, EditOutcome | FileOutcome)
        document = outcome.edit.document if isinstance(outcome, EditOutcome) else outcome.document
        on_progress(Progress(outcome.tier, "verify.command", "Your tests run, with the edit and without it."))
        try:
            verdict = await trial.tried(candidate, self.root_of(document), self.config)
        except AnalysisError as error:
            verdict = f"Your tests were not run: {error}"
        noted = attrs.evolve(outcome, by=outcome.by.noting(verdict))
        if isinstance(noted, EditOutcome):
            description = f"{noted.edit.description} {verdict}".strip()
            return attrs.evolve(noted, edit=attrs.evolve(noted.edit, description=description))
        return noted

    async def _in_parts(
        self, make: MakeRun, action: InParts, context: ActionContext, on_progress: OnProgress
    ) -> Outcome:
        """Long code, one part after the other, each as if it were what is selected."""
        everything = action.parts(context)
        spans, rest = everything[:MOST_PARTS], everything[MOST_PARTS:]
        outcomes = list[Outcome]()
        for number, span in enumerate(spans, 1):
            tell = partial(_tell_part, on_progress, f"Part {number} of {len(spans)}: ") if spans[1:] else on_progress
            outcomes.append(await make(attrs.evolve(context, span=span), tell).outcome())
        if rest:
            beyond = attrs.evolve(context, span=Span(rest[0].start, rest[-1].end))
            work = make(beyond, on_progress)
            outcomes.append(await work.without_model(f"The large model read the first {MOST_PARTS} parts only."))
        return united(outcomes, context.document, context.span)

    def _run(
        self,
        action: Action,
        context: ActionContext,
        on_progress: OnProgress,
        *,
        enough: asyncio.Event,
        account: str | None,
    ) -> Run:
        sketched = _sketch(action, context.document, context.span, context.diagnostic)
        others = partial(self.others, context.document)
        return Run(self.router, action, context, on_progress, sketched, enough, self.rates, others, account)

    def named(self, name: str) -> Action:
        """The action of a name. Raises ActionError for one that is not known."""
        for each in self.actions:
            if each.name == name:
                return each
        known = ", ".join(f"`{each.name}`" for each in self.actions)
        raise ActionError(f"There is no action `{name}`.", f"Known are {known}.")


def _sketch(action: Action, document: Document, span: Span, problem: Finding | None) -> Features:
    known = problem is not None and document.language in action.languages and fix.without_model(problem)
    return sketch(action.name, str(action.output), document, span, has_static_fix=known)


def _require(action: Action, instruction: str, diagnostic: Finding | None) -> None:
    if action.terms.needs is Needs.INSTRUCTION and not instruction.strip():
        raise ActionError(f"`{action.name}` needs an instruction.", "Say in words what you want.")
    if action.terms.needs is Needs.DIAGNOSTIC and diagnostic is None:
        raise ActionError(f"`{action.name}` needs a diagnostic.", "Choose it on a problem that an editor shows.")
    if len(instruction) > MAX_INSTRUCTION_CHARS:
        raise ActionError(f"The instruction is longer than {MAX_INSTRUCTION_CHARS:,} characters.", "Say it shorter.")


def _candidate(outcome: Outcome) -> trial.Candidate | None:
    """The file that tests would be run on; None where nothing changes, or no file."""
    if isinstance(outcome, FileOutcome):
        return trial.Candidate(outcome.path, None, outcome.content) if outcome.path else None
    if not isinstance(outcome, EditOutcome) or outcome.edit.document.path is None:
        return None
    return trial.Candidate(outcome.edit.document.path, outcome.edit.document.text, outcome.edit.apply())


def _tell_part(on_progress: OnProgress, part: str, progress: Progress) -> None:
    on_progress(attrs.evolve(progress, message=part + progress.message))


def is_wanted(kind: str, only: list[str] | None) -> bool:
    """Whether a client that asks for `only` these LSP kinds asks for a kind."""
    return only is None or any(not each or kind == each or kind.startswith(each + ".") for each in only)
