"""What becomes of shown suggestions, told from the changes alone and with the editor's own words before and after."""

from __future__ import annotations

import pytest
from clock import Clock
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.completion.acceptance import SEEN_S, Acceptance
from hybrid_lsp.document import Document, Span
from hybrid_lsp.metrics.events import AcceptKind, Event, InlineAccepted, InlineIgnored, InlineKept
from hybrid_lsp.types import Suggestion, TextEdit, Tier

URI = "file:///a.py"
LINE = "self.items.append(item)"


class Screen:
    """An editor with one document, a clock that is turned by hand, and the tracker that reads along."""

    def __init__(self, text: str = "def add(self, item):\n    |\n    return 1\n") -> None:
        self.clock = Clock()
        self.events: list[Event] = []
        self.place = text.index("|")
        self.document = Document(URI, text.replace("|", ""), 1, "python")
        self.tracker = Acceptance(self.events.append, lambda _: self.document, self.clock.time, self.clock.later)

    def show(self, text: str = LINE, name: str = "s", span: Span | None = None) -> None:
        place = span or Span(self.place, self.place)
        self.tracker.shown(Suggestion(name, text, place, Tier.SMALL, "model"), self.document)

    def replace(self, start: int, end: int, text: str) -> None:
        edit = TextEdit(Span(start, end), text)
        old, self.document = self.document, self.document.replace(edit.span, text)
        self.tracker.changed(old, self.document, [edit])

    def put(self, text: str) -> None:
        """Put in at the cursor, in one change."""
        self.replace(self.place, self.place, text)
        self.place += len(text)

    def type(self, text: str) -> None:
        for char in text:
            self.put(char)

    @property
    def accepts(self) -> list[tuple[AcceptKind, int]]:
        return [(each.kind, each.characters) for each in self.events if isinstance(each, InlineAccepted)]

    @property
    def ignored(self) -> list[float]:
        return [each.seen_ms for each in self.events if isinstance(each, InlineIgnored)]

    @property
    def kept(self) -> list[tuple[int, float]]:
        return [(each.after_s, each.share) for each in self.events if isinstance(each, InlineKept)]


def test_the_whole_in_one_change_is_a_full_accept() -> None:
    screen = Screen()
    screen.show()
    screen.put(LINE)
    assert screen.accepts == [(AcceptKind.FULL, len(LINE))]
    screen.tracker.accepted("s")
    screen.tracker.accepted("s")
    assert len(screen.events) == 1


def test_the_command_may_come_first() -> None:
    screen = Screen()
    screen.show()
    assert screen.tracker.accepted("s")
    screen.put(LINE)
    assert screen.accepts == [(AcceptKind.FULL, len(LINE))]
    screen.clock.wait(30)
    assert screen.kept == [(30, 1.0)]


def test_an_unknown_suggestion_is_not_accepted() -> None:
    screen = Screen()
    assert not screen.tracker.accepted("nobody's")
    assert not screen.tracker.accepted_part("nobody's", 2)
    screen.tracker.displayed("nobody's")
    assert screen.events == []


@pytest.mark.parametrize(
    ("text", "first", "kind"),
    [
        ("return load(path)", "return", AcceptKind.WORD),
        ("return load(path)", " return"[1:] + " ", AcceptKind.WORD),
        ("self.items", "self.", AcceptKind.WORD),
        ("items", "ite", AcceptKind.PARTIAL),
        ("a = 1\nb = 2\nc = 3", "a = 1", AcceptKind.LINE),
        ("a = 1\n    b = 2", "a = 1\n    ", AcceptKind.LINE),
        ("snake_case", "snake_", AcceptKind.PARTIAL),
    ],
)
def test_a_part_in_one_change(text: str, first: str, kind: AcceptKind) -> None:
    screen = Screen()
    screen.show(text)
    screen.put(first)
    assert screen.accepts == [(kind, len(first))]


