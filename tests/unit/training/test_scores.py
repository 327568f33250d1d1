import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.training import cases, scores
from hybrid_lsp.training.corpus import SourceFile

words = st.text("abc ", max_size=12)


def distance(a, b):
    """Levenshtein's, from its definition."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        new = [i]
        for j, y in enumerate(b, 1):
            new.append(min(row[j] + 1, new[-1] + 1, row[j - 1] + (x != y)))
        row = new
    return row[-1]


@given(a=words, b=words)
def test_edit_similarity_is_levenshteins(a, b):
    expected = 1 - distance(a, b) / max(len(a), len(b)) if a or b else 1
    assert scores.edit_similarity(a, b) == pytest.approx(expected if a and b else float(a == b))


def test_wilson_is_the_known_interval():
    assert scores.wilson(108, 600) == pytest.approx((0.151, 0.213), abs=0.001)
    assert scores.wilson(0, 0) == (0.0, 1.0)


def test_a_curve_is_the_precision_of_the_surest():
    sure, right = np.linspace(1, 0, 100), np.array([1.0] * 20 + [0.0] * 80)
    found = dict(zip(scores.COVERAGES, scores.curve(sure, right), strict=True))
    assert (found[5], found[20], found[40], found[100]) == (1, 1, 0.5, 0.2)


def test_a_paired_gain_over_itself_is_nothing():
    source = np.linspace(1, 0, 200), np.array([1.0, 0.0] * 100)
    gain = scores.paired(source, source)
    assert not any(gain["gain"] + gain["low"] + gain["high"])


def test_the_files_open_beside_one_are_the_nearest_of_its_package():
    text = "def f(a):\n    return a + 1\n\n"
    names = ["a/b/one.py", "a/b/two.py", "a/three.py", "four.py", "c/d/e/five.py"]
    files = [SourceFile("p", name, f"{text}{name.replace('/', '_')[:-3]} = long_enough_call\n") for name in names]
    files.append(SourceFile("p", "a/b/copy.py", files[0].text))
    files.append(SourceFile("q", "a/b/other.py", "x = 1\n"))
    assert [file.path for file in cases.open_beside(files, files[0])] == names[1:]
    many = [SourceFile("p", f"m{number}.py", f"a_name_of_{number} = 1\n") for number in range(30)]
    assert len(cases.open_beside(many, many[0])) == cases.OPEN_FILES


def test_cases_are_positions_of_the_file():
    text = "def f(a):\n    # a comment\n    return a + 1\n\n\nclass B:\n    value = f(3)\n    other = f(4)\n"
    files = [SourceFile("p", "a.py", text), SourceFile("q", "b.py", text)]
    drawn = cases.draw(files, 60, seed=5)
    assert drawn == cases.draw(files, 60, seed=5)
    assert {case.package for case in drawn} == {"p", "q"}
    assert sum(case.mid_line for case in drawn) == 30
    for case in drawn:
        assert case.prefix + case.truth + case.suffix == text
        assert case.suffix.startswith(case.unfinished)
        assert case.prose == ("# a comment" in case.prefix.split("\n")[-1] + case.truth)
        assert [case.below(condition) for condition in cases.CONDITIONS] == [case.suffix, case.unfinished, ""]
