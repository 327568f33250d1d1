"""A checkpoint of transformers as a GGUF file, as llama.cpp's own converter lays it out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from safetensors.numpy import load_file
from tiny_families import Row

_NORMAL, _UNKNOWN, _CONTROL, _UNUSED, _BYTE = 1, 2, 3, 5, 6


def write(folder: Path, out: Path, row: Row, scores: dict[str, float], rope_freqs: list[float]) -> Path:
    """`scores` of a vocabulary of SentencePiece's kind, `rope_freqs` what Llama 3.1 divides its frequencies by."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    writer = gguf.GGUFWriter(out, row.ggml)
    writer.add_name(folder.name)
    writer.add_license("mit")
    _sizes(writer, config)
    _vocabulary(writer, folder, row, scores, config["vocab_size"])
    heads = config.get("num_attention_heads", config.get("n_head"))
    names = gguf.get_tensor_name_map(
        next(arch for arch, name in gguf.MODEL_ARCH_NAMES.items() if name == row.ggml), config.get("n_layer", 2)
    )
    for name, tensor in load_file(folder / "model.safetensors").items():
        if name.endswith((".q_proj.weight", ".q_proj.bias")) and row.ggml == "llama":
            tensor = _side_by_side(tensor, heads)
        elif name.endswith((".k_proj.weight", ".k_proj.bias")) and row.ggml == "llama":
            tensor = _side_by_side(tensor, config["num_key_value_heads"])
        elif row.ggml == "gemma" and name.endswith("norm.weight"):
            tensor = tensor + 1
        known = names.get_name(name, try_suffixes=(".weight", ".bias"))
        assert known is not None, name
        writer.add_tensor(known, np.ascontiguousarray(tensor, np.float32))
    if rope_freqs:
        writer.add_tensor("rope_freqs.weight", np.array(rope_freqs, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return out


def _side_by_side(tensor: np.ndarray[Any, Any], heads: int) -> np.ndarray[Any, Any]:
    """Rotary pairs next to each other, as ggml's rope of Llama wants them."""
    shape = (heads, 2, tensor.shape[0] // heads // 2, *tensor.shape[1:])
    return tensor.reshape(shape).swapaxes(1, 2).reshape(tensor.shape)


def _sizes(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    def said(*names: str) -> Any:
        return next((config[name] for name in names if config.get(name) is not None), None)

    heads, width = said("num_attention_heads", "n_head"), said("hidden_size", "n_embd")
    head = said("head_dim") or width // heads
    rope = config.get("rope_parameters") or {}
    writer.add_context_length(said("max_position_embeddings", "n_positions"))
    writer.add_embedding_length(width)
    writer.add_block_count(said("num_hidden_layers", "n_layer"))
    writer.add_feed_forward_length(said("intermediate_size", "n_inner"))
    writer.add_head_count(heads)
    writer.add_head_count_kv(1 if "n_head" in config else config["num_key_value_heads"])
    if (epsilon := said("rms_norm_eps")) is not None:
        writer.add_layer_norm_rms_eps(epsilon)
    else:
        writer.add_layer_norm_eps(said("layer_norm_eps", "norm_epsilon", "layer_norm_epsilon"))
    if head * heads != width:
        writer.add_key_length(head)
    if config.get("sliding_window"):
        writer.add_sliding_window(config["sliding_window"])
    if rope:
        writer.add_rope_freq_base(rope["rope_theta"])
        writer.add_rope_dimension_count(int(head * rope.get("partial_rotary_factor", 1.0)))
    if rope.get("rope_type") == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])


def _vocabulary(writer: gguf.GGUFWriter, folder: Path, row: Row, scores: dict[str, float], size: int) -> None:
    description = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    roles = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    added = {token["content"]: token["id"] for token in description["added_tokens"]}
    numbered = {index: token for token, index in (description["model"]["vocab"] | added).items()}
    tokens = [numbered.get(index, f"[PAD{index}]") for index in range(size)]
    writer.add_tokenizer_model(row.kind)
    writer.add_token_list(tokens)
    writer.add_token_types([_kind(token, added, roles) for token in tokens])
    if row.kind == "llama":
        writer.add_token_scores([scores.get(token, -10_000.0) for token in tokens])
        writer.add_add_space_prefix(row.ggml != "gemma")
    else:
        writer.add_tokenizer_pre(row.pre)
        writer.add_token_merges([" ".join(merge) for merge in description["model"]["merges"]])
    for role, add in (("bos", writer.add_bos_token_id), ("eos", writer.add_eos_token_id)):
        if f"{role}_token" in roles:
            add(tokens.index(roles[f"{role}_token"]))
    if description.get("post_processor"):
        writer.add_add_bos_token(True)
    writer.add_chat_template("{% for message in messages %}{{ message.content }}{% endfor %}")


def _kind(token: str, added: dict[str, int], roles: dict[str, str]) -> int:
    if token.startswith("[PAD"):
        return _UNUSED
    if token.startswith("<0x"):
        return _BYTE
    if token == roles.get("unk_token") and token == "<unk>":
        return _UNKNOWN
    return _CONTROL if token in added else _NORMAL
