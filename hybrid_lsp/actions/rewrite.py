"""An action that replaces the selected code by better code: the reply is new code or hunks, and is verified."""

from __future__ import annotations

import attrs

from hybrid_lsp.actions import edits, prompts, reply
from hybrid_lsp.actions.base import (
    ON_SELECTION,
    ActionContext,
    By,
    EditOutcome,
    Grounding,
    Outcome,
    Output,
    Prompted,
    Terms,
)
from hybrid_lsp.actions.fitting import dedented
from hybrid_lsp.errors import ReplyRejected
from hybrid_lsp.types import DocumentEdit, Message

_FORM = """\
Reply with the whole new code in exactly one fenced code block and nothing else. It takes the place of the code above \
as it stands: leave nothing out, add nothing around it, keep comments that still hold."""
_FORM_OF_LONG_CODE = """\
Reply with the changes only, each in this form, and nothing else:
<<<<<<< SEARCH
lines of the code above, copied exactly, so many that they stand there only once
=======
the lines that take their place
>>>>>>> REPLACE"""
_KEEP = "Keep all public names and all signatures (parameters, their order and their defaults) as they are."
_LONG = 80
"""Lines from which a model is asked for hunks: writing all of a long text takes longer and loses lines."""


@attrs.frozen
class Rewrite(Prompted):
    """`task` says in the prompt what to do; `keep_names` holds public names and signatures fixed, `may_empty` lets
    the code be deleted.

    By itself it has no static way: `languages` is empty.
    """

    name: str
    title: str
    task: str
    kind: str = "refactor.rewrite"
    keep_names: bool = True
    may_empty: bool = False
    output: Output = Output.EDIT
    languages: frozenset[str] = frozenset()
    schema: dict[str, object] | None = None
    terms: Terms = ON_SELECTION

    def wording(self, context: ActionContext) -> str:
        """The task, for this context."""
        return self.task

    def messages(self, context: ActionContext, grounding: Grounding) -> tuple[Message, ...]:
        return prompts.chat(
            self.wording(context),
            *self.rules(context),
            prompts.code(context),
            prompts.surroundings(context),
            prompts.facts("What static analysis says", [grounding.facts]),
            self.form(context),
        )

    def rules(self, context: ActionContext) -> tuple[str, ...]:
        """What the new code must keep."""
        return (_KEEP,) if self.keep_names else ()

    def form(self, context: ActionContext) -> str:
        """How to reply."""
        return _FORM_OF_LONG_CODE if context.code.count("\n") >= _LONG else _FORM

    def parse(self, context: ActionContext, grounding: Grounding, text: str, by: By) -> Outcome:
        document, span = context.document, context.span
        code = reply.new_code(text, dedented(document, span))
        edit = edits.verified(
            document, span, code, self.title, by.label, keep_names=self.keep_names, may_empty=self.may_empty
        )
        if complaint := self.objection(context, edit):
            raise ReplyRejected(complaint, raw=text)
        notes = self.remarks(context, edit)
        described = attrs.evolve(edit, description=" ".join([by.label, *notes]))
        return EditOutcome(by.noting(*notes), described, span)

    def objection(self, context: ActionContext, edit: DocumentEdit) -> str | None:
        """What else is wrong with an edit that is valid, in words that a model can act on."""
        return None

    def remarks(self, context: ActionContext, edit: DocumentEdit) -> tuple[str, ...]:
        """What the user should know of an edit before they confirm it."""
        return ()
