"""The copy model kept up to date: it answers as if it read everything anew, and only reads what has changed."""

from __future__ import annotations

import math
from collections import defaultdict
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.document import Document
from hybrid_lsp.models import copying
from hybrid_lsp.models.copying import Copy, CopyIndex, index, predict, text, words
from hybrid_lsp.models.copying.text import Text

PIECES = ["a", "b1", "cc", " ", "  ", "\n", "\n    ", "(", ")", ".", "é", "\t", "\r\n", "\U0001f600", "x" * 7]
texts = st.lists(st.sampled_from(PIECES), max_size=60).map("".join)
SMALL = {"BLOCK": 12}
NARROW = {"BEFORE": 60, "AFTER": 25, "MAX_CANDIDATES": 6}


def by_definition(prefix: str, suffix: str) -> tuple[str, float]:
    """(text, log-probability) from all words of the window, counted anew for each word that is predicted."""
    prefix, suffix = prefix[-predict.BEFORE :], suffix[: predict.AFTER]
    stem = words.stem_of(prefix)
    before = copying.lex(prefix[: len(prefix) - len(stem)])
    below = suffix.partition("\n")
    all_words = [*before, "", *copying.lex(below[1] + below[2])]
    history, predicted, total = list(before), list[str](), 0.0
    while len(predicted) < predict.MAX_WORDS:
        best = _likeliest(all_words, len(before), history, "" if predicted else stem)
        if best is None or best[1] < predict.MIN_STEP:
            break
        total += math.log(best[1])
        if best[0].startswith("\n"):
            break
        predicted.append(best[0])
        history.append(best[0])
        if any(predicted[-4 * n :] == predicted[-n:] * 4 for n in range(1, 5) if len(predicted) >= 4 * n):
            return "", 0.0
    found = "".join(predicted)[len(stem) :].rstrip(" \t")
    return (found, total) if found else ("", 0.0)


def _likeliest(all_words: list[str], cursor: int, history: list[str], stem: str) -> tuple[str, float] | None:
    if not stem and not history:
        return None
    places = [
        at
        for at, word in enumerate(all_words)
        if at != cursor and (word.startswith(stem) if stem else at and all_words[at - 1] == history[-1])
    ]
    places = sorted(places, key=lambda at: abs(cursor - at))[: predict.MAX_CANDIDATES]
    probability: dict[str, float] = {}
    for length in range(0 if stem else 1, predict.ORDER + 1):
        votes: dict[str, float] = defaultdict(float)
        for at in sorted(places):
            if length <= min(at, len(history)) and all_words[at - length : at] == history[len(history) - length :]:
                votes[all_words[at]] += predict.NEAR / (predict.NEAR + abs(cursor - at))
        if not votes:
            break
        escape = len(votes) * (1.0, 1.0, 0.8, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2)[length]
        everything = sum(votes.values()) + escape
        probability = {word: value * escape / everything for word, value in probability.items()}
        for word, vote in votes.items():
            probability[word] = probability.get(word, 0.0) + vote / everything
    return max(probability.items(), key=lambda pair: pair[1]) if probability else None


@given(prefix=texts, suffix=texts)
def test_the_answer_is_that_of_the_definition(prefix: str, suffix: str) -> None:
    with mock.patch.multiple(text, **SMALL), mock.patch.multiple(predict, **NARROW):
        found = copying.complete(prefix, suffix)
        expected, log_prob = by_definition(prefix, suffix)
    # Words that are exactly as likely may change places, for sums of the same numbers in another order differ.
    assert found.log_prob == pytest.approx(log_prob, abs=1e-9) or found.text == expected


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, list[tuple[int, int, str]]]:
    content = draw(texts)
    steps, size = [], len(content)
    for _ in range(draw(st.integers(1, 8))):
        start = draw(st.integers(0, size))
        end = draw(st.integers(start, min(size, start + 30)))
        new = draw(texts)
        steps.append((start, end, new))
        size += len(new) - (end - start)
    return content, steps