def test_word_by_word_to_the_end() -> None:
    screen = Screen()
    screen.show("self.items.append")
    for word in ("self", ".items", ".append"):
        screen.put(word)
        screen.clock.wait(10)
    assert screen.accepts == [(AcceptKind.WORD, 4), (AcceptKind.WORD, 6), (AcceptKind.FULL, 7)]
    assert sum(count for _, count in screen.accepts) == len("self.items.append")
    screen.clock.wait(15)
    assert screen.kept == []  # from when the last of it was accepted
    screen.clock.wait(5)
    assert screen.kept == [(30, 1.0)]


@pytest.mark.parametrize("told_first", [True, False])
def test_the_clients_word_on_a_part_is_counted_once(told_first: bool) -> None:
    screen = Screen()
    screen.show("self.items.append")

    def tell(length: int) -> None:
        screen.tracker.accepted_part("s", len("self.items.append") - length)

    for word, length in (("self", 4), (".items", 10), (".append", 17)):
        if told_first:
            tell(length)
        screen.put(word)
        if not told_first:
            tell(length)
    screen.tracker.accepted("s")
    assert screen.accepts == [(AcceptKind.WORD, 4), (AcceptKind.WORD, 6), (AcceptKind.FULL, 7)]


@pytest.mark.parametrize("told_first", [True, False])
def test_the_clients_word_on_one_character(told_first: bool) -> None:
    """One character looks like typing, unless the client says what it was."""
    screen = Screen()
    screen.show("(value)")
    if told_first:
        screen.tracker.accepted_part("s", 6)
    screen.put("(")
    if not told_first:
        screen.tracker.accepted_part("s", 6)
    assert screen.accepts == [(AcceptKind.WORD, 1)]


def test_typed_to_the_end() -> None:
    screen = Screen()
    screen.show("self.x")
    screen.type("self.x")
    assert screen.accepts == [(AcceptKind.TYPED, 6)]
    assert screen.ignored == []
    screen.clock.wait(200)
    assert screen.kept == []


def test_typed_far_enough_and_then_another_way() -> None:
    screen = Screen()
    screen.show()
    screen.type(LINE[:12] + "?")
    assert screen.accepts == [(AcceptKind.TYPED, 12)]


def test_typing_some_and_accepting_the_rest() -> None:
    screen = Screen()
    screen.show()
    screen.type(LINE[:5])
    screen.put(LINE[5:])
    assert screen.accepts == [(AcceptKind.FULL, len(LINE) - 5)]


def test_a_typed_line_with_what_an_editor_adds() -> None:
    """It indents after a newline and closes brackets by itself."""
    screen = Screen()
    screen.show("if f():\n        g(1)")
    screen.type("if f")
    screen.put("()")
    screen.type(":")
    screen.put("\n        ")
    screen.type("g")
    screen.replace(screen.place, screen.place, "()")
    screen.place += 1
    screen.type("1)")
    assert screen.accepts == [(AcceptKind.TYPED, len("if f():\n        g(1)"))]


def test_going_another_way_ignores_it() -> None:
    screen = Screen()
    screen.show()
    screen.clock.wait(1)
    screen.type("x")
    assert screen.ignored == [1000.0]
    assert screen.tracker.ignored_in_a_row(URI) == 1
    assert screen.accepts == []
    screen.tracker.accepted("s")  # so it was taken after all, in a way that was not understood
    assert screen.accepts == [(AcceptKind.FULL, len(LINE))]
    assert screen.tracker.ignored_in_a_row(URI) == 0


def test_the_next_suggestion_takes_its_place() -> None:
    screen = Screen()
    for number in range(4):
        screen.show(f"a{number}", name=str(number))
        screen.clock.wait(1)
    assert screen.tracker.ignored_in_a_row(URI) == 3
    assert screen.tracker.ignored_in_a_row("file:///b.py") == 0
    screen.put("a3")
    assert screen.tracker.ignored_in_a_row(URI) == 0


