"""The editor that the benchmarks type with does what editors do."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import languages
from benchmarks.simulated import Simulated
from benchmarks.typed import BARE, WAYS, Place, _faulty, drawn, places, slip
from hybrid_lsp.document import Span


def editor(text: str = "", **options: object) -> Simulated:
    at = text.index("‸") if "‸" in text else len(text)
    return Simulated(text.replace("‸", ""), [at], **options)  # type: ignore[arg-type]


def shown(simulated: Simulated) -> str:
    return simulated.text[: simulated.cursor] + "‸" + simulated.text[simulated.cursor :]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("f(", "f(‸)"),
        ("f(a)", "f(a)‸"),
        ('x = "', 'x = "‸"'),
        ('x = "a"', 'x = "a"‸'),
        ("it's", "it's‸"),
        ('"""', '"""‸"""'),
        ('"""a"""', '"""a"""‸'),
        ('x["a"]', 'x["a"]‸'),
        ("f(\n    ", "f(\n    ‸\n)"),
        ("f(\n    a,\n)", "f(\n    a,\n)‸"),
        ("if a:\n    b\nc", "if a:\n    b\nc‸"),
    ],
)
def test_keys(keys: str, expected: str) -> None:
    simulated = editor()
    simulated.type(keys)
    assert shown(simulated) == expected


def test_line_ends_and_tabs_are_the_files() -> None:
    simulated = editor(line_end="\r\n", indent="\t")
    simulated.type("if a:\n\tb(1)")
    assert simulated.text == "if a:\r\n\tb(1)"


def test_a_pair_is_not_closed_before_a_word() -> None:
    simulated = editor("‸word")
    simulated.press("(")
    assert simulated.text == "(word"


def test_a_selection_is_surrounded_and_undone() -> None:
    simulated = editor("a b c")
    simulated.surround(Span(2, 3), "(")
    assert simulated.text == "a (b) c"
    simulated.undo()
    assert simulated.text == "a b c"


def test_undo_takes_the_closer_too() -> None:
    simulated = editor("f")
    simulated.press("(")
    simulated.undo()
    assert shown(simulated) == "f‸"


def test_several_cursors() -> None:
    simulated = Simulated("a\nb\n", [1, 3])
    for key in " = (1":
        simulated.press(key)
    assert simulated.text == "a = (1)\nb = (1)\n"


def test_the_edits_make_the_text() -> None:
    simulated, text = editor(), ""

    def send(edit: object) -> None:
        nonlocal text
        span, new = edit.span, edit.text  # type: ignore[attr-defined]
        text = text[: span.start] + new + text[span.end :]

    simulated.sends = send
    simulated.type('def f(a):\n    return g(\n        "a",\n    )\n\nx')
    simulated.undo()
    assert text == simulated.text


@given(st.text(alphabet="ab(\"'\n) ", max_size=40), st.integers(0, 7))
def test_slips_leave_the_text_as_it_was(text: str, number: int) -> None:
    hand = editor()
    hand.type(text)
    before = hand.text, hand.cursor
    slip(hand, number)
    assert (hand.text, hand.cursor) == before
    assert len(hand.cursors) == 1


def test_places_are_drawn_from_any_text_that_has_some() -> None:
    found = drawn({"a": "fn f(a: u8) {\n    g(a, 1)\n}\n" * 9, "b": "x\n"}, 12)
    assert len(found) == 12
    assert {each.module for each in found} == {"a"}
    assert drawn({"b": "x\n"}, 3) == []


@pytest.mark.shared_data
def test_texts_of_other_languages_are_at_hand(tmp_path: Path) -> None:
    (tmp_path / "a.svelte").write_text("<p>a</p>\n")
    (tmp_path / "b.vue").write_bytes(b"\xff")
    found = languages.texts(tmp_path)
    assert {".rs", ".md", ".ts", ".lua", ".h"} <= found.keys()
    assert list(found[".svelte"].values()) == ["<p>a</p>\n"]
    assert ".vue" not in found


def test_real_code_typed_with_closed_pairs_is_the_same_code() -> None:
    for place in places(60):
        lines = place.typed.split("\n")
        for way in WAYS[:2]:
            simulated = Simulated(place.above, [len(place.above)], way.closes)
            simulated.type("\n".join([*lines[:-1], lines[-1] + place.rest]))
            # What the lines opened and did not close is closed right of the cursor or below it.
            assert simulated.text[: simulated.cursor].endswith(place.rest)
            assert simulated.text[simulated.cursor :].strip(")]}\"' \n") == ""
        assert isinstance(place, Place)


@pytest.mark.parametrize(
    ("line", "faulty"),
    [('if a == "idle":', False), ('if a == "idle":"', True), ("f(a))", True), ("f(a", False), ("# it's", False)],
)
def test_stray_closers_are_seen(line: str, faulty: bool) -> None:
    assert _faulty(line) is faulty


def test_the_ways_are_compared_with_bare_typing() -> None:
    assert WAYS[0] is BARE
    assert not BARE.closes
