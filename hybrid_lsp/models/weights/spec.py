"""A network as CTranslate2 stores it: its own spec, filled with variables that read and quantise when they are written.

So a conversion needs the memory of one tensor in int8 and of a few rows in single precision, whatever the model's size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from ctranslate2.specs import Activation, RotaryScalingType, TransformerDecoderModelSpec, model_spec

from hybrid_lsp.errors import ModelBroken
from hybrid_lsp.models.weights.architectures import ACTIVATIONS, Network
from hybrid_lsp.models.weights.tensors import Floats, Joined, Tensor, Tensors, Zeros

Wrote = Callable[[int], None]
"""Told how many elements of a tensor have been written; raises to stop."""
_SMALLEST = np.float32(127.0) / np.finfo(np.float32).max
_ELEMENTS = 4_000_000
"""So many are in memory at once, in single precision."""


def build(network: Network, tensors: Tensors, int8: bool, wrote: Wrote) -> Any:
    """The spec of a network, ready to be saved. Raises ModelBroken where a tensor is missing or misshapen."""
    spec = _empty(network)
    _Filler(network, tensors, int8, wrote).fill(spec.decoder)
    spec.config.layer_norm_epsilon = network.epsilon
    return spec


def tie(spec: Any) -> None:
    """Have the output share the embedding's weights; after the spec was validated, which knows no shared ones."""
    for name in ("weight", "weight_scale"):
        if not isinstance(getattr(spec.decoder.embeddings, name), str):
            setattr(spec.decoder.projection, name, f"decoder/embeddings/{name}")


def _empty(network: Network) -> Any:
    kind = network.architecture
    options: dict[str, Any] = {}
    if not kind.positions:
        options |= {
            # All dimensions are 0 to CTranslate2.
            "rotary_dim": 0 if network.rotary == network.head else network.rotary,
            "rotary_interleave": False,
            "rotary_base": network.theta,
        }
    if network.factors:
        # The one kind of scaling that takes a factor for each frequency; a window that does not grow has no other part.
        options |= {
            "rotary_scaling_type": RotaryScalingType.Su,
            "original_max_position_embeddings": network.context,
            "max_position_embeddings": network.context,
        }
    if network.head * network.heads != network.width:
        options["head_dim"] = network.head
    return TransformerDecoderModelSpec.from_config(
        network.layers,
        network.heads,
        activation=Activation[ACTIVATIONS[network.activation]],
        pre_norm=True,
        ffn_glu=kind.gated,
        rms_norm=kind.rms,
        num_heads_kv=network.kv_heads if network.kv_heads != network.heads else None,
        qk_norm=kind.qk_norm,
        parallel_residual=kind.parallel,
        shared_layer_norm=kind.parallel,
        **options,
    )


class _Filler:
    """Puts a network's tensors into the places of a spec."""

    def __init__(self, network: Network, tensors: Tensors, int8: bool, wrote: Wrote) -> None:
        self._network, self._tensors = network, tensors
        self._int8, self._wrote = int8, wrote

    def fill(self, decoder: Any) -> None:
        network = self._network
        decoder.scale_embeddings = network.architecture.scaled
        decoder.start_from_zero_embedding = False
        table = self._tensors.get("token_embd.weight", (network.vocabulary, network.width))
        self._put(decoder.embeddings, table)
        if network.architecture.scaled:
            decoder.embeddings.multiply_by_sqrt_depth = np.float32(network.width**0.5)
        if network.architecture.positions:
            positions = self._tensors.get("position_embd.weight", (network.context, network.width))
            decoder.position_encodings.encodings = _Plain(positions, self._wrote)
        self._norm(decoder.layer_norm, "output_norm", network.width)
        head = self._tensors.optional("output.weight", table.shape)
        self._put(decoder.projection, head or table)
        self._bias(decoder.projection, "output", network.vocabulary)
        for index, layer in enumerate(decoder.layer):
            self._layer(layer, f"blk.{index}")

    def _layer(self, layer: Any, name: str) -> None:
        network, kind = self._network, self._network.architecture
        if kind.parallel:
            self._norm(layer.shared_layer_norm, f"{name}.attn_norm", network.width)
        else:
            self._norm(layer.self_attention.layer_norm, f"{name}.attn_norm", network.width)
            self._norm(layer.ffn.layer_norm, f"{name}.ffn_norm", network.width)
        self._attention(layer.self_attention, name)
        up, down = (network.inner, network.width), (network.width, network.inner)
        # Where there is a gate, it is the activated one of the two.
        self._linear(layer.ffn.linear_0, f"{name}.{'ffn_gate' if kind.gated else 'ffn_up'}", up)
        if kind.gated:
            self._linear(layer.ffn.linear_0_noact, f"{name}.ffn_up", up)
        self._linear(layer.ffn.linear_1, f"{name}.ffn_down", down)

    def _attention(self, attention: Any, name: str) -> None:
        network = self._network
        queries, keys = network.heads * network.head, network.kv_heads * network.head
        if f"{name}.attn_qkv.weight" in self._tensors:
            self._linear(attention.linear[0], f"{name}.attn_qkv", (queries + 2 * keys, network.width))
        else:
            parts = [(f"{name}.attn_{part}", rows) for part, rows in (("q", queries), ("k", keys), ("v", keys))]
            weights = [self._tensors.get(f"{part}.weight", (rows, network.width)) for part, rows in parts]
            self._put(attention.linear[0], Joined(weights))
            biases = [self._tensors.optional(f"{part}.bias", (rows,)) for part, rows in parts]
            if any(biases):
                filled = [bias or Zeros((rows,)) for bias, (_, rows) in zip(biases, parts, strict=True)]
                attention.linear[0].bias = _Plain(Joined(filled), self._wrote)
        self._linear(attention.linear[1], f"{name}.attn_output", (network.width, queries))
        if network.architecture.qk_norm:
            self._norm(attention.q_norm, f"{name}.attn_q_norm", network.head)
            self._norm(attention.k_norm, f"{name}.attn_k_norm", network.head)
        if network.factors:
            factors = np.array(network.factors, np.float32)
            attention.rotary_scaling_long_factor = attention.rotary_scaling_short_factor = factors

    def _linear(self, spec: Any, name: str, shape: tuple[int, int]) -> None:
        self._put(spec, self._tensors.get(f"{name}.weight", shape))
        self._bias(spec, name, shape[0])

    def _bias(self, spec: Any, name: str, size: int) -> None:
        if (bias := self._tensors.optional(f"{name}.bias", (size,))) is not None:
            spec.bias = _Plain(bias, self._wrote)

    def _put(self, spec: Any, tensor: Tensor) -> None:
        if not self._int8:
            spec.weight = _Plain(tensor, self._wrote)
            return
        numbers = _Quantised(tensor, self._wrote)
        spec.weight, spec.weight_scale = _Int8(numbers), _Scale(numbers)

    def _norm(self, spec: Any, name: str, size: int) -> None:
        rms = self._network.architecture.rms
        spec.gamma = _Plain(self._tensors.get(f"{name}.weight", (size,)), self._wrote)
        if not rms:
            beta = self._tensors.optional(f"{name}.bias", (size,)) or Zeros((size,))
            spec.beta = _Plain(beta, self._wrote)


