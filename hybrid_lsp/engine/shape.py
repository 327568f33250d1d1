"""What a decoder in CTranslate2's `model.bin` looks like, as far as the graph in `graph.py` can be made from it."""

from __future__ import annotations

import json
from enum import IntEnum
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt

from hybrid_lsp.models.weights.ct2 import Weights

_DEFAULT_EPSILON = 1e-5
_FLOAT_BYTES = 4


class _Activation(IntEnum):
    """The numbers of `ctranslate2.specs.Activation`, of those that gated networks have."""

    SWISH = 2


class _Scaling(IntEnum):
    """The numbers of `ctranslate2.specs.RotaryScalingType`, of those whose factors the weights hold."""

    NONE = -1
    LINEAR = 0
    BY_FREQUENCY = 1


class Unsupported(Exception):
    """The network has a part that the graph has no nodes for."""


@attrs.frozen
class Shape:
    """Sizes of a decoder; `window` is how far back attention sees (-1: everything), `rotary` dimensions turn, at
    frequencies that are divided by `rotary_factors` (one for all pairs of dimensions, or one each)."""

    layers: int
    heads: int
    kv_heads: int
    head_size: int
    width: int
    vocabulary: int
    epsilon: float
    rotary: int
    rotary_base: float
    rotary_factors: tuple[float, ...]
    interleaved: bool
    window: int
    normed_heads: bool

    @property
    def bytes_a_token(self) -> int:
        """Memory for the keys and values of one token."""
        return 2 * self.layers * self.kv_heads * self.head_size * _FLOAT_BYTES

    def angles(self, positions: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Cosines and sines for rotary embeddings, (positions, rotary / 2) each (Su et al. 2021, "RoFormer")."""
        frequencies = self.rotary_base ** (-np.arange(0, self.rotary, 2, dtype=np.float64) / self.rotary)
        turns = np.outer(np.arange(positions), frequencies / np.array(self.rotary_factors))
        return np.cos(turns).astype(np.float32), np.sin(turns).astype(np.float32)


def read(folder: Path, weights: Weights) -> Shape:
    """The shape of a model in a CTranslate2 folder. Raises Unsupported, with the first reason."""
    layer, attention = "decoder/layer_0", "decoder/layer_0/self_attention"
    _check(weights, layer)
    heads = int(weights.number("decoder/num_heads", 0))
    width = weights.shape("decoder/embeddings/weight")[1]
    out = weights.shape(f"{attention}/linear_1/weight")[1]
    head_size = int(weights.number(f"{attention}/head_dim", out // heads))
    rotary = int(weights.number(f"{attention}/rotary_dim", 0)) or head_size
    kv_heads = int(weights.number(f"{attention}/num_heads_kv", heads))
    if weights.shape(f"{attention}/linear_0/weight")[0] != (heads + 2 * kv_heads) * head_size:
        raise Unsupported("its heads have sizes of their own")
    return Shape(
        layers=_layers(weights),
        heads=heads,
        kv_heads=kv_heads,
        head_size=head_size,
        width=width,
        vocabulary=weights.shape("decoder/projection/weight")[0],
        epsilon=_epsilon(folder),
        rotary=rotary,
        rotary_base=weights.number(f"{attention}/rotary_base", 10000.0),
        rotary_factors=_rotary_factors(weights, attention, rotary),
        interleaved=weights.number(f"{attention}/rotary_interleave", 1) != 0,
        window=int(weights.number(f"{attention}/sliding_window", weights.number("decoder/sliding_window", 0))) or -1,
        normed_heads=f"{attention}/q_norm/gamma" in weights,
    )


def _rotary_factors(weights: Weights, attention: str, rotary: int) -> tuple[float, ...]:
    """What the frequencies are divided by: by one number where a text is read as if it were shorter, by one for each
    pair of dimensions as Llama 3 has it."""
    kind = weights.number(f"{attention}/rotary_scaling_type", _Scaling.NONE)
    if kind == _Scaling.NONE:
        return (1.0,)
    names = ("factor",) if kind == _Scaling.LINEAR else ("long_factor", "short_factor")
    found = [f"{attention}/rotary_scaling_{name}" for name in names]
    if kind not in (_Scaling.LINEAR, _Scaling.BY_FREQUENCY) or not all(name in weights for name in found):
        raise Unsupported("its positions are scaled, and by how much is not known")
    first, *others = (tuple(map(float, weights[name].reshape(-1))) for name in found)
    grows = weights.number(f"{attention}/max_position_embeddings", 0) > weights.number(
        f"{attention}/original_max_position_embeddings", 0
    )
    if any(other != first for other in others) or (others and grows):
        raise Unsupported("its positions are scaled differently in long texts")
    if len(first) not in (1, rotary // 2):
        raise Unsupported("its scaled positions are of another size")
    return first


def _check(weights: Weights, layer: str) -> None:
    attention = f"{layer}/self_attention"
    needs = {
        "its weights are not in int8": weights[f"{attention}/linear_0/weight"].dtype == np.int8
        if f"{attention}/linear_0/weight" in weights
        else False,
        "it does not normalise first": weights.number("decoder/pre_norm", 0) == 1,
        "it has no rotary positions": f"{attention}/rotary_dim" in weights,
        "it is not gated": f"{layer}/ffn/linear_0_noact/weight" in weights,
        "its activation is another": weights.number("decoder/activation", -1) == _Activation.SWISH,
        "its normalisation is another": f"{attention}/layer_norm/gamma" in weights
        and f"{attention}/layer_norm/beta" not in weights
        and f"{attention}/layer_norm/layer_norm_use_residual" not in weights,
        "it attends elsewhere too": f"{layer}/attention/linear_0/weight" not in weights,
        "it normalises between": f"{layer}/input_layer_norm/gamma" not in weights
        and f"{layer}/shared_layer_norm/gamma" not in weights,
        "it scales its embeddings": weights.number("decoder/scale_embeddings", 0) == 0,
        "it scales its outputs": "decoder/scale_outputs" not in weights,
        "it scales its queries": f"{attention}/queries_scale" not in weights,
    }
    for reason, met in needs.items():
        if not met:
            raise Unsupported(reason)


def _layers(weights: Weights) -> int:
    count = 0
    while f"decoder/layer_{count}/self_attention/linear_0/weight" in weights:
        count += 1
    return count


def _epsilon(folder: Path) -> float:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return float(config.get("layer_norm_epsilon") or _DEFAULT_EPSILON)
    except (OSError, ValueError, TypeError, AttributeError):
        return _DEFAULT_EPSILON