def test_what_nobody_could_read_was_not_ignored() -> None:
    screen = Screen()
    for number in range(4):
        screen.show(f"a{number}", name=str(number))
        screen.clock.wait(SEEN_S / 2)
    assert screen.tracker.ignored_in_a_row(URI) == 0
    assert screen.ignored == pytest.approx([SEEN_S / 2 * 1000] * 3)


def test_a_client_that_says_what_it_shows_is_believed() -> None:
    screen = Screen()
    screen.show("a", name="1")
    screen.clock.wait(5)
    screen.tracker.displayed("1")
    screen.clock.wait(1)
    screen.show("b", name="2")  # never on the screen
    screen.clock.wait(1)
    screen.show("c", name="3")
    assert screen.ignored == [1000.0]
    assert screen.tracker.ignored_in_a_row(URI) == 1


def test_a_suggestion_that_is_typed_into_is_the_same_one() -> None:
    screen = Screen()
    screen.show()
    for length in range(1, 8):
        screen.type(LINE[length - 1])
        screen.show(LINE[length:])
    screen.put(LINE[7:])
    assert screen.accepts == [(AcceptKind.FULL, len(LINE) - 7)]
    assert screen.ignored == []


def test_a_part_of_what_is_left_counts_from_there() -> None:
    screen = Screen()
    screen.show()
    screen.type("self")
    screen.show(LINE[4:])
    screen.tracker.accepted_part("s", len(LINE[4:]) - len(".items"))
    screen.put(".items")
    assert screen.accepts == [(AcceptKind.WORD, 6)]


def test_a_suggestion_may_grow() -> None:
    screen = Screen()
    screen.show("a = 1")
    screen.type("a")
    screen.show(" = 1\n    b = 2")
    screen.put(" = 1")
    screen.put("\n    b = 2")
    assert screen.accepts == [(AcceptKind.LINE, 4), (AcceptKind.FULL, 10)]


def test_deleting_back_and_accepting() -> None:
    screen = Screen()
    screen.show()
    screen.type("self")
    screen.replace(screen.place - 2, screen.place, "")
    screen.place -= 2
    screen.show(LINE[2:])
    screen.put(LINE[2:])
    assert screen.accepts == [(AcceptKind.FULL, len(LINE) - 2)]


def test_shown_again_after_it_was_left() -> None:
    screen = Screen()
    screen.show()
    screen.clock.wait(1)
    screen.type("x")
    screen.replace(screen.place - 1, screen.place, "")
    screen.place -= 1
    screen.show()
    screen.put(LINE)
    assert screen.accepts == [(AcceptKind.FULL, len(LINE))]
    assert len(screen.ignored) == 1


def test_what_the_editors_list_has_selected_is_replaced() -> None:
    screen = Screen("it|\n")
    screen.show("items.append(1)", span=Span(0, 2))
    screen.replace(0, 2, "items.append(1)")
    assert screen.accepts == [(AcceptKind.FULL, 13)]


def test_changes_elsewhere_move_it_along() -> None:
    screen = Screen()
    screen.show()
    screen.replace(0, 0, "import os\n")
    screen.place += 10
    screen.replace(len(screen.document.text), len(screen.document.text), "# end\n")
    screen.put(LINE)
    assert screen.accepts == [(AcceptKind.FULL, len(LINE))]


def test_a_change_around_it_ends_it() -> None:
    screen = Screen()
    screen.show()
    screen.clock.wait(1)
    screen.replace(screen.place - 3, screen.place + 1, "")
    assert screen.ignored == [1000.0]


def test_an_editor_with_other_line_ends() -> None:
    screen = Screen("a\r\n|\r\n")
    screen.show("b = 1\nc = 2")
    screen.put("b = 1\r\nc = 2")
    assert screen.accepts == [(AcceptKind.FULL, 11)]
    screen.clock.wait(120)
    assert screen.kept == [(30, 1.0), (120, 1.0)]


