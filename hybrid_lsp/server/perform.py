"""Code actions: offered without work, run when chosen."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams

from hybrid_lsp.actions.base import Action, EditOutcome, FileOutcome, NothingOutcome, Outcome, Output, Trail
from hybrid_lsp.actions.pipeline import Offer, is_wanted
from hybrid_lsp.actions.telling import Progress
from hybrid_lsp.document import Document, Span
from hybrid_lsp.errors import ActionError, HybridLspError
from hybrid_lsp.metrics.events import ActionEnd, ActionEnded
from hybrid_lsp.server import deliver
from hybrid_lsp.server.commands import ANSWER_NOW, RUN_ACTION
from hybrid_lsp.server.convert import finding_of, range_of, span_of
from hybrid_lsp.server.order import Order
from hybrid_lsp.server.runs import Place, Running
from hybrid_lsp.types import Finding, Tier

if TYPE_CHECKING:
    from hybrid_lsp.server.hybrid import HybridServer
    from hybrid_lsp.server.session import Session


def offers(session: Session, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    """What may be done with a selection; nothing is computed yet."""
    document = session.documents.get(params.text_document.uri)
    if document is None:
        return []
    span = span_of(document, params.range, session.documents.encoding)
    only = [str(getattr(kind, "value", kind)) for kind in params.context.only] if params.context.only else None
    encoding = session.documents.encoding
    problems = {finding_of(document, each, encoding): each for each in params.context.diagnostics}
    found = session.actions.offer(document, span, only, list(problems))
    ends = [_ending(document, each) for each in session.runs.waiting(document.uri) if is_wanted(each.action.kind, only)]
    return [*ends, *(_code_action(session, document, span, each, problems) for each in found)]


def _ending(document: Document, running: Running) -> lsp.CodeAction:
    """The way not to wait any longer for a model that is silent."""
    title = f"{running.action.title}: the static answer now"
    command = lsp.Command(title=title, command=ANSWER_NOW, arguments=[{"uri": document.uri}])
    return lsp.CodeAction(title=title, kind=running.action.kind, command=command)


def _code_action(
    session: Session, document: Document, span: Span, offer: Offer, problems: Mapping[Finding, lsp.Diagnostic]
) -> lsp.CodeAction:
    problem = problems[offer.diagnostic] if offer.diagnostic else None
    range_ = range_of(document, span, session.documents.encoding)
    data = Order(offer.name, document.uri, range_, diagnostic=problem).write()
    action = lsp.CodeAction(title=f"{offer.title} ({offer.tier})", kind=offer.kind)
    action.diagnostics = [problem] if problem else None
    # An edit is computed when it is chosen, where the client asks for it then; otherwise a command makes and sends it.
    if _is_resolved(session, offer.output):
        action.data = data
    else:
        action.command = lsp.Command(title=offer.title, command=RUN_ACTION, arguments=[data])
    return action


def _is_resolved(session: Session, output: Output) -> bool:
    abilities = session.abilities
    return abilities.resolves_edits and (output is Output.EDIT or (output is Output.FILE and abilities.creates_files))


async def resolve(ls: HybridServer, action: lsp.CodeAction) -> lsp.CodeAction:
    """Compute the edit of a chosen action; one that comes to nothing says why, and stays without an edit."""
    if action.data is None:
        return action
    order = Order.read(action.data)
    try:
        outcome, run = await _run(ls, order)
        if isinstance(outcome, EditOutcome | FileOutcome):
            action.edit = deliver.workspace_edit(ls.session, outcome, run)
        if action.edit is None:
            await deliver.show(ls, outcome, order.key, run)
    except HybridLspError as error:
        ls.session.tell.answer(str(error))
    return action


async def run_command(ls: HybridServer, arguments: Sequence[Any]) -> dict[str, Any]:
    """Run an action and show what comes of it; returns the same as plain values, for scripts."""
    order = Order.read(arguments[0] if arguments else None)
    try:
        outcome, run = await _run(ls, order)
        return await deliver.show(ls, outcome, order.key, run)
    except HybridLspError as error:
        ls.session.tell.answer(str(error))
        return {"kind": "failed", "message": str(error)}


def answer_now(session: Session, arguments: Sequence[Any]) -> dict[str, Any]:
    """Wait no longer for the models of a document's actions."""
    wish = arguments[0] if arguments else None
    uri = wish.get("uri") if isinstance(wish, dict) else None
    if not isinstance(uri, str):
        raise JsonRpcInvalidParams("The argument must be one object: {uri: URI}.")
    answered = session.runs.answer_now(uri)
    if not answered:
        session.tell.answer("No action is waiting for a model here.")
    return {"answered": answered}


def forget(ls: HybridServer, uri: str) -> None:
    """A document was closed: its running actions end and its findings go."""
    ls.session.runs.cancel(uri)
    ls.diagnostics.clear(uri)


