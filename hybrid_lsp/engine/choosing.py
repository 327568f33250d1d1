"""How the next token is chosen from logits."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
import numpy.typing as npt

from hybrid_lsp.engine.base import Guide, Sampling

Logits = npt.NDArray[np.float32]
"""Of the whole vocabulary, (tokens,)."""


@attrs.define(eq=False)
class Chooser:
    """Chooses as the guide wants while it wants something, then greedily or by sampling."""

    sampling: Sampling
    guide: Guide | None = None
    random: Callable[[], float] = attrs.field(factory=lambda: np.random.default_rng().random)

    def choose(self, logits: Logits) -> tuple[int, float]:
        """A token, and its natural log-probability in the model's own distribution (in the guide's, where it rules)."""
        if self.guide is not None:
            if (choice := self.guide(logits)) is not None:
                return choice
            self.guide = None
        token = int(logits.argmax()) if self.sampling.temperature <= 0 else self._sampled(logits)
        return token, _logprob(logits, token)

    def _sampled(self, logits: Logits) -> int:
        """One of the `top_k` likeliest, of those the likeliest that make up `top_p` together."""
        size = min(self.sampling.top_k or logits.size, logits.size)
        likeliest = np.argpartition(logits, -size)[-size:]
        likeliest = likeliest[np.argsort(-logits[likeliest], kind="stable")]
        scaled = logits[likeliest].astype(np.float64) / self.sampling.temperature
        weights = np.exp(scaled - scaled[0])
        weights /= weights.sum()
        kept = np.cumsum(weights) - weights < self.sampling.top_p
        kept[0] = True  # a top_p of 0 still leaves the likeliest
        cumulated = np.cumsum(np.where(kept, weights, 0.0))
        at = int(np.searchsorted(cumulated, self.random() * cumulated[-1], side="right"))
        return int(likeliest[min(at, size - 1)])


def _logprob(logits: Logits, token: int) -> float:
    highest = logits.max()
    return float(logits[token] - highest) - float(np.log(np.exp(logits - highest).sum(dtype=np.float64)))
