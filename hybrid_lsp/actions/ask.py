"""Answer a question about the selected code, in Markdown."""

from __future__ import annotations

import attrs

from hybrid_lsp.actions import explain
from hybrid_lsp.actions.answer import Answer
from hybrid_lsp.actions.base import BY_INSTRUCTION, ActionContext, Grounding, Terms

_TASK = """\
A developer asks something about the code below. Answer in Markdown, to the point, and only from what the code and the \
facts show; where they do not show it, say that."""


@attrs.frozen
class Ask(Answer):
    """The instruction is the question."""

    name: str = "ask"
    title: str = "Ask about this code"
    task: str = _TASK
    terms: Terms = BY_INSTRUCTION

    async def ground(self, context: ActionContext) -> Grounding:
        return explain.facts(context)

    def wording(self, context: ActionContext) -> str:
        return f"{self.task}\n\nThe question: {context.instruction.strip()}"
