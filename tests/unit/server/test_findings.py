"""Findings keep their place while the text changes and other parts are reviewed."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.document import Document, Span
from hybrid_lsp.server.findings import Findings, carried
from hybrid_lsp.types import Finding, Severity, Tier


def document(text: str, version: int = 1) -> Document:
    return Document("file:///a.py", text, version, "python")


def finding(where: Document, text: str, tool: str = "test") -> Finding:
    start = where.text.index(text)
    return Finding(Span(start, start + len(text)), text, Severity.WARNING, "X1", tool)


def texts(findings: list[Finding], where: Document) -> list[str]:
    return [where.slice(each.span) for each in findings]


OLD = document("one(a)\ntwo(b)\nthree(c)\n")
WHOLE = Span(0, len(OLD.text))


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
    findings.replace(OLD, WHOLE, first)
    assert findings.of(OLD) == first
    findings.replace(OLD, Span(OLD.text.index("three"), len(OLD.text)), [])
    assert texts(findings.of(OLD), OLD) == ["one"]
    findings.replace(OLD, Span(7, 14), [finding(OLD, "two")])
    assert texts(findings.of(OLD), OLD) == ["one", "two"]


def test_a_static_review_says_nothing_of_what_a_model_found() -> None:
    findings = Findings()
    findings.replace(OLD, WHOLE, [finding(OLD, "one"), finding(OLD, "two", "model")])
    findings.replace(OLD, WHOLE, [finding(OLD, "three")], Tier.STATIC)
    assert texts(findings.of(OLD), OLD) == ["two", "three"]
    findings.replace(OLD, WHOLE, [], Tier.LARGE)
    assert findings.of(OLD) == []


def test_a_review_of_an_older_text_is_brought_up_to_date() -> None:
    findings, new = Findings(), document("# more\n" + OLD.text, 2)
    findings.replace(OLD, WHOLE, [finding(OLD, "two")])
    assert texts(findings.of(new), new) == ["two"]
    findings.replace(new, Span(0, 7), [])
    assert texts(findings.of(new), new) == ["two"]


def test_undoing_an_edit_brings_back_what_stood_there() -> None:
    findings = Findings()
    findings.replace(OLD, WHOLE, [finding(OLD, "two")])
    assert findings.of(document("one(a)\nTWO(b)\nthree(c)\n", 2)) == []
    assert texts(findings.of(document(OLD.text, 3)), OLD) == ["two"]


def test_an_empty_finding_is_in_the_span_that_it_stands_in() -> None:
    findings = Findings()
    empty = Finding(Span(3, 3), "here", Severity.HINT, "X1", "test")
    last = Finding(Span(len(OLD.text), len(OLD.text)), "end", Severity.HINT, "X1", "test")
    findings.replace(OLD, WHOLE, [empty, last])
    findings.replace(OLD, Span(7, 14), [])
    assert findings.of(OLD) == [empty, last]
    findings.replace(OLD, Span(0, 7), [])
    assert findings.of(OLD) == [last]
    findings.replace(OLD, WHOLE, [])
    assert findings.of(OLD) == []


def test_forgetting() -> None:
    findings = Findings()
    assert OLD.uri not in findings
    findings.replace(OLD, Span(0, 3), [finding(OLD, "one")])
    assert OLD.uri in findings
    findings.forget(OLD.uri)
    assert OLD.uri not in findings
    assert findings.of(OLD) == []


def on_every_line(where: Document) -> list[Finding]:
    return [
        Finding(Span(start, start + len(where.line(number))), "", Severity.HINT, f"X{number}", "t")
        for number, start in enumerate(where.line_starts)
    ]


LINES = st.lists(st.sampled_from(["a", "b", "cc", "", "  a", "😀\t\x0cb", "\u2028"]), min_size=1, max_size=8)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


@given(LINES, LINES, ENDS, ENDS)
def test_what_is_carried_still_covers_the_same_text(old: list[str], new: list[str], one: str, other: str) -> None:
    before, after = document(one.join(old)), document(other.join(new), 2)
    known = on_every_line(before)
    for each in carried(known, before, after):
        original = next(mine for mine in known if mine.code == each.code)
        assert after.slice(each.span) == before.slice(original.span)
        # A whole line of the old text is a whole line of the new one.
        assert len(after.lines_of(each.span)) == 1
        assert after.line(after.position(each.span.start)[0]) == before.slice(original.span)


TEXT = st.text(alphabet="ab\n\r\t😀", max_size=12)


@given(TEXT, TEXT, TEXT, TEXT)
def test_one_edit_keeps_every_finding_on_lines_that_it_does_not_touch(
    head: str, removed: str, added: str, tail: str
) -> None:
    before, after = document(head + removed + tail), document(head + added + tail, 2)
    kept = carried(on_every_line(before), before, after)
    # The lines that the edit touches, with room for a CR and an LF that it joins or parts.
    first = before.position(len(head) - 1)[0]
    last = before.position(len(head + removed) + 1)[0]
    untouched = Counter(before.line(n) for n in range(before.line_count) if not first <= n <= last)
    # Of lines that are the same, any may be the one that was removed.
    assert untouched <= Counter(texts(kept, after))
    starts = [each.span.start for each in kept]
    assert starts == sorted(set(starts))


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 4), TEXT), max_size=6))
def test_edit_after_edit_and_a_review_between(edits: list[tuple[int, int, str]]) -> None:
    """However the text changes, what is shown stands on lines as they were reviewed."""
    current = document("eval(a)\nb = 1\neval(c)\n\neval(a)\n")
    findings = Findings()
    findings.replace(current, Span(0, len(current.text)), on_every_line(current))
    reviewed = {current.line(number) for number in range(current.line_count)}
    for number, (start, length, text) in enumerate(edits):
        start = min(start, len(current.text))
        current = current.replace(Span(start, min(start + length, len(current.text))), text)
        shown = findings.of(current)
        assert all(current.slice(each.span) in reviewed for each in shown)
        if number == 2:  # the first line alone is reviewed again, with nothing found
            first = Span(0, len(current.line(0)))
            findings.replace(current, first, [])
            assert all(each.span.start > 0 or each.span.empty for each in findings.of(current))


def test_a_change_of_everything_in_a_long_file() -> None:
    before = document("\n".join(f"a{n}" for n in range(2000)))
    after = document("\n".join(f"a{n}" if n % 2 else "new" for n in range(2000)), 2)
    kept = carried(on_every_line(before), before, after)
    assert len(kept) == 1000
