"""Stop strings wherever the fragments are cut."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.models.stops import StopFinder

TEXTS = st.text(alphabet="abc\n", max_size=30)


@given(TEXTS, st.lists(st.text(alphabet="abc\n", min_size=1, max_size=4), max_size=4), st.data())
def test_the_text_before_the_first_stop_comes_out(text: str, stops: list[str], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    bounds = [0, *cuts, len(text)]
    finder = StopFinder(tuple(stops))
    shown = "".join(finder.feed(text[start:end]) for start, end in pairwise(bounds))
    shown += finder.flush()
    # Read one character at a time, the stop that is complete first ends the text; longer fragments may hold two.
    positions = [text.find(stop) for stop in stops if stop in text]
    if not positions:
        assert (shown, finder.found) == (text, None)
    else:
        assert finder.found in stops
        assert text.startswith(shown + (finder.found or ""))


def test_what_may_become_a_stop_is_held_back() -> None:
    finder = StopFinder(("\n\n",))
    assert finder.feed("a\n") == "a"
    assert finder.feed("b\n") == "\nb"
    assert finder.feed("\nc") == ""
    assert finder.found == "\n\n"
    assert finder.feed("more") == ""
    assert finder.flush() == ""


def test_empty_stops_are_none() -> None:
    finder = StopFinder(("",))
    assert finder.feed("abc") == "abc"
    assert finder.found is None
