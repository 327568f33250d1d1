"""The tokenizer of a GGUF file as a tokenizer.json, and its chat template as transformers keeps it.

Both kinds of vocabulary that code models have: byte-level BPE with its merges, and SentencePiece's, whose merges follow
from the scores; and unigram, which some others have.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, processors

from hybrid_lsp.errors import ModelBroken
from hybrid_lsp.models.weights.gguf import GgufFile

_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED, _UNUSED = 1, 2, 3, 4, 5
_MERGED = (_NORMAL, _USER_DEFINED)
_SPACE = "▁"
_AGAIN = "Get the file again, or the model's .safetensors."
_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_REST = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
# How a text is split before it is tokenized, by its name in GGUF: regular expressions, or "digits" (each one alone);
# "gpt2" at the end: then as GPT-2 does. These are facts of the models, as their tokenizer.json have them.
_DIGITS_THEN_GPT2 = ("digits", "gpt2")
_SPLITS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("gpt-2", "gpt2", "phi-2", "olmo", "jais", "mpt", "dbrx-gpt2", "mellum"), ("gpt2",)),
    **dict.fromkeys(
        ("starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b"), _DIGITS_THEN_GPT2
    ),
    **dict.fromkeys(
        ("qwen2", "stablelm2", "deepseek-r1-qwen", "hunyuan"),
        (_CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*" + _REST,),
    ),
    **dict.fromkeys(
        ("llama-bpe", "llama3", "llama-v3", "dbrx", "smaug-bpe", "seed-coder"),
        (_CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*" + _REST,),
    ),
    "tekken": (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
        r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
        r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + _REST,
    ),
    "deepseek-coder": (r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+", "digits"),
}
# For files of the time before the name was stored.
_BY_ARCHITECTURE = {"qwen2": "qwen2", "qwen3": "qwen2", "starcoder": "starcoder", "starcoder2": "starcoder"}
_COMPOSED = frozenset(("qwen2", "stablelm2", "deepseek-r1-qwen"))
"""Of these the text is normalised to composed characters (NFC) first."""
_WHOLE_WORDS = frozenset(("llama-bpe", "llama3", "llama-v3", "tekken"))
"""Of these a word that is in the vocabulary is one token, whatever the merges say."""


@attrs.frozen
class Words:
    """The vocabulary in a GGUF file: `tokens` by id, with their `kinds` (llama.cpp's numbers) and `scores`."""

    file: GgufFile
    tokens: list[str]
    kinds: list[int]
    scores: list[float]

    @property
    def unknown(self) -> str | None:
        return self.special("unknown") or next(
            (token for token, kind in zip(self.tokens, self.kinds, strict=True) if kind == _UNKNOWN), None
        )

    def special(self, role: str) -> str | None:
        """The token of a role (`bos`, `eos`, `unknown`, `padding`), if there is one."""
        index = self.file.metadata.get(f"tokenizer.ggml.{role}_token_id")
        return self.tokens[index] if isinstance(index, int) and 0 <= index < len(self.tokens) else None

    def flag(self, name: str, default: bool) -> bool:
        return bool(self.file.metadata.get(f"tokenizer.ggml.{name}", default))


def read(file: GgufFile) -> Words:
    """The vocabulary, with its sizes checked. Raises ModelBroken."""
    tokens = file.metadata.get("tokenizer.ggml.tokens")
    if not isinstance(tokens, list) or not tokens or not isinstance(tokens[0], str):
        raise ModelBroken(f"{file.path} has no vocabulary in it.", _AGAIN)
    if len(set(tokens)) != len(tokens):
        tokens = _distinct(tokens)
    kinds = file.metadata.get("tokenizer.ggml.token_type") or [1] * len(tokens)
    scores = file.metadata.get("tokenizer.ggml.scores") or [0.0] * len(tokens)
    if not len(tokens) == len(kinds) == len(scores):
        raise ModelBroken(f"The lists of the vocabulary in {file.path} are of different lengths.", _AGAIN)
    return Words(file, tokens, kinds, scores)


def tokenizer(words: Words) -> tokenizers.Tokenizer:
    """The tokenizer, which encodes and decodes as the one that the file was made from. Raises ModelBroken."""
    makers = {"gpt2": _byte_level, "llama": _sentence_piece, "t5": _unigram}
    name = str(words.file.metadata.get("tokenizer.ggml.model", ""))
    if name not in makers:
        raise ModelBroken(f"{words.file.path} has a tokenizer of the kind {name[:40]!r}, which is not read.", _AGAIN)
    try:
        made = makers[name](words)
    except ModelBroken:
        raise
    except Exception as error:  # the Rust library raises bare Exceptions
        raise ModelBroken(f"The vocabulary in {words.file.path} cannot be used: {error}", _AGAIN) from error
    special: list[AddedToken] = []
    plain: list[AddedToken] = []
    for token, kind in zip(words.tokens, words.kinds, strict=True):
        if kind in (_CONTROL, _USER_DEFINED, _UNKNOWN) and token:
            added = AddedToken(token, normalized=False, special=kind != _USER_DEFINED)
            (plain if kind == _USER_DEFINED else special).append(added)
    made.add_special_tokens(special)
    made.add_tokens(plain)
    begin = words.special("bos")
    if begin is not None and words.flag("add_bos_token", name == "llama"):
        made.post_processor = processors.TemplateProcessing(
            single=f"{begin} $A", special_tokens=[(begin, words.tokens.index(begin))]
        )
    return made


def save(words: Words, folder: Path) -> None:
    """Write tokenizer.json, tokenizer_config.json and the chat template into a folder. Raises ModelBroken."""
    tokenizer(words).save(str(folder / "tokenizer.json"))
    roles = {"bos_token": "bos", "eos_token": "eos", "unk_token": "unknown", "pad_token": "padding"}
    config: dict[str, Any] = {key: token for key, role in roles.items() if (token := words.special(role)) is not None}
    config["add_bos_token"] = words.flag("add_bos_token", words.file.metadata.get("tokenizer.ggml.model") == "llama")
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    if template := chat_template(words.file):
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")


def chat_template(file: GgufFile) -> str:
    """The Jinja template of a chat, or ""."""
    template = file.metadata.get("tokenizer.chat_template", "")
    return template if isinstance(template, str) else ""


def _byte_level(words: Words) -> tokenizers.Tokenizer:
    split = str(words.file.metadata.get("tokenizer.ggml.pre") or _guessed(words))
    if split not in _SPLITS:
        raise ModelBroken(f"{words.file.path} splits texts by {split[:40]!r}, which is not known here.", _AGAIN)
    merges = words.file.metadata.get("tokenizer.ggml.merges")
    if not isinstance(merges, list):
        raise ModelBroken(f"{words.file.path} has a vocabulary without its merges.", _AGAIN)
    made = tokenizers.Tokenizer(
        models.BPE(
            vocab={token: index for index, token in enumerate(words.tokens)},
            merges=[_pair(words, merge) for merge in merges],
            ignore_merges=split in _WHOLE_WORDS,
        )
    )
    if split in _COMPOSED:
        made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.Sequence(_splitters(_SPLITS[split], words.flag("add_space_prefix", False)))
    made.decoder = decoders.ByteLevel()
    return made


def _guessed(words: Words) -> str:
    name = words.file.architecture
    return _BY_ARCHITECTURE.get(name, "llama-bpe" if name == "llama" and len(words.tokens) > 128_000 else "")


def _splitters(steps: tuple[str, ...], space: bool) -> list[Any]:
    made: list[Any] = []
    for step in steps:
        if step == "digits":
            made.append(pre_tokenizers.Digits(individual_digits=True))
        elif step != "gpt2":
            made.append(pre_tokenizers.Split(Regex(step), "isolated"))
    return [*made, pre_tokenizers.ByteLevel(add_prefix_space=space, use_regex=steps[-1] == "gpt2")]


def _pair(words: Words, merge: Any) -> tuple[str, str]:
    left, _, right = str(merge).partition(" ")
    if not left or not right:
        raise ModelBroken(f"{words.file.path} has the merge {str(merge)[:40]!r}, which is none.", _AGAIN)
    return left, right


def _sentence_piece(words: Words) -> tokenizers.Tokenizer:
    """BPE as SentencePiece has it: of all pieces that two neighbours can make, the one with the best score first."""
    vocabulary = {token: index for index, token in enumerate(words.tokens)}
    made = tokenizers.Tokenizer(
        models.BPE(
            vocab=vocabulary,
            merges=_merges(words, vocabulary),
            unk_token=words.unknown,
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    _spaces(made, words.flag("add_space_prefix", True))
    return made


def _merges(words: Words, vocabulary: dict[str, int]) -> list[tuple[str, str]]:
    """Every way to make a piece of two others, the best piece first and of its ways that with the longest left part."""
    found: list[tuple[float, int, tuple[str, str]]] = []
    for token, kind, score in zip(words.tokens, words.kinds, words.scores, strict=True):
        if kind not in _MERGED:
            continue
        for cut in range(1, min(len(token), _LONGEST)):
            left, right = token[:cut], token[cut:]
            if left in vocabulary and right in vocabulary:
                found.append((-score, -cut, (left, right)))
    return [pair for *_, pair in sorted(found)]


_LONGEST = 256
"""Characters of a token that is taken apart; a longer one (a hostile one) would take time by its length's square."""


def _unigram(words: Words) -> tokenizers.Tokenizer:
    unknown = words.unknown
    made = tokenizers.Tokenizer(
        models.Unigram(
            list(zip(words.tokens, words.scores, strict=True)),
            unk_id=words.tokens.index(unknown) if unknown is not None else None,
            byte_fallback="<0x00>" in words.tokens,
        )
    )
    _spaces(made, words.flag("add_space_prefix", True))
    return made


def _spaces(made: tokenizers.Tokenizer, prefix: bool) -> None:
    """Spaces are written as a sign of their own; with a `prefix` a text begins with one."""
    marks: list[Any] = [normalizers.Replace(" ", _SPACE)]
    spoken: list[Any] = [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    made.normalizer = normalizers.Sequence([normalizers.Prepend(_SPACE), *marks] if prefix else marks)
    made.decoder = decoders.Sequence([*spoken, decoders.Strip(" ", 1, 0)] if prefix else spoken)


def _distinct(tokens: list[str]) -> list[str]:
    """Names of which none is there twice: CTranslate2 finds a token by its name."""
    seen: set[str] = set()
    made = []
    for index, token in enumerate(tokens):
        name = token if token not in seen else f"{token}<again {index}>"
        seen.add(name)
        made.append(name)
    return made
