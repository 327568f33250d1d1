"""Files that are cut off, lie about themselves or bring programs along: told, and nothing of their size is taken."""

from __future__ import annotations

import contextlib
import json
import resource
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from hybrid_lsp.errors import DiskFull, ModelBroken, ModelError, ModelMissing, ModelStopped
from hybrid_lsp.models import weights
from hybrid_lsp.models.weights import conversion
from hybrid_lsp.models.weights import gguf as reader

_MEMORY = 64_000_000
WIDTH, LAYERS, WORDS = 32, 2, 300


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def header(tensors: int = 0, entries: int = 0, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, entries)


def entry(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def tensor(name: str, shape: tuple[int, ...], kind: int = 0, offset: int = 0) -> bytes:
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


LIES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "cannot be read|no GGUF"),
    "another format": (b"PK\x03\x04" + b"\0" * 100, "no GGUF file"),
    "cut off at once": (b"GGUF\x03", "cut off"),
    "version": (header(version=77), "version 77"),
    "big-endian": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"),
    "huge counts": (header(1 << 60, 1 << 60), "more than the file has"),
    "many tensors": (header(1 << 40, 0), "more than the file has"),
    "a long text": (header(0, 1) + struct.pack("<Q", 1 << 62) + b"\0" * 64, "more than the file has"),
    "a long array": (header(0, 1) + entry("a", 9, struct.pack("<IQ", 4, 1 << 60)), "more than the file has"),
    "many texts": (header(0, 1) + entry("a", 9, struct.pack("<IQ", 8, 1 << 60)), "more than the file has"),
    "arrays of arrays": (
        header(0, 1) + entry("a", 9, struct.pack("<IQ", 9, 1) * 1000 + b"\0" * 64),
        "array of arrays",
    ),
    "a kind that there is not": (header(0, 1) + entry("a", 99, b"\0" * 16), "a kind that there is not"),
    "no text": (header(0, 1) + struct.pack("<Q", 4) + b"\xff\xfe\xff\xfe" + b"\0" * 32, "damaged"),
    "a huge tensor": (header(1) + tensor("t", (1 << 20, 1 << 20)), "elements|behind the file's end"),
    "10^12 elements": (header(1) + tensor("t", (10**6, 10**6)), "behind the file's end"),
    "no elements": (header(1) + tensor("t", (0, 4)), "0 elements"),
    "overflowing": (header(1) + tensor("t", (1 << 63, 1 << 63)), "elements"),
    "dimensions": (header(1) + tensor("t", (1,) * 9), "9 dimensions"),
    "offset": (header(1) + tensor("t", (4,), offset=1 << 50) + b"\0" * 64, "behind the file's end"),
    "number format": (header(1) + tensor("t", (4,), kind=999) + b"\0" * 64, "unknown number format 999"),
    "half a block": (header(1) + tensor("t", (31,), kind=8) + b"\0" * 64, "no whole blocks"),
    "twice": (header(2) + tensor("t", (1,)) * 2 + b"\0" * 64, "there twice"),
    "alignment": (header(0, 1) + entry("general.alignment", 4, struct.pack("<I", 3)), "alignment is 3"),
}


@pytest.fixture
def bounded() -> Any:
    """No more memory than a few headers take, and no more time."""
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    yield
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < _MEMORY
    assert time.process_time() - started < 30


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.usefixtures("bounded")
def test_a_gguf_that_lies_is_told(tmp_path: Path, lie: str) -> None:
    content, complaint = LIES[lie]
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelBroken, match=complaint) as caught:
        weights.inspect(path)
    assert caught.value.remedy
    with pytest.raises(ModelBroken):
        weights.convert(path, tmp_path / "made")
    assert not (tmp_path / "made").exists()


