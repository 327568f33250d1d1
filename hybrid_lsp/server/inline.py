"""One inline completion request: from LSP to the typing path and back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from hybrid_lsp.completion.latest import SUPERSEDED
from hybrid_lsp.completion.query import Answer, Query, Selected, nothing
from hybrid_lsp.document import Document
from hybrid_lsp.metrics.events import InlineAnswered
from hybrid_lsp.server.commands import ACCEPT
from hybrid_lsp.server.convert import offset_of, range_of, span_of
from hybrid_lsp.types import Reason, Suggestion

if TYPE_CHECKING:
    from hybrid_lsp.server.session import Session


async def answer(session: Session, params: lsp.InlineCompletionParams) -> lsp.InlineCompletionList:
    """The reply to `textDocument/inlineCompletion`: never null, and every empty one has its reason recorded."""
    document, found = await ask(session, params.text_document.uri, lambda document: _query(session, params, document))
    if document is None:
        return lsp.InlineCompletionList(items=[])
    return lsp.InlineCompletionList(items=[_item(session, document, one) for one in found.suggestions])


async def ask(session: Session, uri: str, query: Callable[[Document], Query]) -> tuple[Document | None, Answer]:
    """Ask the typing path, the document's older request being settled first, and record what came of it."""
    started = time.perf_counter()
    document = session.documents.as_sent(uri)
    try:
        async with session.latest.claim(uri):
            found = await _complete(session, uri, document, query)
    except asyncio.CancelledError as cancelled:
        superseded = cancelled.args == (SUPERSEDED,)
        _record(session, document, nothing(Reason.SUPERSEDED if superseded else Reason.CANCELLED), started)
        raise
    _record(session, document, found, started)
    return document, found


async def _complete(
    session: Session, uri: str, document: Document | None, query: Callable[[Document], Query]
) -> Answer:
    if document is None:
        return _not_kept(session, uri)
    if session.documents.get(uri) is not document:
        return nothing(Reason.SUPERSEDED, "The text has changed since.")
    found = await session.completion.complete(session.notebooks.entered(query(document)), session.config)
    return session.notebooks.left(found, document)


def _not_kept(session: Session, uri: str) -> Answer:
    if session.documents.is_too_large(uri):
        return nothing(Reason.TOO_LARGE, "The file is larger than files.max_bytes.")
    if session.documents.is_lost(uri):
        return nothing(Reason.NOT_OPEN, "A change of this file could not be read: close it and open it again.")
    return nothing(Reason.NOT_OPEN, "The client asked about a document that it has not opened.")


def _query(session: Session, params: lsp.InlineCompletionParams, document: Document) -> Query:
    encoding = session.documents.encoding
    selected = params.context.selected_completion_info
    return Query(
        document=document,
        offset=offset_of(document, params.position, encoding),
        invoked=params.context.trigger_kind == lsp.InlineCompletionTriggerKind.Invoked,
        selected=Selected(span_of(document, selected.range, encoding), selected.text) if selected else None,
    )


def _item(session: Session, document: Document, suggestion: Suggestion) -> lsp.InlineCompletionItem:
    return lsp.InlineCompletionItem(
        insert_text=suggestion.text,
        # Without a range VS Code replaces from the start of the word and shows no ghost text.
        range=range_of(document, suggestion.span, session.documents.encoding),
        command=accepting(suggestion),
    )


def accepting(suggestion: Suggestion) -> lsp.Command:
    """What a client runs when its user accepts a suggestion."""
    return lsp.Command(title="Accepted", command=ACCEPT, arguments=[suggestion.id])


def _record(session: Session, document: Document | None, found: Answer, started: float) -> None:
    latency_ms = (time.perf_counter() - started) * 1000
    first = found.suggestions[0] if found.suggestions else None
    if first is not None and document is not None:
        session.remember_shown(document, first)
    session.record(
        InlineAnswered(
            suggestion=first.id if first else None,
            reason=found.reason,
            language=document.language if document else "unknown",
            tier=found.tier,
            model=found.model,
            latency_ms=latency_ms,
            model_ms=found.model_ms,
            tokens=found.tokens,
            characters=len(first.text) if first else 0,
            reused=found.reused,
        )
    )
    outcome = f"shown, {len(first.text)} characters" if first else f"nothing: {found.reason} {found.detail}".rstrip()
    session.tell.trace(f"inline {outcome}; {latency_ms:.0f} ms, {found.tokens} tokens in {found.model_ms:.0f} ms")
    if found.reason not in (Reason.SUPERSEDED, Reason.CANCELLED):
        session.tell.show_status(
            reason=found.reason, message=f"{found.detail} {found.left_out}".strip(), tier=found.tier
        )
