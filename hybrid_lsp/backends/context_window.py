"""How large a context to ask for, of a server that loads its model with the context that a request names (Ollama).

Too small a context cuts the prompt, and each change of it loads the model again. So it grows in steps, is never made
smaller, and is as large as the prompt can need: nobody here has the model's tokenizer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import attrs

_STEP = 8192
"""Tokens of the smallest context: what ghost text and its answer need, so that typing never loads a model twice."""
_A_TURN = 32
"""Tokens that a chat template may put around one message."""
_LEAST_ANSWER = 64
_LIKELY, _MOST = 2.5, 1.0
"""Bytes of UTF-8 a token: for a server that refuses what does not fit, and for one that cuts it without a word. No
tokenizer of today makes more than a token of a byte."""


@attrs.define
class ContextWindow:
    """The context of one model, in tokens.

    `most` is the longest that the model was made for (None: not known), `refuses` whether the server refuses what does
    not fit. `fixed` is the size that the user has named, `usual` the one that the model brings along, and `loaded` the
    one that it is in memory with now (0: it is not): for a smaller one the server would load it again.
    """

    most: int | None = None
    refuses: bool = False
    fixed: int | None = None
    usual: int | None = None
    loaded: int = 0
    size: int = 0

    @property
    def limit(self) -> float:
        """The largest that may be asked for."""
        named = self.fixed or (max(self.usual, self.loaded) if self.usual else math.inf)
        return min(named, self.most or math.inf)

    def take(self, needed: int) -> int:
        """The size to ask for, where a prompt and its answer need so many tokens."""
        if self.fixed or self.usual:
            return int(self.limit)
        step = _STEP
        while step < needed:
            step *= 2
        self.size = int(min(max(step, self.size), self.limit))
        return int(min(max(self.size, self.loaded), self.limit))

    def grow(self) -> bool:
        """A prompt did not fit: twice as large from now on; False where it is as large as can be."""
        asked = max(self.size, self.loaded)
        if self.fixed or self.usual or asked >= self.limit:
            return False
        self.size = int(min(max(asked, _STEP) * 2, self.limit))
        return True

    def tokens(self, texts: Iterable[str]) -> int:
        """How many tokens the parts of a prompt take: likely, or at the most where too few would cut it."""
        parts = [len(text.encode("utf-8", "surrogatepass")) for text in texts]
        return math.ceil(sum(parts) / (_LIKELY if self.refuses else _MOST)) + _A_TURN * (len(parts) + 1)

    def answer(self, prompt: int, wanted: int) -> int:
        """Tokens that an answer may have beside a prompt: a server that shifts would forget the prompt meanwhile."""
        return wanted if math.isinf(self.limit) else min(wanted, max(_LEAST_ANSWER, int(self.limit) - prompt))

    def overflow(self, prompt: int) -> int:
        """Tokens by which a prompt may be too long for a server that would cut it without a word; 0: it fits."""
        if self.refuses or math.isinf(self.limit):
            return 0
        return max(0, prompt + _LEAST_ANSWER - int(self.limit))
