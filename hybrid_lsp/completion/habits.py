"""What is known of one model by how it has answered here: how often it may be started, and how much it may read."""

from __future__ import annotations

import attrs

from hybrid_lsp.completion.budget import TARGET_MS, ContextBudget
from hybrid_lsp.completion.debounce import Pace
from hybrid_lsp.context.standing import Windows


@attrs.define
class Habits:
    """The pace, the budget, and the windows that it has read."""

    pace: Pace = attrs.field(factory=Pace)
    budget: ContextBudget = attrs.field(factory=ContextBudget)
    windows: Windows = attrs.field(factory=Windows)

    def began(self, first_ms: float, uri: str, most: int, *, read: int) -> None:
        """It began to answer after so many milliseconds; `most` is the user's limit, `read` the characters of its
        window where that was cut anew, else 0."""
        self.budget.answered(first_ms, most, read=read)
        if first_ms > TARGET_MS and not read:
            self.windows.slow(uri, self.budget.chars(most))

    def given_up(self, waited_ms: float, uri: str, most: int, *, read: int) -> None:
        """Nothing had come when it was stopped: what is known is that it takes as long, at least."""
        if waited_ms > TARGET_MS:
            self.began(waited_ms, uri, most, read=read)