def llama(path: Path, change: Callable[[dict[str, Any]], None] = lambda parts: None) -> Path:
    """A sound GGUF file of a tiny Llama, unless it is changed."""
    rng = np.random.default_rng(1)
    parts: dict[str, Any] = {"architecture": "llama", "pre": "gpt-2", "heads": 4, "kv": 2, "layers": LAYERS}
    parts["tokens"] = [*(chr(0x4E00 + index) for index in range(WORDS - 1)), "<|endoftext|>"]
    parts["kinds"] = [1] * (WORDS - 1) + [3]
    shapes = {"token_embd": (WORDS, WIDTH), "output_norm": (WIDTH,)}
    for index in range(LAYERS):
        name = f"blk.{index}."
        shapes |= {name + "attn_q": (WIDTH, WIDTH), name + "attn_k": (WIDTH // 2, WIDTH)}
        shapes |= {name + "attn_v": (WIDTH // 2, WIDTH), name + "attn_output": (WIDTH, WIDTH)}
        shapes |= {name + "ffn_gate": (64, WIDTH), name + "ffn_up": (64, WIDTH), name + "ffn_down": (WIDTH, 64)}
        shapes |= {name + "attn_norm": (WIDTH,), name + "ffn_norm": (WIDTH,)}
    parts["tensors"] = {f"{name}.weight": rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    change(parts)
    writer = gguf.GGUFWriter(path, parts["architecture"])
    extra = parts.get("extra", {})
    for key, value in extra.items():
        writer.add_string(key, value)
    if "llama.context_length" not in extra:
        writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(parts["layers"])
    writer.add_feed_forward_length(64)
    writer.add_head_count(parts["heads"])
    writer.add_head_count_kv(parts["kv"])
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model(parts.get("kind", "gpt2"))
    if parts["pre"]:
        writer.add_tokenizer_pre(parts["pre"])
    if parts["tokens"]:
        writer.add_token_list(parts["tokens"])
        writer.add_token_types(parts["kinds"])
    writer.add_token_merges(parts.get("merges", ["一 丁"] if parts["tokens"] else ["a b"]))
    for name, values in parts["tensors"].items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def with_merge(parts: dict[str, Any]) -> None:
    parts["tokens"][2] = "一丁"


def without(name: str) -> Callable[[dict[str, Any]], None]:
    def change(parts: dict[str, Any]) -> None:
        with_merge(parts)
        del parts["tensors"][name]

    return change


def changed(**values: Any) -> Callable[[dict[str, Any]], None]:
    def change(parts: dict[str, Any]) -> None:
        with_merge(parts)
        parts.update(values)

    return change


def misshapen(parts: dict[str, Any]) -> None:
    with_merge(parts)
    parts["tensors"]["blk.1.ffn_up.weight"] = np.zeros((8, WIDTH), np.float32)


def no_numbers(parts: dict[str, Any]) -> None:
    with_merge(parts)
    parts["tensors"]["blk.1.ffn_up.weight"][3, 3] = np.nan


def test_a_sound_file_is_converted_whole_and_once(tmp_path: Path) -> None:
    path, made = llama(tmp_path / "tiny.gguf", with_merge), tmp_path / "made"
    told: list[tuple[float, str]] = []
    weights.convert(path, made, progress=lambda share, what: told.append((share, what)))
    found = weights.inspect(made)
    assert (found.kind, found.quantisation, found.context) == (weights.Kind.CT2, "INT8", 128)
    assert {what for _, what in told} == {"reading the vocabulary", "converting the weights"}
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    # The size that was announced, within the names and heads of a small file.
    assert abs((made / "model.bin").stat().st_size - weights.inspect(path).size_int8) < 12_000
    written = (made / "model.bin").stat().st_mtime_ns
    weights.convert(path, made)
    assert (made / "model.bin").stat().st_mtime_ns == written
    assert [each.name for each in tmp_path.iterdir() if each.is_dir()] == ["made"]
    weights.convert(made, tmp_path / "copied")
    assert (tmp_path / "copied" / "model.bin").read_bytes() == (made / "model.bin").read_bytes()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (without("blk.1.ffn_up.weight"), r"lacks the tensor blk\.1\.ffn_up\.weight"),
        (without("token_embd.weight"), r"lacks the tensor token_embd\.weight"),
        (misshapen, r"blk\.1\.ffn_up\.weight has the shape"),
        (no_numbers, "numbers that are none"),
        (changed(layers=3), r"lacks the tensor blk\.2"),
        (changed(layers=100_000_000), "do not fit together"),
        (changed(kv=3), "do not fit together"),
        (changed(heads=0), "head_count"),
        (changed(architecture="mamba"), "architecture mamba; read are"),
        (changed(pre="unheard-of"), "unheard-of"),
        (changed(kind="wordpiece"), "wordpiece"),
        (changed(kinds=[1, 2]), "different lengths"),
        (changed(merges=["一"]), "which is none"),
        (changed(merges=["一 x"]), "cannot be used"),
        (changed(tokens=[]), "no vocabulary"),
        (changed(extra={"llama.rope.freq_base": "much"}), "freq_base"),
        (changed(extra={"llama.attention.sliding_window": "wide"}), "cannot be used"),
        (changed(extra={"general.file_type": "best", "llama.context_length": "x"}), "context_length"),
        (changed(extra={"llama.rope.scaling.type": "yarn"}), "of the kind 'yarn'"),
        (changed(extra={"llama.expert_count": "8"}), "mixture of experts"),
    ],
)
def test_what_does_not_fit_together_is_told_and_leaves_nothing(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], complaint: str
) -> None:
    path = llama(tmp_path / "bad.gguf", change)
    with pytest.raises(ModelError, match=complaint):
        weights.convert(path, tmp_path / "made")
    assert not [each for each in tmp_path.iterdir() if each.is_dir()]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(at=st.integers(0, 3000), byte=st.integers(0, 255), keep=st.floats(0, 1))
def test_any_damage_to_a_header_is_told_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, at: int, byte: int, keep: float
) -> None:
    folder = tmp_path_factory.getbasetemp()
    sound = folder / "sound.gguf"
    if not sound.exists():
        llama(sound, with_merge)
    content = bytearray(sound.read_bytes())
    content[at % len(content)] = byte
    damaged = folder / "damaged.gguf"
    damaged.write_bytes(content[: int(len(content) * keep)] if keep < 0.9 else content)
    with contextlib.suppress(ModelError):  # and nothing else
        weights.inspect(damaged)


def checkpoint(folder: Path, config: dict[str, Any] | None = None, **tensors: Any) -> Path:
    folder.mkdir()
    save_file(tensors or {"lm_head.weight": np.zeros((4, 4), np.float32)}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config or {"architectures": ["LlamaForCausalLM"]}))
    return folder


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "cut off"),
        (struct.pack("<Q", 1 << 60) + b"{}", "cut off"),
        (struct.pack("<Q", 2) + b"[]", "cut off"),
        (struct.pack("<Q", 20_000) + b"[" * 20_000, "cut off"),
        (struct.pack("<Q", 20) + b'{"a":1}             ', "cut off"),
    ],
)
def test_safetensors_with_a_bad_header_are_told(tmp_path: Path, content: bytes, complaint: str) -> None:
    folder = checkpoint(tmp_path / "m")
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelBroken, match=complaint):
        weights.inspect(folder)


