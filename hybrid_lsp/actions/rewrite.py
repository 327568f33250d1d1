"""An action that replaces the selected code by better code: the reply is one fenced block, and is verified."""

from __future__ import annotations

import attrs

from hybrid_lsp.actions import edits, prompts, reply
from hybrid_lsp.actions.base import ActionContext, By, EditOutcome, Grounding, NothingOutcome, Outcome, Output, selected
from hybrid_lsp.document import Document, Span
from hybrid_lsp.types import Message

_FORM = """\
Reply with the whole new code in exactly one fenced code block and nothing else. It takes the place of the code above \
as it stands: leave nothing out, add nothing around it, keep comments that still hold."""
_KEEP = "Keep all public names and all signatures (parameters, their order and their defaults) as they are."


@attrs.frozen
class Rewrite:
    """`task` says in the prompt what to do; `keep_names` holds public names and signatures fixed.

    By itself it has no static way: `languages` is empty.
    """

    name: str
    title: str
    task: str
    kind: str = "refactor.rewrite"
    keep_names: bool = True
    output: Output = Output.EDIT
    languages: frozenset[str] = frozenset()
    schema: dict[str, object] | None = None

    def target(self, document: Document, span: Span) -> Span | None:
        return selected(document, span)

    async def ground(self, context: ActionContext) -> Grounding:
        return Grounding()

    def messages(self, context: ActionContext, grounding: Grounding) -> tuple[Message, ...]:
        return prompts.chat(
            self.task,
            _KEEP if self.keep_names else "",
            prompts.code(context),
            prompts.surroundings(context),
            prompts.facts("What static analysis says", [grounding.facts]),
            _FORM,
        )

    def parse(self, context: ActionContext, grounding: Grounding, text: str, by: By) -> Outcome:
        code = reply.code_block(text)
        edit = edits.verified(context.document, context.span, code, self.title, by.label, keep_names=self.keep_names)
        return EditOutcome(by, edit, context.span)

    async def static(self, context: ActionContext, by: By) -> Outcome:
        return NothingOutcome(by, f"`{self.title}` needs a large model.")
