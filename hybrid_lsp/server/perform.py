"""Code actions: offered without work, run when chosen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs
import cattrs
from lsprotocol import types as lsp
from lsprotocol.converters import get_converter

from hybrid_lsp.actions.base import EditOutcome, NothingOutcome, Outcome, Output
from hybrid_lsp.actions.pipeline import Offer, Progress
from hybrid_lsp.document import Document, Span
from hybrid_lsp.errors import ActionError, HybridLspError
from hybrid_lsp.metrics.events import ActionEnd, ActionEnded
from hybrid_lsp.server import deliver
from hybrid_lsp.server.commands import RUN_ACTION
from hybrid_lsp.server.convert import range_of, span_of
from hybrid_lsp.types import Tier

if TYPE_CHECKING:
    from hybrid_lsp.server.hybrid import HybridServer
    from hybrid_lsp.server.session import Session

_CONVERTER = get_converter()
_REVIEW = "security"


@attrs.frozen
class Order:
    """Which action on which range of which document; what a code action carries as data."""

    action: str
    uri: str
    range: lsp.Range


def offers(session: Session, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    """What may be done with a selection; nothing is computed yet."""
    document = session.documents.get(params.text_document.uri)
    if document is None:
        return []
    span = span_of(document, params.range, session.documents.encoding)
    only = [str(getattr(kind, "value", kind)) for kind in params.context.only] if params.context.only else None
    return [_code_action(session, document, span, offer) for offer in session.actions.offer(document, span, only)]


def _code_action(session: Session, document: Document, span: Span, offer: Offer) -> lsp.CodeAction:
    order = Order(offer.name, document.uri, range_of(document, span, session.documents.encoding))
    data = _CONVERTER.unstructure(order, Order)
    action = lsp.CodeAction(title=f"{offer.title} ({offer.tier})", kind=offer.kind)
    # An edit is computed when it is chosen, where the client asks for it then; otherwise a command makes and sends it.
    if _output_of(session, offer.name) is Output.EDIT and session.abilities.resolves_edits:
        action.data = data
    else:
        action.command = lsp.Command(title=offer.title, command=RUN_ACTION, arguments=[data])
    return action


def _output_of(session: Session, name: str) -> Output:
    return next(each.output for each in session.actions.actions if each.name == name)


async def resolve(ls: HybridServer, action: lsp.CodeAction) -> lsp.CodeAction:
    """Compute the edit of a chosen action; one that comes to nothing says why, and stays without an edit."""
    if action.data is None:
        return action
    outcome = await _run(ls, _read(action.data))
    if isinstance(outcome, EditOutcome):
        action.edit = deliver.workspace_edit(ls.session, outcome)
    elif outcome is not None:
        await deliver.show(ls, outcome)
    return action


async def run_command(ls: HybridServer, arguments: Sequence[Any]) -> dict[str, Any]:
    """Run an action and show what comes of it; returns the same as plain values, for scripts."""
    outcome = await _run(ls, _read(arguments[0] if arguments else None))
    return await deliver.show(ls, outcome) if outcome is not None else {"kind": "failed"}


async def review_saved(ls: HybridServer, uri: str) -> None:
    """The security review that runs when a file is saved; it stays silent where there is nothing to say."""
    document = ls.session.documents.get(uri)
    if document is None:
        return
    whole = Span(0, len(document.text))
    outcome = await _run(ls, Order(_REVIEW, uri, range_of(document, whole, ls.session.documents.encoding)))
    if outcome is not None and not isinstance(outcome, NothingOutcome):
        await deliver.show(ls, outcome)


def forget(ls: HybridServer, uri: str) -> None:
    """A document was closed: its running actions end and its findings go."""
    for key, task in list(ls.session.running.items()):
        if key[1] == uri:
            task.cancel()
    deliver.clear_findings(ls, uri)


def _read(data: Any) -> Order:
    try:
        return _CONVERTER.structure(data, Order)
    except (cattrs.BaseValidationError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ActionError(
            "The command's argument cannot be read.", "It is one object: {action: NAME, uri: URI, range: RANGE}."
        ) from error


async def _run(ls: HybridServer, order: Order) -> Outcome | None:
    """Run one action with its progress shown; a newer run of the same action there takes its place.

    Returns None for a failure, which has been told.
    """
    session = ls.session
    document = session.documents.get(order.uri)
    if document is None:
        session.tell.answer("This file is not open, or larger than files.max_bytes: no action can run on it.")
        return None
    session.latest.cancel(order.uri)
    key = (order.action, order.uri)
    await _supersede(session, key)
    started = time.perf_counter()
    try:
        return await _shown(ls, order, document, started)
    except HybridLspError as error:
        session.tell.answer(str(error))
        _record(session, order, document, None, ActionEnd.FAILED, started)
        return None
    except asyncio.CancelledError:
        _record(session, order, document, None, ActionEnd.CANCELLED, started)
        raise
    finally:
        if session.running.get(key) is asyncio.current_task():
            del session.running[key]


async def _supersede(session: Session, key: tuple[str, str]) -> None:
    task = asyncio.current_task()
    assert task is not None
    older = session.running.get(key)
    session.running[key] = task
    if older is not None and older is not task:
        older.cancel()
        await asyncio.wait([older])


async def _shown(ls: HybridServer, order: Order, document: Document, started: float) -> Outcome:
    session = ls.session
    span = span_of(document, order.range, session.documents.encoding)
    title = next((each.title for each in session.actions.actions if each.name == order.action), order.action)
    session.tell.show_status(busy=True)
    try:
        async with ls.progress_bar.shown(title, wanted=session.abilities.progress) as report:
            tokens = 0

            def tell(progress: Progress) -> None:
                nonlocal tokens
                tokens = progress.tokens
                report(progress.message)
                if progress.text:
                    session.tell.stream(f"{order.action}:{order.uri}", title, progress.text, done=False)

            outcome = await session.actions.run(order.action, document, span, tell)
    finally:
        session.tell.show_status(busy=False)
    ending = ActionEnd.NOTHING if isinstance(outcome, NothingOutcome) else ActionEnd.DONE
    _record(session, order, document, outcome, ending, started, tokens)
    return outcome


def _record(
    session: Session,
    order: Order,
    document: Document,
    outcome: Outcome | None,
    ending: ActionEnd,
    started: float,
    tokens: int = 0,
) -> None:
    wanted = Tier.LARGE if session.router.configured(Tier.LARGE) else Tier.STATIC
    session.record(
        ActionEnded(
            action=order.action,
            language=document.language,
            tier=outcome.tier if outcome else None,
            ending=ending,
            fallback=outcome is not None and outcome.tier is not wanted,
            latency_ms=(time.perf_counter() - started) * 1000,
            tokens=tokens,
        )
    )
