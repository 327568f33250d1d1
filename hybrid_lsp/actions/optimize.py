"""Make the selected code faster and plainer, with the same behaviour."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from hybrid_lsp.actions import edits
from hybrid_lsp.actions.base import ActionContext, By, EditOutcome, Grounding, NothingOutcome, Outcome, TextOutcome
from hybrid_lsp.actions.rewrite import Rewrite
from hybrid_lsp.analysis import ruff
from hybrid_lsp.types import DocumentEdit

_TASK = """\
Optimize this code. Find the step that costs most as the input grows (a loop in a loop, a search in a list, a copy in \
a loop, the same work done again) and do it in a better way: another algorithm or data structure, one pass, the \
language's own fast means. The behaviour stays the same for every input: results, errors, side effects and their \
order. Only where there is no such step, reply with the code as it is."""
_SHOWN = 10


@attrs.frozen
class Optimize(Rewrite):
    """With no model: the safe fixes of ruff's rules for speed and plainness."""

    name: str = "optimize"
    title: str = "Optimize this code"
    task: str = _TASK
    languages: frozenset[str] = frozenset({"python"})

    async def ground(self, context: ActionContext) -> Grounding:
        if context.document.language not in self.languages:
            return Grounding()
        fixes = await ruff.fixes(context.document, context.span)
        return Grounding("\n".join(_lines(context, (*fixes.applied, *fixes.advice))))

    async def static(self, context: ActionContext, by: By) -> Outcome:
        fixes = await ruff.fixes(context.document, context.span)
        advice = _lines(context, fixes.advice)
        changes = edits.minimal(context.document, fixes.text)
        if changes:
            done = "; ".join(_lines(context, fixes.applied))
            edit = DocumentEdit(context.document, changes, self.title, f"{by.label} {done}")
            return EditOutcome(
                by.noting(*(f"Not changed, worth a look: {line}" for line in advice)), edit, context.span
            )
        if advice:
            listed = "\n".join(f"- {line}" for line in advice)
            return TextOutcome(by, f"## Worth a look\n\nruff has no safe fix for these:\n\n{listed}\n")
        return NothingOutcome(by, "ruff sees nothing to make faster or plainer here.")


def _lines(context: ActionContext, diagnostics: Iterable[ruff.Diagnostic]) -> list[str]:
    """`C411: Unnecessary list call (line 3)`, the first few."""
    found = [
        f"{each.code}: {each.message} (line {context.document.position(each.span.start)[0] + 1})"
        for each in diagnostics
    ]
    more = len(found) - _SHOWN
    return [*found[:_SHOWN], f"and {more} more"] if more > 0 else found
