"""Change the selected code as the user says.

Public names may change, since the user may ask for just that; each one that does is named beside the edit, which the
user confirms. All other checks are those of every edit.
"""

from __future__ import annotations

import attrs

from hybrid_lsp.actions import edits, leftout, names
from hybrid_lsp.actions.base import BY_INSTRUCTION, ActionContext, Terms, selected
from hybrid_lsp.actions.rewrite import Rewrite
from hybrid_lsp.context import symbols
from hybrid_lsp.document import Document, Span
from hybrid_lsp.types import DocumentEdit

_TASK = """\
Change the code below as a developer asks. Change what was asked for and nothing else. Where the code below is empty, \
write what was asked for."""


@attrs.frozen
class Change(Rewrite):
    """The instruction says what to change; on an empty line, what to write there."""

    name: str = "edit"
    title: str = "Edit as I say"
    task: str = _TASK
    keep_names: bool = False
    keep_marks: bool = False
    terms: Terms = BY_INSTRUCTION

    def target(self, document: Document, span: Span) -> Span | None:
        line = symbols.whole_lines(document, span)
        return selected(document, span) if document.slice(line).strip() else line

    def wording(self, context: ActionContext) -> str:
        return f"{self.task}\n\nThe developer asks: {context.instruction.strip()}"

    def may_empty(self, context: ActionContext) -> bool:
        return leftout.asks_to_delete(context.instruction)

    def remarks(self, context: ActionContext, edit: DocumentEdit) -> tuple[str, ...]:
        # Not `super()`: a class with slots is made anew by attrs.
        return (*names.changed(*edits.pieces(edit, context.span)), *Rewrite.remarks(self, context, edit))
