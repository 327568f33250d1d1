"""Code actions: offered without work, run when chosen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams

from hybrid_lsp.actions.base import EditOutcome, FindingsOutcome, NothingOutcome, Outcome, Output
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

_REVIEW = "security"


@attrs.frozen
class Order:
    """Which action on which range of which document; what a code action carries as data."""

    action: str
    uri: str
    range: lsp.Range

    @property
    def key(self) -> str:
        """What runs of the same action in the same document share."""
        return f"{self.action}:{self.uri}"

    @classmethod
    def read(cls, data: Any) -> Order:
        """Raises JsonRpcInvalidParams."""
        try:
            start, end = (
                lsp.Position(_count(data["range"][which]["line"]), _count(data["range"][which]["character"]))
                for which in ("start", "end")
            )
            return cls(str(data["action"]), str(data["uri"]), lsp.Range(start, end))
        except (KeyError, TypeError, ValueError):
            raise JsonRpcInvalidParams(
                "The argument must be one object: {action: NAME, uri: URI, range: RANGE}."
            ) from None

    def write(self) -> dict[str, Any]:
        places = {"start": self.range.start, "end": self.range.end}
        range_ = {name: {"line": place.line, "character": place.character} for name, place in places.items()}
        return {"action": self.action, "uri": self.uri, "range": range_}


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(value)
    return value


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
    data = order.write()
    action = lsp.CodeAction(title=f"{offer.title} ({offer.tier})", kind=offer.kind)
    # An edit is computed when it is chosen, where the client asks for it then; otherwise a command makes and sends it.
    if offer.output is Output.EDIT and session.abilities.resolves_edits:
        action.data = data
    else:
        action.command = lsp.Command(title=offer.title, command=RUN_ACTION, arguments=[data])
    return action


async def resolve(ls: HybridServer, action: lsp.CodeAction) -> lsp.CodeAction:
    """Compute the edit of a chosen action; one that comes to nothing says why, and stays without an edit."""
    if action.data is None:
        return action
    order = Order.read(action.data)
    try:
        outcome = await _run(ls, order)
        if isinstance(outcome, EditOutcome):
            action.edit = deliver.workspace_edit(ls.session, outcome)
        else:
            await deliver.show(ls, outcome, order.key)
    except HybridLspError as error:
        ls.session.tell.answer(str(error))
    return action


async def run_command(ls: HybridServer, arguments: Sequence[Any]) -> dict[str, Any]:
    """Run an action and show what comes of it; returns the same as plain values, for scripts."""
    order = Order.read(arguments[0] if arguments else None)
    try:
        return await deliver.show(ls, await _run(ls, order), order.key)
    except HybridLspError as error:
        ls.session.tell.answer(str(error))
        return {"kind": "failed", "message": str(error)}


async def review_saved(ls: HybridServer, uri: str) -> None:
    """The security review that runs when a file is saved; it stays silent where there is nothing to say."""
    document = ls.session.documents.get(uri)
    if document is None:
        return
    order = Order(_REVIEW, uri, range_of(document, Span(0, len(document.text)), ls.session.documents.encoding))
    try:
        outcome = await _run(ls, order)
    except HybridLspError as error:
        ls.session.tell.info(str(error))
        return
    if isinstance(outcome, FindingsOutcome):
        deliver.publish(ls, outcome)


def forget(ls: HybridServer, uri: str) -> None:
    """A document was closed: its running actions end and its findings go."""
    for key, task in list(ls.session.running.items()):
        if key[1] == uri:
            task.cancel()
    deliver.clear_findings(ls, uri)


async def _run(ls: HybridServer, order: Order) -> Outcome:
    """Run one action with its progress shown; a newer run of the same action there takes its place.

    Raises HybridLspError, to be told: the file is not open, or there is no such action.
    """
    session = ls.session
    document = session.documents.get(order.uri)
    if document is None:
        raise ActionError("This file is not open, or larger than files.max_bytes: no action can run on it.")
    session.latest.cancel(order.uri)
    key = (order.action, order.uri)
    await _supersede(session, key)
    started = time.perf_counter()
    try:
        return await _shown(ls, order, document, started)
    except HybridLspError:
        _record(session, order, document, None, ActionEnd.FAILED, started)
        raise
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
                report(progress.interim.label if progress.interim else progress.message)
                if progress.interim is not None:
                    deliver.show_interim(ls, order.key, title, progress.interim)
                if progress.text:
                    session.tell.stream(order.key, title, progress.text, done=False)

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
