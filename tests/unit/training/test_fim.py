import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.training import data, fim

CODE = """import os


class A:
    def f(self, x):
        y = g(x, [1, 2])
        if y:
            return y

        return None

    def h(self):
        pass


A().f(3)
"""
SHAPES = [shape for _, shape in fim.SHAPES if shape]
codes = st.lists(st.sampled_from(["x", "(", ")", "[", "]", " ", "\n", "    ", "é", "\n    y", "\n\n"]), min_size=1).map(
    "".join
)


@pytest.mark.parametrize("shape", SHAPES)
@given(text=codes | st.just(CODE), at=st.integers(0, 10**6), seed=st.integers(0, 10**6))
def test_a_hole_lies_in_the_text(shape, text, at, seed):
    begin, end = shape(text, at % len(text), np.random.default_rng(seed))
    assert 0 <= begin <= end <= len(text)


@given(text=codes | st.just(CODE), at=st.integers(0, 10**6), seed=st.integers(0, 10**6))
def test_prefix_middle_and_suffix_are_the_text(text, at, seed):
    hole = fim.hole(text, at % len(text), np.random.default_rng(seed))
    if hole is not None:
        assert text.startswith(hole.prefix + hole.middle + hole.suffix)  # the suffix may be cut on purpose


@pytest.mark.parametrize(
    ("cursor", "last"),
    [
        ("y = g(", "return None"),  # the body of f
        ("return y", "return y"),  # the if
        ("def f", "pass"),  # the body of A, with the next method
        ("import os", "import os"),  # the top level, before an empty line
        ("A().f", "A().f(3)"),
    ],
)
def test_a_block_ends_before_the_first_line_that_is_indented_less(cursor, last):
    at = CODE.index(cursor)
    assert CODE[: fim.block_end(CODE, at)].endswith(last)


@given(text=codes | st.just(CODE), at=st.integers(0, 10**6))
def test_an_unfinished_file_is_a_part_of_the_file(text, at):
    at %= len(text) + 1
    assert text[at:].startswith(fim.unfinished(text, at))


@pytest.fixture(scope="module")
def layout(small_tokenizer):
    return fim.Layout.of(small_tokenizer)


def test_spm_ends_with_the_prefix_and_psm_with_the_mark(layout):
    spm = layout.prompt([20, 21], [30], 64)
    psm = layout.prompt([20, 21], [30], 64, spm=False)
    assert spm == [layout.fim_prefix, layout.fim_suffix, 30, layout.fim_middle, 20, 21]
    assert psm == [layout.fim_prefix, 20, 21, layout.fim_suffix, 30, layout.fim_middle]


@given(
    prefix=st.lists(st.integers(10, 500)), suffix=st.lists(st.integers(10, 500), max_size=20), room=st.integers(24, 80)
)
def test_a_prompt_fits_its_room_and_keeps_the_prefix_end(layout, prefix, suffix, room):
    prompt = layout.prompt(prefix, suffix, room)
    assert len(prompt) <= room
    kept = prompt[len(suffix) + 3 :]
    assert kept == prefix[len(prefix) - len(kept) :]


def test_a_cropped_prefix_starts_at_a_line(layout):
    newline = next(iter(layout.newlines))
    assert fim.crop([7, 8, newline, 9, 10], 4, layout.newlines) == [newline, 9, 10]
    assert fim.crop([7, 8, 9], 2, layout.newlines) == [8, 9]
    assert fim.crop([7, 8], 0, layout.newlines) == []


@given(sizes=st.lists(st.tuples(st.integers(1, 33), st.integers(0, 5)), min_size=1, max_size=40))
def test_packing_loses_no_token_and_weighs_middles(sizes):
    drawn = [fim.Sample([number % 500 + 7] * size, min(middle, size)) for number, (size, middle) in enumerate(sizes)]
    tokens, weights = fim.pack(drawn, 32, 4, 5.0)
    assert (tokens != 4).sum() == sum(size for size, _ in sizes)
    assert (weights[tokens == 4] == 0).all()
    assert (weights == 5.0).sum() == sum(sample.middle for sample in drawn)


def test_stretches_of_docstring_are_left_out():
    prose = '"""' + "words of a long docstring\n" * 400 + '"""\n'
    code = "value = compute(value, other)\n" * 400
    kept = fim.segments([prose, code])
    assert set(kept[:, 0]) == {1}
    assert len(kept) == len(range(0, len(code) - 200, fim.SEGMENT))


@pytest.fixture(scope="module")
def samples(texts, small_tokenizer):
    return data.Samples(texts, small_tokenizer, 128, seed=3)


def test_a_chunk_is_the_same_each_time(samples):
    first, second = samples.chunk(1), samples.chunk(1)
    assert (first.tokens == second.tokens).all()
    assert (first.weights == second.weights).all()


def test_another_epoch_draws_anew(samples):
    first, second = samples.chunk(0), samples.chunk(samples.chunks_an_epoch)
    assert first.tokens.shape != second.tokens.shape or (first.tokens != second.tokens).any()


def test_most_samples_are_suffix_first_and_end(samples, small_tokenizer):
    layout = samples.layout
    draw = np.random.default_rng(0)
    drawn = list(fim.samples(samples.texts, samples.stretches[:400], small_tokenizer, layout, 128, draw))
    holes = [sample for sample in drawn if sample.middle]
    spm = [sample for sample in holes if sample.tokens[:2] == [layout.fim_prefix, layout.fim_suffix]]
    assert len(holes) / len(drawn) == pytest.approx(0.9, abs=0.06)
    assert len(spm) / len(holes) >= 0.75
    assert all(len(sample.tokens) <= 128 for sample in drawn)


def test_a_middle_with_its_end_is_what_stands_in_the_file(samples, small_tokenizer):
    layout = samples.layout
    draw = np.random.default_rng(1)
    text = samples.texts[0]
    for sample in fim.samples([text], np.array([[0, 0]] * 50, np.int32), small_tokenizer, layout, 128, draw):
        if sample.tokens[:2] == [layout.fim_prefix, layout.fim_suffix]:
            start = sample.tokens.index(layout.fim_middle) + 1
            ending = [token for token in sample.tokens[start:] if token != layout.end]
            assert small_tokenizer.decode(ending).strip("\ufffd") in text


def test_batches_go_on_where_they_stopped(samples):
    batches = iter(data.Batches(samples, 4, data.Position()))
    seen = [next(batches).tokens for _ in range(3)]
    source = data.Batches(samples, 4, data.Position(0, 8))
    again = next(iter(source)).tokens
    source.close()
    assert (seen[2] == again).all()
    assert source.position == data.Position(0, 12)


def test_batches_pass_on_what_fails(samples, monkeypatch):
    monkeypatch.setattr(data.Samples, "chunk", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        next(iter(data.Batches(samples, 4, data.Position())))