def pieces(tensor: Tensor) -> Iterator[tuple[int, Floats]]:
    """A tensor from its first row to its last, in pieces of bounded size, each with the number of its first row."""
    rows, width = tensor.shape[0], int(np.prod(tensor.shape[1:], dtype=np.int64))
    step = max(1, _ELEMENTS // max(1, width))
    for start in range(0, rows, step):
        yield start, tensor.rows(start, min(rows, start + step))


class _Lazy(model_spec.Variable):  # type: ignore[misc]
    """A variable of a spec whose bytes are made when they are written."""

    def __init__(self, shape: tuple[int, ...], dtype: str) -> None:
        self._shape, self._dtype = shape, dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return self._shape

    @property
    def dtype(self) -> str:
        return self._dtype

    def num_bytes(self) -> int:
        return int(np.prod(self._shape, dtype=np.int64)) * np.dtype(self._dtype).itemsize

    def numpy(self) -> Any:
        return np.frombuffer(self.to_bytes(), self._dtype).reshape(self._shape)

    def to_bytes(self) -> bytes | memoryview:
        raise NotImplementedError

    def _to(self, dtype: str) -> Any:
        raise NotImplementedError

    def _equal(self, other: Any) -> bool:
        return self is other


class _Plain(_Lazy):
    """A tensor in single precision."""

    def __init__(self, tensor: Tensor, wrote: Wrote) -> None:
        super().__init__(tensor.shape, "float32")
        self._tensor, self._wrote = tensor, wrote

    def to_bytes(self) -> memoryview:
        numbers = np.empty(self._shape, np.float32)
        for start, piece in pieces(self._tensor):
            numbers[start : start + len(piece)] = piece
            self._wrote(piece.size)
        return memoryview(numbers.data).cast("B")


class _Quantised:
    """A matrix in int8 with a scale for each row, as CTranslate2 quantises; kept only from one to the other."""

    def __init__(self, tensor: Tensor, wrote: Wrote) -> None:
        self.tensor, self._wrote = tensor, wrote
        self.scale: Floats | None = None

    def numbers(self) -> Any:
        scale = np.empty(self.tensor.shape[0], np.float32)
        numbers = np.empty(self.tensor.shape, np.int8)
        for start, piece in pieces(self.tensor):
            stop = start + len(piece)
            largest = np.abs(piece).max(axis=1)
            if not np.isfinite(largest).all():
                raise ModelBroken("The weights hold numbers that are none (NaN or infinite).", "Get the file again.")
            largest[largest == 0] = 127.0
            scale[start:stop] = np.float32(127.0) / np.maximum(largest, _SMALLEST)
            numbers[start:stop] = np.rint(piece * scale[start:stop, None])
            self._wrote(piece.size)
        self.scale = scale
        return numbers


class _Int8(_Lazy):
    def __init__(self, numbers: _Quantised) -> None:
        super().__init__(numbers.tensor.shape, "int8")
        self._numbers = numbers

    def to_bytes(self) -> memoryview:
        return memoryview(self._numbers.numbers()).cast("B")


class _Scale(_Lazy):
    def __init__(self, numbers: _Quantised) -> None:
        super().__init__(numbers.tensor.shape[:1], "float32")
        self._numbers = numbers

    def to_bytes(self) -> bytes:
        if self._numbers.scale is None:  # written before its matrix
            self._numbers.numbers()
        assert self._numbers.scale is not None
        return self._numbers.scale.tobytes()
