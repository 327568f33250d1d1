"""Replies that are held to a JSON schema: of the tokens that keep the form the likeliest is written.

The technique is constrained decoding (Willard and Louf 2023, "Efficient Guided Generation for Large Language Models");
llguidance says at each token which ones may follow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from hybrid_lsp.engine.base import Guide, Sampling
from hybrid_lsp.engine.tokenizer import Tokenizer

_SPACE = r"[ \n\t]{0,40}"
"""White space between the parts of a reply; a model may not write blanks without end."""
_Logits = npt.NDArray[np.float32]
_Mask = npt.NDArray[np.bool_]


class SchemaRefused(Exception):
    """A schema that replies cannot be held to, and why."""


class Schemas:
    """What may follow what, for one tokenizer; used by one thread at a time."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._known: Any = None

    def guide(self, schema: Mapping[str, Any], sampling: Sampling) -> Guide:
        """Holds one reply to a schema, and ends it after that. Raises SchemaRefused."""
        from llguidance import LLMatcher

        if not self._tokenizer.ends:
            raise SchemaRefused("the model has no token that ends a reply")
        grammar = LLMatcher.grammar_from_json_schema(json.dumps(schema), overrides={"whitespace_pattern": _SPACE})
        matcher = LLMatcher(self._vocabulary(), grammar)
        if matcher.is_error():
            raise SchemaRefused(matcher.get_error())
        return _Held(matcher, frozenset(self._tokenizer.ends), sampling).choose

    def _vocabulary(self) -> Any:
        from llguidance import LLTokenizer

        if self._known is None:
            text, size = self._tokenizer.written()
            self._known = LLTokenizer(text, n_vocab=size, eos_token=list(self._tokenizer.ends))
        return self._known


@attrs.define(eq=False)
class _Held:
    """One reply on its way."""

    matcher: Any
    ends: frozenset[int]
    sampling: Sampling
    random: np.random.Generator = attrs.field(factory=np.random.default_rng)

    def choose(self, logits: _Logits) -> tuple[int, float] | None:
        """See `Guide`: the token, and its log-probability among all tokens."""
        token = _drawn(logits, self._allowed(len(logits)), self.sampling, self.random)
        if token not in self.ends and not self.matcher.consume_token(token):
            return None  # it has met a limit of its own; the reply is read strictly by whoever asked for it
        highest = float(logits.max())
        total = float(np.log(np.exp(logits.astype(np.float64) - highest).sum()))
        return token, float(logits[token]) - highest - total

    def _allowed(self, size: int) -> _Mask:
        bits = np.unpackbits(np.frombuffer(self.matcher.compute_bitmask(), np.uint8), bitorder="little")
        allowed = np.zeros(size, np.bool_)  # a model may have more logits than there are tokens
        allowed[: len(bits)] = bits[:size]
        return allowed


def _drawn(logits: _Logits, allowed: _Mask, sampling: Sampling, random: np.random.Generator) -> int:
    """One of the allowed tokens, as `sampling` has it."""
    scores = np.where(allowed, logits, -np.inf)
    if sampling.temperature <= 0:
        return int(scores.argmax())
    size = min(sampling.top_k or len(scores), int(allowed.sum()))
    likeliest = np.argpartition(-scores, size - 1)[:size]  # sorting a vocabulary would take longer than the model
    ranked = likeliest[np.argsort(-scores[likeliest], kind="stable")]
    weights = np.exp((logits[ranked] - logits[ranked[0]]).astype(np.float64) / sampling.temperature)
    weights /= weights.sum()
    kept = max(1, int((np.cumsum(weights) - weights < sampling.top_p).sum()))
    return int(random.choice(ranked[:kept], p=weights[:kept] / weights[:kept].sum()))
