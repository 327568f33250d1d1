"""Change the selected code as the user says.

Public names may change, since the user may ask for just that; each one that does is named beside the edit, which the
user confirms. All other checks are those of every edit.
"""

from __future__ import annotations

import re

import attrs

from hybrid_lsp.actions import edits, leftout, names, prompts
from hybrid_lsp.actions.base import BY_INSTRUCTION, ActionContext, Grounding, Terms, selected
from hybrid_lsp.actions.rewrite import Rewrite
from hybrid_lsp.context import symbols
from hybrid_lsp.document import Document, Span
from hybrid_lsp.types import DocumentEdit, Message

_TASK = """\
Change the code below as a developer asks. Change what was asked for and nothing else."""
_NEW_TASK = """\
Write new code as a developer asks, and nothing else: it takes the place of the line {place} in the file below."""
_NEW_FORM = """\
Reply with the new code alone in exactly one fenced code block and nothing else{fence}. Repeat no line of the file."""
_PLACE = "<<< NEW CODE HERE >>>"
_AROUND_LINES = 30
_OF_COMMENTS = re.compile(
    r"(?i)comment|\bdoc|header|licen[cs]e|kommentar|coment|dokument|remove (?:all|every)|only (?:the )?code"
)
"""Words by which an instruction may be about the comments themselves."""


@attrs.frozen
class Change(Rewrite):
    """The instruction says what to change; on an empty line, what to write there."""

    name: str = "edit"
    title: str = "Edit as I say"
    task: str = _TASK
    keep_names: bool = False
    keep_marks: bool = False
    insists: bool = True
    terms: Terms = BY_INSTRUCTION

    def target(self, document: Document, span: Span) -> Span | None:
        line = symbols.whole_lines(document, span)
        return selected(document, span) if document.slice(line).strip() else line

    def wording(self, context: ActionContext) -> str:
        task = self.task if context.code.strip() else _NEW_TASK.format(place=_PLACE)
        return f"{task}\n\nThe developer asks: {context.instruction.strip()}"

    def messages(self, context: ActionContext, grounding: Grounding) -> tuple[Message, ...]:
        if context.code.strip():
            return Rewrite.messages(self, context, grounding)
        return prompts.chat(self.wording(context), _place(context), _NEW_FORM.format(fence=self.fence(context)))

    def may_empty(self, context: ActionContext) -> bool:
        return leftout.asks_to_delete(context.instruction)

    def keeps_comments(self, context: ActionContext) -> bool:
        return not _OF_COMMENTS.search(context.instruction)

    def remarks(self, context: ActionContext, edit: DocumentEdit) -> tuple[str, ...]:
        # Not `super()`: a class with slots is made anew by attrs.
        return (*names.changed(*edits.pieces(edit, context.span)), *Rewrite.remarks(self, context, edit))


def _place(context: ActionContext) -> str:
    """The lines around an empty one, with a mark where the new code goes."""
    document, span = context.document, context.span
    first, last = document.position(span.start)[0], document.position(span.end)[0]
    above = [document.line(each) for each in range(max(0, first - _AROUND_LINES), first)]
    below = [document.line(each) for each in range(last + 1, min(document.line_count, last + 1 + _AROUND_LINES))]
    text = "\n".join([*above, f"{context.code}{_PLACE}", *below])
    return prompts.block("File", text, document.language)
