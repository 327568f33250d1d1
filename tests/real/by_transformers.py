"""What transformers writes with the weights of a GGUF file in single precision: FILE CONFIG.json PROMPT.json COUNT.

The file is read by the `gguf` package, not by the product. CONFIG has the class and its arguments.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import gguf
import numpy as np
import torch
import transformers


def weights(path: str, arch: gguf.MODEL_ARCH, config: Any, turned: bool) -> dict[str, torch.Tensor]:
    names = gguf.get_tensor_name_map(arch, config.num_hidden_layers)
    stored = {
        tensor.name: gguf.quants.dequantize(tensor.data, tensor.tensor_type).reshape(
            tuple(reversed(tensor.shape.tolist()))
        )
        for tensor in gguf.GGUFReader(path).tensors
    }
    found = {}
    for name in transformers.AutoModelForCausalLM.from_config(config).state_dict():
        values = stored.get(names.get_name(name, try_suffixes=(".weight", ".bias")))
        if values is None and name == "lm_head.weight":
            values = stored["token_embd.weight"]
        if turned and ".q_proj." in name:
            values = halves(values, config.num_attention_heads)
        if turned and ".k_proj." in name:
            values = halves(values, config.num_key_value_heads)
        found[name] = torch.from_numpy(np.ascontiguousarray(values, np.float32))
    return found


def halves(values: Any, heads: int) -> Any:
    return (
        values.reshape(heads, values.shape[0] // heads // 2, 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)
    )


def main() -> None:
    path, described, prompts, count = sys.argv[1:]
    facts = json.loads(described)
    config = getattr(transformers, facts.pop("class"))(**facts)
    arch = {"llama": gguf.MODEL_ARCH.LLAMA, "qwen2": gguf.MODEL_ARCH.QWEN2}[config.model_type]
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    model.load_state_dict(weights(path, arch, config, turned=config.model_type == "llama"))
    written = []
    for prompt in json.loads(prompts):
        tokens = list(prompt)
        with torch.inference_mode():
            for _ in range(int(count)):
                tokens.append(int(model(torch.tensor([tokens])).logits[0, -1].argmax()))
        written.append(tokens[len(prompt) :])
    print(json.dumps(written))


if __name__ == "__main__":
    main()