@pytest.mark.parametrize(
    ("shape", "offsets"),
    [([4, 4], [0, 1 << 40]), ([10**6, 10**6], [0, 64]), ([-4, -4], [0, 64]), ([4, 4], [64, 0]), ([4, 4], [-64, 0])],
)
def test_safetensors_that_lie_about_a_place_are_told(tmp_path: Path, shape: list[int], offsets: list[int]) -> None:
    folder = checkpoint(tmp_path / "m")
    entries = json.dumps({"t": {"dtype": "F32", "shape": shape, "data_offsets": offsets}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(entries)) + entries + b"\0" * 64)
    with pytest.raises(ModelBroken, match="the tensor t has no place"):
        weights.inspect(folder)


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04")
    for path in (tmp_path, tmp_path / "pytorch_model.bin"):
        with pytest.raises(ModelBroken, match="pickle") as caught:
            weights.inspect(path)
        assert ".safetensors" in caught.value.remedy


def test_a_program_that_a_model_brings_along_is_never_run(tmp_path: Path) -> None:
    config = {"architectures": ["OddForCausalLM"], "auto_map": {"AutoModelForCausalLM": "modeling_odd.Odd"}}
    folder = checkpoint(tmp_path / "m", config)
    (folder / "modeling_odd.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w')")
    with pytest.raises(ModelBroken, match="never run"):
        weights.convert(folder, tmp_path / "made")
    assert not (tmp_path / "run").exists()


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="nothing at"):
        weights.inspect(tmp_path / "nowhere")
    (tmp_path / "m").mkdir()
    with pytest.raises(ModelMissing, match="no weights"):
        weights.inspect(tmp_path / "m")
    index = {"weight_map": {"a": "model-1.safetensors", "b": "../../etc/passwd"}}
    (tmp_path / "m" / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelMissing, match=r"model-1\.safetensors, passwd"):
        weights.inspect(tmp_path / "m")


