import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.models import copying
from hybrid_lsp.models.copying.predict import AFTER, BEFORE, DENSE, Window
from hybrid_lsp.models.copying.text import Text

ABOVE = """def load(path):
    with open(path) as stream:
        return json.load(stream)


def save(path, value):
    with open(path, "w") as stream:
        json.dump(value, stream)

"""

AGAIN = ABOVE + "def again(path):\n"


@pytest.mark.parametrize(
    ("prefix", "suffix", "expected"),
    [
        pytest.param(AGAIN + "    with open(path) as ", "\n", "stream:", id="a line's end seen above"),
        pytest.param(AGAIN + "    with op", "\n", 'en(path, "w") as stream:', id="in the middle of a word, the nearer"),
        pytest.param("    return js", "\n\n" + ABOVE, "on.load(stream)", id="seen below only"),
        pytest.param("alpha = ", "\n", "", id="nothing to copy"),
        pytest.param("", "", "", id="an empty file"),
        pytest.param("", "\nimport os\n", "", id="the first line"),
    ],
)
def test_a_line_is_continued_as_the_file_continues_it(prefix, suffix, expected):
    assert copying.complete(prefix, suffix).text == expected


def test_the_nearer_of_two_ways_wins():
    prefix = "a = one()\n" + "x = 1\n" * 1500 + "a = two()\n\na = "
    assert copying.complete(prefix, "").text == "two()"


def test_longer_matches_are_surer():
    long = copying.complete(AGAIN + "    with open(path) as ", "")
    short = copying.complete(ABOVE + "def again(p):\n    print(json.", "")
    assert long.log_prob > short.log_prob
    assert long.matched > short.matched


texts = st.lists(st.sampled_from(["a", "b1", " ", "\n", "\n    ", "(", ")", ".", "é", "\t", "\U0001f600"])).map("".join)


@given(prefix=texts, suffix=texts, order=st.integers(1, 9))
def test_a_copy_is_one_line_of_the_files_words(prefix, suffix, order):
    copy = copying.complete(prefix, suffix, order)
    assert "\n" not in copy.text
    assert copy.log_prob <= 1e-9
    assert len(copy.features()) == 9
    if copy.text:
        assert copy.weakest <= copy.first
        assert set(copy.text) <= set(prefix + suffix)


@given(text=st.text())
def test_lexing_loses_nothing(text):
    assert "".join(copying.lex(text)) == text


@pytest.mark.parametrize(
    ("text", "word"), [("foo(x)", "foo"), ("  == 3", "  =="), ("", ""), ("   ", ""), (").x", ").")]
)
def test_first_word(text, word):
    assert copying.first_word(text) == word


def test_of_text_that_is_all_signs_less_is_read() -> None:
    dense = Text.of("if (a) {\n" * 20_000)
    plain = Text.of("total = first_number + second_number\n" * 5000)
    counts = [len(Window.around(text, len(text.text) // 2).words) for text in (dense, plain)]
    assert counts[0] <= (BEFORE + AFTER) * DENSE * 1.1
    assert counts[1] > 0.2 * (BEFORE + AFTER)
