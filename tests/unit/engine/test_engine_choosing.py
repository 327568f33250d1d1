"""From logits to a token."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hybrid_lsp.engine.base import Sampling
from hybrid_lsp.engine.choosing import Chooser

LOGITS = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32))


def test_greedy_takes_the_likeliest_and_says_how_likely() -> None:
    token, logprob = Chooser(Sampling(1)).choose(LOGITS)
    assert token == 0
    assert logprob == pytest.approx(math.log(0.5), abs=1e-6)


@pytest.mark.parametrize(
    ("sampling", "drawn", "expected"),
    [
        (Sampling(1, temperature=1.0, top_k=0, top_p=1.0), 0.97, 3),
        (Sampling(1, temperature=1.0, top_k=0, top_p=1.0), 0.6, 1),
        (Sampling(1, temperature=1.0, top_k=2, top_p=1.0), 0.999, 1),
        (Sampling(1, temperature=1.0, top_k=0, top_p=0.6), 0.999, 1),
        (Sampling(1, temperature=1.0, top_k=0, top_p=0.0), 0.999, 0),
        (Sampling(1, temperature=0.01, top_k=0, top_p=1.0), 0.999, 0),
    ],
)
def test_sampling_keeps_to_the_likeliest(sampling: Sampling, drawn: float, expected: int) -> None:
    token, logprob = Chooser(sampling, random=lambda: drawn).choose(LOGITS)
    assert token == expected
    assert logprob == pytest.approx(float(LOGITS[expected]), abs=1e-6)


def test_a_guide_rules_until_it_lets_go() -> None:
    answers = iter([(3, -0.1), None])
    chooser = Chooser(Sampling(3), guide=lambda logits: next(answers))
    assert [chooser.choose(LOGITS)[0] for _ in range(3)] == [3, 0, 0]
