"""A transformers folder with a Llama in float32 to a GGUF file in Q8_0, for llama.cpp.

Run as a program with the folder and the file, by an interpreter that has gguf and numpy; nothing of ours is imported.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np

Q8 = gguf.GGMLQuantizationType.Q8_0
_NAMES = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def convert(folder: Path, out: Path) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    writer = gguf.GGUFWriter(out, "llama")
    _describe(writer, config)
    _add_tokenizer(writer, json.loads((folder / "tokenizer.json").read_text(encoding="utf-8")), config)
    for name, tensor in _tensors(folder):
        _add_tensor(writer, _renamed(name), _rotated(name, tensor, config))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: Any, config: dict[str, Any]) -> None:
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(10_000.0)
    writer.add_rope_dimension_count(config["hidden_size"] // config["num_attention_heads"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)


def _add_tokenizer(writer: Any, described: dict[str, Any], config: dict[str, Any]) -> None:
    """Byte-level BPE. It cuts words as GPT-2 does, so the same text may take a few tokens more or less."""
    vocabulary = described["model"]["vocab"] | {each["content"]: each["id"] for each in described["added_tokens"]}
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    control = {token for token in tokens if token.startswith("<|")}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    kinds = gguf.TokenType
    writer.add_token_types([kinds.CONTROL if token in control else kinds.NORMAL for token in tokens])
    merges = described["model"]["merges"]
    writer.add_token_merges([each if isinstance(each, str) else " ".join(each) for each in merges])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_add_bos_token(False)


def _tensors(folder: Path) -> Iterator[tuple[str, Any]]:
    """Of the safetensors files: eight bytes with the length of a JSON header, the header, the numbers."""
    for path in sorted(folder.glob("*.safetensors")):
        raw = path.read_bytes()
        start = 8 + int.from_bytes(raw[:8], "little")
        for name, about in json.loads(raw[8:start]).items():
            if name != "__metadata__":
                first, last = about["data_offsets"]
                values = np.frombuffer(raw[start + first : start + last], dtype=np.float32)
                yield name, values.reshape(about["shape"])


def _renamed(name: str) -> str:
    if name in _NAMES:
        return _NAMES[name]
    _, _, layer, part = name.removesuffix(".weight").split(".", 3)
    return f"blk.{layer}.{_NAMES[part]}.weight"


def _rotated(name: str, tensor: Any, config: dict[str, Any]) -> Any:
    """llama.cpp turns neighbouring pairs of a head's numbers, transformers those half a head apart."""
    heads = {"q_proj": config["num_attention_heads"], "k_proj": config["num_key_value_heads"]}
    for part, count in heads.items():
        if part in name:
            rows, columns = tensor.shape
            pairs = tensor.reshape(count, 2, rows // count // 2, columns)
            return np.ascontiguousarray(pairs.swapaxes(1, 2).reshape(rows, columns))
    return tensor


def _add_tensor(writer: Any, name: str, tensor: Any) -> None:
    if tensor.ndim == 1:
        writer.add_tensor(name, tensor)
    else:
        writer.add_tensor(name, gguf.quants.quantize(tensor, Q8), raw_dtype=Q8)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
