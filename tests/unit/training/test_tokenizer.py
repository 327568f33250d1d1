import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.errors import TrainingError
from hybrid_lsp.training import tokenizer as tok

spelled = st.lists(st.sampled_from([*tok.SPECIALS, "def f(", "\n    ", "\r\n\t", "x1", " "]) | st.text()).map("".join)


@pytest.fixture(scope="module")
def trained():
    return tok.train(["def f(x):\n    return x + 10\n\n\nclass A:\n    pass\n"] * 20, 400)


@given(text=spelled)
def test_every_text_round_trips_and_never_becomes_a_special_token(trained, text):
    ids = trained.encode(text).ids
    assert trained.decode(ids) == text
    assert not set(ids) & set(tok.special_ids(trained).values())


def test_specials_are_the_first_ids(trained):
    assert tok.special_ids(trained) == {name: index for index, name in enumerate(tok.SPECIALS)}


def test_a_newline_and_its_indentation_are_one_token(trained):
    tokens = trained.encode("def f(x):\n    return x\n").tokens
    assert "Ċ    ".replace(" ", "Ġ") in tokens
    assert tokens[-1] == "Ċ"


def test_digits_stand_alone(trained):
    assert [token for token in trained.encode("x = 1234").tokens if token.isdigit()] == list("1234")


def test_newline_tokens_all_hold_a_newline(trained):
    ids = tok.newline_ids(trained)
    assert ids
    assert all("\n" in trained.decode([index]) for index in ids)
    assert not any("\n" in trained.decode([index]) for index in range(trained.get_vocab_size()) if index not in ids)


def test_saved_and_loaded_it_is_the_same(trained, tmp_path):
    trained.save(str(tmp_path / "tokenizer.json"))
    text = "def g(<|endoftext|>):\n\treturn 'é'\n"
    assert tok.load(tmp_path).encode(text).ids == trained.encode(text).ids


def test_a_broken_file_is_told_with_a_remedy(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(TrainingError, match="not a tokenizer"):
        tok.load(tmp_path)


def test_a_tokenizer_without_fim_tokens_is_refused():
    from tokenizers import Tokenizer, models

    with pytest.raises(TrainingError, match="no token"):
        tok.special_ids(Tokenizer(models.BPE()))
