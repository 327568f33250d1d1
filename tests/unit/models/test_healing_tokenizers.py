"""Healing by what the tokenizer itself would do, for every kind of tokenizer that models come with."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from hybrid_lsp.models import healing
from hybrid_lsp.models.healing import Healer

CODE = '''def value_of(self, names, default=None):
    """Return the value of a name."""
    for name in names:
        if name in self.values:
            return self.values[name]
        returned = self.parent.value_of(names, default=default)
    return returned if returned is not None else default


class Values:
    def __init__(self, parent):
        self.parent = parent
        self.values = {}
'''
END = "<end>"
BLANKS = "    "
"""As some vocabularies (Phi-2, StarCoder2) have indentations: added to it, in plain text."""


def byte_level(pattern: str) -> Tokenizer:
    """GPT-2's kind: bytes as characters, and a pattern that no token crosses."""
    made = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(pattern), "isolated")
    made.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=False)])
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=[END], initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator([CODE] * 4, trainer)
    return made


def gpt2() -> Tokenizer:
    """A line's end and the next line's indentation may be one token."""
    return byte_level(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")


def qwen() -> Tokenizer:
    """A sign and the word behind it, or signs and the line's end, may be one token; digits stand alone."""
    made = byte_level(
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|"
        r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    made.normalizer = normalizers.NFC()
    return made


def phi() -> Tokenizer:
    made = gpt2()
    made.add_tokens([BLANKS, BLANKS * 2])
    return made


def sentencepiece() -> Tokenizer:
    """Llama's kind: a blank at the beginning, no pattern, bytes for what is not in the vocabulary."""
    made = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    # SentencePiece learns no piece over a blank or with letters and signs, but there is no such rule in use.
    made.pre_tokenizer = pre_tokenizers.Split(Regex(r"▁?\p{L}+|▁+(?!\p{L})|[^▁\p{L}\n]+"), "isolated")
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    specials = ["<unk>", END, *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=specials, show_progress=False, limit_alphabet=80)
    made.train_from_iterator([line for line in CODE.split("\n") for _ in range(4)], trainer)
    content = json.loads(made.to_str())
    content["pre_tokenizer"] = None
    content["added_tokens"] = [token for token in content["added_tokens"] if not token["content"].startswith("<0x")]
    return Tokenizer.from_str(json.dumps(content))


def unigram() -> Tokenizer:
    """Without bytes: a character that it does not know cannot be written."""
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never", split=False)
    made.decoder = decoders.Metaspace(prepend_scheme="never")
    trainer = trainers.UnigramTrainer(vocab_size=150, special_tokens=[END], unk_token=END, show_progress=False)
    made.train_from_iterator([CODE] * 2, trainer)
    return made


KINDS = {"gpt2": gpt2, "qwen": qwen, "phi": phi, "sentencepiece": sentencepiece, "unigram": unigram}
MERGING = [kind for kind in KINDS if kind != "unigram"]
"""Where a token depends on what stands near it; a unigram model weighs a whole text."""
AFTER_DUMMY = CODE.index("(")
"""The first word of a file holds SentencePiece's own blank."""


@cache
def healer(kind: str) -> Healer:
    return Healer(KINDS[kind](), frozenset({END}))


def encoded(kind: str, text: str) -> list[int]:
    made = healer(kind).tokenizer
    made.encode_special_tokens = True
    return list(made.encode(text, add_special_tokens=False).ids)


def boundaries(kind: str, text: str) -> set[int]:
    """Where tokens end in a text, in characters."""
    made = healer(kind)
    ends, size = set[int](), 0
    for token in encoded(kind, text):
        size += len(made.pieces[token])
        ends.add(size)
    dummy = size - len(text.encode())  # the blank that SentencePiece puts before a text
    assert dummy in (0, 1)
    return {len(text.encode()[: end - dummy].decode()) for end in ends if end > dummy} | {0}


@pytest.mark.parametrize("kind", KINDS)
@given(text=st.text(alphabet=st.sampled_from("ab_ \t\n(.)=1é中\u0301\ud83d\ude00"), max_size=60))
@settings(max_examples=60)
def test_nothing_is_lost(kind: str, text: str) -> None:
    sound = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    for prefix in (text, sound):
        head, stem = healer(kind).split(prefix)
        assert head + stem == prefix
        assert len(stem) <= healing.LONGEST


@pytest.mark.parametrize("kind", MERGING)
@given(at=st.integers(AFTER_DUMMY, len(CODE) - 1))
@settings(max_examples=80)
def test_what_was_written_has_a_token_that_ends_at_the_cut(kind: str, at: int) -> None:
    """So the model reads nothing but tokens that it has learnt, and may write those that follow."""
    head, _ = healer(kind).split(CODE[:at])
    assert len(head) in boundaries(kind, CODE)


@pytest.mark.parametrize("kind", MERGING)
@given(at=st.integers(1, len(CODE) - 1))
@settings(max_examples=80)
def test_the_healed_prompt_is_the_beginning_of_the_whole_one(kind: str, at: int) -> None:
    """So what is kept computed of one prompt serves the next."""
    head, _ = healer(kind).split(CODE[:at])
    tokens = encoded(kind, head)
    assert encoded(kind, CODE[:at])[: len(tokens)] == tokens


@pytest.mark.parametrize("kind", KINDS)
@given(at=st.integers(1, len(CODE) - 1), seed=st.integers(0, 99))
@settings(max_examples=60)
def test_every_stem_is_spelt_to_its_end(kind: str, at: int, seed: int) -> None:
    made = healer(kind)
    _, stem = made.split(CODE[:at])
    scores = np.random.default_rng(seed).normal(size=made.tokenizer.get_vocab_size()).astype(np.float32)
    rest, spelling = made.spell(stem), b""
    while rest:
        token, log_prob, rest = made.step(rest, scores)
        assert log_prob <= 0
        spelling += made.pieces[token]
    assert spelling.startswith(stem.encode())


@pytest.mark.parametrize("kind", MERGING)
@pytest.mark.parametrize(
    ("prefix", "least"),
    [
        ("    return ", " "),
        ("x = ", " "),
        ("    for name in names:\n   ", "   "),
        ("    returned = self.pare", "pare"),
    ],
)
def test_white_space_and_half_words_are_taken_off(kind: str, prefix: str, least: str) -> None:
    _, stem = healer(kind).split(prefix)
    assert stem.endswith(least)


@pytest.mark.parametrize("kind", KINDS)
def test_a_special_token_is_never_written(kind: str) -> None:
    made = healer(kind)
    special = made.tokenizer.token_to_id(END)
    assert special not in made.pieces
    assert special not in made.allowed(b"<")
    assert made.split("x = <en")[0] + made.split("x = <en")[1] == "x = <en"


def test_a_line_end_is_healed_where_tokens_reach_over_it() -> None:
    assert healer("gpt2").split("class Values:\n    ")[1] == "\n    "
    assert healer("qwen").split("class Values:\n    ")[1] == "    "


def test_an_indentation_in_the_vocabulary_as_plain_text_counts() -> None:
    made = healer("phi")
    added = made.tokenizer.token_to_id(BLANKS)
    assert made.pieces[added] == BLANKS.encode()
    assert added in made.allowed(b"  ")


def test_a_character_that_no_token_spells_is_left_where_it_is() -> None:
    assert healer("unigram").split("name = 中")[1] == ""


def test_a_text_that_the_tokenizer_changes_is_left_where_it_is() -> None:
    head, stem = healer("qwen").split("e\u0301")  # becomes one character
    assert (head, stem) == ("e\u0301", "")


def test_a_tokenizer_that_loses_blanks_is_not_healed() -> None:
    made = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1, "##b": 2}, unk_token="[UNK]"))
    made.decoder = decoders.WordPiece()
    assert healing.written(made) == {}
    assert Healer(made, frozenset()).split("a b") == ("a b", "")
