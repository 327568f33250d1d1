"""Text to tokens and back: whole characters, and no control tokens from the user's text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny_model
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import decoders, models

from hybrid_lsp.engine.tokenizer import Detokenizer, Tokenizer, read_description, vocabulary_of
from hybrid_lsp.errors import ModelBroken
from hybrid_lsp.models import families

WORDS = tiny_model.tokenizer()
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(TEXT, TEXT)
def test_the_pieces_are_the_text(prompt: str, text: str) -> None:
    detokenizer = Detokenizer(WORDS, WORDS.encode(prompt))
    pieces = [detokenizer.feed(token) for token in WORDS.encode(text)]
    # Characters that the model itself spells as U+FFFD wait for what follows them, so the last may be missing.
    assert "".join(pieces) == text.rstrip("\ufffd")


@given(st.lists(st.integers(len(tiny_model.CONTROLS), len(WORDS.vocabulary) - 1), max_size=30))
def test_whatever_tokens_come_no_half_character_is_shown_and_nothing_twice(tokens: list[int]) -> None:
    detokenizer = Detokenizer(WORDS)
    shown = "".join(detokenizer.feed(token) for token in tokens)
    assert shown == WORDS.decode(tokens).rstrip("\ufffd")


def test_a_character_of_several_tokens_comes_out_once() -> None:
    tokens = WORDS.encode("\U0001f600!")
    assert len(tokens) == 5
    detokenizer = Detokenizer(WORDS)
    assert [detokenizer.feed(token) for token in tokens] == ["", "", "", "\U0001f600", "!"]


def test_tokenizers_that_write_a_space_between_tokens() -> None:
    """Sentencepiece's kind: `▁b` is ` b` after a token, and `b` at the start of a text."""
    inner = tokenizers.Tokenizer(models.BPE(vocab={"▁a": 0, "▁b": 1, "<0xE2>": 2, "<0x82>": 3, "<0xAC>": 4}, merges=[]))
    inner.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    words = Tokenizer(json.loads(inner.to_str()), frozenset())
    detokenizer = Detokenizer(words, [0])
    assert [detokenizer.feed(token) for token in (1, 2, 3, 4, 1)] == [" b", "", "", "€", " b"]


@given(st.lists(st.sampled_from(tiny_model.CONTROLS) | st.text(max_size=3), max_size=5).map("".join))
def test_no_text_becomes_a_control_token(text: str) -> None:
    controls = {WORDS.control(token) for token in tiny_model.CONTROLS}
    tokens = WORDS.encode(text)
    assert not controls & set(tokens)
    assert WORDS.decode(tokens) == text.encode("utf-8", "replace").decode()


def test_a_format_may_hold_control_tokens() -> None:
    assert WORDS.encode_format("<|fim_middle|>") == [WORDS.control("<|fim_middle|>")]


def test_tokens_that_a_model_leaves_unmarked_are_control_tokens_too() -> None:
    """Qwen's FIM tokens and `<think>` are not `special` in its tokenizer.json."""
    marked = tiny_model.description()
    for token in marked["added_tokens"]:
        token["special"] = False
    words = Tokenizer(marked, families.PLAIN.controls)
    assert words.control("<|fim_middle|>") not in words.encode("a<|fim_middle|>b")
    assert words.ends == []


def test_a_lone_surrogate_is_text() -> None:
    assert WORDS.decode(WORDS.encode("a\ud800b")) == "a?b"


@pytest.mark.parametrize("content", ["", "[]", '{"added_tokens": [1]}', '{"added_tokens": [{"content": 1}]}', "{}"])
def test_a_broken_tokenizer_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokenizer.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelBroken, match=r"tokenizer\.json"):
        Tokenizer.load(tmp_path, families.PLAIN)


def test_a_family_whose_tokens_are_missing_is_told(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps(tiny_model.description()), encoding="utf-8")
    starcoder = families.named("starcoder")
    assert starcoder is not None
    with pytest.raises(ModelBroken, match="<fim_middle>") as caught:
        Tokenizer.load(tmp_path, starcoder)
    assert "family" in caught.value.remedy
    assert "<|fim_middle|>" in vocabulary_of(read_description(tmp_path))
