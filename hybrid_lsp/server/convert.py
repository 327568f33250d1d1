"""LSP's positions to our code-point offsets and back, in each of the three encodings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp

from hybrid_lsp.document import Document, Span
from hybrid_lsp.types import DocumentEdit, Finding, Severity

Encoding = lsp.PositionEncodingKind | str

_SEVERITIES = {
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
    Severity.INFORMATION: lsp.DiagnosticSeverity.Information,
    Severity.HINT: lsp.DiagnosticSeverity.Hint,
}
_FROM_LSP = {theirs: ours for ours, theirs in _SEVERITIES.items()}
SOURCE = "hybrid-lsp"


def units(text: str, encoding: Encoding) -> int:
    """The length of a text in the encoding's code units."""
    if encoding == lsp.PositionEncodingKind.Utf8:
        return len(text.encode("utf-8"))
    if encoding == lsp.PositionEncodingKind.Utf32:
        return len(text)
    return len(text.encode("utf-16-le")) // 2


def column_of(line: str, character: int, encoding: Encoding) -> int:
    """The code-point column of a position counted in code units.

    A position past the line's end means its end (LSP 3.18, Position); one inside a character means its start.
    """
    if line.isascii() or encoding == lsp.PositionEncodingKind.Utf32:
        return max(0, min(character, len(line)))
    if encoding == lsp.PositionEncodingKind.Utf8:
        return len(line.encode("utf-8")[: max(0, character)].decode("utf-8", errors="ignore"))
    return len(line.encode("utf-16-le")[: 2 * max(0, character)].decode("utf-16-le", errors="ignore"))


def offset_of(document: Document, position: lsp.Position, encoding: Encoding) -> int:
    """The code-point offset of a position; what lies outside the text is clamped to it."""
    if position.line >= document.line_count:
        return len(document.text)
    column = column_of(document.line(position.line), position.character, encoding)
    return document.offset(position.line, column)


def position_of(document: Document, offset: int, encoding: Encoding) -> lsp.Position:
    """The position of a code-point offset. Between CR and LF it is the end of the line."""
    line, column = document.position(offset)
    return lsp.Position(line, units(document.line(line)[:column], encoding))


def span_of(document: Document, range_: lsp.Range, encoding: Encoding) -> Span:
    """The span of a range; a reversed range is read the right way round."""
    ends = sorted((offset_of(document, range_.start, encoding), offset_of(document, range_.end, encoding)))
    return Span(*ends)


def range_of(document: Document, span: Span, encoding: Encoding) -> lsp.Range:
    return lsp.Range(position_of(document, span.start, encoding), position_of(document, span.end, encoding))


def diagnostic_of(document: Document, finding: Finding, encoding: Encoding) -> lsp.Diagnostic:
    """A finding as an editor shows it in its list of problems."""
    weakness = f" (CWE-{finding.cwe})" if finding.cwe else ""
    return lsp.Diagnostic(
        range=range_of(document, finding.span, encoding),
        message=finding.message + weakness,
        severity=_SEVERITIES[finding.severity],
        code=finding.code,
        code_description=lsp.CodeDescription(href=finding.url) if finding.url else None,
        source=SOURCE,
        data={"tool": finding.tool, "cwe": finding.cwe},
    )


def finding_of(document: Document, diagnostic: lsp.Diagnostic, encoding: Encoding) -> Finding:
    """What some server reports, in our words; the `tool` is that server's name."""
    severity = diagnostic.severity or lsp.DiagnosticSeverity.Warning
    # LSP 3.18 lets a message be Markdown; its types still say that it is a text.
    message: Any = diagnostic.message
    return Finding(
        span=span_of(document, diagnostic.range, encoding),
        message=message if isinstance(message, str) else str(getattr(message, "value", message)),
        severity=_FROM_LSP[severity],
        code="" if diagnostic.code is None else str(diagnostic.code),
        tool=diagnostic.source or "",
    )


def new_file_edit_of(path: Path, content: str, label: str, description: str, *, annotated: bool) -> lsp.WorkspaceEdit:
    """A new file with its content, for clients that make files; it fails where there is one of that name."""
    uri, mark = path.as_uri(), SOURCE if annotated else None
    options = lsp.CreateFileOptions(overwrite=False, ignore_if_exists=False)
    start = lsp.Range(lsp.Position(0, 0), lsp.Position(0, 0))
    identifier = lsp.OptionalVersionedTextDocumentIdentifier(uri=uri, version=None)
    # Both parts carry the mark: whoever refuses the file refuses its content.
    edit: lsp.TextEdit | lsp.AnnotatedTextEdit = lsp.TextEdit(start, content)
    if mark is not None:
        edit = lsp.AnnotatedTextEdit(annotation_id=mark, range=start, new_text=content)
    annotation = lsp.ChangeAnnotation(label, needs_confirmation=True, description=description or None)
    return lsp.WorkspaceEdit(
        document_changes=[
            lsp.CreateFile(uri=uri, options=options, annotation_id=mark),
            lsp.TextDocumentEdit(identifier, [edit]),
        ],
        change_annotations={SOURCE: annotation} if annotated else None,
    )


def workspace_edit_of(edit: DocumentEdit, encoding: Encoding, *, versioned: bool, annotated: bool) -> lsp.WorkspaceEdit:
    """An edit for the client: with the document's version where it can (`versioned`), marked as needing the user's
    confirmation where it shows that (`annotated`)."""
    document = edit.document
    changes = [(range_of(document, change.span, encoding), change.new_text) for change in edit.edits]
    if not versioned:
        plain = [lsp.TextEdit(range_, text) for range_, text in changes]
        return lsp.WorkspaceEdit(changes={document.uri: plain})
    identifier = lsp.OptionalVersionedTextDocumentIdentifier(uri=document.uri, version=document.version)
    make: Callable[[lsp.Range, str], lsp.TextEdit | lsp.AnnotatedTextEdit] = (
        (lambda range_, text: lsp.AnnotatedTextEdit(annotation_id=SOURCE, range=range_, new_text=text))
        if annotated
        else lsp.TextEdit
    )
    annotation = lsp.ChangeAnnotation(edit.label, needs_confirmation=True, description=edit.description or None)
    return lsp.WorkspaceEdit(
        document_changes=[lsp.TextDocumentEdit(identifier, [make(range_, text) for range_, text in changes])],
        change_annotations={SOURCE: annotation} if annotated else None,
    )
