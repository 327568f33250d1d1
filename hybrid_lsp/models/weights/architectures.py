"""The architectures that are converted without torch, as data: one kind of decoder, and where each differs from it.

A tensor is named here as in GGUF (`blk.3.attn_q.weight`); `names` says what transformers calls it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from hybrid_lsp.errors import ModelBroken, ModelError
from hybrid_lsp.models.weights.gguf import GgufFile
from hybrid_lsp.models.weights.tensors import Raised, Reordered, Stored, Tensor

_GATED = {"mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
_ATTENTION = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v"}
_NORMS = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
_QK_NORMS = {"self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm"}
_LLAMA_LAYER = {**_ATTENTION, "self_attn.o_proj": "attn_output", **_GATED, **_NORMS, **_QK_NORMS}
_LLAMA = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
_STARCODER2_LAYER = {
    **_ATTENTION,
    "self_attn.o_proj": "attn_output",
    "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down",
    **_NORMS,
}
_PHI_LAYER = {
    **_ATTENTION,
    "self_attn.dense": "attn_output",
    "mlp.fc1": "ffn_up",
    "mlp.fc2": "ffn_down",
    "input_layernorm": "attn_norm",
}
_BIGCODE = {
    "transformer.wte": "token_embd",
    "transformer.wpe": "position_embd",
    "transformer.ln_f": "output_norm",
    "lm_head": "output",
}
_BIGCODE_LAYER = {
    "ln_1": "attn_norm",
    "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output",
    "ln_2": "ffn_norm",
    "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down",
}


@attrs.frozen
class Architecture:
    """One architecture: `hf` its class in transformers, `ggml` its name in GGUF.

    `names` and `layer_names` map what transformers calls a module to what GGUF does; `gated` an FFN with a gate, `rms`
    normalisation without a mean, `parallel` attention and FFN side by side under one norm, `positions` learned ones
    instead of rotary, `scaled` embeddings multiplied by the root of the width, `raised` norms stored less one
    (transformers only), `turned` queries and keys with the rotary pairs side by side (GGUF only).
    """

    hf: str
    ggml: str
    activation: str = "silu"
    gated: bool = True
    rms: bool = True
    qk_norm: bool = False
    parallel: bool = False
    positions: bool = False
    scaled: bool = False
    raised: bool = False
    turned: bool = False
    names: Mapping[str, str] = attrs.field(factory=lambda: _LLAMA)
    layer_names: Mapping[str, str] = attrs.field(factory=lambda: _LLAMA_LAYER)
    layers_at: str = "model.layers"


ARCHITECTURES = (
    Architecture("LlamaForCausalLM", "llama", turned=True),
    Architecture("MistralForCausalLM", "llama", turned=True),
    Architecture("Qwen2ForCausalLM", "qwen2"),
    Architecture("Qwen3ForCausalLM", "qwen3", qk_norm=True),
    Architecture("GemmaForCausalLM", "gemma", activation="gelu_pytorch_tanh", scaled=True, raised=True),
    Architecture("StableLmForCausalLM", "stablelm", rms=False),
    Architecture(
        "Starcoder2ForCausalLM",
        "starcoder2",
        activation="gelu_pytorch_tanh",
        gated=False,
        rms=False,
        layer_names=_STARCODER2_LAYER,
    ),
    Architecture(
        "GPTBigCodeForCausalLM",
        "starcoder",
        activation="gelu_pytorch_tanh",
        gated=False,
        rms=False,
        positions=True,
        names=_BIGCODE,
        layer_names=_BIGCODE_LAYER,
        layers_at="transformer.h",
    ),
    Architecture(
        "PhiForCausalLM",
        "phi2",
        activation="gelu_new",
        gated=False,
        rms=False,
        parallel=True,
        names={**_LLAMA, "model.final_layernorm": "output_norm"},
        layer_names=_PHI_LAYER,
    ),
)
ACTIVATIONS = {
    "silu": "SWISH",
    "gelu": "GELU",
    "gelu_new": "GELUTanh",
    "gelu_fast": "GELUTanh",
    "gelu_pytorch_tanh": "GELUTanh",
    "relu": "RELU",
}


@attrs.frozen
class Network:
    """The sizes of one decoder, in elements; `inner` is the FFN's, `context` the window in tokens.

    `rotary` dimensions of a head are turned (0: none); `factors` divide the frequencies of each pair of them (empty:
    not at all).
    """

    architecture: Architecture
    layers: int
    heads: int
    kv_heads: int
    head: int
    width: int
    inner: int
    vocabulary: int
    context: int
    activation: str
    epsilon: float
    rotary: int = 0
    theta: float = 10000.0
    factors: tuple[float, ...] = ()

    @property
    def parameters(self) -> int:
        """About how many weights there are (without norms and biases; the embedding once)."""
        attention = self.width * self.head * (2 * self.heads + 2 * self.kv_heads)
        ffn = self.width * self.inner * (3 if self.architecture.gated else 2)
        return self.vocabulary * self.width + self.layers * (attention + ffn)


def size_int8(network: Network, tied: bool) -> int:
    """Bytes of `model.bin` in int8, near enough."""
    again = 0 if tied else network.vocabulary * network.width
    positions = 4 * network.context * network.width if network.architecture.positions else 0
    return int((network.parameters + again) * 1.005) + positions


class NotOurs(ModelError):
    """The architecture is not one that is converted without torch."""


def of_transformers(config: Mapping[str, Any], where: str) -> Network:
    """The network that a config.json describes. Raises NotOurs or ModelBroken."""
    classes = config.get("architectures") or ["?"]
    name = str(classes[0]) if isinstance(classes, list) else "?"
    found = next((each for each in ARCHITECTURES if each.hf == name), None)
    if found is None:
        raise NotOurs(f"{where} is of the architecture {name}, which is not converted without torch.")
    for unusual in ("qk_layernorm", "use_parallel_residual", "quantization_config"):
        if config.get(unusual):
            raise NotOurs(f"{where} has `{unusual}`, which is not converted without torch.")
    return _Config(config, where).network(found)


@attrs.frozen
class _Config:
    """A config.json, in whichever words its class has for the same thing."""

    values: Mapping[str, Any]
    where: str

    def network(self, architecture: Architecture) -> Network:
        heads = self.size("num_attention_heads", "n_head")
        width = self.size("hidden_size", "n_embd")
        head = self.size("head_dim", default=width // heads)
        single = architecture.positions and self.values.get("multi_query", True)
        rotary = 0 if architecture.positions else int(head * float(self.rope("partial_rotary_factor", 1.0)))
        window = self.values.get("sliding_window")
        if self.values.get("use_sliding_window") is False or not isinstance(window, int):
            window = None
        context = self.size("max_position_embeddings", "n_positions")
        theta, named = float(self.rope("rope_theta", 10000.0)), self.values.get("hidden_act")
        return _checked(
            Network(
                architecture,
                layers=self.size("num_hidden_layers", "n_layer"),
                heads=heads,
                kv_heads=1 if single else self.size("num_key_value_heads", default=heads),
                head=head,
                width=width,
                inner=self.size("intermediate_size", "n_inner", default=4 * width),
                vocabulary=self.size("vocab_size"),
                # Inside the window of a sliding attention there is no difference.
                context=min(context, window or context),
                # Gemma's early files name another one than it was trained with.
                activation=architecture.activation if architecture.scaled else self.activation(architecture, named),
                epsilon=self.epsilon(),
                rotary=rotary,
                theta=theta,
                factors=self.factors(rotary, theta),
            ),
            self.where,
        )

    def size(self, *names: str, default: int | None = None) -> int:
        value = next((self.values[name] for name in names if self.values.get(name) is not None), default)
        if not isinstance(value, int) or not 0 < value < 1 << 31:
            raise ModelBroken(f"{self.where} says `{names[0]}`: {value}.", "Get its config.json again.")
        return value

    def rope(self, name: str, default: Any) -> Any:
        """What is said about rotary positions, by older or newer files."""
        newer = self.values.get("rope_parameters") or {}
        value = newer.get(name, self.values.get(name))
        return default if value is None else value

    def activation(self, architecture: Architecture, named: Any) -> str:
        named = named or self.values.get("activation_function") or architecture.activation
        if named not in ACTIVATIONS:
            raise NotOurs(f"{self.where} has the activation {named}, which is not converted without torch.")
        return str(named)

    def epsilon(self) -> float:
        names = ("rms_norm_eps", "layer_norm_eps", "norm_epsilon", "layer_norm_epsilon")
        value = next((self.values[name] for name in names if self.values.get(name) is not None), 1e-5)
        return float(value)

    def factors(self, rotary: int, theta: float) -> tuple[float, ...]:
        scaling = self.values.get("rope_parameters") or self.values.get("rope_scaling") or {}
        kind = scaling.get("rope_type", scaling.get("type", "default"))
        if kind == "default":
            return ()
        if kind == "linear":
            return (float(scaling["factor"]),) * (rotary // 2)
        if kind == "llama3":
            return llama3_factors(rotary, theta, scaling)
        raise NotOurs(f"{self.where} has rotary positions of the kind {kind}, which are not converted without torch.")


def llama3_factors(rotary: int, theta: float, scaling: Mapping[str, Any]) -> tuple[float, ...]:
    """What Llama 3.1 divides each frequency by: short waves by 1, long ones by `factor`, and between them a mixture.

    After Grattafiori et al., "The Llama 3 Herd of Models", 2024, and its reference implementation.
    """
    factor, low, high = (float(scaling[name]) for name in ("factor", "low_freq_factor", "high_freq_factor"))
    original = float(scaling["original_max_position_embeddings"])
    factors = []
    for pair in range(rotary // 2):
        wave = 2 * math.pi * theta ** (2 * pair / rotary)
        share = min(1.0, max(0.0, (original / wave - low) / (high - low)))
        factors.append(1 / ((1 - share) / factor + share))
    return tuple(factors)


def named_as_gguf(architecture: Architecture, found: Mapping[str, Stored], network: Network) -> dict[str, Tensor]:
    """The tensors of a checkpoint of transformers under their names in GGUF, as GGUF has them."""
    layer = re.compile(rf"{re.escape(architecture.layers_at)}\.(\d+)\.(.+)\.(weight|bias)")
    named: dict[str, Tensor] = {}
    for name, tensor in found.items():
        stem, _, kind = name.rpartition(".")
        if (inside := layer.fullmatch(name)) is not None and inside[2] in architecture.layer_names:
            named[f"blk.{inside[1]}.{architecture.layer_names[inside[2]]}.{inside[3]}"] = tensor
        elif stem in architecture.names:
            named[f"{architecture.names[stem]}.{kind}"] = tensor
    if architecture.raised:
        named = {name: Raised(each, 1.0) if "_norm." in name else each for name, each in named.items()}
    if architecture.positions and network.kv_heads > 1:
        named = {name: _apart(each, network) if "attn_qkv." in name else each for name, each in named.items()}
    return named


def _apart(tensor: Tensor, network: Network) -> Tensor:
    """GPT-BigCode has queries, keys and values side by side for each head, unless all heads share them."""
    rows = 3 * network.heads * network.head
    if tensor.shape[0] != rows:
        return tensor  # told where its shape is checked
    return Reordered(tensor, np.arange(rows).reshape(network.heads, 3, network.head).swapaxes(0, 1).reshape(-1))


def of_gguf(file: GgufFile) -> Network:
    """The network that a GGUF file describes. Raises NotOurs or ModelBroken."""
    name = file.architecture
    found = next((each for each in ARCHITECTURES if each.ggml == name), None)
    if found is None:
        known = ", ".join(sorted({each.ggml for each in ARCHITECTURES}))
        raise NotOurs(f"{file.path} is of the architecture {name or '?'}; read are {known}.", _OTHER_SERVER)
    if "token_embd.weight" not in file.places or len(file.places["token_embd.weight"].shape) != 2:
        raise ModelBroken(f"{file.path} lacks the tensor token_embd.weight.", "Get the file again.")
    if file.value("expert_count", 0):
        raise NotOurs(f"{file.path} holds a mixture of experts.", _OTHER_SERVER)
    return _Metadata(file).network(found)


_OTHER_SERVER = "Serve it with llama-server or Ollama, and set `backend` to `openai` and `base_url` to its address."


@attrs.frozen
class _Metadata:
    """A GGUF file's metadata."""

    file: GgufFile

    def network(self, architecture: Architecture) -> Network:
        heads, width = self.size("attention.head_count"), self.size("embedding_length")
        head = self.size("attention.key_length", width // heads)
        rotary = 0 if architecture.positions else self.size("rope.dimension_count", head)
        context = self.size("context_length")
        return _checked(
            Network(
                architecture,
                layers=self.size("block_count"),
                heads=heads,
                kv_heads=self.size("attention.head_count_kv", heads),
                head=head,
                width=width,
                inner=self.size("feed_forward_length"),
                vocabulary=self.file.places["token_embd.weight"].shape[0],
                context=min(context, self.file.value("attention.sliding_window") or context),
                activation=architecture.activation,
                epsilon=self.number(f"attention.layer_norm_{'rms_' if architecture.rms else ''}epsilon", 1e-5),
                rotary=rotary,
                theta=self.number("rope.freq_base", 10000.0),
                factors=self.factors(rotary),
            ),
            str(self.file.path),
        )

    def size(self, name: str, default: int | None = None) -> int:
        value = self.file.value(name, default)
        if not isinstance(value, int) or not 0 < value < 1 << 31:
            raise ModelBroken(f"{self.file.path} says `{name}`: {_short(value)}.", "Get the file again.")
        return value

    def number(self, name: str, default: float) -> float:
        value = self.file.value(name, default)
        if not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
            raise ModelBroken(f"{self.file.path} says `{name}`: {_short(value)}.", "Get the file again.")
        return float(value)

    def factors(self, rotary: int) -> tuple[float, ...]:
        if (place := self.file.places.get("rope_freqs.weight")) is not None:
            if place.shape != (rotary // 2,):
                raise ModelBroken(f"{self.file.path} has rope_freqs of another size.", "Get the file again.")
            stored = self.file.tensors()["rope_freqs.weight"].rows(0, rotary // 2)
            return tuple(float(factor) for factor in stored)
        kind = self.file.value("rope.scaling.type", "none")
        if kind == "linear":
            return (self.number("rope.scaling.factor", 1.0),) * (rotary // 2)
        if kind != "none":
            raise NotOurs(f"{self.file.path} has rotary positions of the kind {_short(kind)}.", _OTHER_SERVER)
        return ()


def named_tensors(file: GgufFile, network: Network) -> dict[str, Tensor]:
    """The tensors of a GGUF file, turned back where its maker turned them; an output that is the embedding left out."""
    found: dict[str, Tensor] = dict(file.tensors())
    if network.architecture.turned:
        for name, tensor in found.items():
            if re.fullmatch(r"blk\.\d+\.attn_[qk]\.(weight|bias)", name):
                found[name] = _turned_back(tensor, network.head)
    places = file.places
    tied = "output.weight" in places and places["output.weight"].kind == places["token_embd.weight"].kind
    if tied and file.raw("output.weight") == file.raw("token_embd.weight"):
        del found["output.weight"]
    return found


def _turned_back(tensor: Tensor, head: int) -> Tensor:
    """llama.cpp turns neighbouring elements of a head, transformers one of each half."""
    rows = tensor.shape[0]
    if rows % head or head % 2:
        return tensor  # told where its shape is checked
    return Reordered(tensor, np.arange(rows).reshape(-1, head // 2, 2).swapaxes(1, 2).reshape(-1))


def _checked(network: Network, where: str) -> Network:
    sound = (
        network.heads % network.kv_heads == 0
        and network.rotary <= network.head
        and network.rotary % 2 == 0
        and network.layers <= _MOST_LAYERS
    )
    if not sound:
        raise ModelBroken(f"The sizes that {where} announces do not fit together.", "Get it again.")
    return network


_MOST_LAYERS = 1000


def _short(value: Any) -> str:
    return repr(value)[:40]