def test_a_client_that_sends_whole_texts() -> None:
    screen = Screen()
    screen.show()
    old = screen.document
    screen.document = old.replace(Span(screen.place, screen.place), LINE)
    screen.tracker.changed(old, screen.document)
    assert screen.accepts == [(AcceptKind.FULL, len(LINE))]


def test_an_answer_that_the_user_has_typed_past() -> None:
    """It was made for an older version: what was typed since cannot have been an accept of it."""
    screen = Screen()
    old = screen.document
    edits = []
    for start, text in ((screen.place, "self"), (screen.place + 4, ".")):
        edits.append(TextEdit(Span(start, start), text))
        screen.document = screen.document.replace(edits[-1].span, text)
    place = Span(screen.place, screen.place)
    screen.tracker.shown(Suggestion("s", LINE, place, Tier.SMALL, "model"), old, edits)
    screen.place += 5
    assert screen.events == []
    screen.put(LINE[5:])
    assert screen.accepts == [(AcceptKind.FULL, len(LINE) - 5)]


def test_an_answer_whose_place_is_not_known_can_still_be_accepted() -> None:
    screen = Screen()
    place = Span(screen.place, screen.place)
    screen.tracker.shown(Suggestion("s", LINE, place, Tier.SMALL, "model"), screen.document, None)
    screen.put(LINE)
    assert screen.events == []
    screen.tracker.accepted("s")
    assert screen.accepts == [(AcceptKind.FULL, len(LINE))]


def test_what_is_edited_afterwards_is_not_kept() -> None:
    screen = Screen()
    screen.show("load(path)")
    screen.put("load(path)")
    screen.replace(0, 0, "# above\n")
    place = screen.document.text.index("path")
    screen.replace(place, place + 4, "")
    screen.clock.wait(30)
    assert screen.kept == [(30, 0.6)]
    screen.replace(place - 5, place + 1, "")
    screen.clock.wait(90)
    assert screen.kept == [(30, 0.6), (120, 0.0)]
    assert screen.tracker._kept == {}


def test_an_accept_that_brings_an_import_with_it() -> None:
    """Both changes come in one notification, the import second."""
    screen = Screen()
    screen.show()
    edits = [TextEdit(Span(screen.place, screen.place), LINE), TextEdit(Span(0, 0), "import items\n")]
    old = screen.document
    for edit in edits:
        screen.document = screen.document.replace(edit.span, edit.new_text)
    screen.tracker.changed(old, screen.document, edits)
    assert screen.accepts == [(AcceptKind.FULL, len(LINE))]
    screen.clock.wait(120)
    assert screen.kept == [(30, 1.0), (120, 1.0)]


def test_closing_ends_the_watch_and_says_nothing() -> None:
    screen = Screen()
    screen.show()
    screen.put(LINE)
    screen.clock.wait(30)
    screen.show("more", name="2")
    screen.tracker.closed(URI)
    screen.clock.wait(300)
    assert screen.kept == [(30, 1.0)]
    assert screen.ignored == []
    assert all(timer.cancelled for timer in screen.clock.timers)


def test_the_end_of_the_connection_ends_every_watch() -> None:
    screen = Screen()
    screen.show()
    screen.put(LINE)
    screen.tracker.close()
    screen.clock.wait(300)
    assert screen.kept == []


def test_memory_is_bounded() -> None:
    screen = Screen()
    for number in range(600):
        screen.show("x = 1\n", name=str(number))
        screen.put("x = 1\n")
    assert len(screen.tracker._known) <= 256
    assert len(screen.tracker._kept) <= 256
    assert not screen.tracker.accepted("0")


