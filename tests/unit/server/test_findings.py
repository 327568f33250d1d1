"""Findings keep their place while the text changes and other parts are reviewed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.document import Document, Span
from hybrid_lsp.server.findings import Findings, carried
from hybrid_lsp.types import Finding, Severity


def document(text: str, version: int = 1) -> Document:
    return Document("file:///a.py", text, version, "python")


def finding(where: Document, text: str) -> Finding:
    start = where.text.index(text)
    return Finding(Span(start, start + len(text)), text, Severity.WARNING, "X1", "test")


def texts(findings: list[Finding], where: Document) -> list[str]:
    return [where.slice(each.span) for each in findings]


OLD = document("one(a)\ntwo(b)\nthree(c)\n")


def test_they_move_with_their_lines() -> None:
    new = document("zero()\none(a)\nthree(c)\n", 2)
    known = [finding(OLD, "(a)"), finding(OLD, "two"), finding(OLD, "three(c)\n")]
    # The second line is gone, and what was found on it too.
    assert texts(carried(known, OLD, new), new) == ["(a)", "three(c)\n"]


def test_one_over_several_lines_needs_them_together() -> None:
    both = finding(OLD, "one(a)\ntwo(b)")
    assert carried([both], OLD, document("one(a)\nnew\ntwo(b)\nthree(c)\n")) == []
    moved = document("\n\none(a)\ntwo(b)\n")
    assert texts(carried([both], OLD, moved), moved) == ["one(a)\ntwo(b)"]


def test_a_review_replaces_what_is_in_its_span_only() -> None:
    findings = Findings()
    first = [finding(OLD, "one"), finding(OLD, "three")]
    whole = Span(0, len(OLD.text))
    assert findings.replace(OLD, whole, first, OLD) == first
    line = Span(OLD.text.index("three"), len(OLD.text))
    assert texts(findings.replace(OLD, line, [], OLD), OLD) == ["one"]
    assert texts(findings.replace(OLD, Span(7, 14), [finding(OLD, "two")], OLD), OLD) == ["one", "two"]


def test_a_review_of_an_older_text_is_brought_up_to_date() -> None:
    findings, new = Findings(), document("# more\n" + OLD.text, 2)
    found = findings.replace(OLD, Span(0, len(OLD.text)), [finding(OLD, "two")], new)
    assert texts(found, new) == ["two"]
    again = findings.replace(new, Span(0, 7), [], new)
    assert texts(again, new) == ["two"]


def test_an_empty_finding_is_in_the_span_that_it_stands_in() -> None:
    findings = Findings()
    empty = Finding(Span(3, 3), "here", Severity.HINT, "X1", "test")
    findings.replace(OLD, Span(0, 7), [empty], OLD)
    assert findings.replace(OLD, Span(7, 14), [], OLD) == [empty]
    assert findings.replace(OLD, Span(0, 7), [], OLD) == []


def test_forgetting_says_whether_there_was_anything() -> None:
    findings = Findings()
    assert not findings.forget(OLD.uri)
    findings.replace(OLD, Span(0, 3), [finding(OLD, "one")], OLD)
    assert findings.forget(OLD.uri)
    assert not findings.forget(OLD.uri)
    findings.replace(OLD, Span(0, 3), [], OLD)
    assert not findings.forget(OLD.uri)


@given(
    st.lists(st.sampled_from(["a", "b", "cc", ""]), min_size=1, max_size=8),
    st.lists(st.sampled_from(["a", "b", "cc", ""]), min_size=1, max_size=8),
)
def test_what_is_carried_still_covers_the_same_text(old: list[str], new: list[str]) -> None:
    before, after = document("\n".join(old)), document("\n".join(new), 2)
    starts = before.line_starts
    known = [
        Finding(Span(start, start + len(before.line(number))), "", Severity.HINT, "X", "t")
        for number, start in enumerate(starts)
    ]
    for each in carried(known, before, after):
        assert after.slice(each.span) in old
