"""Prompts that fit the window and keep what is nearest to the cursor."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
import tiny_model
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.engine import prompts
from hybrid_lsp.models import families
from hybrid_lsp.types import ContextFile, Infill

WORDS = tiny_model.tokenizer()
SOURCE = Path(prompts.__file__).read_text(encoding="utf-8")
PREFIX, SUFFIX, MIDDLE = (WORDS.control(f"<|fim_{name}|>") for name in ("prefix", "suffix", "middle"))


def test_ours_is_suffix_first() -> None:
    prompt = prompts.infill(WORDS, tiny_model.HYBRID, Infill("left", "right"), 100)
    assert prompt.tokens == [PREFIX, SUFFIX, *WORDS.encode("right"), MIDDLE, *WORDS.encode("left")]
    assert prompt.shared == len(prompt.tokens)


def test_where_the_suffix_stands_last_only_what_is_before_it_is_shared() -> None:
    mellum = attrs.evolve(tiny_model.HYBRID, layout=families._psm("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"))
    prompt = prompts.infill(WORDS, mellum, Infill("left", "right"), 100)
    assert prompt.tokens[: prompt.shared] == [PREFIX, *WORDS.encode("left")]
    assert prompt.tokens[prompt.shared] == SUFFIX


@pytest.mark.parametrize("text", [SOURCE, "x" * 3000, "long_word " * 300])
def test_a_long_prefix_is_cut_as_if_it_were_read_whole(text: str) -> None:
    """What is not tokenized for speed would not have been kept."""
    tokens = prompts.infill(WORDS, tiny_model.HYBRID, Infill(text), 60).tokens
    assert tokens[3:] == WORDS.encode(text)[-(len(tokens) - 3) :]
    assert len(tokens) > 40


def test_a_prefix_that_was_cut_begins_at_a_line() -> None:
    tokens = prompts.infill(WORDS, tiny_model.HYBRID, Infill("abc = 1\n" * 100), 60).tokens
    assert WORDS.decode(tokens[3:]).startswith("\nabc = 1\n")


def test_text_of_control_tokens_stays_text() -> None:
    tokens = prompts.infill(WORDS, tiny_model.HYBRID, Infill("<|fim_middle|>", "<|fim_prefix|>"), 100).tokens
    assert tokens.count(MIDDLE) == 1
    assert tokens.count(PREFIX) == 1


@given(st.integers(0, 60), st.text(max_size=200), st.text(max_size=200))
def test_a_prompt_never_exceeds_its_room(room: int, prefix: str, suffix: str) -> None:
    made = prompts.infill(WORDS, tiny_model.HYBRID, Infill(prefix, suffix), room)
    assert made.shared <= len(made.tokens) <= max(room, 3)


def test_files_take_what_room_is_left_the_last_first() -> None:
    qwen = families.named("qwen-coder")
    assert qwen is not None
    files = (ContextFile("big.py", "x" * 5000), ContextFile("a.py", "alpha"), ContextFile("b.py", "beta"))
    text = WORDS.decode(prompts.infill(WORDS, qwen, Infill("P", "S", files), 60).tokens)
    files_first = "<|repo_name|>project\n<|file_sep|>a.py\nalpha\n<|file_sep|>b.py\nbeta\n<|file_sep|>current\n"
    assert text.startswith(files_first + "<|fim_prefix|><|fim_suffix|>S")


def test_a_family_without_files_leaves_them_out() -> None:
    prompt = Infill("P", "S", (ContextFile("a.py", "alpha"),))
    assert "alpha" not in WORDS.decode(prompts.infill(WORDS, tiny_model.HYBRID, prompt, 100).tokens)


@pytest.mark.parametrize("start", ["", tiny_model.END])
def test_without_fim_the_prefix_goes_on(start: str) -> None:
    plain = attrs.evolve(families.PLAIN, start=start)
    tokens = prompts.infill(WORDS, plain, Infill("left", "right"), 100).tokens
    assert WORDS.decode(tokens) == f"{start}left"
