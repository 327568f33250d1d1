"""What an action came to, shown the way the client can show it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp

from hybrid_lsp.actions.base import EditOutcome, FindingsOutcome, Outcome, TextOutcome
from hybrid_lsp.actions.edits import rebase
from hybrid_lsp.document import Document
from hybrid_lsp.errors import StaleDocument
from hybrid_lsp.paths import state_dir
from hybrid_lsp.server.convert import diagnostic_of, workspace_edit_of

if TYPE_CHECKING:
    from hybrid_lsp.server.hybrid import HybridServer
    from hybrid_lsp.server.session import Session


async def show(ls: HybridServer, outcome: Outcome) -> dict[str, Any]:
    """Show an outcome; returns it as plain values too, with `kind`, `tier`, `label` and `notes`."""
    about = {"tier": str(outcome.tier), "label": outcome.label, "notes": list(outcome.notes)}
    if isinstance(outcome, TextOutcome):
        await _show_text(ls, outcome)
        return {"kind": "text", "markdown": outcome.markdown, **about}
    if isinstance(outcome, EditOutcome):
        return {"kind": "edit", "applied": await _apply(ls, outcome), **about}
    if isinstance(outcome, FindingsOutcome):
        _publish(ls, outcome)
        ls.session.tell.answer(_summary(outcome))
        return {"kind": "findings", "count": len(outcome.findings), **about}
    ls.session.tell.answer(outcome.message)
    return {"kind": "nothing", "message": outcome.message, **about}


def workspace_edit(session: Session, outcome: EditOutcome) -> lsp.WorkspaceEdit:
    """The edit for the document as it is now; raises StaleDocument when its text has changed since."""
    current = session.documents.get(outcome.edit.document.uri)
    if current is None:
        raise StaleDocument("The file was closed while the action ran.", "Open it and run the action again.")
    abilities = session.abilities
    return workspace_edit_of(
        rebase(outcome.edit, current, outcome.span),
        session.documents.encoding,
        versioned=abilities.versioned_edits,
        annotated=abilities.annotated_edits,
    )


def clear_findings(ls: HybridServer, uri: str) -> None:
    if ls.session.findings.pop(uri, None):
        ls.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))


async def _show_text(ls: HybridServer, outcome: TextOutcome) -> None:
    session = ls.session
    if session.tell.wants_stream:
        session.tell.stream("explanation", outcome.label, outcome.markdown, done=True)
    elif session.abilities.shows_documents:
        path = _write_page(outcome.markdown)
        await ls.window_show_document_async(lsp.ShowDocumentParams(path.as_uri(), external=False, take_focus=False))
    else:
        session.tell.answer(outcome.markdown)


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
    result = await ls.workspace_apply_edit_async(params)
    if not result.applied:
        ls.session.tell.answer(f"The editor did not apply the edit: {result.failure_reason or 'no reason given'}.")
    return result.applied


def _publish(ls: HybridServer, outcome: FindingsOutcome) -> None:
    """Publish for the version that was reviewed; an editor that is past it moves the marks itself."""
    document: Document = outcome.document
    ls.session.findings[document.uri] = outcome.findings
    diagnostics = [diagnostic_of(document, each, ls.session.documents.encoding) for each in outcome.findings]
    ls.text_document_publish_diagnostics(
        lsp.PublishDiagnosticsParams(document.uri, diagnostics, version=document.version)
    )


def _summary(outcome: FindingsOutcome) -> str:
    count = len(outcome.findings)
    found = "No security findings." if not count else f"{count} security finding{'s' if count > 1 else ''}."
    return " ".join([found, outcome.label, *outcome.notes])
