"""An action that ends in text to read: the reply is Markdown, made harmless."""

from __future__ import annotations

import attrs

from hybrid_lsp.actions import prompts, reply
from hybrid_lsp.actions.base import (
    ON_SELECTION,
    ActionContext,
    By,
    Grounding,
    Outcome,
    Output,
    Prompted,
    Terms,
    TextOutcome,
)
from hybrid_lsp.types import Message


@attrs.frozen
class Answer(Prompted):
    """`task` says in the prompt what to do. By itself it has no static way: `languages` is empty."""

    name: str
    title: str
    task: str
    kind: str = "refactor.explain"
    output: Output = Output.TEXT
    languages: frozenset[str] = frozenset()
    schema: dict[str, object] | None = None
    terms: Terms = ON_SELECTION

    def wording(self, context: ActionContext) -> str:
        """The task, for this context."""
        return self.task

    def messages(self, context: ActionContext, grounding: Grounding) -> tuple[Message, ...]:
        return prompts.chat(
            self.wording(context),
            prompts.code(context),
            prompts.surroundings(context),
            prompts.facts("Facts from static analysis", [grounding.facts]),
        )

    def parse(self, context: ActionContext, grounding: Grounding, text: str, by: By) -> Outcome:
        return TextOutcome(by, reply.markdown(text))
