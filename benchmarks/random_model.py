"""Models with the shape and the speed of real ones, and random weights: made on the fly, nothing is downloaded.

Run as a program (it needs torch and transformers) with a size and a folder, it prints where the converted model is.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import attrs

from benchmarks import place
from hybrid_lsp.models import store

CONTEXT = 2048
NEEDS = "torch"


@attrs.frozen
class Size:
    """A Llama: width, layers, heads, width inside the feed-forward block. The vocabulary is the embedded model's."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    ffn: int


SIZES = {
    "46M": Size(640, 9, 10, 5, 1728),
    "150M": Size(1024, 12, 16, 4, 2816),
}


def available() -> bool:
    return place.python_has(NEEDS) and place.python_has("transformers")


@attrs.frozen
class Made:
    """A model in two formats: `weights` for transformers, `model` for CTranslate2 in int8, as a setting names it."""

    weights: Path
    model: str


def make(size: str, folder: Path) -> Made:
    """A model in `folder`/SIZE, made in a process of its own: torch is slow to load, keeps threads, and talks."""
    target = folder / size
    command = [sys.executable, "-W", "ignore", "-m", __name__, size, str(target)]
    done = subprocess.run(command, capture_output=True, text=True)
    # CTranslate2's threads may abort a process that ends before them: what counts is what was written.
    model = done.stdout.strip().splitlines()[-1:]
    if not model:
        raise RuntimeError(f"no {size} model was made: {done.stderr[-500:]}")
    return Made(target, model[0])


def write(size: str, folder: Path) -> None:
    """Make the weights and write them with the embedded model's tokenizer."""
    import tokenizers
    import torch
    import transformers

    from hybrid_lsp.training import network, tokenizer

    words = tokenizers.Tokenizer.from_file(str(store.embedded_dir() / "tokenizer.json"))
    end, pad = words.token_to_id(tokenizer.END), words.token_to_id(tokenizer.FIM_PAD)
    shape = attrs.evolve(
        network.preset("gpu"), **attrs.asdict(SIZES[size]), vocabulary=words.get_vocab_size(), context=CONTEXT
    )
    torch.manual_seed(1)
    model = network.create(shape, end, pad)
    with torch.no_grad():
        # Only letters are ever the likeliest: each token is text at once, and none ends the reply.
        for token, number in words.get_vocab().items():
            if not (token.isascii() and token.isalpha()):
                model.model.embed_tokens.weight[number] = 0
    model.save_pretrained(folder)
    names = {"eos_token": tokenizer.END, "bos_token": tokenizer.END, "pad_token": tokenizer.FIM_PAD}
    transformers.PreTrainedTokenizerFast(tokenizer_object=words, **names).save_pretrained(folder)
    words.save(str(folder / "tokenizer.json"))
    facts = {"name": f"random-{size}", "family": "hybrid", "context": CONTEXT}
    (folder / store.FAMILY_FILE).write_text(json.dumps(facts), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    write(options.size, options.folder)
    print(store.convert(str(options.folder), "int8"), flush=True)
