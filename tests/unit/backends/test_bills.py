"""What servers say a reply has cost."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.backends import bills
from hybrid_lsp.types import Usage

USAGE = {"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150}


@pytest.mark.parametrize(
    ("event", "usage"),
    [
        ({"usage": USAGE}, Usage(120, 30)),
        ({"usage": USAGE, "choices": []}, Usage(120, 30)),
        ({"usage": {**USAGE, "prompt_tokens_details": {"cached_tokens": 100}}}, Usage(120, 30, 100)),
        ({"usage": {**USAGE, "prompt_tokens_details": {"cached_tokens": 900}}}, Usage(120, 30, 120)),
        ({"usage": {**USAGE, "prompt_tokens_details": None}}, Usage(120, 30)),
        ({"timings": {"prompt_n": 20, "cache_n": 100, "predicted_n": 30}}, Usage(120, 30, 100)),
        ({"timings": {"prompt_n": 20, "predicted_n": 30, "prompt_ms": 4.5}}, Usage(20, 30)),
        ({"usage": None, "timings": {"prompt_n": 20, "predicted_n": 30}}, Usage(20, 30)),
        ({"done": True, "prompt_eval_count": 26, "eval_count": 290}, Usage(26, 290)),
        ({"usage": {"prompt_tokens": 12.0, "completion_tokens": 3.0}}, Usage(12, 3)),
        ({"usage": {"prompt_tokens": -1, "completion_tokens": 3}}, None),
        ({"usage": {"prompt_tokens": True, "completion_tokens": 3}}, None),
        ({"usage": {"prompt_tokens": "12", "completion_tokens": 3}}, None),
        ({"usage": {"prompt_tokens": 12}}, None),
        ({"usage": {"prompt_tokens": math.nan, "completion_tokens": math.inf}}, None),
        ({"usage": 10**30}, None),
        ({"choices": [{"delta": {"content": "x"}}]}, None),
        ([], None),
        (None, None),
    ],
)
def test_reading_a_bill(event: Any, usage: Usage | None) -> None:
    found = bills.read(event)
    assert found == usage or (found is not None and usage is not None and str(found) == str(usage))


def test_our_engine_tells_its_processor_time() -> None:
    found = bills.read({"timings": {"prompt_n": 1, "predicted_n": 2, "cpu_ms": 1500}})
    assert found is not None
    assert found.cpu_s == 1.5


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["usage", "timings", "prompt_tokens", "completion_tokens", "prompt_n", "predicted_n", "cache_n", "cpu_ms",
             "prompt_tokens_details", "cached_tokens", "eval_count", "prompt_eval_count"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(anything)
def test_no_bill_breaks_a_reply(event: Any) -> None:
    found = bills.read(event)
    assert found is None or (found.read >= 0 and found.written >= 0 and 0 <= found.cached <= found.read)