@given(case=edits(), data=st.data())
def test_after_any_edits_the_answer_is_that_of_a_fresh_index(
    case: tuple[str, list[tuple[int, int, str]]], data: st.DataObject
) -> None:
    content, steps = case
    with mock.patch.multiple(text, **SMALL), mock.patch.multiple(predict, **NARROW):
        kept = CopyIndex()
        document = Document("u", content)
        kept.changed(document)
        for start, end, new in steps:
            document = Document("u", document.text[:start] + new + document.text[end:])
            kept.changed(document)
            offset = data.draw(st.integers(0, len(document.text)))
            fresh = copying.complete(document.text[:offset], document.text[offset:])
            assert kept.complete(document, offset) == fresh


@given(edits())
def test_blocks_are_whole_lines_and_together_the_text(case: tuple[str, list[tuple[int, int, str]]]) -> None:
    content, steps = case
    with mock.patch.multiple(text, **SMALL):
        known = Text.of(content)
        for start, end, new in steps:
            changed = known.text[:start] + new + known.text[end:]
            known = known.changed(changed)
            assert "".join(block.text for block in known.blocks) == changed
            assert all(block.text.startswith("\n") for block in known.blocks[1:])
            joined = [word for block in known.blocks for word in block.words]
            assert joined == words.lex(changed)
            assert len(known.blocks) * text.BLOCK <= 4 * (len(changed) + text.BLOCK)


def test_a_change_makes_only_the_blocks_around_it_anew() -> None:
    content = "".join(f"value_{number} = make({number})\n" for number in range(1000))
    known = Text.of(content)
    at = content.index("make(500)")
    changed = known.changed(content[:at] + "x" + content[at:])
    assert len(known.blocks) >= 10
    assert len(set(changed.blocks) - set(known.blocks)) == 1
    assert known.changed(content) is known


def test_many_deletions_leave_few_blocks() -> None:
    content = "".join(f"value_{number} = make({number})\n" for number in range(3000))
    known = Text.of(content)
    for _ in range(2900):
        content = content.partition("\n")[2]
        known = known.changed(content)
    assert len(known.blocks) <= 8


def test_long_lines_are_not_read_to_their_end() -> None:
    line = "word(1), " * 2000
    with mock.patch.object(words, "LONG_LINE", 50):
        pieces = words.lex(f"a\n{line}\nb")
        assert "".join(pieces) == f"a\n{line}\nb"
        assert len(pieces) < 40
        assert copying.complete(f"{line}\nz = alpha + beta\n" + line + "\nz = alpha", "").text == " + beta"


def test_a_word_longer_than_any_name_is_not_offered() -> None:
    assert copying.complete("q = " + "w" * 300 + "\nq = ", "") == Copy()
    assert copying.complete("q = " + "w" * 100 + "\nq = ", "").text == "w" * 100


def test_the_end_of_a_long_line_is_read_where_the_cursor_stands_in_it() -> None:
    line = "call(one, two); " * 3000
    with mock.patch.object(predict, "MOST_S", math.inf):  # however slow the machine is
        assert copying.complete(line + "call(one, ", "").text.startswith("two)")


@pytest.mark.parametrize("count", [5, 50])
def test_candidates_are_the_nearest(count: int) -> None:
    places = list(range(0, 100, 2))
    with mock.patch.object(predict, "MAX_CANDIDATES", count):
        for cursor in range(-3, 110):
            nearest = sorted(places, key=lambda at: abs(cursor - at))[:count]
            assert predict._nearest(places, cursor) == sorted(nearest)


# Other files.

HELPER = "def load(path):\n    with open(path, encoding='utf-8') as stream:\n        return json.load(stream)\n"
MINE = "import json\n\n\ndef read(path):\n    with open(path, "


def opened(*files: tuple[str, str, str]) -> CopyIndex:
    made = CopyIndex()
    for uri, language, content in files:
        made.changed(Document(uri, content, 1, language))
    while made.prepare():
        pass
    return made


