"""Models of transformers on torch: where they lie, in which format, what they keep, and when they stop."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hybrid_lsp.engine import service, torch_loading
from hybrid_lsp.engine.base import Sampling
from hybrid_lsp.engine.torch import TorchModel
from hybrid_lsp.errors import ConfigError, ModelError, ModelMissing
from hybrid_lsp.models.store import locate

pytestmark = pytest.mark.filterwarnings("ignore")
PROMPT = list(range(1, 60))
NAME = "somebody/tiny-llama"
INSTALLED = [name for name, module in torch_loading._QUANTISERS.items() if torch_loading._installed(module)]


class Sink:
    """Takes tokens; `cancelled` from when `leaves` says so, which is asked at each look."""

    def __init__(self, leaves: Callable[[], bool] = lambda: False) -> None:
        self.tokens: list[int] = []
        self.leaves = leaves

    @property
    def cancelled(self) -> bool:
        return self.leaves()

    def token(self, token_id: int, logprob: float) -> bool:
        assert not math.isnan(logprob)
        self.tokens.append(token_id)
        return self.leaves()


def write(model: TorchModel, prompt: list[int], count: int = 6) -> list[int]:
    sink = Sink()
    model.decode(prompt, Sampling(count), (), sink)
    return sink.tokens


@pytest.fixture
def model(tiny: Path) -> TorchModel:
    made = TorchModel(tiny / "hf", "float32", 1, "cpu")
    made.reuse.budget = 1
    return made


@pytest.fixture
def cached(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny model in the hub's cache, as `from_pretrained` leaves it."""
    repository = tmp_path / f"models--{NAME.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0123abc", encoding="utf-8")
    shutil.copytree(tiny / "hf", repository / "snapshots" / "0123abc")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return repository / "snapshots" / "0123abc"


@pytest.mark.parametrize("compute_type", ["auto", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("device", ["auto", "cpu", "balanced"])
def test_formats_and_devices(tiny: Path, compute_type: str, device: str) -> None:
    made = TorchModel(tiny / "hf", compute_type, 1, device)
    assert made.compute_type == ("float32" if compute_type == "auto" else compute_type)
    assert len(write(made, PROMPT)) == 6


@pytest.mark.parametrize("name", INSTALLED)
@pytest.mark.parametrize("compute_type", ["int8", "int4"])
def test_eight_and_four_bits(tiny: Path, name: str, compute_type: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_loading, "_QUANTISERS", {name: torch_loading._QUANTISERS[name]})
    monkeypatch.setenv("PATH", "")  # nothing is compiled
    made = TorchModel(tiny / "hf", compute_type, 1, "cpu")
    assert made.compute_type == compute_type
    assert "float" not in type(made._model.model.layers[0].mlp.up_proj.weight).__name__.lower()
    assert len(write(made, PROMPT)) == 6
    assert write(made, PROMPT) == write(made, PROMPT)


def test_what_is_not_installed_is_told(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_loading, "_QUANTISERS", {"some-package": "no.such_module"})
    with pytest.raises(ModelError, match=r"int4 needs a package that is not installed \(some-package\)") as caught:
        service.load(str(tiny / "hf"), compute_type="int4")
    assert "pip install" in caught.value.remedy


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"compute_type": "int5"}, "no compute type int5"),
        ({"device": "gpu"}, "no device `gpu`"),
        ({"device": "cpu:x"}, "no device `cpu:x`"),
        ({"device": "cuda:77"}, "finds no device `cuda:77`"),
        ({"device": "cpu:1"}, "finds no device `cpu:1`"),
    ],
)
def test_what_there_is_not_is_told(tiny: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        service.load(str(tiny / "hf"), **options)


def test_the_same_beginning_is_not_computed_again(model: TorchModel, tiny: Path) -> None:
    """And what is written is what a model writes that keeps nothing."""
    fresh = TorchModel(tiny / "hf", "float32", 1, "cpu")
    for prompt, known in [(PROMPT, 0), ([*PROMPT, 7, 8], 59), ([*PROMPT[:30], 9, *PROMPT], 30), ([3, 4], 0)]:
        sink = Sink()
        assert model.decode(prompt, Sampling(6), (), sink) == known
        assert sink.tokens == write(fresh, prompt)
    assert (model.reuse.hits, model.reuse.misses, model.reuse.reused_tokens) == (2, 2, 89)


def test_it_stops_at_the_next_token(model: TorchModel) -> None:
    sink = Sink()
    sink.leaves = lambda: len(sink.tokens) == 3
    model.decode(PROMPT, Sampling(40), (), sink)
    assert len(sink.tokens) == 3
    assert write(model, PROMPT) == write(model, PROMPT)  # and what it keeps is whole


def test_it_stops_between_two_steps_of_a_prompt(model: TorchModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hybrid_lsp.engine.torch._PREFILL_STEP", 8)
    looks = iter([False, False, True])
    sink = Sink(lambda: next(looks))
    model.decode(PROMPT, Sampling(40), (), sink)
    assert not sink.tokens
    assert len(model.reuse.tokens) == 16
    sink = Sink()
    assert model.decode(PROMPT, Sampling(6), (), sink) == 16  # what was computed is not lost


def test_a_model_of_the_hubs_cache_is_served_by_its_name(cached: Path) -> None:
    assert locate(NAME) == cached
    engine = service.load(NAME, "hybrid", "float32", 1)
    assert (engine.model.library, engine.context) == ("torch", 512)
    engine.close()
    with pytest.raises(ModelMissing, match="models pull"):
        locate("somebody/else")
