"""Findings as the editor's diagnostics: published, or pulled by a client that pulls; and the dismissing of single ones.

A client that pulls (`textDocument/diagnostic`) and can be told to pull again gets nothing published: it would show
both. A client that pulls and cannot be told would see a review only after the next edit: to it we publish.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams

from hybrid_lsp.actions.base import By, FindingsOutcome
from hybrid_lsp.actions.dismissals import Dismissals
from hybrid_lsp.actions.findings import MODEL
from hybrid_lsp.actions.security import Security
from hybrid_lsp.analysis import review
from hybrid_lsp.document import Document, Span
from hybrid_lsp.errors import AnalysisError
from hybrid_lsp.paths import digest, state_dir
from hybrid_lsp.server.commands import DISMISS
from hybrid_lsp.server.convert import SOURCE, diagnostic_of, offset_of
from hybrid_lsp.server.findings import Findings
from hybrid_lsp.server.order import read_range, written_range
from hybrid_lsp.types import Finding, Tier

if TYPE_CHECKING:
    from pygls.lsp.server import LanguageServer

    from hybrid_lsp.server.session import Session

OPTIONS = lsp.DiagnosticOptions(identifier=SOURCE, inter_file_dependencies=False, workspace_diagnostics=False)
_USAGE = "The argument must be one object: {uri: URI, range: RANGE, code: CODE}, or {reset: true}."


class Diagnostics:
    """The diagnostics of one window's documents."""

    def __init__(self, server: LanguageServer, session: Session) -> None:
        self._server = server
        self._session = session
        self._findings = Findings()
        self._reviewing: dict[str, asyncio.Task[review.Review]] = {}
        self._published: dict[str, list[lsp.Diagnostic]] = {}
        self._refreshing: set[asyncio.Task[None]] = set()
        self._dismissals: Dismissals | None = None

    @property
    def dismissals(self) -> Dismissals:
        self._dismissals = self._dismissals or Dismissals(state_dir() / "dismissed")
        return self._dismissals

    def show(self, outcome: FindingsOutcome) -> int:
        """Show what a review found; what a review of another selection found stays.

        Returns how many of the findings are not shown since the user dismissed them.
        """
        if self._session.documents.get(outcome.document.uri) is None:
            return 0
        self._findings.replace(outcome.document, outcome.span, outcome.findings, outcome.tier)
        self._tell(outcome.document.uri)
        root = self._session.root_of(outcome.document)
        return len(outcome.findings) - len(self.dismissals.without(root, outcome.document, outcome.findings))

    async def review(self, uri: str) -> None:
        """The static review that runs when a file is saved: silent where there is nothing to show.

        A newer one takes the place of one that still runs.
        """
        document = self._session.documents.get(uri)
        if document is None or document.language not in Security().languages:
            return
        if (older := self._reviewing.get(uri)) is not None:
            older.cancel()
        self._reviewing[uri] = task = asyncio.ensure_future(review.security(document))
        try:
            found = await task
        except AnalysisError as error:
            self._session.tell.info(str(error))
        except asyncio.CancelledError:
            task.cancel()
            raise
        else:
            by = By(Tier.STATIC, "Static analysis.", found.notes)
            self.show(FindingsOutcome(by, found.findings, document, Span(0, len(document.text))))
        finally:
            if self._reviewing.get(uri) is task:
                del self._reviewing[uri]

    def follow(self, uri: str) -> None:
        """A document changed: what stands on changed lines goes, the rest moves along."""
        if uri in self._findings and not self._pulled:
            self._publish(uri)

    def clear(self, uri: str) -> None:
        """A document was closed."""
        if (task := self._reviewing.get(uri)) is not None:
            task.cancel()
        self._findings.forget(uri)
        if self._published.pop(uri, None):
            self._server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))

    def pull(self, params: lsp.DocumentDiagnosticParams) -> lsp.DocumentDiagnosticReport:
        """The report that a client asks for; short where it has the same one already."""
        document = self._session.documents.get(params.text_document.uri)
        found = self._diagnostics(document) if document else []
        result_id = digest(repr(found))
        if params.previous_result_id == result_id:
            return lsp.RelatedUnchangedDocumentDiagnosticReport(result_id=result_id)
        return lsp.RelatedFullDocumentDiagnosticReport(items=found, result_id=result_id)

    def dismiss(self, argument: Any) -> dict[str, Any]:
        """Drop findings and remember that, or with `reset` forget all dismissals of the open workspaces.

        Returns {dismissed: COUNT} or {reset: COUNT}. Raises ActionError where nothing can be written, and
        JsonRpcInvalidParams for another argument.
        """
        if isinstance(argument, dict) and argument.get("reset") is True:
            return {"reset": self._reset()}
        uri, start, code = _place(argument)
        session = self._session
        document = session.documents.get(uri)
        if document is None:
            return {"dismissed": 0}
        place = offset_of(document, start, session.documents.encoding)
        chosen = [each for each in self._known(document) if each.code == code and each.span.start == place]
        if chosen:
            self.dismissals.add(session.root_of(document), document, chosen)
            self._tell(uri)
        return {"dismissed": len(chosen)}

    def _reset(self) -> int:
        session = self._session
        roots = {None, *session.roots}
        count = sum(self.dismissals.reset(root) for root in roots)
        for document in session.documents:
            if document.uri in self._findings:
                self._tell(document.uri)
        return count

    @property
    def _pulled(self) -> bool:
        return self._session.abilities.pulls_diagnostics

    def _known(self, document: Document) -> list[Finding]:
        """The findings of a document that are not dismissed."""
        found = self._findings.of(document)
        return self.dismissals.without(self._session.root_of(document), document, found)

    def _diagnostics(self, document: Document) -> list[lsp.Diagnostic]:
        encoding = self._session.documents.encoding
        return [diagnostic_of(document, each, encoding) for each in self._known(document)]

    def _tell(self, uri: str) -> None:
        """Have the client show a document's findings as they are now."""
        if not self._pulled:
            self._publish(uri, again=True)
            return
        task = asyncio.ensure_future(self._refresh())
        self._refreshing.add(task)
        task.add_done_callback(self._refreshing.discard)

    def _publish(self, uri: str, *, again: bool = False) -> None:
        document = self._session.documents.get(uri)
        if document is None:
            return
        found = self._diagnostics(document)
        if again or found != self._published.get(uri):
            self._published[uri] = found
            params = lsp.PublishDiagnosticsParams(uri, found, version=document.version)
            self._server.text_document_publish_diagnostics(params)

    async def _refresh(self) -> None:
        with contextlib.suppress(JsonRpcException):
            await self._server.workspace_diagnostic_refresh_async(None)


