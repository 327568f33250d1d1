"""The engine writes what the evaluation measured: same prompt, same healing, same end of the line.

In single precision, where it does not matter how a prompt is cut for computing; quantised, each cut rounds otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import ctranslate2
import pytest

from hybrid_lsp.engine.generation import Chunk, Limits
from hybrid_lsp.engine.service import Engine, Job, load
from hybrid_lsp.models.store import embedded_dir
from hybrid_lsp.training.served import Line, Network
from hybrid_lsp.types import Infill

SOURCE = (Path(__file__).parent.parent.parent / "hybrid_lsp" / "document.py").read_text(encoding="utf-8")
# Mid-word, after a blank, at a line's start, after a bracket, at the file's start and at its end.
PLACES = [SOURCE.index(mark) + len(mark) for mark in ("self.line_co", "return ", "\n    def ", "max(")] + [
    3,
    len(SOURCE),
]


@pytest.fixture(scope="module")
def network() -> Network:
    network = Network(embedded_dir(), threads=1)
    network.generator = ctranslate2.Generator(str(embedded_dir()), compute_type="float32", intra_threads=1)
    return network


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    loaded = load("embedded", compute_type="float32", threads=1)
    yield loaded
    loaded.close()


async def served(engine: Engine, prefix: str, suffix: str) -> tuple[str, list[float]]:
    job = Job(Infill(prefix, suffix), max_tokens=40, limits=Limits(stop=("\n",)))
    text, log_probs = "", []
    async for item in engine.stream(job):
        if isinstance(item, Chunk):
            text += item.text
            log_probs += [token.logprob for token in item.tokens]
    return text, log_probs


@pytest.mark.parametrize("at", PLACES)
def test_the_same_line(engine: Engine, network: Network, at: int) -> None:
    assert engine.healer is not None
    _, newline, below = SOURCE[at:].partition("\n")
    prefix, suffix = SOURCE[:at], newline + below
    (expected,) = network.lines([(prefix, suffix)])
    assert isinstance(expected, Line)
    text, log_probs = asyncio.run(served(engine, prefix, suffix))
    assert text == expected.text
    assert log_probs == pytest.approx(expected.log_probs, abs=1e-4)
    assert asyncio.run(served(engine, prefix, suffix)) == (text, log_probs)  # from what is known by now


def test_prompts_of_any_lengths_share_a_batch(network: Network) -> None:
    """What is measured of many places at once is what each gets alone."""
    pairs = [(SOURCE[at - 900 + 130 * number : at], SOURCE[at:]) for number, at in enumerate(PLACES[:4])]
    together = network.lines(pairs)
    alone = [line for pair in pairs for line in network.lines([pair])]
    assert [line.text for line in together] == [line.text for line in alone]
    for one, other in zip(together, alone, strict=True):
        assert one.log_probs == pytest.approx(other.log_probs, abs=1e-3)
