"""What a model keeps of earlier prompts changes how long it takes and nothing else; on the embedded model."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from hybrid_lsp.engine import memory, service
from hybrid_lsp.engine.base import Sampling
from hybrid_lsp.engine.ct2 import Ct2Model
from hybrid_lsp.engine.generation import Chunk, Limits, Summary
from hybrid_lsp.engine.prefix import STEP, boundary
from hybrid_lsp.engine.scheduler import Rank
from hybrid_lsp.engine.service import Engine, Job
from hybrid_lsp.models.store import embedded_dir
from hybrid_lsp.types import Infill

ROOT = Path(__file__).parent.parent.parent / "hybrid_lsp"
SOURCES = [(ROOT / name).read_text(encoding="utf-8") for name in ("document.py", "engine/wire.py", "paths.py")]
TOKENS = [number % 7000 + 100 for number in range(0, 70_000, 97)]
Reply = tuple[str, list[float]]


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], Engine]]:
    """Makes engines, alike but for the memory that they may keep prompts in (megabytes)."""
    monkeypatch.setattr(service, "_PATIENCE_S", math.inf)  # however busy the machine is
    made: list[Engine] = []

    def make(reuse_mb: float) -> Engine:
        engine = service.load("embedded", threads=1, reuse_mb=reuse_mb)
        engine.idle.quiet_s = 3600.0
        made.append(engine)
        return engine

    yield make
    for engine in made:
        engine.close()


@pytest.fixture(scope="module")
def model() -> Iterator[Ct2Model]:
    loaded = Ct2Model(embedded_dir(), threads=1)
    loaded.reuse.budget = 50_000_000
    yield loaded
    loaded.close()


class Taken:
    """A sink that takes all."""

    cancelled = False

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.logprobs: list[float] = []

    def token(self, token_id: int, logprob: float) -> bool:
        self.ids.append(token_id)
        self.logprobs.append(logprob)
        return False


async def ask(engine: Engine, prefix: str, suffix: str, max_tokens: int = 24) -> tuple[Reply, Summary]:
    text, log_probs, summary = "", [], None
    async for item in engine.stream(Job(Infill(prefix, suffix), max_tokens=max_tokens, limits=Limits(("\n",)))):
        if isinstance(item, Chunk):
            text += item.text
            log_probs += [token.logprob for token in item.tokens]
        else:
            summary = item
    assert summary is not None
    return (text, log_probs), summary


async def tend(engine: Engine) -> int:
    """What the engine does in idle moments, now; how many chores that were."""
    count = 0
    while (chore := engine.model.chore()) is not None:
        await engine.scheduler.run(chore.run, Rank.IDLE)
        count += 1
        assert count < 10
    return count


async def test_the_same_is_written_whatever_is_kept(engines: Callable[[float], Engine]) -> None:
    """Typing at places of real files: bit for bit what an engine writes that knows nothing yet."""
    typing, fresh = engines(96.0), engines(96.0)
    draw = random.Random(3)
    hits = 0
    for source in SOURCES:
        at = draw.randrange(len(source) // 2, len(source) - 400)
        for typed in range(0, 130, draw.randrange(11, 15)):
            prefix, suffix = source[: at + typed], source[at + 130 :]
            warm, summary = await ask(typing, prefix, suffix)
            assert isinstance(fresh.model, Ct2Model)
            await fresh.scheduler.run(fresh.model._reset, Rank.IDLE)
            cold, first = await ask(fresh, prefix, suffix)
            assert warm == cold
            assert first.reused_tokens == 0
            hits += summary.reused_tokens > 0
            if typed % 3 == 0:
                await tend(typing)
    assert hits > 15
    assert typing.model.reuse.hits == hits


async def test_without_room_it_is_written_all_the_same(engines: Callable[[float], Engine]) -> None:
    roomy, cramped = engines(96.0), engines(0.001)
    for typed in (0, 5, 9):
        prefix, suffix = SOURCES[0][: 2000 + typed], SOURCES[0][2100:]
        assert (await ask(roomy, prefix, suffix))[0] == (await ask(cramped, prefix, suffix))[0]
    assert roomy.model.reuse.hits >= cramped.model.reuse.hits > 0
    assert cramped.model.reuse.entries == 1  # there is always room for one


async def test_typing_is_warm_from_the_second_keystroke_on(engines: Callable[[float], Engine]) -> None:
    engine = engines(96.0)
    source = SOURCES[1]
    await ask(engine, source[:3000], source[3600:])
    for typed in range(1, 600, 10):
        _, summary = await ask(engine, source[: 3000 + typed], source[3600:])
        await tend(engine)
        assert summary.prompt_tokens - summary.reused_tokens < 2 * STEP or engine.model.reuse.misses > 1
    # The window's start moves now and then; that costs a whole prompt.
    assert engine.model.reuse.misses <= 10
    assert engine.model.reuse.hits >= 50


async def test_asking_for_no_text_prepares(engines: Callable[[float], Engine]) -> None:
    engine = engines(96.0)
    prefix, suffix = SOURCES[0][:2000], SOURCES[0][2000:]
    (text, _), summary = await ask(engine, prefix, suffix, max_tokens=0)
    assert (text, summary.tokens, summary.reused_tokens, engine.counters.tokens_decoded) == ("", 0, 0, 0)
    _, after = await ask(engine, prefix, suffix)
    assert after.reused_tokens == boundary(after.prompt_tokens) > 0


async def test_memory_is_dropped_when_it_is_full(engines: Callable[[float], Engine]) -> None:
    engine = engines(20.0)
    reuse = engine.model.reuse
    for at in range(2000, 5000, 500):
        await ask(engine, SOURCES[1][:at], SOURCES[1][at:])
        assert reuse.bytes <= reuse.budget
    assert (reuse.resets, reuse.misses) == (0, 6)
    assert await tend(engine) >= 2
    assert reuse.resets == 1
    _, summary = await ask(engine, SOURCES[1][:4501], SOURCES[1][4501:])
    assert reuse.bytes <= reuse.budget
    _, summary = await ask(engine, SOURCES[1][:4500], SOURCES[1][4500:])
    assert summary.reused_tokens > 0


async def test_idle_work_is_done_by_itself(engines: Callable[[float], Engine]) -> None:
    engine = engines(20.0)
    engine.idle.quiet_s = 0.0
    for at in range(2000, 5000, 500):
        await ask(engine, SOURCES[1][:at], SOURCES[1][at:])
    while engine.model.reuse.resets == 0 or engine.idle._task is not None:
        await asyncio.sleep(0.001)
    assert engine.idle.done >= 2
    assert engine.model.chore() is None


def test_weights_that_were_replaced_are_not_loaded(model: Ct2Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """They may be another model's, which this tokenizer does not belong to."""
    model.reuse.budget = 10_000_000
    for start in range(3):
        model.prefill(TOKENS[start : start + 300], 300)
    chore = model.chore()
    assert chore is not None
    assert chore.run == model._reset
    monkeypatch.setattr(model, "_weights", model._weights.with_name("gone.bin"))
    assert model.chore() is None


