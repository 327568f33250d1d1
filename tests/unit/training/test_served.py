import math

import pytest

from hybrid_lsp.models.store import EMBEDDED, locate
from hybrid_lsp.training import served
from hybrid_lsp.training.served import Network

ABOVE = "def area(width, height):\n    return width * height\n\n\n"
PLACES = (
    "class Box:\n    def __init__(sel",
    "if __name__ == ",
    "class Box:\n    def __in",
    "for number, word in enu",
    "try:\n    import json\nexcept Imp",
    "with open(path) a",
)


@pytest.mark.parametrize("most", [1, 7])
def test_a_batch_says_what_each_place_is_told_alone(most, monkeypatch):
    """Prompts of all lengths, each with a piece before the cursor that is healed."""
    network = Network(locate(EMBEDDED), threads=1)
    pairs = [(ABOVE * (number * most % 8) + prefix, "\n") for number, prefix in enumerate(PLACES)]
    alone = network.lines(pairs)
    monkeypatch.setattr(served, "BATCH", len(pairs))
    together = network.lines(pairs)
    assert [line.text for line in together] == [line.text for line in alone]
    assert all(line.text for line in alone)
    for one, other in zip(together, alone, strict=True):
        # int8 rounds a little otherwise in a batch
        assert all(math.isclose(a, b, abs_tol=0.2) for a, b in zip(one.log_probs, other.log_probs, strict=True))
