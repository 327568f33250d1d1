"""Tiny random checkpoints of the architectures and tokenizers of code models, and what transformers says to a prompt.

python tests/tiny_families.py OUT NAME...      writes OUT/NAME/NAME (safetensors), OUT/NAME/expected.json

The tokenizers are built as the models' own tokenizer.json have them, trained on a few lines of code.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, processors, trainers

from hybrid_lsp.engine import prompts
from hybrid_lsp.engine.tokenizer import Tokenizer
from hybrid_lsp.models import families
from hybrid_lsp.types import Infill

PREFIX, SUFFIX = "def total(values):\n    summe = 0\n    for value in values", "\n    return summe\n"
CONTEXT = 256
NEW_TOKENS = 12
CODE = [
    Path(__file__).read_text(encoding="utf-8"),
    "für 12345 Straßen, 1_000 naïve λ = (x) → y\n\t\treturn 日本 0x1F\r\n",
] * 2
Made = tuple[tokenizers.Tokenizer, dict[str, str]]


def _trained(pre: list[Any], normalizer: Any, specials: list[str], size: int = 600, **options: Any) -> Any:
    made = tokenizers.Tokenizer(models.BPE(**options))
    made.normalizer = normalizer
    made.pre_tokenizer = pre_tokenizers.Sequence([*pre, pre_tokenizers.ByteLevel(False, use_regex=not _split(pre))])
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(CODE, trainer)
    if options.get("ignore_merges"):
        # Words that the merges alone do not reach.
        added = json.loads(made.to_str())
        for word in ("Ġqxzvw", "qxzvw"):
            added["model"]["vocab"][word] = len(added["model"]["vocab"])
        made = tokenizers.Tokenizer.from_str(json.dumps(added))
    return made


def _split(pre: list[Any]) -> bool:
    return any(isinstance(step, pre_tokenizers.Split) for step in pre)


def _isolated(*patterns: str) -> list[Any]:
    return [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]


def _begun(made: tokenizers.Tokenizer, token: str) -> Any:
    return processors.TemplateProcessing(single=f"{token} $A", special_tokens=[(token, made.token_to_id(token))])


def gpt2(*specials: str, end: str = "<|endoftext|>") -> Made:
    return _trained([], None, [end, *specials]), {"bos_token": end, "eos_token": end, "unk_token": end}


def starcoder(*specials: str) -> Made:
    end = "<|endoftext|>"
    made = _trained([pre_tokenizers.Digits(True)], None, [end, *specials])
    return made, {"bos_token": end, "eos_token": end, "unk_token": end}


def qwen2(*specials: str) -> Made:
    from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

    end = "<|endoftext|>"
    made = _trained(_isolated(PRETOKENIZE_REGEX), normalizers.NFC(), [end, "<|im_start|>", "<|im_end|>", *specials])
    return made, {"eos_token": "<|im_end|>", "pad_token": end}


def llama3(*specials: str) -> Made:
    from transformers.convert_slow_tokenizer import TikTokenConverter

    start, end = "<|begin_of_text|>", "<|end_of_text|>"
    pattern = TikTokenConverter().pattern
    made = _trained(_isolated(pattern), None, [start, end, "<|eot_id|>", *specials], ignore_merges=True)
    made.post_processor = _begun(made, start)
    return made, {"bos_token": start, "eos_token": end}


def deepseek(*specials: str) -> Made:
    start, end = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"
    pre = [
        *_isolated(r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+"),
        pre_tokenizers.Digits(individual_digits=True),
    ]
    return _trained(pre, None, [start, end, "<|EOT|>", *specials]), {"bos_token": start, "eos_token": end}


def sentence_piece(*specials: str, first: bool = True, names: tuple[str, ...] = ("<unk>", "<s>", "</s>")) -> Made:
    """As Llama 2 and Mistral (`first`: a text begins with a space) or Gemma have it."""
    from transformers.convert_slow_tokenizer import generate_merges

    trained = tokenizers.Tokenizer(models.BPE())
    trained.normalizer = normalizers.Replace(" ", "▁")
    trained.pre_tokenizer = pre_tokenizers.Split(Regex("▁*[^▁]+"), "isolated")
    trained.train_from_iterator(CODE, trainers.BpeTrainer(vocab_size=400, show_progress=False, limit_alphabet=120))
    pieces = [token for token, _ in sorted(trained.get_vocab().items(), key=lambda item: item[1])]
    byte_tokens = [f"<0x{number:02X}>" for number in range(256)]
    vocabulary = {token: index for index, token in enumerate([*names, *byte_tokens, *reversed(pieces)])}
    # The pieces that were merged last come first in the vocabulary; their scores say otherwise.
    scores = {token: -float(rank) for rank, token in enumerate(pieces)}
    made = tokenizers.Tokenizer(
        models.BPE(
            vocab=vocabulary,
            merges=generate_merges(vocabulary, scores),
            unk_token="<unk>",
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    marks = normalizers.Replace(" ", "▁")
    spoken: list[Any] = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), marks]) if first else marks
    made.decoder = decoders.Sequence([*spoken, decoders.Strip(" ", 1, 0)] if first else spoken)
    made.add_special_tokens([AddedToken(name, normalized=False) for name in (*names, *specials)])
    made.post_processor = _begun(made, names[1])
    roles = dict(zip(("unk_token", "bos_token", "eos_token"), names, strict=True))
    return made, roles | {"scores": json.dumps(scores)}


@attrs.frozen
class Row:
    """One kind of model: its class in transformers, what its config has beside the sizes, its tokenizer, its family.

    `pre` and `kind` are what GGUF calls its tokenizer, `ggml` its architecture ("": not converted from GGUF); `torch`
    where only torch runs it, `by_ctranslate2`
    where CTranslate2's own converter gives the same weights.
    """

    hf: str
    config: dict[str, Any]
    tokenizer: Callable[[], Made]
    family: str
    ggml: str = "llama"
    kind: str = "gpt2"
    pre: str = ""
    torch: bool = False
    by_ctranslate2: bool = False


_PIPED = ("<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>")
_PLAIN = ("<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>", "<filename>", "<reponame>", "<gh_stars>")
_DASHED = ("<fim-prefix>", "<fim-middle>", "<fim-suffix>", "<fim-pad>")
_DEEPSEEK = ("<｜fim▁hole｜>", "<｜fim▁begin｜>", "<｜fim▁end｜>")
_CODELLAMA = ("▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>")
_LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
_GEMMA = ("<unk>", "<bos>", "<eos>")
_LLAMA, _SPM = "LlamaForCausalLM", "llama"

ROWS: dict[str, Row] = {
    "qwen2.5-coder": Row(
        "Qwen2ForCausalLM",
        {"tie_word_embeddings": True},
        lambda: qwen2(*_PIPED),
        "qwen-coder",
        "qwen2",
        pre="qwen2",
        by_ctranslate2=True,
    ),
    "qwen3-coder": Row(
        "Qwen3ForCausalLM",
        {"head_dim": 24},
        lambda: qwen2(*_PIPED),
        "qwen-coder",
        "qwen3",
        pre="qwen2",
        by_ctranslate2=True,
    ),
    "qwen3-coder-moe": Row(
        "Qwen3MoeForCausalLM",
        {"head_dim": 16, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32},
        lambda: qwen2(*_PIPED),
        "qwen-coder",
        ggml="",
        torch=True,
    ),
    "deepseek-coder": Row(
        _LLAMA,
        {"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 100000.0}},
        lambda: deepseek(*_DEEPSEEK),
        "deepseek-coder",
        pre="deepseek-coder",
    ),
    "codellama": Row(
        _LLAMA,
        {"rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0}, "num_key_value_heads": 4},
        lambda: sentence_piece(*_CODELLAMA),
        "codellama",
        kind=_SPM,
    ),
    "starcoder": Row(
        "GPTBigCodeForCausalLM", {}, lambda: starcoder(*_PLAIN), "starcoder", "starcoder", pre="starcoder"
    ),
    "santacoder": Row(
        "GPTBigCodeForCausalLM",
        {"multi_query": False},
        lambda: gpt2(*_DASHED),
        "santacoder",
        ggml="",
    ),
    "starcoder2": Row(
        "Starcoder2ForCausalLM",
        {"sliding_window": 128, "use_bias": True},
        lambda: starcoder(*_PLAIN[:4], "<file_sep>", "<repo_name>"),
        "starcoder2",
        "starcoder2",
        pre="starcoder",
    ),
    "codegemma": Row(
        "GemmaForCausalLM",
        {"head_dim": 24, "num_key_value_heads": 1},
        lambda: sentence_piece(*_PIPED[:3], "<|file_separator|>", first=False, names=_GEMMA),
        "codegemma",
        "gemma",
        kind=_SPM,
    ),
    "granite-code": Row(
        _LLAMA,
        {"attention_bias": True, "mlp_bias": True},
        lambda: starcoder(*_PLAIN),
        "starcoder",
        pre="refact",
        by_ctranslate2=True,
    ),
    "mellum": Row(_LLAMA, {}, lambda: gpt2(*_PLAIN), "mellum", pre="gpt-2"),
    "codestral": Row(
        "MistralForCausalLM",
        {"head_dim": 16},
        lambda: sentence_piece("[PREFIX]", "[SUFFIX]", "[MIDDLE]"),
        "codestral",
        kind=_SPM,
    ),
    "mistral-7b": Row("MistralForCausalLM", {"sliding_window": 128}, sentence_piece, "plain", kind=_SPM),
    "llama-3": Row(
        _LLAMA,
        {"rope_parameters": _LLAMA3 | {"rope_theta": 500000.0, "original_max_position_embeddings": 64}},
        llama3,
        "plain",
        pre="llama-bpe",
    ),
    "phi-2": Row("PhiForCausalLM", {"partial_rotary_factor": 0.5}, gpt2, "plain", "phi2", pre="phi-2"),
    "tinyllama": Row(_LLAMA, {}, sentence_piece, "plain", kind=_SPM),
    "stablelm": Row(
        "StableLmForCausalLM",
        {"partial_rotary_factor": 0.25, "use_qkv_bias": True},
        gpt2,
        "plain",
        "stablelm",
        pre="gpt-2",
    ),
    "smollm2": Row(
        _LLAMA,
        {"tie_word_embeddings": True, "num_attention_heads": 3, "num_key_value_heads": 1, "hidden_size": 48},
        starcoder,
        "plain",
        pre="smollm",
    ),
}


def build(out: Path, name: str) -> None:
    """A model of two small layers, its tokenizer, and the tokens that transformers writes."""
    import torch
    import transformers

    row = ROWS[name]
    made, roles = row.tokenizer()
    folder = out / name / name
    folder.mkdir(parents=True)
    made.save(str(folder / "tokenizer.json"))
    scores = roles.pop("scores", None)
    if scores:
        (out / name / "scores.json").write_text(scores, encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(roles), encoding="utf-8")
    sizes = {
        "vocab_size": made.get_vocab_size() + 3,  # padded
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT,
        "initializer_range": 0.25,
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": None,
        "tie_word_embeddings": False,
    }
    if row.hf.startswith("GPTBigCode"):
        renamed = {"hidden_size": "n_embd", "intermediate_size": "n_inner", "num_hidden_layers": "n_layer"}
        renamed |= {"num_attention_heads": "n_head", "max_position_embeddings": "n_positions"}
        sizes = {renamed.get(key, key): value for key, value in sizes.items() if key != "num_key_value_heads"}
        sizes["tie_word_embeddings"] = True
    if row.hf.startswith("Gemma"):
        sizes["tie_word_embeddings"] = True
    family = families.named(row.family) or families.PLAIN
    mine = Tokenizer.load(folder, family)
    family = attrs.evolve(family, start=family.start or mine.begins)
    prompt = prompts.infill(mine, family, Infill(PREFIX, SUFFIX), CONTEXT - CONTEXT // 8).tokens
    kind = getattr(transformers, row.hf)
    for seed in range(50):
        torch.manual_seed(seed)
        model = kind(kind.config_class(**sizes | row.config)).eval()
        for parameter in model.parameters():
            if parameter.ndim == 1:  # norms and biases are born as ones and zeros, where a mistake would not show
                parameter.data += 0.2 * torch.randn_like(parameter)
        written = _greedy(model, prompt)
        if not set(written) & set(mine.ends):
            break
    model.save_pretrained(folder)
    told = {"prompt": prompt, "written": written}
    if row.config.get("rope_parameters", {}).get("rope_type") == "llama3":
        told["rope_freqs"] = _llama3_factors(model.config)
    if row.by_ctranslate2:
        from ctranslate2.converters import TransformersConverter

        TransformersConverter(str(folder)).convert(str(out / name / "ct2"), quantization="int8")
    (out / name / "expected.json").write_text(json.dumps(told), encoding="utf-8")


def _greedy(model: Any, prompt: list[int]) -> list[int]:
    """What it writes; each time from the start, for a cache could have a mistake of its own."""
    import torch

    tokens = list(prompt)
    with torch.inference_mode():
        for _ in range(NEW_TOKENS):
            tokens.append(int(model(torch.tensor([tokens])).logits[0, -1].argmax()))
    return tokens[len(prompt) :]


def _llama3_factors(config: Any) -> list[float]:
    """What a GGUF file of such a model has in a tensor of its own."""
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")
    size = 2 * len(scaled)
    theta = config.rope_parameters["rope_theta"]
    return [float(theta ** (-2 * pair / size) / frequency) for pair, frequency in enumerate(scaled)]


def build_apart(out: Path, names: list[str]) -> Path:
    """`build` in a process of its own, for torch is slow to import and noisy; returns `out`."""
    root = str(Path(__file__).parent.parent)
    environ = os.environ | {"PYTHONPATH": root, "COVERAGE_PROCESS_START": "", "COVERAGE_PROCESS_CONFIG": ""}
    command = [sys.executable, "-W", "ignore", __file__, str(out), *names]
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert all((out / name / "expected.json").is_file() for name in names), done.stderr[-3000:]
    return out


if __name__ == "__main__":
    for wanted in sys.argv[2:] or ROWS:
        build(Path(sys.argv[1]), wanted)