actions = st.lists(
    st.one_of(
        st.tuples(st.just("show"), st.sampled_from(["ab", "abc(d)", "x\n  y"]), st.integers(0, 3)),
        st.tuples(
            st.just("put"), st.sampled_from(["a", "b", "ab", "abc(d)", "c(", "x\n  y", "()", "\n  "]), st.just(0)
        ),
        st.tuples(st.just("delete"), st.just(""), st.integers(0, 3)),
        st.tuples(st.just("elsewhere"), st.sampled_from(["q", ""]), st.integers(0, 3)),
        st.tuples(st.just("accept"), st.just(""), st.integers(0, 3)),
        st.tuples(st.just("part"), st.just(""), st.integers(0, 3)),
        st.tuples(st.just("wait"), st.just(""), st.integers(0, 60)),
        st.tuples(st.just("close"), st.just(""), st.just(0)),
    ),
    max_size=30,
)


@given(actions)
def test_whatever_happens_a_suggestion_ends_once(script: list[tuple[str, str, int]]) -> None:
    screen = Screen("x = |\ny = 2\n")
    for name, text, number in script:
        _act(screen, name, text, number)
    for suggestion in {str(number) for number in range(4)}:
        mine = [each for each in screen.events if each.suggestion == suggestion]  # type: ignore[union-attr]
        accepts = [each for each in mine if isinstance(each, InlineAccepted)]
        assert sum(each.kind is AcceptKind.TYPED for each in accepts) <= 1
        assert all(each.characters >= 0 for each in accepts)
        assert sum(isinstance(each, InlineIgnored) for each in mine) <= 1
        assert all(0 <= each.share <= 1 for each in mine if isinstance(each, InlineKept))
    text = screen.document.text
    assert all(each.span.end <= len(text) for each in screen.tracker._kept.values())
    assert all(0 <= each.start <= each.end <= len(text) for each in screen.tracker._shown.values())


def _act(screen: Screen, name: str, text: str, number: int) -> None:
    if name == "show":
        screen.show(text, name=str(number))
    elif name == "put":
        screen.put(text)
    elif name == "delete":
        count = min(number, screen.place)
        screen.replace(screen.place - count, screen.place, "")
        screen.place -= count
    elif name == "elsewhere":
        end = min(number, screen.place)
        screen.replace(0, end, text)
        screen.place += len(text) - end
    elif name == "accept":
        screen.tracker.accepted(str(number))
    elif name == "part":
        screen.tracker.accepted_part(str(number), 2)
    elif name == "wait":
        screen.clock.wait(number)
    else:
        screen.tracker.closed(URI)


# A suggestion that takes along what the editor closed: `)` stands right of the cursor, and is in its middle.
CLOSED = "def pop(|)\n    return 1\n"


def test_accepting_over_what_the_editor_closed_is_one_full_accept() -> None:
    screen = Screen(CLOSED)
    screen.show("self, key):", span=Span(screen.place, screen.place + 1))
    screen.replace(screen.place, screen.place + 1, "self, key):")
    assert screen.accepts == [(AcceptKind.FULL, 11)]
    assert screen.ignored == []


def test_typing_into_it_goes_on_until_the_closer_is_typed_over() -> None:
    screen = Screen(CLOSED)
    screen.show("self, key):", span=Span(screen.place, screen.place + 1))
    screen.type("self, key")
    screen.show("):", span=Span(screen.place, screen.place + 1))
    screen.replace(screen.place, screen.place + 1, ")")  # typed over
    screen.place += 1
    screen.type(":")
    assert screen.accepts == [(AcceptKind.TYPED, 11)]
    assert screen.ignored == []


def test_going_another_way_ends_it() -> None:
    screen = Screen(CLOSED)
    screen.show("self, key):", span=Span(screen.place, screen.place + 1))
    screen.clock.wait(SEEN_S)
    screen.type("x")
    assert len(screen.ignored) == 1


def test_line_ends_of_the_file_are_no_difference() -> None:
    screen = Screen("def add(self):\r\n    |\r\n")
    screen.show("a = 1\r\n    b = 2")
    screen.put("a = 1\r\n    b = 2")
    assert screen.accepts == [(AcceptKind.FULL, 15)]
