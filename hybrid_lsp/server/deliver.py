"""What an action came to, shown the way the client can show it."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from hybrid_lsp.actions.base import EditOutcome, FindingsOutcome, Outcome, TextOutcome
from hybrid_lsp.actions.edits import rebase
from hybrid_lsp.errors import StaleDocument
from hybrid_lsp.paths import state_dir
from hybrid_lsp.server.convert import diagnostic_of, workspace_edit_of

if TYPE_CHECKING:
    from hybrid_lsp.server.hybrid import HybridServer
    from hybrid_lsp.server.session import Session


log = logging.getLogger(__name__)


async def show(ls: HybridServer, outcome: Outcome, key: str) -> dict[str, Any]:
    """Show an outcome; returns it as plain values too, with `kind`, `tier`, `label` and `notes`.

    `key` names the run to clients that saw its text grow. Raises StaleDocument for an edit whose text has changed.
    """
    about = {"tier": str(outcome.tier), "label": outcome.label, "notes": list(outcome.notes)}
    if isinstance(outcome, TextOutcome):
        await _show_text(ls, outcome, key)
        return {"kind": "text", "markdown": outcome.markdown, **about}
    if isinstance(outcome, EditOutcome):
        return {"kind": "edit", "applied": await _apply(ls, outcome), **about}
    if isinstance(outcome, FindingsOutcome):
        publish(ls, outcome)
        ls.session.tell.answer(_summary(outcome))
        return {"kind": "findings", "count": len(outcome.findings), **about}
    ls.session.tell.answer(" ".join([outcome.label, *outcome.notes, outcome.message]).lstrip())
    return {"kind": "nothing", "message": outcome.message, **about}


def workspace_edit(session: Session, outcome: EditOutcome) -> lsp.WorkspaceEdit:
    """The edit for the document as it is now; raises StaleDocument when its text has changed since."""
    current = session.documents.get(outcome.edit.document.uri)
    if current is None:
        raise StaleDocument("The file was closed while the action ran.", "Open it and run the action again.")
    abilities = session.abilities
    edit = workspace_edit_of(
        rebase(outcome.edit, current, outcome.span),
        session.documents.encoding,
        versioned=abilities.versioned_edits,
        annotated=abilities.annotated_edits,
    )
    if not abilities.annotated_edits:
        # Where the edit cannot say itself who made it and why.
        session.tell.answer(" ".join([outcome.label, *outcome.notes]))
    return edit


def show_interim(ls: HybridServer, key: str, title: str, outcome: Outcome) -> None:
    """Something to look at while the model is slow to begin; what comes in the end takes its place."""
    if isinstance(outcome, TextOutcome):
        ls.session.tell.stream(key, title, f"{outcome.markdown}\n_{outcome.label}_\n", done=False)
    elif isinstance(outcome, FindingsOutcome):
        publish(ls, outcome)


def publish(ls: HybridServer, outcome: FindingsOutcome) -> None:
    """Publish for the text as it is now; what a review of another selection found stays."""
    session, uri = ls.session, outcome.document.uri
    current = session.documents.get(uri)
    if current is None:
        return
    findings = session.findings.replace(outcome.document, outcome.span, outcome.findings, current)
    diagnostics = [diagnostic_of(current, each, session.documents.encoding) for each in findings]
    ls.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, diagnostics, version=current.version))


def clear_findings(ls: HybridServer, uri: str) -> None:
    if ls.session.findings.forget(uri):
        ls.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))


async def _show_text(ls: HybridServer, outcome: TextOutcome, key: str) -> None:
    session = ls.session
    if session.tell.wants_stream:
        session.tell.stream(key, outcome.label, outcome.markdown, done=True)
    elif not (session.abilities.shows_documents and await _show_page(ls, outcome.markdown)):
        session.tell.answer(f"{outcome.label}\n\n{outcome.markdown}")


async def _show_page(ls: HybridServer, markdown: str) -> bool:
    """Have the editor open the text as a file; False where that does not work."""
    try:
        page = _write_page(markdown)
        params = lsp.ShowDocumentParams(page.as_uri(), external=False, take_focus=False)
        return (await ls.window_show_document_async(params)).success
    except (OSError, JsonRpcException) as error:
        log.warning("The explanation cannot be opened as a file: %s", error)
        return False


def _write_page(markdown: str) -> Path:
    """One page a process, readable by its user alone: it quotes their code."""
    folder = state_dir() / "explanations"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"explanation-{os.getpid()}.md"
    path.touch(mode=0o600)
    path.write_text(markdown, encoding="utf-8")
    return path


async def _apply(ls: HybridServer, outcome: EditOutcome) -> bool:
    edit = workspace_edit(ls.session, outcome)
    if not ls.session.abilities.applies_edits:
        ls.session.tell.answer("This editor takes no edits from a language server: nothing was changed.")
        return False
    params = lsp.ApplyWorkspaceEditParams(edit, label=outcome.edit.label)
    try:
        result = await ls.workspace_apply_edit_async(params)
    except JsonRpcException as error:
        result = lsp.ApplyWorkspaceEditResult(applied=False, failure_reason=error.message)
    if not result.applied:
        ls.session.tell.answer(f"The editor did not apply the edit: {result.failure_reason or 'no reason given'}.")
    return result.applied


def _summary(outcome: FindingsOutcome) -> str:
    count = len(outcome.findings)
    found = "No security findings." if not count else f"{count} security finding{'s' if count > 1 else ''}."
    return " ".join([found, outcome.label, *outcome.notes])
