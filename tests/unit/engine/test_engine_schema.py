"""Replies that are held to a schema: whatever the model would rather say, and however it is sampled."""

from __future__ import annotations

import json
import math
from typing import Any

import jsonschema
import numpy as np
import pytest
import tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_lsp.actions.findings import SCHEMA
from hybrid_lsp.engine.base import Sampling
from hybrid_lsp.engine.schema import SchemaRefused, Schemas
from hybrid_lsp.engine.tokenizer import Tokenizer

WORDS = tiny_model.tokenizer()
SCHEMAS = Schemas(WORDS)
SIZE = len(WORDS.vocabulary) + 7
"""Models have logits without a token, to fill up a matrix."""
SHORT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "kind": {"type": "string", "enum": ["error", "hint"]},
        "line": {"type": ["integer", "null"], "minimum": 0, "maximum": 99},
        "all": {"type": "array", "items": {"type": "boolean"}, "maxItems": 2},
    },
    "required": ["kind", "line", "all"],
    "additionalProperties": False,
}


def write(schema: dict[str, Any], sampling: Sampling, seed: int, most: int = 900) -> tuple[str, bool]:
    """What a model says that wants anything, held to a schema; and whether it came to an end."""
    random, guide, tokens = np.random.default_rng(seed), SCHEMAS.guide(schema, sampling), list[int]()
    while len(tokens) < most:
        logits = random.normal(scale=3, size=SIZE).astype(np.float32)
        chosen = guide(logits)
        assert chosen is not None
        token, logprob = chosen
        assert logprob <= 0
        assert math.isclose(logprob, math.log(np.exp(logits.astype(float))[token] / np.exp(logits.astype(float)).sum()))
        if token in WORDS.ends:
            return WORDS.decode(tokens), True
        tokens.append(token)
    return WORDS.decode(tokens), False


@settings(max_examples=25)
@given(
    st.integers(0, 2**32), st.sampled_from([0.0, 0.7, 5.0]), st.sampled_from([0, 1, 40]), st.sampled_from([0.0, 1.0])
)
def test_a_held_reply_is_of_its_schema(seed: int, temperature: float, top_k: int, top_p: float) -> None:
    text, ended = write(SHORT, Sampling(900, temperature, top_k, top_p), seed)
    assert ended
    jsonschema.validate(json.loads(text), SHORT)
    assert "\n" * 41 not in text


def test_the_schema_of_findings_can_be_held() -> None:
    text, _ = write(SCHEMA, Sampling(60), 1, 60)
    assert text.replace(" ", "").replace("\n", "").replace("\t", "").startswith('{"findings":[')


def test_the_likeliest_allowed_token_is_written_where_nothing_is_left_to_chance() -> None:
    guide = SCHEMAS.guide({"type": "boolean"}, Sampling(9))
    logits = np.zeros(SIZE, np.float32)
    logits[WORDS.vocabulary["t"]], logits[WORDS.vocabulary["a"]] = 1, 9
    chosen = guide(logits)
    assert chosen is not None
    assert WORDS.decode([chosen[0]]) == "t"


@pytest.mark.parametrize("schema", [{"type": "strange"}, {"type": "object", "patternProperties": {"(": {}}}])
def test_a_schema_that_cannot_be_held_is_refused_with_its_reason(schema: dict[str, Any]) -> None:
    with pytest.raises(SchemaRefused, match="."):
        SCHEMAS.guide(schema, Sampling(9))


def test_a_tokenizer_without_an_end_holds_nothing() -> None:
    described = tiny_model.description()
    described["added_tokens"] = []
    endless = Tokenizer(described, frozenset())
    with pytest.raises(SchemaRefused, match="no token that ends"):
        Schemas(endless).guide(SHORT, Sampling(9))