def offers(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    """For each of our own diagnostics at a place: the command that dismisses it."""
    if params.context.only and not {"", lsp.CodeActionKind.QuickFix.value} & set(params.context.only):
        return []
    ours = [each for each in params.context.diagnostics if each.source == SOURCE and isinstance(each.code, str)]
    return [_dismissal(each, params.text_document.uri) for each in ours]


def _dismissal(diagnostic: lsp.Diagnostic, uri: str) -> lsp.CodeAction:
    title = "Dismiss this finding" if diagnostic.code == MODEL else f"Dismiss {diagnostic.code} here"
    argument = {"uri": uri, "range": written_range(diagnostic.range), "code": diagnostic.code}
    return lsp.CodeAction(
        title=title,
        kind=lsp.CodeActionKind.QuickFix,
        diagnostics=[diagnostic],
        command=lsp.Command(title=title, command=DISMISS, arguments=[argument]),
    )


def _place(argument: Any) -> tuple[str, lsp.Position, str]:
    try:
        start, uri, code = read_range(argument["range"]).start, argument["uri"], argument["code"]
    except (KeyError, TypeError, ValueError):
        raise JsonRpcInvalidParams(_USAGE) from None
    if not (isinstance(uri, str) and isinstance(code, str)):
        raise JsonRpcInvalidParams(_USAGE)
    return uri, start, code
