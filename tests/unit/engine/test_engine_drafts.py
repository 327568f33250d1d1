"""Guesses at the next tokens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.engine.drafts import LONGEST, Drafter


def test_what_followed_the_same_tokens_is_guessed() -> None:
    assert Drafter([1, 2, 3, 4, 5, 9, 1, 2]).guess(3) == [3, 4, 5]


def test_the_longest_agreement_counts_and_of_several_the_latest() -> None:
    assert Drafter([7, 1, 2, 3, 8, 1, 2, 4, 7, 1, 2]).guess(1) == [3]
    assert Drafter([1, 2, 3, 0, 1, 2, 4, 0, 1, 2]).guess(1) == [4]


def test_a_new_text_is_not_guessed() -> None:
    assert Drafter([1, 2, 3, 4]).guess(4) == []


def test_what_the_client_expects_goes_first_until_it_is_wrong() -> None:
    drafter = Drafter([1, 2, 3, 1, 2], expected=[5, 6, 7])
    assert drafter.guess(8) == [5, 6, 7]
    drafter.written(5)
    assert drafter.guess(8) == [6, 7]
    drafter.written(1)
    assert drafter.guess(8) == []


def test_after_failures_only_longer_agreements_are_believed() -> None:
    drafter = Drafter([1, 2, 3, 9, 1, 2])
    for _ in range(3):
        drafter.told(1, 0)
    assert drafter.guess(1) == []
    drafter.told(1, 1)
    assert drafter.guess(1) == [3]
    assert (drafter.guessed, drafter.confirmed) == (4, 1)


@given(st.lists(st.integers(0, 3), max_size=40), st.lists(st.integers(0, 3), max_size=40), st.integers(-2, 20))
def test_a_guess_stands_in_the_text_after_its_own_end(prompt: list[int], written: list[int], most: int) -> None:
    drafter = Drafter(prompt)
    for token in written:
        drafter.written(token)
    text, guess = [*prompt, *written], drafter.guess(most)
    assert len(guess) <= max(0, min(most, LONGEST))
    if guess:
        after = [text[at : at + len(guess)] for at in range(2, len(text)) if text[at - 2 : at] == text[-2:]]
        assert guess in after
