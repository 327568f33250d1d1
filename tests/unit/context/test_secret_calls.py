"""A known command or call is looked for only where a word of it stands: nothing is lost by that."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_lsp.context.secrets.calls import KNOWN
from hybrid_lsp.context.secrets.names import small


@pytest.mark.parametrize(("words", "pattern"), KNOWN, ids=[words[0] for words, _ in KNOWN])
@settings(max_examples=4)
@given(data=st.data())
def test_a_word_stands_wherever_the_pattern_finds_something(
    words: tuple[str, ...], pattern: re.Pattern[str], data: st.DataObject
) -> None:
    text = data.draw(st.from_regex(pattern, alphabet=st.sampled_from(string.printable)))
    assert any(word in small(text) for word in words)
    assert all(word == small(word) for word in words)
