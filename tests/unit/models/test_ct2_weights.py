"""Reading `model.bin`, whole and broken."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybrid_lsp.engine import ort, shape
from hybrid_lsp.errors import ModelBroken
from hybrid_lsp.models.store import embedded_dir
from hybrid_lsp.models.weights.ct2 import Weights

WHOLE = embedded_dir() / "model.bin"


def test_the_embedded_network_as_it_was_converted() -> None:
    weights = Weights(WHOLE)
    quantised = weights["decoder/layer_0/ffn/linear_1/weight"]
    assert (quantised.dtype, quantised.shape) == (np.int8, (256, 704))
    assert np.array_equal(weights["decoder/projection/weight"], weights["decoder/embeddings/weight"])
    assert weights.number("decoder/num_heads", 0) == 4
    assert weights.number("decoder/nothing", 7) == 7
    assert len(list(weights)) == len(weights)
    with pytest.raises(KeyError):
        weights["decoder/nothing"]


def test_its_shape() -> None:
    found = shape.read(embedded_dir(), Weights(WHOLE))
    assert (found.layers, found.heads, found.kv_heads, found.head_size) == (6, 4, 2, 64)
    assert found.bytes_a_token == 2 * 6 * 2 * 64 * 4
    cosines, sines = found.angles(3)
    assert cosines.shape == sines.shape == (3, 32)
    assert np.allclose(sines[1, 0], np.sin(1.0))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelBroken):
        Weights(tmp_path / "model.bin")


@pytest.mark.parametrize(
    "data",
    [b"", b"\x06\0\0", b"\x02\0\0\0", b"\x06\0\0\0" + b"\xff" * 40, WHOLE.read_bytes()[:5000], WHOLE.read_bytes()[:-3]],
    ids=["empty", "short", "old", "nonsense", "truncated", "without its end"],
)
def test_a_broken_file_is_told(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(data)
    with pytest.raises(ModelBroken, match="cannot be read"):
        Weights(tmp_path / "model.bin")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_told(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"\x06\0\0\0\x02\0x\0\x01\0\0\0" + data)
    try:
        weights = Weights(path)
    except ModelBroken:
        return
    for name in weights:
        assert weights[name].nbytes >= 0


def test_a_network_of_another_kind_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ort.refusal(embedded_dir(), "auto") == ""
    assert ort.refusal(embedded_dir(), "float32") == "it computes in int8, not in float32"
    monkeypatch.setattr(shape, "_Activation", SimpleNamespace(SWISH=99))
    assert ort.refusal(embedded_dir(), "int8") == "its activation is another"
