"""What an action came to, shown the way the client can show it."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from hybrid_lsp.actions.base import EditOutcome, FileOutcome, FindingsOutcome, Outcome, TextOutcome
from hybrid_lsp.actions.edits import rebase
from hybrid_lsp.actions.prompts import fenced
from hybrid_lsp.document import Document, Span
from hybrid_lsp.errors import ActionError, StaleDocument
from hybrid_lsp.paths import digest, state_dir
from hybrid_lsp.server.commands import DISCARDED
from hybrid_lsp.server.convert import new_file_edit_of, workspace_edit_of
from hybrid_lsp.types import DocumentEdit, TextEdit

if TYPE_CHECKING:
    from hybrid_lsp.server.hybrid import HybridServer
    from hybrid_lsp.server.runs import Running
    from hybrid_lsp.server.session import Session

log = logging.getLogger(__name__)

_PAGES_KEPT_S = 7 * 24 * 3600


def with_reply_kept(outcome: Outcome, key: str) -> Outcome:
    """The outcome with a note where the refused reply can be read, where there is one.

    It stands there as the model wrote it, its secrets as placeholders.
    """
    if not outcome.by.raw:
        return outcome
    try:
        note = f"The refused reply is kept in {_write_page('reply', key, outcome.by.raw)}."
    except OSError as error:
        log.warning("The refused reply cannot be kept: %s", error.strerror)
        return outcome
    noted = attrs.evolve(outcome, by=outcome.by.noting(note))
    if isinstance(noted, EditOutcome):
        described = attrs.evolve(noted.edit, description=f"{noted.edit.description} {note}".lstrip())
        return attrs.evolve(noted, edit=described)
    return noted


async def show(ls: HybridServer, outcome: Outcome, key: str, run: str) -> dict[str, Any]:
    """Show an outcome; returns it as plain values too, with `kind`, `tier`, `label` and `notes`.

    `key` names the run to clients that saw its text grow, `run` in the metrics. Raises StaleDocument for an
    edit whose text has changed.
    """
    about = {"tier": str(outcome.tier), "label": outcome.label, "notes": list(outcome.notes)}
    if isinstance(outcome, FileOutcome) and not _makes_file(ls.session, outcome):
        outcome = _as_text(outcome)
    if isinstance(outcome, TextOutcome):
        await _show_text(ls, outcome, key)
        return {"kind": "text", "markdown": outcome.markdown, **about}
    if isinstance(outcome, EditOutcome | FileOutcome):
        return {"kind": "edit", "applied": await _apply(ls, outcome, run), **about}
    if isinstance(outcome, FindingsOutcome):
        dismissed = ls.diagnostics.show(outcome)
        ls.session.tell.answer(_summary(outcome, dismissed))
        return {"kind": "findings", "count": len(outcome.findings) - dismissed, **about}
    message = " ".join([outcome.label, *outcome.notes, outcome.message]).lstrip()
    page = _page_path("reply", key)
    abilities = ls.session.abilities
    if outcome.by.raw and abilities.shows_documents and abilities.asks and page.exists():
        ls.session.spawn(_offer_page(ls, message, page))
    else:
        ls.session.tell.answer(message)
    return {"kind": "nothing", "message": outcome.message, **about}


def workspace_edit(session: Session, outcome: EditOutcome | FileOutcome, run: str) -> lsp.WorkspaceEdit | None:
    """The edit for the document as it is now, which is followed from here on.

    Raises StaleDocument when its text has changed since, and ActionError for one that cannot be sent.

    Returns None for a new file that the client cannot make, or that has no place.
    """
    if isinstance(outcome, FileOutcome):
        return _new_file(session, outcome, run)
    current = session.documents.get(outcome.edit.document.uri)
    if current is None:
        raise StaleDocument("The file was closed while the action ran.", "Open it and run the action again.")
    abilities = session.abilities
    rebased = rebase(outcome.edit, current, outcome.span, session.documents.changes_since(outcome.edit.document))
    if any("\0" in each.new_text for each in rebased.edits):
        raise ActionError("The new code holds a NUL character, which not every editor can be sent: nothing is changed.")
    edit = workspace_edit_of(
        rebased,
        session.documents.encoding,
        versioned=abilities.versioned_edits,
        annotated=abilities.annotated_edits,
    )
    session.aftermath.offered(run, rebased)
    if not abilities.annotated_edits:
        # Where the edit cannot say itself who made it and why.
        session.tell.answer(" ".join([outcome.label, *outcome.notes]))
    return edit


def _makes_file(session: Session, outcome: FileOutcome) -> bool:
    return outcome.path is not None and session.abilities.creates_files


def _new_file(session: Session, outcome: FileOutcome, run: str) -> lsp.WorkspaceEdit | None:
    if outcome.path is None or not session.abilities.creates_files:
        return None
    if outcome.path.exists() or session.documents.get(outcome.path.as_uri()) is not None:
        raise StaleDocument(f"There is a file {outcome.path.name} by now.", "Run the action again.")
    nothing_yet = Document(outcome.path.as_uri(), "")
    session.aftermath.offered(run, DocumentEdit(nothing_yet, (TextEdit(Span(0, 0), outcome.content),), outcome.title))
    description = " ".join([outcome.label, *outcome.notes])
    annotated = session.abilities.annotated_edits
    return new_file_edit_of(outcome.path, outcome.content, outcome.title, description, annotated=annotated)


def _as_text(outcome: FileOutcome) -> TextOutcome:
    """A new file as a page, for a client that makes none."""
    place = f"For a new file `{outcome.path}`:" if outcome.path else "For a new file:"
    return TextOutcome(outcome.by, f"{place}\n\n{fenced(outcome.content.rstrip(), outcome.document.language)}\n")


def show_interim(ls: HybridServer, key: str, running: Running, outcome: Outcome) -> None:
    """Something to look at while the model is slow to begin; what comes in the end takes its place."""
    if isinstance(outcome, TextOutcome):
        ls.session.tell.stream(key, running.action.title, f"{outcome.markdown}\n_{outcome.label}_\n", done=False)
    elif isinstance(outcome, FindingsOutcome):
        ls.diagnostics.show(outcome)
    elif isinstance(outcome, EditOutcome) and ls.session.runs.may_ask(running):
        # Not sent yet: the model's edit would then come for a text that this one has changed.
        ls.session.spawn(_offer_static(ls, outcome))


async def _offer_static(ls: HybridServer, outcome: EditOutcome) -> None:
    """Say that there is a static edit to be had at once, with a button for it where a question stops nobody."""
    message, session = outcome.edit.description, ls.session
    if not session.abilities.asks:
        # What matters first: a line of a terminal may show no more.
        session.tell.answer(f"{outcome.edit.label}: the list of actions offers a static edit now. {message}")
        return
    if await ask(ls, message, "Use it now"):
        session.runs.answer_now(outcome.edit.document.uri)


async def _show_text(ls: HybridServer, outcome: TextOutcome, key: str) -> None:
    await show_markdown(ls, outcome.label, outcome.markdown, key)


async def show_markdown(ls: HybridServer, title: str, markdown: str, key: str) -> None:
    """Show a text as the editor shows explanations, in place of an earlier one of the same `key`."""
    session = ls.session
    if session.tell.wants_stream:
        session.tell.stream(key, title, markdown, done=True)
    elif not (session.abilities.shows_documents and await _show_page(ls, key, markdown)):
        session.tell.answer(f"{title}\n\n{markdown}")


async def _show_page(ls: HybridServer, key: str, markdown: str) -> bool:
    """Have the editor open the text as a file; False where that does not work."""
    try:
        page = _write_page("explanation", key, markdown)
        params = lsp.ShowDocumentParams(page.as_uri(), external=False, take_focus=False)
        return (await ls.window_show_document_async(params)).success
    except (OSError, JsonRpcException) as error:
        log.warning("The explanation cannot be opened as a file: %s", error)
        return False


def _write_page(kind: str, key: str, text: str) -> Path:
    """One page for each action and place of this process, readable by its user alone: it quotes their code.

    Old ones go.
    """
    folder = state_dir() / "pages"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for page in folder.glob("*.md"):
        if time.time() - page.stat().st_mtime > _PAGES_KEPT_S:
            page.unlink(missing_ok=True)
    path = _page_path(kind, key)
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8", errors="replace")
    return path


def _page_path(kind: str, key: str) -> Path:
    return state_dir() / "pages" / f"{kind}-{os.getpid()}-{digest(key)}.md"


async def _offer_page(ls: HybridServer, message: str, page: Path) -> None:
    """Tell that an action came to nothing, with a button that opens the reply it was refused for."""
    if not await ask(ls, message, "Show the reply"):
        return
    try:
        await ls.window_show_document_async(lsp.ShowDocumentParams(page.as_uri(), take_focus=True))
    except JsonRpcException as error:
        log.warning("The refused reply cannot be shown: %s", error.message)


async def ask(ls: HybridServer, message: str, *buttons: str) -> str | None:
    """Tell something with buttons; returns which was pressed. A client that has none shows the text."""
    log.info(message)
    params = lsp.ShowMessageRequestParams(lsp.MessageType.Info, message, [lsp.MessageActionItem(b) for b in buttons])
    try:
        pressed = await ls.window_show_message_request_async(params)
    except JsonRpcException as error:
        log.warning("The client shows no question: %s", error.message)
        ls.session.tell.answer(message)
        return None
    return pressed.title if pressed is not None else None


async def _apply(ls: HybridServer, outcome: EditOutcome | FileOutcome, run: str) -> bool:
    edit = workspace_edit(ls.session, outcome, run)
    assert edit is not None
    if not ls.session.abilities.applies_edits:
        ls.session.tell.answer("This editor takes no edits from a language server: nothing was changed.")
        return False
    params = lsp.ApplyWorkspaceEditParams(
        edit, label=outcome.edit.label if isinstance(outcome, EditOutcome) else outcome.title
    )
    try:
        result = await ls.workspace_apply_edit_async(params)
    except JsonRpcException as error:
        result = lsp.ApplyWorkspaceEditResult(applied=False, failure_reason=error.message)
    ls.session.aftermath.answered(run, applied=result.applied)
    if not result.applied and result.failure_reason != DISCARDED:
        ls.session.tell.answer(f"The editor did not apply the edit: {result.failure_reason or 'no reason given'}.")
    return result.applied


def _summary(outcome: FindingsOutcome, dismissed: int) -> str:
    count = len(outcome.findings) - dismissed
    found = "No findings." if not count else f"{count} finding{'s' if count > 1 else ''}."
    hidden = [f"{dismissed} more you have dismissed."] if dismissed else []
    return " ".join([found, *hidden, outcome.label, *outcome.notes])
