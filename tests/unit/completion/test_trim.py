"""What a model wrote, what stands around the cursor, and what is worth showing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.completion.trim import trim

CASES = [
    ("plain text passes", "x = ", "\n", "1 + 2", "1 + 2"),
    ("trailing white space goes", "x = ", "\n", "1  \n  ", "1"),
    ("a fence is not code", "x = ", "\n", "```python\n1\n```", "1"),
    ("the bracket right of the cursor is not repeated", "print(", ")", "value)", "value"),
    ("the rest of the line is not repeated", "foo(", ", b)", "a, b)", "a"),
    ("nothing but the suffix is nothing", "foo(a", ")", ")", ""),
    ("an inner pair of brackets stays", "foo(", ")", "bar(x)", "bar(x)"),
    ("an inner pair before the closing one", "foo(", ")", "bar(x))", "bar(x)"),
    ("a line that stands below is not repeated", "if x:\n    ", "\n    return y\n", "z = 1\n    return y", "z = 1"),
    ("a repeated line ends the text", "\n", "\n", "a = foo()\na = foo()\na = foo()", "a = foo()"),
    ("the line above is not repeated", "value = foo()\n", "\n", "x = 1\nvalue = foo()", "x = 1"),
    ("a word that only begins like the suffix stays", "x", "return", "abc r", "abc r"),
    ("a quote right of the cursor is not repeated", 'x = "', '"', 'abc"', "abc"),
]


@pytest.mark.parametrize(
    ("prefix", "suffix", "reply", "shown"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_cases(prefix: str, suffix: str, reply: str, shown: str) -> None:
    assert trim(reply, prefix, suffix) == shown


pieces = st.text(alphabet=st.sampled_from(list("ab()[]{}\n \"'=")), max_size=30)


@given(pieces, pieces, pieces)
def test_only_cuts(reply: str, prefix: str, suffix: str) -> None:
    """Trimming removes text; it never writes any, and what is left ends without white space."""
    shown = trim(reply, prefix, suffix)
    remaining = iter(reply)
    assert all(character in remaining for character in shown)
    assert shown == shown.rstrip()
