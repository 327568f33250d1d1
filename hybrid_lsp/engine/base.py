"""What the engine asks of a model, whichever library runs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import attrs
import numpy as np
import numpy.typing as npt


@attrs.frozen
class Sampling:
    """How tokens are chosen; `temperature` 0 is greedy, `top_k` 0 means all tokens, `max_tokens` counts new ones."""

    max_tokens: int
    temperature: float = 0.0
    top_k: int = 40
    top_p: float = 0.95


class Sink(Protocol):
    """Where a model puts its tokens."""

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for the rest; a model asks between the steps of a long prefill where it can."""
        ...

    def token(self, token_id: int, logprob: float) -> bool:
        """Take one token with its natural log-probability (NaN: unknown); True: stop now."""
        ...


class Model(Protocol):
    """A loaded model. It is used by one thread at a time."""

    @property
    def library(self) -> str:
        """What runs it: `ctranslate2` or `torch`."""
        ...

    @property
    def compute_type(self) -> str:
        """The number format it computes in."""
        ...

    @property
    def threads(self) -> int:
        """Threads that it computes with."""
        ...

    def decode(self, prompt: Sequence[int], sampling: Sampling, ends: Sequence[int], sink: Sink) -> None:
        """Generate tokens after the prompt into the sink, up to and with one of `ends`, until the sink says stop."""
        ...

    def scores(self, prompt: Sequence[int]) -> npt.NDArray[np.float32]:
        """The logits of the next token, one for each in the vocabulary."""
        ...

    def close(self) -> None:
        """Give the memory back."""
        ...
