"""A decoder as an ONNX graph over the int8 weights of a CTranslate2 model.

Weights are quantised for each output, activations for each token, so that a token's numbers do not depend on which
others are computed with it (as in CTranslate2; Dettmers et al. 2022, "LLM.int8()", vector-wise quantisation). Keys and
values stay in buffers that the caller owns: the graph appends to them in place.

Inputs: `hidden` (1, tokens, width) embeddings; `last` and `total` (1,), int32, positions less one and positions after
the tokens; `rows` (n,), int64, tokens whose logits are wanted; `key_L` and `value_L` (1, kv heads, room, head size).
Outputs: `logits` (1, n, vocabulary), and `new_key_L`, `new_value_L` for the same buffers.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from hybrid_lsp.engine.shape import Shape
from hybrid_lsp.models.weights.ct2 import Array, Weights

_CONTRIB = "com.microsoft"
_OPSET = 21
_IR = 10
_LEVELS = 127.0
_ZERO = 128
_SMALLEST = 1e-9
_INLINE_BYTES = 1024
"""Smaller arrays stand in the graph itself, where the checks of shapes can see them."""
_TYPES = {
    "float32": TensorProto.FLOAT,
    "int8": TensorProto.INT8,
    "uint8": TensorProto.UINT8,
    "int64": TensorProto.INT64,
}


@attrs.frozen
class Graph:
    """A serialised graph, and the arrays that stand for its weights by name."""

    model: bytes
    arrays: dict[str, Array]


def build(weights: Weights, shape: Shape, positions: int) -> Graph:
    """The graph of a whole decoder, for texts of at most so many positions."""
    return _Builder(weights, shape, positions).build()


class _Builder:
    def __init__(self, weights: Weights, shape: Shape, positions: int) -> None:
        self._weights, self._shape = weights, shape
        self._nodes: list[Any] = []
        self._arrays: dict[str, Array] = {}
        self._inputs = [
            _value("hidden", TensorProto.FLOAT, (1, "tokens", shape.width)),
            _value("last", TensorProto.INT32, (1,)),
            _value("total", TensorProto.INT32, (1,)),
            _value("rows", TensorProto.INT64, ("wanted",)),
        ]
        self._outputs = [_value("logits", TensorProto.FLOAT, (1, "wanted", shape.vocabulary))]
        self._array("levels", np.array(_LEVELS, np.float32))
        self._array("smallest", np.array(_SMALLEST, np.float32))
        self._array("one", np.array(1, np.float32))
        self._array("zero", np.array(_ZERO, np.uint8))
        self._array("weight_zero", np.array(0, np.int8))
        self._array("last_axis", np.array([-1], np.int64))
        self._array("cosines", shape.angles(positions)[0])
        self._array("sines", shape.angles(positions)[1])

    def build(self) -> Graph:
        hidden = "hidden"
        for index in range(self._shape.layers):
            hidden = self._layer(index, hidden)
        wanted = self._node("Gather", [hidden, "rows"], axis=1)
        self._linear(self._norm(wanted, "decoder/layer_norm"), "decoder/projection", "logits")
        large = {name: array for name, array in self._arrays.items() if array.nbytes > _INLINE_BYTES}
        initialisers = [
            _stub(name, array) if name in large else numpy_helper.from_array(array, name)
            for name, array in self._arrays.items()
        ]
        graph = helper.make_graph(self._nodes, "decoder", self._inputs, self._outputs, initialisers)
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_CONTRIB, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR)
        return Graph(model.SerializeToString(), large)

    def _layer(self, index: int, hidden: str) -> str:
        layer = f"decoder/layer_{index}"
        normed = self._norm(hidden, f"{layer}/self_attention/layer_norm")
        attended = self._attention(index, normed, f"{layer}/self_attention")
        hidden = self._node("Add", [hidden, self._linear(attended, f"{layer}/self_attention/linear_1")])
        normed = self._norm(hidden, f"{layer}/ffn/layer_norm")
        gate = self._linear(normed, f"{layer}/ffn/linear_0")
        gate = self._node("QuickGelu", [gate], domain=_CONTRIB, alpha=1.0)
        gated = self._node("Mul", [gate, self._linear(normed, f"{layer}/ffn/linear_0_noact")])
        return self._node("Add", [hidden, self._linear(gated, f"{layer}/ffn/linear_1")])

    def _attention(self, index: int, normed: str, name: str) -> str:
        shape = self._shape
        packed = self._linear(normed, f"{name}/linear_0")
        heads = self._normed_heads(packed, name) if shape.normed_heads else [packed, "", ""]
        buffer = (1, shape.kv_heads, "room", shape.head_size)
        for kind in ("key", "value"):
            self._inputs.append(_value(f"{kind}_{index}", TensorProto.FLOAT, buffer))
            self._outputs.append(_value(f"new_{kind}_{index}", TensorProto.FLOAT, buffer))
        self._nodes.append(
            helper.make_node(
                "GroupQueryAttention",
                [*heads, f"key_{index}", f"value_{index}", "last", "total", "cosines", "sines"],
                [f"{name}/out", f"new_key_{index}", f"new_value_{index}"],
                domain=_CONTRIB,
                num_heads=shape.heads,
                kv_num_heads=shape.kv_heads,
                do_rotary=1,
                rotary_interleaved=int(shape.interleaved),
                local_window_size=shape.window,
            )
        )
        return f"{name}/out"

    def _normed_heads(self, packed: str, name: str) -> list[str]:
        """Queries, keys and values, the first two normalised head by head (as in Qwen3)."""
        shape = self._shape
        sizes = [heads * shape.head_size for heads in (shape.heads, shape.kv_heads, shape.kv_heads)]
        outputs = [f"{name}/{part}" for part in "qkv"]
        split = self._array(f"{name}/sizes", np.array(sizes, np.int64))
        self._nodes.append(helper.make_node("Split", [packed, split], outputs, axis=-1))
        for at, part in enumerate("qk"):
            apart = self._array(
                f"{name}/{part}/apart", np.array([1, -1, sizes[at] // shape.head_size, shape.head_size])
            )
            again = self._array(f"{name}/{part}/again", np.array([1, -1, sizes[at]]))
            normed = self._norm(self._node("Reshape", [outputs[at], apart]), f"{name}/{part}_norm")
            outputs[at] = self._node("Reshape", [normed, again])
        return outputs

    def _norm(self, hidden: str, name: str) -> str:
        gamma = self._array(f"{name}/gamma", np.array(self._weights[f"{name}/gamma"], np.float32))
        return self._node("SimplifiedLayerNormalization", [hidden, gamma], axis=-1, epsilon=self._shape.epsilon)

    def _linear(self, hidden: str, name: str, output: str = "") -> str:
        """`hidden` times quantised weights: whole numbers, then both scales and the bias."""
        quantised, scale = self._quantised(hidden)
        weight = self._array(f"{name}/weight", np.ascontiguousarray(self._weights[f"{name}/weight"].T))
        scales = self._array(f"{name}/scale", (1 / np.array(self._weights[f"{name}/weight_scale"])).astype(np.float32))
        product = self._node(
            "MatMulIntegerToFloat", [quantised, weight, "one", scales, "zero", "weight_zero"], domain=_CONTRIB
        )
        if f"{name}/bias" not in self._weights:
            return self._node("Mul", [product, scale], output)
        bias = self._array(f"{name}/bias", np.array(self._weights[f"{name}/bias"], np.float32))
        return self._node("Add", [self._node("Mul", [product, scale]), bias], output)

    def _quantised(self, hidden: str) -> tuple[str, str]:
        """The tokens' numbers as bytes around 128, and the scale of each token, (1, tokens, 1)."""
        if f"{hidden}/bytes" not in {output for node in self._nodes[-8:] for output in node.output}:
            largest = self._node("ReduceMax", [self._node("Abs", [hidden]), "last_axis"], keepdims=1)
            largest = self._node("Max", [largest, "smallest"])
            self._node("Div", [largest, "levels"], f"{hidden}/scale")
            scaled = self._node("Mul", [hidden, self._node("Div", ["levels", largest])])
            self._node("QuantizeLinear", [scaled, "one", "zero"], f"{hidden}/bytes")
        return f"{hidden}/bytes", f"{hidden}/scale"

    def _node(self, kind: str, inputs: list[str], output: str = "", **options: Any) -> str:
        output = output or f"{kind}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [output], **options))
        return output

    def _array(self, name: str, array: Array) -> str:
        self._arrays[name] = array
        return name


def _value(name: str, kind: int, shape: tuple[int | str, ...]) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def _stub(name: str, array: Array) -> Any:
    """An initialiser without its numbers, which the session is given beside the graph."""
    stub = TensorProto(name=name, data_type=_TYPES[array.dtype.name], dims=array.shape)
    stub.data_location = TensorProto.EXTERNAL
    stub.external_data.append(onnx.StringStringEntryProto(key="location", value="weights"))
    return stub
