"""What transformers writes with the weights of a GGUF file in single precision: FILE PROMPTS.json COUNT.

The file is read by the `gguf` package, not by the product.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

sys.path.append(str(Path(__file__).parent.parent.parent / "tools"))

import hf_from_gguf


def main() -> None:
    path, prompts, count = sys.argv[1:]
    model = hf_from_gguf.model_of(Path(path), hf_from_gguf.facts(Path(path)))
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
