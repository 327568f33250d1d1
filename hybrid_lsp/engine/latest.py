"""The latest prompt of a model whose library cuts its own state: what the next one shares with it is not computed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

from hybrid_lsp.engine.slots import shared


@attrs.define(eq=False)
class Latest:
    """The tokens whose state the library holds. `budget` 0: nothing is kept; else the latest prompt is, of any size."""

    bytes_a_token: int = 0
    budget: int = 0
    patience: float = math.inf
    hits: int = 0
    misses: int = 0
    reused_tokens: int = 0
    resets: int = 0
    tokens: list[int] = attrs.field(factory=list)

    @property
    def entries(self) -> int:
        return int(bool(self.tokens))

    @property
    def bytes(self) -> int:
        return len(self.tokens) * self.bytes_a_token

    def take(self, prompt: Sequence[int]) -> int:
        """How many of the prompt's first tokens are known; the rest is forgotten."""
        known = shared(self.tokens, prompt) if self.budget else 0
        self.tokens = list(prompt[:known])
        self.hits += bool(known)
        self.misses += not known
        self.reused_tokens += known
        return known
