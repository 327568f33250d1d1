"""Models for tests: a tokenizer made in memory, a model that says what a test scripts, and a real but random one.

python tests/tiny_model.py OUT [CONTEXT]      writes OUT/hf (transformers) and OUT/ct2 (CTranslate2, int8)
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from once import once
from tokenizers import decoders, models, pre_tokenizers, trainers

from hybrid_lsp.engine.base import Chore, Guide, Sampling, Sink
from hybrid_lsp.engine.chat import ChatFormat
from hybrid_lsp.engine.prefix import Reuse
from hybrid_lsp.engine.service import Engine
from hybrid_lsp.engine.tokenizer import Tokenizer
from hybrid_lsp.models import families

END = "<|endoftext|>"
CONTROLS = [
    END,
    "<|fim_prefix|>",
    "<|fim_suffix|>",
    "<|fim_middle|>",
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
]
CONTEXT = 512
HYBRID = families.named("hybrid") or families.PLAIN


def train_tokenizer() -> tokenizers.Tokenizer:
    """Byte-level BPE with few merges, so that most characters beyond ASCII take several tokens."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=CONTROLS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["def add(a, b):\n    return a + b\n", "the stop word alpha beta gamma"] * 4, trainer)
    return tokenizer


def description() -> dict[str, Any]:
    """The tokenizer.json."""
    return dict(json.loads(train_tokenizer().to_str()))


def tokenizer() -> Tokenizer:
    return Tokenizer(description(), HYBRID.controls)


class ScriptedModel:
    """Says `tokens`, whatever it is asked. With a `gate` it takes one permit for each token."""

    library, compute_type, threads = "scripted", "none", 1

    def __init__(self, tokens: Sequence[int], gate: threading.Semaphore | None = None) -> None:
        self.tokens = list(tokens)
        self.gate = gate
        self.prompts: list[list[int]] = []
        self.closed = False
        self.reuse = Reuse()

    def decode(
        self,
        prompt: Sequence[int],
        sampling: Sampling,
        ends: Sequence[int],
        sink: Sink,
        guide: Guide | None = None,
        shared: int = 0,
        expected: Sequence[int] = (),
    ) -> int:
        self.prompts.append(list(prompt))
        for token in self.tokens[: sampling.max_tokens]:
            if self.gate is not None:
                assert self.gate.acquire(timeout=60)
            if sink.token(token, -0.5):
                break
        return 0

    def prefill(self, prompt: Sequence[int], shared: int) -> int:
        self.prompts.append(list(prompt))
        return 0

    def chore(self) -> Chore | None:
        return None

    def close(self) -> None:
        self.closed = True


def scripted_engine(text: str, gate: threading.Semaphore | None = None, chat: ChatFormat | None = None) -> Engine:
    """An engine whose model says `text` and ends."""
    words = tokenizer()
    tokens = [*words.encode(text), words.vocabulary[END]]
    return Engine("scripted", HYBRID, CONTEXT, ScriptedModel(tokens, gate), words, chat or ChatFormat())


def build(out: Path, context: int = CONTEXT) -> None:
    """A Llama of two small layers with random weights, in both formats."""
    import ctranslate2
    import torch
    import transformers

    made = train_tokenizer()
    torch.manual_seed(1)
    config = transformers.LlamaConfig(
        vocab_size=made.get_vocab_size(),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=context,
        bos_token_id=0,
        eos_token_id=0,
    )
    folder = out / "hf"
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    made.save(str(folder / "tokenizer.json"))
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=made, eos_token=END, bos_token=END, unk_token=END)
    fast.save_pretrained(folder)
    converter = ctranslate2.converters.TransformersConverter(str(folder), copy_files=["tokenizer.json"])
    converter.convert(str(out / "ct2"), quantization="int8")
    facts = {"family": "hybrid", "context": context, "name": "tiny"}
    (out / "ct2" / "family.json").write_text(json.dumps(facts), encoding="utf-8")


def build_apart(out: Path, context: int = CONTEXT) -> Path:
    """`build` in a process of its own, for torch is slow to import and noisy; returns `out`."""
    root = str(Path(__file__).parent.parent)
    environ = os.environ | {"PYTHONPATH": root, "COVERAGE_PROCESS_START": "", "COVERAGE_PROCESS_CONFIG": ""}
    command = [sys.executable, "-W", "ignore", __file__, str(out), str(context)]
    # CTranslate2's threads abort a process whose interpreter ends before them: what counts is what was written.
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert (out / "ct2" / "family.json").is_file(), done.stderr
    return out


def shared(factory: pytest.TempPathFactory, context: int = CONTEXT) -> Path:
    """`build_apart`, once for all workers of a test run."""
    return once(factory, f"tiny-{context}", lambda out: build_apart(out, context))


if __name__ == "__main__":
    build(Path(sys.argv[1]), *map(int, sys.argv[2:]))
