"""CTranslate2's int8 weights on ONNX Runtime: the same network, its prompts kept token by token, guesses confirmed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import pytest

from hybrid_lsp.engine import service
from hybrid_lsp.engine.base import Sampling
from hybrid_lsp.engine.generation import Chunk, Limits, StopType, Summary
from hybrid_lsp.engine.ort import OrtModel
from hybrid_lsp.engine.service import Engine, Job
from hybrid_lsp.errors import ConfigError
from hybrid_lsp.models.store import embedded_dir
from hybrid_lsp.models.weights.conversion import convert
from hybrid_lsp.types import Infill

ROW = """    def total_{name}(self, orders: list[Order]) -> float:
        result = 0.0
        for order in orders:
            if order.{name} is not None:
                result += order.{name} * order.count
        return result

"""
NAMES = ("price", "weight", "volume", "tax", "rebate", "fee", "tip", "width", "height", "depth", "length", "points")
TEXT = "class Shop:\n" + "".join(ROW.format(name=name) for name in NAMES)
PREFIX, SUFFIX = TEXT[: TEXT.rfind("for order")], "\n\n\nclass Order:\n    count: int\n    price: float\n"
TOKENS = [int(token) for token in np.random.default_rng(5).integers(1, 200, 60)]
KINDS = {
    "llama": ("LlamaConfig", {}),
    "shared-heads": ("LlamaConfig", {"num_key_value_heads": 2}),
    "qwen2": ("Qwen2Config", {"num_key_value_heads": 2}),
    "qwen3": ("Qwen3Config", {"num_key_value_heads": 2, "head_dim": 32}),
    "mistral": ("MistralConfig", {"num_key_value_heads": 1, "sliding_window": 16}),
    "llama3": (
        "LlamaConfig",
        {
            "num_key_value_heads": 2,
            "rope_parameters": {
                "rope_type": "llama3",
                "rope_theta": 10000.0,
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 32,
            },
        },
    ),
}
MAKE = """
import json, sys, numpy, torch, transformers, ctranslate2
from pathlib import Path
for name, (config, options) in json.loads(sys.argv[2]).items():
    torch.manual_seed(3)
    made = getattr(transformers, config)(
        vocab_size=200, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=256, initializer_range=0.2, bos_token_id=0, eos_token_id=0, tie_word_embeddings=False,
        **options)
    model = transformers.AutoModelForCausalLM.from_config(made)
    for key, value in model.named_parameters():
        if key.endswith("bias"):
            torch.nn.init.normal_(value, std=0.2)
    folder = Path(sys.argv[1]) / name
    model.save_pretrained(folder / "hf")
    tokens = torch.tensor([json.loads(sys.argv[3])])
    with torch.inference_mode():
        logprobs = torch.log_softmax(model.eval()(tokens).logits[0, :-1], -1).gather(1, tokens[0, 1:, None])[:, 0]
    numpy.save(folder / "logprobs.npy", logprobs.numpy())
    from tokenizers import Tokenizer, models
    words = Tokenizer(models.WordLevel({f"w{i}": i for i in range(200)}, unk_token="w0"))
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=words, eos_token="w0", bos_token="w0", unk_token="w0",
        pad_token="w0")
    fast.save_pretrained(folder / "hf")
    if name == "llama3":
        continue  # CTranslate2's own converter forgets the factor
    converter = ctranslate2.converters.TransformersConverter(str(folder / "hf"))
    converter.convert(str(folder / "ct2"), quantization="int8")
