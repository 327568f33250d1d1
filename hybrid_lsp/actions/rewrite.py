"""An action that replaces the selected code by better code: the reply is new code or hunks, and is verified."""

from __future__ import annotations

import attrs

from hybrid_lsp.actions import edits, fences, names, prompts, reply
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
Reply with the whole new code in exactly one fenced code block and nothing else{fence}. It takes the place of the code \
above as it stands: leave nothing out, add nothing around it, keep comments that still hold. Nothing outside of it \
changes: name in full what the file does not import."""
_FENCE = "; fence it with {fence}, for the code may hold shorter fences"
_FORM_OF_LONG_CODE = """\
Reply with the changes only, each in this form, and nothing else:
<<<<<<< SEARCH
lines of the code above, copied exactly, so many that they stand there only once
=======
the lines that take their place
>>>>>>> REPLACE"""
_INSIST = "The code above does not do so yet: it has to change."
_INSIST_FORM = "Write the whole code with this change in one fenced code block{fence}."
_KEEP = """\
Keep all public names, all signatures (parameters, their order and their defaults) and all decorators or attributes as \
they are."""
_LONG = 80
"""Lines from which a model is asked for hunks: writing all of a long text takes longer and loses lines."""
_CHARS_A_TOKEN = 2
"""At least; code that would not fit into a reply by this is asked for in hunks as well."""
_BESIDE_CHARS = 40
"""What a reply holds beside the code."""


@attrs.frozen
class Rewrite(Prompted):
    """`task` says in the prompt what to do; `keep_names` holds public names and signatures fixed, `keep_marks`
    decorators and attributes. `insists`: the code as it was is no answer, and is asked about once more.

    By itself it has no static way: `languages` is empty.
    """

    name: str
    title: str
    task: str
    kind: str = "refactor.rewrite"
    keep_names: bool = True
    keep_marks: bool = True
    insists: bool = False
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

    def insistence(self, context: ActionContext, grounding: Grounding) -> tuple[Message, ...]:
        # A prompt of its own, the task behind the code: in one conversation a small model copies its copy once more.
        if not self.insists:
            return ()
        form = self.form(context) if self.is_long(context) else _INSIST_FORM.format(fence=self.fence(context))
        return prompts.chat(
            prompts.code(context),
            prompts.surroundings(context),
            self.wording(context),
            *self.rules(context),
            prompts.facts("What is reported", [grounding.facts]),
            f"{_INSIST} {form}",
        )

    def asked(self, context: ActionContext) -> str:
        """The user's own words, which may ask for what is refused otherwise."""
        return context.instruction

    def may_empty(self, context: ActionContext) -> bool:
        """Whether no code at all may take the code's place."""
        return False

    def keeps_comments(self, context: ActionContext) -> bool:
        """Whether comments above the code stay where a model wrote none."""
        return True

    def rules(self, context: ActionContext) -> tuple[str, ...]:
        """What the new code must keep."""
        return (_KEEP,) if self.keep_names else ()

    def form(self, context: ActionContext) -> str:
        """How to reply."""
        if self.is_long(context):
            return _FORM_OF_LONG_CODE
        return _FORM.format(fence=self.fence(context))

    def fence(self, context: ActionContext) -> str:
        """What is said of the fence, where the code may hold some of its own."""
        shortest = fences.length_for(dedented(context.document, context.span), context.document.language)
        return _FENCE.format(fence="`" * shortest) if shortest > 3 else ""

    def is_long(self, context: ActionContext) -> bool:
        """Whether a whole new version would take too long, or more than a reply may have."""
        fits = context.config.actions.max_tokens * _CHARS_A_TOKEN
        return context.code.count("\n") >= _LONG or len(context.code) > fits

    def shorter(self, context: ActionContext) -> str:
        """How to reply where a reply was cut off."""
        return _FORM_OF_LONG_CODE if context.code.strip() else "Write less."

    def expected_chars(self, context: ActionContext) -> int:
        """About how long a reply will be."""
        return len(context.code) // (4 if self.is_long(context) else 1) + _BESIDE_CHARS

    def is_settled(self, context: ActionContext, text: str) -> bool:
        """Whether what is still to come of a reply may be left out."""
        return reply.is_settled(text, dedented(context.document, context.span), context.document.language)

    def parse(self, context: ActionContext, grounding: Grounding, text: str, by: By) -> Outcome:
        document = context.document
        return self.checked(context, reply.new_code(text, dedented(document, context.span), document.language), by)

    def checked(self, context: ActionContext, code: str, by: By) -> EditOutcome:
        """The edit that puts new code into the selection's place. Raises ReplyRejected."""
        span = context.span
        edit = edits.verified(
            context.document,
            span,
            code,
            self.title,
            by.label,
            keep_names=self.keep_names,
            keep_marks=self.keep_marks,
            keep_comments=self.keeps_comments(context),
            may_empty=self.may_empty(context),
            instruction=self.asked(context),
        )
        if complaint := self.objection(context, edit):
            raise ReplyRejected(complaint, raw=code)
        notes = self.remarks(context, edit)
        described = attrs.evolve(edit, description=" ".join([by.label, *notes]))
        return EditOutcome(by.noting(*notes), described, span)

    def objection(self, context: ActionContext, edit: DocumentEdit) -> str | None:
        """What else is wrong with an edit that is valid, in words that a model can act on."""
        return None

    def remarks(self, context: ActionContext, edit: DocumentEdit) -> tuple[str, ...]:
        """What the user should know of an edit before they confirm it."""
        old, new = edits.pieces(edit, context.span)
        marks = () if self.keep_marks else names.changed_marks(old, new)
        emptied = () if edits.leaves_code(edit, context.span) else ("All of the code is deleted.",)
        return (*emptied, *marks, *names.changed_annotations(old, new))
