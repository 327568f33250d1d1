"""Writes a GGUF file's weights as a folder that transformers and vLLM load: python tools/hf_from_gguf.py FILE FOLDER

For tests and measurements where only the GGUF is at hand. The weights are read by the `gguf` package, tokenizer and
chat template as the product reads them; Llama and Qwen2 are known.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from hybrid_lsp.models.weights import gguf as ours
from hybrid_lsp.models.weights import vocabulary

CLASSES = {"llama": "LlamaConfig", "qwen2": "Qwen2Config"}
ARCHITECTURES = {"llama": gguf.MODEL_ARCH.LLAMA, "qwen2": gguf.MODEL_ARCH.QWEN2}


def facts(path: Path) -> dict[str, Any]:
    """The arguments of the model's configuration, and its `class`."""
    file = ours.read(path)
    value = file.value
    return {
        "class": CLASSES[file.architecture],
        "vocab_size": len(file.metadata["tokenizer.ggml.tokens"]),
        "hidden_size": value("embedding_length"),
        "intermediate_size": value("feed_forward_length"),
        "num_hidden_layers": value("block_count"),
        "num_attention_heads": value("attention.head_count"),
        "num_key_value_heads": value("attention.head_count_kv"),
        "max_position_embeddings": value("context_length"),
        "rms_norm_eps": value("attention.layer_norm_rms_epsilon"),
        "rope_parameters": {"rope_type": "default", "rope_theta": value("rope.freq_base")},
        "tie_word_embeddings": "output.weight" not in file.places,
        "bos_token_id": file.metadata.get("tokenizer.ggml.bos_token_id"),
        "eos_token_id": file.metadata.get("tokenizer.ggml.eos_token_id"),
    }


def model_of(path: Path, described: dict[str, Any]) -> Any:
    """The model of transformers with the file's weights, in single precision."""
    import torch
    import transformers

    rest = {name: value for name, value in described.items() if name != "class"}
    config = getattr(transformers, described["class"])(**rest)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    found = {name: torch.from_numpy(values) for name, values in _weights(path, config, list(model.state_dict()))}
    model.load_state_dict(found)
    return model


def _weights(path: Path, config: Any, wanted: list[str]) -> list[tuple[str, Any]]:
    names = gguf.get_tensor_name_map(ARCHITECTURES[config.model_type], config.num_hidden_layers)
    stored = {
        tensor.name: gguf.quants.dequantize(tensor.data, tensor.tensor_type).reshape(
            tuple(reversed(tensor.shape.tolist()))
        )
        for tensor in gguf.GGUFReader(path).tensors
    }
    found = []
    for name in wanted:
        values = stored.get(names.get_name(name, try_suffixes=(".weight", ".bias")))
        if values is None and name == "lm_head.weight":
            values = stored["token_embd.weight"]
        if config.model_type == "llama" and ".q_proj." in name:
            values = _halves(values, config.num_attention_heads)
        if config.model_type == "llama" and ".k_proj." in name:
            values = _halves(values, config.num_key_value_heads)
        found.append((name, np.ascontiguousarray(values, np.float32)))
    return found


def _halves(values: Any, heads: int) -> Any:
    """The rows of a head as transformers has them: llama.cpp interleaves what it rotates together."""
    return (
        values.reshape(heads, values.shape[0] // heads // 2, 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)
    )


def write(path: Path, folder: Path, dtype: str = "float32") -> None:
    """Write `folder`: configuration, weights, tokenizer, chat template."""
    import torch

    model_of(path, facts(path)).to(getattr(torch, dtype)).save_pretrained(folder)
    vocabulary.save(vocabulary.read(ours.read(path)), folder)


def main() -> None:
    path, folder = map(Path, sys.argv[1:3])
    write(path, folder, *sys.argv[3:])
    print(folder)


if __name__ == "__main__":
    main()
