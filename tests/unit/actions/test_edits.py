"""Edits that lose nothing: what is refused, how the rest is fitted, and where it lands when the text moved."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.actions import edits, fitting
from hybrid_lsp.document import Document, Span
from hybrid_lsp.errors import ReplyRejected, StaleDocument
from hybrid_lsp.types import DocumentEdit, TextEdit

SOURCE = """\
LIMIT = 3


class Shape:
    def area(self, a, b=1):
        total = 0
        for x in a:
            total += x
        return total * b

    def _helper(self):
        return self.area([1])


def _unused():
    pass


def use():
    return _private(Shape()._helper())


def _private(x):
    return x
"""


def python(text: str, version: int = 1) -> Document:
    return Document("file:///x.py", text, version, "python")


def at(document: Document, text: str) -> Span:
    start = document.text.index(text)
    return Span(start, start + len(text))


def verified(old: str, new: str, source: str = SOURCE) -> str:
    document = python(source)
    return edits.verified(document, at(document, old), new, "Optimize").apply()


AREA = """\
    def area(self, a, b=1):
        total = 0
        for x in a:
            total += x
        return total * b"""
SHORT = """\
def area(self, a, b=1):
    return sum(a) * b
"""


@pytest.mark.parametrize("indent", ["", "    ", "  ", "\t", "            "])
def test_a_good_reply_is_fitted_whatever_its_indentation(indent: str) -> None:
    reply = "".join(indent + line for line in SHORT.splitlines(keepends=True))
    assert verified(AREA, f"\n\n{reply}\n") == SOURCE.replace(
        AREA, "    " + SHORT.replace("\n    ", "\n        ").rstrip()
    )


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (AREA, "", "holds no code"),
        (AREA, " \n\n", "holds no code"),
        (AREA, AREA, "as it was"),
        (AREA, AREA.replace("total = 0", "total = 0   "), "as it was"),
        (AREA, "def area(self, a, b=1):\n    return sum(a * b", "syntax error near line"),
        (AREA, "def area(self, a, b=1):\n    break", r"does not compile: 'break' outside loop \(line 6\)"),
        (AREA, "def area(self, a, b=1):\n    nonlocal zz\n    return 1", "does not compile"),
        (AREA, "def area(self, a, b=1):\n    return '\0'", "compile|syntax error"),
        (AREA, "def surface(self, a, b=1):\n    return 1", "no longer defines `Shape.area`"),
        (
            AREA,
            "def area(self, b, a=1):\n    return 1",
            r"changes `Shape.area`: `\(self,a,b=1\)` became `\(self,b,a=1\)`",
        ),
        (AREA, "def area(self, a, b=2):\n    return 1", "changes `Shape.area`"),
        (AREA, "async def area(self, a, b=1):\n    return 1", "changes `Shape.area`"),
        (AREA, SHORT + "\ndef perimeter(self):\n    return 1", "adds the public name `Shape.perimeter`"),
        (AREA, SHORT + "\n" + SHORT, "changes `Shape.area`"),
        ("LIMIT = 3", "_LIMIT = 3", "no longer defines `LIMIT`"),
        ("def _private(x):\n    return x", "def _other(x):\n    return x + 0", "no longer defines `_private`"),
        ("        return self.area([1])", "        return 1\n\ndef x(): pass", "adds the public name `x`"),
        ("LIMIT = 3", "LIMIT = " + "(" * 5000, "syntax error|compile"),
        ("LIMIT = 3", "LIMIT = 1" + "+1" * 30_000, "does not compile"),
    ],
)
def test_a_bad_reply_is_refused_with_its_reason(old: str, new: str, reason: str) -> None:
    with pytest.raises(ReplyRejected, match=reason):
        verified(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (AREA, SHORT.replace("a, b=1", "a: list[int], b: int = 1")),
        (AREA, "@cache\n" + SHORT),
        (AREA, SHORT + "\ndef _more(self):\n    return 1"),
        ("def _unused():\n    pass", "_UNUSED = None"),
        ("        total = 0", "total = 0.0"),
    ],
)
def test_a_reply_that_others_do_not_notice_passes(old: str, new: str) -> None:
    assert verified(old, new) != SOURCE


def test_names_may_change_where_the_action_says_so() -> None:
    document = python(SOURCE)
    edit = edits.verified(document, at(document, "LIMIT = 3"), "MOST = 3", "Rename", keep_names=False)
    assert edit.apply().startswith("MOST = 3\n")


def test_a_file_that_was_broken_may_stay_as_broken() -> None:
    source = "def f(:\n    pass\n\nx = [a for a in b]\n"
    assert verified("x = [a for a in b]", "x = list(b)", source).endswith("x = list(b)\n")
    with pytest.raises(ReplyRejected, match="syntax error"):
        verified("x = [a for a in b]", "x = = 1", source)


def test_the_inside_of_strings_keeps_its_columns() -> None:
    source = 'class A:\n    def f(self):\n        """Doc.\n\n        More.\n        """\n        return """\n  x\n"""\n'
    document = python(source)
    span = Span(at(document, "    def f").start, len(source) - 1)
    shown = fitting.dedented(document, span)
    assert shown == 'def f(self):\n    """Doc.\n\n    More.\n    """\n    return """\n  x\n"""'
    assert fitting.fitted(document, span, shown) == document.slice(span)


def test_tabs_and_line_endings_are_the_documents() -> None:
    document = python("class A:\r\n\tdef f(self):\r\n\t\tif a:\r\n\t\t\treturn 1\r\n")
    span = Span(document.line_starts[1], len(document.text) - 2)
    reply = "def f(self):\n  if a:\n    return 2\n"
    assert fitting.fitted(document, span, reply) == "\tdef f(self):\r\n\t\tif a:\r\n\t\t\treturn 2"


def test_edits_are_minimal() -> None:
    document = python("a\nb\nc\nd\ne\n")
    assert edits.minimal(document, "a\nB\nc\nd\nE\n") == (
        TextEdit(Span(2, 4), "B\n"),
        TextEdit(Span(8, 10), "E\n"),
    )
    assert edits.minimal(document, document.text) == ()


LINES = st.lists(st.sampled_from(["a", "b", "😀", "", "    c"]), max_size=8)


@given(LINES, LINES, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_minimal_edits_make_the_new_text(old: list[str], new: list[str], ending: str, closed: bool) -> None:
    document = python(ending.join(old) + (ending if closed else ""))
    text = ending.join(new)
    made = edits.minimal(document, text)
    assert DocumentEdit(document, made, "").apply() == text
    assert all(a.span.end <= b.span.start for a, b in pairwise(made))


def test_a_very_long_change_takes_no_quadratic_time() -> None:
    document = python("".join(f"a{n}\n" for n in range(60_000)))
    (edit,) = edits.minimal(document, "".join(f"b{n}\n" for n in range(60_000)))
    assert edit.span == Span(0, len(document.text))


# -- rebase ----------------------------------------------------------------------------------------------------------

TEXT = st.text(alphabet="ab\n😀", max_size=12)


def edit_in(data: st.DataObject, document: Document) -> tuple[DocumentEdit, Span]:
    start = data.draw(st.integers(0, len(document.text)))
    span = Span(start, data.draw(st.integers(start, len(document.text))))
    return DocumentEdit(document, (TextEdit(span, "<NEW>"),), "Optimize"), span


def change_in(data: st.DataObject, document: Document) -> TextEdit:
    start = data.draw(st.integers(0, len(document.text)))
    end = data.draw(st.integers(start, min(len(document.text), start + 3)))
    return TextEdit(Span(start, end), data.draw(TEXT))


@given(TEXT, st.data())
def test_one_unknown_change_is_rebased_rightly_or_refused(text: str, data: st.DataObject) -> None:
    document = python(text)
    edit, span = edit_in(data, document)
    change = change_in(data, document)
    current = document.replace(change.span, change.new_text)
    try:
        moved = edits.rebase(edit, current)
    except StaleDocument:
        return
    if change.span.end < span.start:
        shift = len(current.text) - len(text)
        expected = current.text[: span.start + shift] + "<NEW>" + current.text[span.end + shift :]
        assert moved.apply() == expected
    elif change.span.start > span.end:
        assert moved.apply() == current.text[: span.start] + "<NEW>" + current.text[span.end :]
    else:
        # It touched the range and left a text that a change elsewhere would have left too.
        assert current.slice(moved.edits[0].span) == document.slice(span)
    assert moved.document is current


@given(TEXT, st.data())
def test_known_changes_are_rebased_exactly(text: str, data: st.DataObject) -> None:
    document = current = python(text)
    edit, span = edit_in(data, document)
    changes, place, touched = [], span.start, False
    for _ in range(data.draw(st.integers(0, 4))):
        change = change_in(data, current)
        changes.append(change)
        current = current.replace(change.span, change.new_text)
        end = place + span.end - span.start
        if change.span.end < place:
            place += len(change.new_text) - (change.span.end - change.span.start)
        elif change.span.start <= end:
            touched = True
            break
    if touched:
        with pytest.raises(StaleDocument):
            edits.rebase(edit, current, changes=changes)
        return
    moved = edits.rebase(edit, current, changes=changes)
    length = span.end - span.start
    assert moved.apply() == current.text[:place] + "<NEW>" + current.text[place + length :]


@given(TEXT, TEXT, st.data())
def test_any_other_text_is_refused_or_holds_the_range(text: str, other: str, data: st.DataObject) -> None:
    document = python(text)
    edit, span = edit_in(data, document)
    try:
        moved = edits.rebase(edit, python(other, 2))
    except StaleDocument:
        return
    assert other[moved.edits[0].span.start : moved.edits[0].span.end] == document.slice(span)


@given(TEXT, st.data())
def test_nothing_changed_means_nothing_moves(text: str, data: st.DataObject) -> None:
    document = python(text)
    edit, _ = edit_in(data, document)
    assert edits.rebase(edit, python(text, 9)).edits == edit.edits


def test_a_change_within_the_selection_and_beside_the_edit_is_refused() -> None:
    document = python(SOURCE)
    span = at(document, AREA)
    edit = edits.verified(document, span, SHORT, "Optimize")
    current = document.replace(at(document, "b=1"), "b=7")
    with pytest.raises(StaleDocument):
        edits.rebase(edit, current, span)


def test_two_places_that_fit_are_refused() -> None:
    document = python("aaa")
    edit = DocumentEdit(document, (TextEdit(Span(1, 2), "X"),), "")
    with pytest.raises(StaleDocument):
        edits.rebase(edit, python("aaaa", 2))


def test_another_file_is_refused() -> None:
    edit = DocumentEdit(python("a"), (), "")
    with pytest.raises(StaleDocument, match="another file"):
        edits.rebase(edit, Document("file:///y.py", "a"))


def test_lines_typed_above_move_the_edit() -> None:
    document = python(SOURCE)
    edit = edits.verified(document, at(document, AREA), SHORT, "Optimize")
    current = python("# 😀\n" + SOURCE, 2)
    assert edits.rebase(edit, current, at(document, AREA)).apply() == "# 😀\n" + edit.apply()