def across(made: CopyIndex, content: str = MINE, language: str = "python") -> Copy:
    return made.across(Document("mine", content, 1, language), len(content))


def test_a_line_goes_on_as_in_another_file() -> None:
    found = across(opened(("other", "python", HELPER)))
    assert found.text == "encoding='utf-8') as stream:"
    assert (found.matched >= 6, found.distance, found.support) == (True, 0, 1.0)
    assert len(found.features()) == len(Copy().features())
    assert across(opened(("other", "python", HELPER)), MINE + "enc").text == "oding='utf-8') as stream:"


@pytest.mark.parametrize(
    "files",
    [
        pytest.param((), id="none"),
        pytest.param((("other", "javascript", HELPER),), id="another language"),
        pytest.param((("mine", "python", HELPER),), id="the file itself"),
        pytest.param((("other", "python", "a = 1\n"),), id="nothing alike"),
        pytest.param((("other", "python", ""),), id="an empty one"),
    ],
)
def test_nothing_is_found_across(files: tuple[tuple[str, str, str], ...]) -> None:
    assert across(opened(*files)) == Copy()


def test_the_file_that_was_edited_last_counts_most() -> None:
    one, other = "x = open(path, 'one')\n", "x = open(path, 'two')\n"
    made = opened(("a", "python", one), ("b", "python", other))
    assert across(made, "y = open(path, ").text == "'two')"
    made.changed(Document("a", one + "\n", 2, "python"))
    made.prepare()
    assert across(made, "y = open(path, ").text == "'one')"


def test_a_closed_file_is_still_copied_from_until_it_is_forgotten() -> None:
    made = opened(("other", "python", HELPER))
    made.closed("other")
    made.closed("never opened")
    assert across(made).text
    made.forget("other")
    assert across(made) == Copy()
    assert made.files == 0


def test_an_answer_makes_some_blocks_ready_by_itself() -> None:
    made = CopyIndex()
    filler = "".join(f"value_{number} = make({number})\n" for number in range(2000))
    made.changed(Document("other", HELPER + filler, 1, "python"))
    assert across(made).text == "encoding='utf-8') as stream:"
    assert made.prepare(1)
    while made.prepare():
        pass
    assert not made.prepare(0)


def test_memory_is_bounded_and_closed_files_go_first() -> None:
    with mock.patch.multiple(index, MOST_FILES=3, MOST_CHARACTERS=1000):
        made = opened(*((name, "python", "x = 1\n") for name in "abc"))
        made.closed("b")
        made.changed(Document("d", "y = 1\n", 1, "python"))
        assert sorted([*made._open, *made._closed]) == ["a", "c", "d"]
        made.changed(Document("e", "z" * 990, 1, "python"))
        assert made.files <= 3
        assert made.characters <= 1000
        made.changed(Document("f", "z" * 2000, 1, "python"))
        assert "f" not in made._open


def test_a_document_that_was_not_given_is_still_answered_in() -> None:
    """It may be one that no other file may copy from."""
    made = CopyIndex()
    document = Document("u", "alpha = beta(1)\nalpha = ", 1)
    assert made.complete(document, len(document.text)).text == "beta(1)"
    longer = Document("u", document.text + "be", 2)
    assert made.complete(longer, len(longer.text)).text == "ta(1)"
    assert made.files == 0


@given(st.lists(st.tuples(st.sampled_from("abc"), texts), max_size=6), texts, st.data())
def test_what_is_copied_across_stands_there(files: list[tuple[str, str]], mine: str, data: st.DataObject) -> None:
    made = opened(*((uri, "python", content) for uri, content in files))
    offset = data.draw(st.integers(0, len(mine)))
    found = made.across(Document("mine", mine, 1, "python"), offset)
    stem = words.stem_of(mine[:offset])
    assert "\n" not in found.text
    if found.text:
        assert any(stem + found.text in content for _, content in files)
        assert found.weakest <= found.first <= 0