def test_a_model_that_could_not_be_loaded_again_is_loaded_for_the_next_request(model: Ct2Model) -> None:
    expected, again = Taken(), Taken()
    model.decode(TOKENS[:50], Sampling(4), [], expected)
    while model._generator.model_is_loaded:
        model._generator.unload_model()
    model.decode(TOKENS[:50], Sampling(4), [], again)
    assert again.ids == expected.ids


@pytest.mark.parametrize("picked", [0, 1, 5])
def test_a_guide_is_obeyed(model: Ct2Model, picked: int) -> None:
    """It names the token of that place in the model's own ranking, twice; then the model goes on by itself."""
    seen: list[np.ndarray] = []

    def guide(logits: np.ndarray) -> tuple[int, float] | None:
        seen.append(logits)
        return (int(np.argsort(-logits)[picked]), -1.5) if len(seen) <= 2 else None

    guided, free = Taken(), Taken()
    model.decode(TOKENS[:200], Sampling(6), [], guided, guide, 200)
    chosen = [int(np.argsort(-logits)[picked]) for logits in seen[:2]]
    assert guided.ids[:2] == chosen
    assert guided.logprobs[:2] == [-1.5, -1.5]
    assert len(guided.ids) == 6
    model.decode([*TOKENS[:200], *chosen], Sampling(4), [], free, None, 200)
    assert guided.ids[2:] == free.ids


def test_a_guide_that_agrees_costs_no_second_prompt(model: Ct2Model, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    generate = model._generate
    monkeypatch.setattr(model, "_generate", lambda *args, **options: (calls.append(1), generate(*args, **options)))

    def guide(logits: np.ndarray) -> tuple[int, float] | None:
        return int(logits.argmax()), -0.1

    taken = Taken()
    model.decode(TOKENS[:60], Sampling(5), [], taken, guide)
    assert (len(taken.ids), len(calls)) == (5, 1)
    assert taken.logprobs == [-0.1] * 5


def test_a_tokens_memory_is_read_from_the_weights(tmp_path: Path) -> None:
    # Six layers, keys and values of four heads of 64 in single precision, and a quarter for what goes with it.
    assert memory.bytes_a_token(embedded_dir()) == 6 * 2 * 4 * 64 * 4 * 5 // 4
    (tmp_path / "model.bin").write_bytes(b"\x06\x00\x00\x00\x01")
    assert memory.bytes_a_token(tmp_path) > 100_000
    assert memory.bytes_a_token(tmp_path / "nowhere") > 100_000


def test_memory_is_held_and_given_back_where_the_c_library_can() -> None:
    memory.hold_freed()
    memory.give_back()
    assert memory._glibc() is None or hasattr(memory._glibc(), "mallopt")
