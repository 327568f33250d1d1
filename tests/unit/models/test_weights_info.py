"""What a folder or a file of weights is said to be, and the less usual ways to store one."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file
from test_weights_hostile import llama, with_merge
from tokenizers import decoders, models, normalizers

from hybrid_lsp.errors import ModelBroken, ModelMissing, ModelStopped
from hybrid_lsp.models import weights
from hybrid_lsp.models.making import finished_or_nothing
from hybrid_lsp.models.weights import gguf as reader
from hybrid_lsp.models.weights import safetensors, vocabulary

WIDTH, WORDS = 32, 40
CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": WIDTH,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": WORDS,
    "max_position_embeddings": 128,
    "rms_norm_eps": 1e-5,
    "tie_word_embeddings": True,
}


def tensors() -> dict[str, Any]:
    layer = "model.layers.0."
    shapes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (WORDS, WIDTH),
        "model.norm.weight": (WIDTH,),
        layer + "input_layernorm.weight": (WIDTH,),
        layer + "post_attention_layernorm.weight": (WIDTH,),
        layer + "self_attn.q_proj.weight": (WIDTH, WIDTH),
        layer + "self_attn.k_proj.weight": (WIDTH // 2, WIDTH),
        layer + "self_attn.v_proj.weight": (WIDTH // 2, WIDTH),
        layer + "self_attn.o_proj.weight": (WIDTH, WIDTH),
        layer + "mlp.gate_proj.weight": (64, WIDTH),
        layer + "mlp.up_proj.weight": (64, WIDTH),
        layer + "mlp.down_proj.weight": (WIDTH, 64),
    }
    rng = np.random.default_rng(5)
    # What half precision of either kind holds exactly.
    return {name: (rng.integers(-128, 128, shape) / 64).astype(np.float32) for name, shape in shapes.items()}


def folder_of(path: Path, card: str = "") -> Path:
    path.mkdir()
    (path / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    words = {chr(0x61 + index) if index < 26 else f"a{index}": index for index in range(WORDS)}
    description = {"model": {"type": "BPE", "vocab": words, "merges": []}, "added_tokens": []}
    (path / "tokenizer.json").write_text(json.dumps(description), encoding="utf-8")
    (path / "tokenizer_config.json").write_text(json.dumps({"eos_token": {"content": "a"}, "bos_token": "nowhere"}))
    if card:
        (path / "README.md").write_text(card, encoding="utf-8")
    return path


def whole(path: Path) -> Path:
    save_file(tensors(), path / "model.safetensors")
    return path


def bf16(path: Path, stored: dict[str, Any]) -> None:
    """The `safetensors` package has no bfloat16 for numpy: the upper half of each float32."""
    header, data = {}, b""
    for name, values in stored.items():
        content = (values.view(np.uint32) >> 16).astype("<u2").tobytes()
        header[name] = {"dtype": "BF16", "shape": values.shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def test_shards_and_half_precision_give_the_same_model(tmp_path: Path) -> None:
    one = whole(folder_of(tmp_path / "one"))
    several = folder_of(tmp_path / "several")
    names = list(tensors())
    bf16(several / "model-1.safetensors", {name: tensors()[name] for name in names[:5]})
    save_file({name: tensors()[name].astype(np.float16) for name in names[5:]}, several / "model-2.safetensors")
    index = {name: f"model-{1 if at < 5 else 2}.safetensors" for at, name in enumerate(names)}
    (several / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}), encoding="utf-8")
    for folder in (one, several):
        weights.convert(folder, tmp_path / f"made-{folder.name}")
    made = [(tmp_path / f"made-{name}" / "model.bin").read_bytes() for name in ("one", "several")]
    assert made[0] == made[1]
    assert weights.inspect(several).quantisation in ("BF16", "F16")
    config = json.loads((tmp_path / "made-one" / "config.json").read_text(encoding="utf-8"))
    assert (config["eos_token"], config["bos_token"]) == ("a", "")  # a token that is not in the vocabulary is none


def test_a_folder_is_told_apart_and_its_licence_read(tmp_path: Path) -> None:
    card = "---\nlanguage: en\nlicense: other\nlicense_name: bigcode-openrail-m\n---\n# Model\n"
    found = weights.inspect(whole(folder_of(tmp_path / "m", card)))
    assert (found.kind, found.licence, found.torch_free) == (weights.Kind.SAFETENSORS, "bigcode-openrail-m", True)
    assert (found.architecture, found.quantisation, found.context) == ("LlamaForCausalLM", "F32", 128)
    assert found.parameters == sum(values.size for values in tensors().values())
    assert not found.has_chat
    (tmp_path / "m" / "chat_template.jinja").write_text("{{ messages }}")
    assert weights.inspect(tmp_path / "m").has_chat


def test_a_folder_without_its_tokenizer_says_how_to_make_one(tmp_path: Path) -> None:
    folder = whole(folder_of(tmp_path / "m"))
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelMissing, match=r"tokenizer\.json") as caught:
        weights.inspect(folder)
    assert "AutoTokenizer" in caught.value.remedy


@pytest.mark.parametrize(
    "content",
    ["{}", '{"model": {"vocab": {}}}', '{"model": {"vocab": {"a": -1}}}', '{"model": {"vocab": {"a": 1e9}}}', "[]"],
)
def test_a_tokenizer_that_is_none_is_told(tmp_path: Path, content: str) -> None:
    folder = whole(folder_of(tmp_path / "m"))
    (folder / "tokenizer.json").write_text(content)
    with pytest.raises(ModelBroken, match=r"tokenizer\.json"):
        weights.inspect(folder)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"hidden_size": None}, "hidden_size"),
        ({"vocab_size": 10}, "10"),
        ({"num_key_value_heads": 3}, "do not fit together"),
        ({"rope_scaling": {"rope_type": "linear"}}, "factor"),
        ({"rope_scaling": {"rope_type": "llama3", "factor": "x"}}, "could not convert"),
        ({"rms_norm_eps": "small"}, "could not convert"),
    ],
)
def test_a_config_that_does_not_fit_is_told(tmp_path: Path, change: dict[str, Any], complaint: str) -> None:
    folder = whole(folder_of(tmp_path / "m"))
    (folder / "config.json").write_text(json.dumps(CONFIG | change))
    with pytest.raises(ModelBroken, match=complaint):
        weights.convert(folder, tmp_path / "made")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"rope_scaling": {"rope_type": "yarn", "factor": 4}},
        {"hidden_act": "relu2"},
        {"quantization_config": {"bits": 4}},
    ],
)
def test_what_is_not_converted_without_torch_is_left_to_it(tmp_path: Path, change: dict[str, Any]) -> None:
    folder = whole(folder_of(tmp_path / "m"))
    (folder / "config.json").write_text(json.dumps(CONFIG | change))
    found = weights.inspect(folder)
    assert (found.kind, found.torch_free) == (weights.Kind.TRANSFORMERS, False)


def test_integers_are_no_weights(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "m")
    save_file({name: values.astype(np.int8) for name, values in tensors().items()}, folder / "model.safetensors")
    with pytest.raises(ModelBroken, match="I8, which is not read"):
        weights.convert(folder, tmp_path / "made")


def test_a_file_of_ollama_is_named_as_its_maker_names_it(tmp_path: Path) -> None:
    blob = tmp_path / f"sha256-{'0' * 64}"
    llama(tmp_path / "tiny.gguf", with_merge).rename(blob)
    assert weights.inspect(blob).name == blob.name  # this one's maker gave it no name
    assert weights.inspect(blob).kind is weights.Kind.GGUF


def test_the_folder_given_for_a_lone_file(tmp_path: Path) -> None:
    folder = whole(folder_of(tmp_path / "m"))
    with pytest.raises(ModelBroken, match="only the weights") as caught:
        weights.inspect(folder / "model.safetensors")
    assert str(folder) in caught.value.remedy


def test_who_waits_for_another_maker_can_stop(tmp_path: Path) -> None:
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with finished_or_nothing(tmp_path / "made") as part:
            entered.set()
            assert leave.wait(60)
            (part / "file").write_text("theirs")

    maker = threading.Thread(target=other)
    maker.start()
    assert entered.wait(60)
    with pytest.raises(ModelStopped), finished_or_nothing(tmp_path / "made", lambda: True):
        raise AssertionError("two makers at once")
    leave.set()
    maker.join()
    with finished_or_nothing(tmp_path / "made") as part:
        (part / "file").write_text("ours")
    assert (tmp_path / "made" / "file").read_text() == "theirs"


def test_safetensors_are_read_as_the_package_reads_them(tmp_path: Path) -> None:
    folder = whole(folder_of(tmp_path / "m"))
    mine = safetensors.tensors(safetensors.places(safetensors.files_of(folder)))
    for name, values in load_file(folder / "model.safetensors").items():
        np.testing.assert_array_equal(mine[name].rows(0, values.shape[0]), values)


PIECES = ["<unk>", "▁", "a", "b", "c", "ab", "▁a", "▁abc", "bc", "ca"]


@pytest.fixture(scope="module")
def unigram(tmp_path_factory: pytest.TempPathFactory) -> tuple[tokenizers.Tokenizer, tokenizers.Tokenizer]:
    """One vocabulary of unigram's kind: as it is built by hand, and as it comes from a GGUF file."""
    scores = [0.0, *(-1.0 - index / 7 for index in range(1, len(PIECES)))]
    path = tmp_path_factory.mktemp("unigram") / "t.gguf"
    writer = gguf.GGUFWriter(path, "t5")
    writer.add_tokenizer_model("t5")
    writer.add_token_list(PIECES)
    writer.add_token_scores(scores)
    writer.add_token_types([2, *[1] * (len(PIECES) - 1)])
    writer.add_unk_token_id(0)
    for step in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file, writer.close):
        step()
    real = tokenizers.Tokenizer(models.Unigram(list(zip(PIECES, scores, strict=True)), unk_id=0))
    real.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    real.decoder = decoders.Metaspace()
    return real, vocabulary.tokenizer(vocabulary.read(reader.read(path)))


@settings(deadline=None)
@given(text=st.text(alphabet="abc ", max_size=20))
def test_a_unigram_vocabulary(unigram: tuple[tokenizers.Tokenizer, tokenizers.Tokenizer], text: str) -> None:
    real, mine = unigram
    ids = real.encode(text).ids
    assert mine.encode(text).ids == ids
    assert mine.decode(ids) == text.replace("\u2581", " ")
