"""What is known is not asked for again: by tables, and against the plain definition by hypothesis."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.completion import reuse
from hybrid_lsp.completion.query import Answer, nothing
from hybrid_lsp.completion.reuse import Reuse
from hybrid_lsp.document import Span
from hybrid_lsp.types import Reason, Suggestion, Tier


def shown(text: str, at: int = 0) -> Answer:
    suggestion = Suggestion("id", text, Span(at, at), Tier.SMALL, "fake", 0.9)
    return Answer((suggestion,), tier=Tier.SMALL, model="fake", model_ms=9.0, tokens=4)


def text_of(answer: Answer | None) -> str | None:
    return answer.suggestions[0].text if answer and answer.suggestions else None


def test_typing_into_a_suggestion_leaves_the_rest_of_it() -> None:
    known = Reuse()
    known.keep("x = ", "\n", shown("foo(bar)", 4))
    answer = known.find("x = foo(", "\n")
    assert answer is not None
    assert text_of(answer) == "bar)"
    assert answer.suggestions[0].span == Span(8, 8)
    assert answer.suggestions[0].id == "id"
    assert (answer.reused, answer.model_ms, answer.tokens) == (True, 0.0, 0)


def test_deleting_what_was_typed_brings_it_back() -> None:
    known = Reuse()
    known.keep("x = ", "\n", shown("foo"))
    known.keep("x = fa", "\n", shown("r()"))
    assert text_of(known.find("x = f", "\n")) == "oo"
    assert text_of(known.find("x = ", "\n")) == "foo"


def test_another_way_another_suffix_or_the_end_of_it_is_not_known() -> None:
    known = Reuse()
    known.keep("x = ", "\n", shown("foo  "))
    assert known.find("x = b", "\n") is None
    assert known.find("x = f", ")\n") is None
    assert known.find("y = f", "\n") is None
    assert known.find("x = foo", "\n") is None
    assert known.find("x", "\n") is None


def test_nothing_is_remembered_too_but_not_for_who_asks_by_hand() -> None:
    known = Reuse()
    known.keep("x = ", "\n", nothing(Reason.LOW_CONFIDENCE))
    answer = known.find("x = ", "\n")
    assert answer is not None
    assert answer.reason is Reason.LOW_CONFIDENCE
    assert known.find("x = ", "\n", invoked=True) is None
    assert known.find("x = f", "\n") is None


def test_what_may_pass_is_not_remembered() -> None:
    known = Reuse()
    for reason in (Reason.NO_BACKEND, Reason.BACKEND_FAILED, Reason.TIMEOUT):
        known.keep("x = ", "\n", nothing(reason))
    known.keep("x = ", "\n", Answer(shown("copied").suggestions, detail="The model died."))
    assert known.find("x = ", "\n") is None


def test_memory_is_bounded_and_the_oldest_go_first() -> None:
    known = Reuse()
    for number in range(reuse.MOST_ENTRIES + 1):
        known.keep(f"{number} = ", "\n", shown("foo"))
    assert known.find("0 = ", "\n") is None
    assert text_of(known.find("1 = ", "\n")) == "foo"
    known.keep("x" * reuse.MOST_CHARACTERS, "\n", shown("foo"))
    assert known.find("1 = ", "\n") is None


letters = st.text(alphabet="ab\n", max_size=6)


@given(st.lists(st.tuples(letters, letters, letters), max_size=8), letters, letters)
def test_an_answer_is_always_one_that_was_given_for_this_text(
    kept: list[tuple[str, str, str]], prefix: str, suffix: str
) -> None:
    known = Reuse()
    for before, after, text in kept:
        known.keep(before, after, shown(text))
    answer = known.find(prefix, suffix)
    possible = [
        text[len(prefix) - len(before) :]
        for before, after, text in kept
        if after == suffix and prefix.startswith(before) and text.startswith(prefix[len(before) :])
    ]
    if answer is None:
        assert not any(rest.strip() and len(rest) for rest in possible)
    else:
        assert text_of(answer) in possible
