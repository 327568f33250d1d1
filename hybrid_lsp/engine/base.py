"""What the engine asks of a model, whichever library runs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import attrs
import numpy as np
import numpy.typing as npt

Guide = Callable[[npt.NDArray[np.float32]], tuple[int, float] | None]
"""Chooses a token, and says its natural log-probability, from the logits of the whole vocabulary; it is asked for each
token until it answers None: the model is free from there on."""


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


@attrs.frozen
class Chore:
    """Work that makes later requests faster. It cannot be interrupted; `tokens` of prefill say how long it takes."""

    tokens: int
    run: Callable[[], None]


class Kept(Protocol):
    """What a model keeps of earlier prompts, and how well that goes."""

    budget: int
    """Bytes; 0: nothing is kept."""
    patience: float
    """Tokens; a longer prompt goes on from any beginning that is kept, rather than being computed whole."""
    hits: int
    misses: int
    reused_tokens: int
    resets: int

    @property
    def bytes_a_token(self) -> int: ...

    @property
    def entries(self) -> int: ...

    @property
    def bytes(self) -> int: ...


class Model(Protocol):
    """A loaded model. It is used by one thread at a time."""

    @property
    def library(self) -> str:
        """What runs it: `ctranslate2`, `onnxruntime` or `torch`."""
        ...

    @property
    def compute_type(self) -> str:
        """The number format it computes in."""
        ...

    @property
    def threads(self) -> int:
        """Threads that it computes with."""
        ...

    @property
    def reuse(self) -> Kept:
        """What it keeps of earlier prompts."""
        ...

    def decode(
        self,
        prompt: Sequence[int],
        sampling: Sampling,
        ends: Sequence[int],
        sink: Sink,
        guide: Guide | None = None,
        shared: int = 0,
        expected: Sequence[int] = (),
    ) -> int:
        """Generate tokens after the prompt into the sink, up to and with one of `ends`, until the sink says stop.

        `shared` of the prompt's first tokens are likely to be those of prompts to come. `expected` is a guess at what
        is generated, which a model may use to be faster; it changes nothing of what is. Returns how many of them were
        not computed again.
        """
        ...

    def prefill(self, prompt: Sequence[int], shared: int) -> int:
        """Compute ahead what a prompt like this one will share with the next; returns what was known already."""
        ...

    def chore(self) -> Chore | None:
        """What would be done in an idle moment; asked and done while nothing else runs."""
        ...

    def close(self) -> None:
        """Give the memory back."""
        ...