async def _run(ls: HybridServer, order: Order) -> tuple[Outcome, str]:
    """Run one action with its progress shown; a newer run of the same action there takes its place. Returns what came
    of it, and the run's name in the metrics.

    Raises HybridLspError, to be told: the file is not open, or there is no such action.
    """
    session = ls.session
    document = session.documents.as_sent(order.uri)
    if document is None:
        raise ActionError("This file is not open, or larger than files.max_bytes: no action can run on it.")
    session.stop_typing(order.uri)
    recorded = _Recorded(session, order, document.language)
    try:
        async with session.runs.alone(*_place(session, order, document)) as running:
            outcome = await _shown(ls, order, document, running, recorded.id)
    except HybridLspError:
        recorded.end(ActionEnd.FAILED)
        raise
    except asyncio.CancelledError:
        recorded.end(ActionEnd.CANCELLED)
        raise
    recorded.end(ActionEnd.NOTHING if isinstance(outcome, NothingOutcome) else ActionEnd.DONE, outcome)
    return deliver.with_reply_kept(outcome, order.key), recorded.id


def _place(session: Session, order: Order, document: Document) -> tuple[Place, Action]:
    """What an order works on, and its action. Raises ActionError for one that is not known."""
    action = session.actions.named(order.action)
    encoding = session.documents.encoding
    problem = finding_of(document, order.diagnostic, encoding) if order.diagnostic else None
    target = session.actions.target(order.action, document, span_of(document, order.range, encoding), problem)
    target_text = f"{target} {problem.code} {problem.message}" if problem else str(target)
    return Place(order.action, order.uri, target_text), action


async def _shown(ls: HybridServer, order: Order, document: Document, running: Running, account: str) -> Outcome:
    session = ls.session
    span = span_of(document, order.range, session.documents.encoding)
    title = running.action.title
    session.tell.show_status(busy=True)
    try:
        async with ls.progress_bar.shown(title, wanted=session.abilities.progress) as report:

            def tell(progress: Progress) -> None:
                running.waits = progress.waits
                report(progress.interim.label if progress.interim else progress.message)
                if progress.interim is not None:
                    deliver.show_interim(ls, order.key, running, progress.interim)
                if progress.text:
                    session.tell.stream(order.key, title, progress.text, done=False)

            outcome = await session.actions.run(
                order.action,
                document,
                span,
                tell,
                instruction=order.instruction,
                diagnostic=finding_of(document, order.diagnostic, session.documents.encoding)
                if order.diagnostic
                else None,
                enough=running.enough,
                account=account,
            )
        session.tell.show_status(message=outcome.label, tier=str(outcome.tier), reason=None)
        return outcome
    finally:
        session.tell.show_status(busy=False)


@attrs.frozen
class _Recorded:
    """One run for the metrics: `id` names it, `started` is by `perf_counter`."""

    session: Session
    order: Order
    language: str
    id: str = attrs.field(factory=lambda: uuid.uuid4().hex)
    started: float = attrs.field(factory=time.perf_counter)

    def end(self, ending: ActionEnd, outcome: Outcome | None = None) -> None:
        trail = outcome.by.trail if outcome else None
        event = ActionEnded(
            action=self.order.action,
            language=self.language,
            tier=str(outcome.tier) if outcome else None,
            ending=ending,
            fallback=trail is not None and trail.fallbacks > 0,
            latency_ms=(time.perf_counter() - self.started) * 1000,
            tokens=trail.tokens if trail else 0,
            run=self.id,
        )
        if trail and outcome:
            event = _with_trail(event, trail, outcome)
        self.session.record(event)
        self.session.tell.info(_line(event))


def _line(event: ActionEnded) -> str:
    """For the log: who answered and why, without a word of the code."""
    who = f"{event.tier}, {event.latency_ms / 1000:.1f} s" if event.tier else f"{event.latency_ms / 1000:.1f} s"
    line = f"{event.action}: {event.ending} ({who})."
    if event.reason:
        line += f" {event.chosen} first: {event.reason}"
    if event.escalations or event.fallbacks:
        line += f" {event.escalations} up, {event.fallbacks} down."
    return line


def _with_trail(event: ActionEnded, trail: Trail, outcome: Outcome) -> ActionEnded:
    features = trail.features
    passed = isinstance(outcome, EditOutcome | FileOutcome) and outcome.tier != Tier.STATIC
    return attrs.evolve(
        event,
        chosen=str(trail.chosen),
        reason=trail.reason,
        escalations=trail.escalations,
        fallbacks=trail.fallbacks,
        verified=True if passed else False if trail.refused else None,
        code_tokens=features.code_tokens,
        complexity=features.complexity,
        definitions=features.definitions,
        references=features.references,
        findings=features.findings,
        words=features.words,
        sufficient=trail.sufficient,
        assured=trail.assured,
    )
