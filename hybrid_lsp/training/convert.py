"""Weights of transformers to what is shipped: a CTranslate2 folder in int8, its tokenizer, and how to prompt it.

OUT/model.bin config.json vocabulary.json   for ctranslate2.Generator
OUT/tokenizer.json                          for tokenizers (not transformers: text never becomes a special token)
OUT/family.json                             the prompt's layout
OUT/weights/                                bf16 safetensors, from which `hybrid-lsp train --from` adapts
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import ctranslate2
import torch
from transformers import PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from hybrid_lsp.errors import HybridLspError, TrainingError
from hybrid_lsp.training import tokenizer as tok
from hybrid_lsp.training.run import load
from hybrid_lsp.training.served import SUFFIX_TOKENS, Network

PROBE = "import os\nimport sys\n\n\ndef main(argv):\n    for name in argv:\n        print("
QUANTIZATION = "int8_float32"  # plain int8 would take over the weights' bf16, which few CPUs compute with
AGREEMENT = 8  # tokens of greedy completion compared


def convert(weights: Path, out: Path, quantization: str = QUANTIZATION) -> float:
    """Write the served folder; returns the share of the probe's tokens on which both programs agree."""
    if (weights / "model.safetensors").exists() and (weights / "model.safetensors.index.json").exists():
        raise TrainingError(
            f"{weights} holds the weights twice, whole and in pieces.",
            "Delete those that are older, and the index if that.",
        )
    if not list(weights.glob("*.safetensors")):
        raise TrainingError(f"{weights} holds no weights.", "Name the hf folder of a training run.")
    silence: Any = disable_progress_bar
    silence()
    with tempfile.TemporaryDirectory() as folder:
        staged = Path(folder)
        _copy(weights, staged, "*.safetensors", "*.index.json", "config.json")
        # The converter reads the vocabulary through transformers.
        wrapped: Any = PreTrainedTokenizerFast
        names = {"eos_token": tok.END, "bos_token": tok.END, "pad_token": tok.FIM_PAD}
        wrapped(tokenizer_object=tok.load(weights), **names).save_pretrained(staged)
        converter = ctranslate2.converters.TransformersConverter(str(staged))
        converter.convert(str(out), quantization=quantization, force=True)
    _copy(weights, out, "tokenizer.json")
    _family(weights, out)
    # What adapting starts from.
    _copy(weights, out / "weights", "*.safetensors", "*.index.json", "config.json", "tokenizer.json", "training.json")
    return agreement(weights, out)


def _copy(source: Path, target: Path, *patterns: str) -> None:
    """Copy the files that match."""
    target.mkdir(parents=True, exist_ok=True)
    for path in (path for pattern in patterns for path in source.glob(pattern)):
        (target / path.name).write_bytes(path.read_bytes())


def _family(weights: Path, out: Path) -> None:
    """Data by which a server prompts the model."""
    context = json.loads((weights / "config.json").read_text())["max_position_embeddings"]
    family = {
        "family": "hybrid",
        "heals": True,
        "context": context,
        "languages": ["python"],
        "fim": {"order": "spm", "prefix": tok.FIM_PREFIX, "suffix": tok.FIM_SUFFIX, "middle": tok.FIM_MIDDLE},
        "layout": f"{tok.FIM_PREFIX}{tok.FIM_SUFFIX}{{suffix}}{tok.FIM_MIDDLE}{{prefix}}",
        "stop": [tok.END],
        "suffix_tokens": SUFFIX_TOKENS,
    }
    (out / "family.json").write_text(json.dumps(family, indent=1) + "\n")


def agreement(weights: Path, out: Path) -> float:
    """Greedy completion of a probe by torch and by what was converted: the share of equal tokens."""
    network = Network(out, threads=1)
    prompt = network.prompts([(PROBE, "\n")])[0]
    model = load(weights).eval()
    expected = list(prompt)
    for _ in range(AGREEMENT):
        with torch.no_grad():
            expected.append(int(model(input_ids=torch.tensor([expected])).logits[0, -1].argmax()))
    result = network.generator.generate_batch(
        [[network.tokenizer.id_to_token(token) for token in prompt]],
        max_length=AGREEMENT,
        min_length=AGREEMENT,
        include_prompt_in_result=False,
        end_token=tok.REPO_NAME,  # never written: all tokens are compared, an early end too
    )
    pairs = zip(result[0].sequences_ids[0], expected[len(prompt) :], strict=False)
    return sum(int(found) == wanted for found, wanted in pairs) / AGREEMENT


def main(argv: list[str] | None = None) -> int:
    """`python -m hybrid_lsp.training.convert HF_FOLDER --out FOLDER`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path, help="the hf folder of a training run")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--quantization", default=QUANTIZATION)
    options = parser.parse_args(argv)
    try:
        agreed = convert(options.weights, options.out, options.quantization)
    except HybridLspError as error:
        print(error, file=sys.stderr)
        return 1
    size = (options.out / "model.bin").stat().st_size
    print(f"wrote {options.out}: model.bin {size / 1e6:.1f} MB; {agreed:.0%} of greedy tokens as in torch")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