"""


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random network of each kind."""
    out = tmp_path_factory.mktemp("networks")
    environ = os.environ | {"COVERAGE_PROCESS_START": "", "COVERAGE_PROCESS_CONFIG": ""}
    command = [sys.executable, "-W", "ignore", "-c", MAKE, str(out), json.dumps(KINDS), json.dumps(TOKENS)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    convert(out / "llama3" / "hf", out / "llama3" / "ct2")
    assert all((out / name / "ct2" / "model.bin").is_file() for name in KINDS), done.stderr
    return out


class Taken:
    """A sink that takes tokens until it has enough."""

    def __init__(self, enough: int = 1000) -> None:
        self.ids: list[int] = []
        self.logprobs: list[float] = []
        self.enough = enough
        self.cancelled = False

    def token(self, token_id: int, logprob: float) -> bool:
        self.ids.append(token_id)
        self.logprobs.append(logprob)
        return len(self.ids) >= self.enough


@pytest.fixture(scope="module")
def model() -> Iterator[OrtModel]:
    loaded = OrtModel(embedded_dir(), 1024, threads=1)
    yield loaded
    loaded.close()


@pytest.fixture(autouse=True)
def fresh(request: pytest.FixtureRequest) -> None:
    if "model" in request.fixturenames:
        loaded: OrtModel = request.getfixturevalue("model")
        loaded.reuse.budget = 0
        loaded.reuse.take([1, 2])
        loaded.reuse.budget = 1 << 28


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    loaded = service.load("embedded", threads=1, library="onnxruntime")
    yield loaded
    loaded.close()


def written(model: OrtModel, prompt: list[int], count: int = 24, **options: Any) -> Taken:
    sink = Taken()
    model.decode(prompt, Sampling(count), [0], sink, **options)
    return sink


def prompt_of(engine: Engine, prefix: str = PREFIX, suffix: str = SUFFIX) -> list[int]:
    return engine.tokenizer.encode(suffix + prefix)[-600:]


@pytest.mark.parametrize("kind", KINDS)
def test_it_computes_what_ctranslate2_does(kind: str, networks: Path) -> None:
    """As near to the network in single precision as CTranslate2 comes with the same whole numbers."""
    folder = networks / kind / "ct2"
    exact = np.load(networks / kind / "logprobs.npy")
    ours = OrtModel(folder, 256, threads=1)
    sink = Taken()
    for size in range(1, len(TOKENS)):
        forced = TOKENS[size]
        ours.decode(
            TOKENS[:size], Sampling(1), [], sink, lambda logits, forced=forced: (forced, logprob(logits, forced))
        )
    ours.close()
    assert np.corrcoef(sink.logprobs, exact)[0, 1] > 0.9
    if kind == "mistral":
        return  # CTranslate2 does not score more tokens than its window
    theirs = ctranslate2.Generator(str(folder), compute_type="int8")
    scores = theirs.score_batch([[f"w{token}" for token in TOKENS]])[0].log_probs[-len(exact) :]
    del theirs
    assert np.abs(sink.logprobs - exact).mean() < 1.25 * np.abs(scores - exact).mean()


def logprob(logits: Any, token: int) -> float:
    return float(logits[token] - logits.max() - np.log(np.exp(logits - logits.max()).sum()))


def test_a_known_beginning_changes_nothing_but_the_work(model: OrtModel, engine: Engine) -> None:
    prompt = prompt_of(engine)
    cold = written(model, prompt)
    again = Taken()
    assert model.decode(prompt, Sampling(24), [0], again) == len(prompt) - 1
    assert again.ids == cold.ids
    assert again.logprobs == cold.logprobs
    longer = [*prompt, *cold.ids[:5]]
    typed = Taken()
    assert model.decode(longer, Sampling(19), [0], typed) >= len(prompt)
    assert typed.ids == cold.ids[5:]


def test_guesses_change_nothing_but_the_number_of_passes(model: OrtModel, engine: Engine) -> None:
    prompt = prompt_of(engine)
    passes = count_passes(model)
    plain = written(model, prompt)
    alone = len(passes)
    model.reuse.budget = 0
    passes.clear()
    right = written(model, prompt, expected=plain.ids)
    assert right.ids == plain.ids
    assert right.logprobs == plain.logprobs
    assert len(passes) < alone
    wrong = written(model, prompt, expected=[5] * 24)
    assert wrong.ids == plain.ids


def count_passes(model: OrtModel) -> list[int]:
    passes: list[int] = []
    run = type(model._session).run

    def counted(slot: Any, tokens: Any, wanted: int) -> Any:
        passes.append(len(tokens))
        return run(model._session, slot, tokens, wanted)

    model._session.run = counted  # type: ignore[method-assign]
    return passes


def test_it_ends_at_an_end_and_within_one_token_of_a_stop(model: OrtModel, engine: Engine) -> None:
    prompt = prompt_of(engine)
    whole = written(model, prompt, 12)
    sink = Taken()
    model.decode(prompt, Sampling(12), [whole.ids[3]], sink)
    assert sink.ids == whole.ids[: whole.ids.index(whole.ids[3]) + 1]
    stopped = Taken(enough=2)
    model.decode(prompt, Sampling(12), [0], stopped, expected=whole.ids)
    assert stopped.ids == whole.ids[:2]
    assert written(model, prompt, 12).ids == whole.ids  # what was guessed beyond the stop is forgotten


def test_a_cancelled_prefill_stops_between_its_steps_and_keeps_them(model: OrtModel, engine: Engine) -> None:
    prompt = prompt_of(engine)
    passes, sink = count_passes(model), Taken()
    run = model._session.run

    def cancelling(slot: Any, tokens: Any, wanted: int) -> Any:
        sink.cancelled = True
        return run(slot, tokens, wanted)

    model._session.run = cancelling  # type: ignore[method-assign]
    model.decode(prompt, Sampling(4), [0], sink)
    assert sink.ids == []
    assert len(passes) == 1
    model._session.run = run  # type: ignore[method-assign]
    assert model.decode(prompt, Sampling(1), [0], Taken()) == passes[0]


def test_prefill_prepares_the_next_prompt(model: OrtModel, engine: Engine) -> None:
    prompt = prompt_of(engine)
    assert model.prefill(prompt, 0) == 0
    assert model.prefill(prompt, 500) == 0
    assert model.decode(prompt, Sampling(1), [0], Taken()) == 500
    assert model.chore() is None


def ask(engine: Engine, prefix: str, suffix: str = SUFFIX, **options: Any) -> tuple[str, Summary]:
    import asyncio

    async def collect() -> tuple[str, Summary]:
        text, summary = "", None
        job = Job(Infill(prefix, suffix), limits=Limits(("\n",)), **{"max_tokens": 24, **options})
        async for item in engine.stream(job):
            if isinstance(item, Chunk):
                text += item.text
            else:
                summary = item
        assert summary is not None
        return text, summary

    return asyncio.run(collect())


def test_a_keystroke_costs_its_own_tokens(engine: Engine) -> None:
    text, _ = ask(engine, PREFIX)
    _, typed = ask(engine, PREFIX + (text[:1] or " "))
    assert typed.prompt_tokens - typed.reused_tokens <= 8
    assert engine.model.reuse.hits >= 1


def test_a_draft_makes_the_same_reply(engine: Engine) -> None:
    prefix = PREFIX[: PREFIX.rindex("\n") + 1] + "    def "
    text, _ = ask(engine, prefix)
    assert ask(engine, prefix, draft=text)[0] == text
    assert ask(engine, prefix, draft="something_else(self)")[0] == text


def test_the_piece_before_the_cursor_takes_no_pass_of_its_own(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = PREFIX[: PREFIX.rindex("\n") + 1] + "        print(order"
    ask(engine, prefix, max_tokens=2)
    session = engine.model._session  # type: ignore[attr-defined]
    passes, run = list[int](), session.run
    monkeypatch.setattr(session, "run", lambda *args: passes.append(len(args[1])) or run(*args))
    assert ask(engine, prefix, max_tokens=2)[1].tokens == 2  # the piece, and what follows it
    assert len(passes) == 1


def test_work_ahead_makes_way_before_its_first_token(engine: Engine) -> None:
    wanted = threading.Event()
    wanted.set()
    assert ask(engine, PREFIX, make_way=wanted)[1].stop_type is StopType.PREEMPTED


def test_a_network_that_does_not_run_there_is_told(networks: Path) -> None:
    with pytest.raises(ConfigError, match="not in float32"):
        service.load(str(embedded_dir()), compute_type="float32", library="onnxruntime")