def test_an_architecture_that_nobody_here_knows_needs_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hybrid_lsp.models.weights import worker

    folder = checkpoint(tmp_path / "m", {"architectures": ["NewForCausalLM"]})
    assert weights.inspect(folder).torch_free is False
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match="needs transformers and torch") as caught:
        worker._convert(folder, tmp_path / "made", "int8")
    assert caught.value.remedy == "pip install 'hybrid-lsp[torch]'"


def test_stopping_leaves_nothing(tmp_path: Path) -> None:
    path = llama(tmp_path / "tiny.gguf", with_merge)
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 1

    with pytest.raises(ModelStopped):
        weights.convert(path, tmp_path / "made", cancelled=cancelled)
    assert not [each for each in tmp_path.iterdir() if each.is_dir()]


def test_an_error_of_who_is_told_the_progress_leaves_nothing(tmp_path: Path) -> None:
    path = llama(tmp_path / "tiny.gguf", with_merge)

    def interrupted(share: float, what: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weights.convert(path, tmp_path / "made", progress=interrupted)
    assert not [each for each in tmp_path.iterdir() if each.is_dir()]


def test_a_full_disk_is_told_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = llama(tmp_path / "tiny.gguf", with_merge)
    monkeypatch.setattr(conversion, "_SPARE", 1 << 60)
    with pytest.raises(DiskFull, match="MB are free") as caught:
        weights.convert(path, tmp_path / "made")
    assert "HYBRID_LSP_MODELS_DIR" in caught.value.remedy


def test_what_a_killed_maker_left_is_thrown_away(tmp_path: Path) -> None:
    (tmp_path / ".made.part-x").mkdir()
    weights.convert(llama(tmp_path / "tiny.gguf", with_merge), tmp_path / "made")
    assert [each.name for each in tmp_path.iterdir() if each.is_dir()] == ["made"]


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"])
def test_rows_of_each_number_format_are_near_what_was_stored(tmp_path: Path, kind: str) -> None:
    values = np.random.default_rng(2).normal(size=(24, 64)).astype(np.float32)
    of = gguf.GGMLQuantizationType[kind]
    writer = gguf.GGUFWriter(tmp_path / "t.gguf", "llama")
    writer.add_tensor("t", gguf.quants.quantize(values, of), raw_dtype=of)
    for step in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file, writer.close):
        step()
    read = reader.read(tmp_path / "t.gguf").tensors()["t"]
    assert read.shape == (24, 64)
    error = np.abs(read.rows(0, 24) - values).max()
    assert error <= {"F32": 0, "F16": 1e-2, "BF16": 2e-2, "Q8_0": 0.03}.get(kind, 0.6)
    np.testing.assert_array_equal(read.rows(5, 9), read.rows(0, 24)[5:9])


@pytest.mark.parametrize("kind", ["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS"])
def test_blocks_of_each_kind_are_read_row_by_row(tmp_path: Path, kind: str) -> None:
    of = gguf.GGMLQuantizationType[kind]
    block, size = gguf.GGML_QUANT_SIZES[of]
    width = 512 // block * size
    stored = np.random.default_rng(3).integers(0, 120, (6, width), dtype=np.uint8)
    writer = gguf.GGUFWriter(tmp_path / "t.gguf", "llama")
    writer.add_tensor("t", stored, raw_dtype=of)
    for step in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file, writer.close):
        step()
    read = reader.read(tmp_path / "t.gguf").tensors()["t"]
    expected = gguf.quants.dequantize(stored, of)
    assert read.shape == expected.shape == (6, 512)
    np.testing.assert_array_equal(read.rows(2, 5), expected[2:5])
