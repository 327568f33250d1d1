import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.models import healing
from hybrid_lsp.training import tokenizer


@pytest.fixture(scope="module")
def healer(small_tokenizer):
    return healing.Healer(small_tokenizer, frozenset(tokenizer.SPECIALS))


@pytest.mark.parametrize(
    ("prefix", "stem"),
    [
        ("x = sel", " sel"),
        ("x = self.na", "na"),
        ("foo(", "("),
        ("foo(a, ", " "),
        ("x = 12", ""),
        ("utf8", ""),
        ("    ", ""),
        ("def f():\n    ", ""),
        ("def f():\n    re", "re"),
        ("", ""),
        ("a" * 60, ""),
    ],
)
def test_the_piece_before_the_cursor_is_taken_off(prefix, stem):
    assert healing.split(prefix) == (prefix[: len(prefix) - len(stem)], stem)


@given(prefix=st.text())
def test_nothing_is_lost(prefix):
    head, stem = healing.split(prefix)
    assert head + stem == prefix
    assert "\n" not in stem


@given(line=st.lists(st.sampled_from(["ab", "_c", "1", " ", "  ", "(", ").", "é", "\t"])).map("".join))
def test_pieces_are_the_tokenizers(line):
    expected = tokenizer.train(["ab"], 270).pre_tokenizer.pre_tokenize_str("x " + line)
    assert healing.piece_starts("x " + line) == [start for _, (start, _) in expected]


def test_allowed_tokens_begin_with_the_stem_or_lead_to_it(healer, small_tokenizer):
    names = {small_tokenizer.id_to_token(int(token)) for token in healer.allowed(healer.spell(" se"))}
    assert "Ġset" in names
    assert "Ġ" in names  # goes on with `se...`
    assert all(name.startswith("Ġse") or "Ġse".startswith(name) for name in names)
    assert not names & set(tokenizer.SPECIALS)


@given(stem=st.text(min_size=1, max_size=8), seed=st.integers(0, 99))
def test_every_stem_is_spelt_to_its_end(healer, small_tokenizer, stem, seed):
    scores = np.random.default_rng(seed).normal(size=small_tokenizer.get_vocab_size()).astype(np.float32)
    rest, tokens = healer.spell(stem), []
    while rest:
        token, log_prob, rest = healer.step(rest, scores)
        assert log_prob <= 0
        tokens.append(token)
    assert small_tokenizer.decode(tokens).rstrip("\ufffd").startswith(stem)


def test_the_likeliest_of_the_allowed_is_taken(healer, small_tokenizer):
    scores = np.zeros(small_tokenizer.get_vocab_size(), np.float32)
    wanted = small_tokenizer.token_to_id("Ġset")
    scores[wanted] = 10
    token, log_prob, rest = healer.step(healer.spell(" se"), scores)
    assert (token, rest) == (wanted, b"")
    assert log_prob == pytest.approx(0, abs=0.05)
