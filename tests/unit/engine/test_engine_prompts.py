"""Prompts that fit the window and keep what is nearest to the cursor."""

from __future__ import annotations

import attrs
import pytest
import tiny_model
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.engine import prompts
from hybrid_lsp.models import families
from hybrid_lsp.types import ContextFile, Infill

WORDS = tiny_model.tokenizer()
PREFIX, SUFFIX, MIDDLE = (WORDS.control(f"<|fim_{name}|>") for name in ("prefix", "suffix", "middle"))


def test_ours_is_suffix_first() -> None:
    tokens = prompts.infill(WORDS, tiny_model.HYBRID, Infill("left", "right"), 100)
    assert tokens == [PREFIX, SUFFIX, *WORDS.encode("right"), MIDDLE, *WORDS.encode("left")]


def test_text_of_control_tokens_stays_text() -> None:
    tokens = prompts.infill(WORDS, tiny_model.HYBRID, Infill("<|fim_middle|>", "<|fim_prefix|>"), 100)
    assert tokens.count(MIDDLE) == 1
    assert tokens.count(PREFIX) == 1


@given(st.integers(0, 200), st.integers(0, 300), st.integers(0, 300))
def test_both_sides_keep_what_is_at_the_cursor(room: int, before: int, after: int) -> None:
    prefix, suffix = list(range(before)), list(range(1000, 1000 + after))
    kept_prefix, kept_suffix = prompts.shares(prefix, suffix, room)
    assert kept_prefix == prefix[len(prefix) - len(kept_prefix) :]
    assert kept_suffix == suffix[: len(kept_suffix)]
    assert len(kept_prefix) + len(kept_suffix) == min(room, before + after)
    assert len(kept_suffix) >= min(after, room // 4)
    assert len(kept_prefix) >= min(before, room - room // 4)


@given(st.integers(0, 60), st.text(max_size=200), st.text(max_size=200))
def test_a_prompt_never_exceeds_its_room(room: int, prefix: str, suffix: str) -> None:
    tokens = prompts.infill(WORDS, tiny_model.HYBRID, Infill(prefix, suffix), room)
    assert len(tokens) <= max(room, 3)


def test_files_take_what_room_is_left_the_last_first() -> None:
    qwen = families.named("qwen-coder")
    assert qwen is not None
    files = (ContextFile("big.py", "x" * 5000), ContextFile("a.py", "alpha"), ContextFile("b.py", "beta"))
    text = WORDS.decode(prompts.infill(WORDS, qwen, Infill("P", "S", files), 60))
    assert text.startswith("<|file_sep|>a.py\nalpha\n<|file_sep|>b.py\nbeta\n<|fim_prefix|>P")


def test_a_family_without_files_leaves_them_out() -> None:
    prompt = Infill("P", "S", (ContextFile("a.py", "alpha"),))
    assert "alpha" not in WORDS.decode(prompts.infill(WORDS, tiny_model.HYBRID, prompt, 100))


@pytest.mark.parametrize("start", ["", tiny_model.END])
def test_without_fim_the_prefix_goes_on(start: str) -> None:
    plain = attrs.evolve(families.PLAIN, start=start)
    tokens = prompts.infill(WORDS, plain, Infill("left", "right"), 100)
    assert WORDS.decode(tokens) == f"{start}left"
