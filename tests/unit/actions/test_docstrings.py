"""Documentation in the style of the file, and not a word of code with it."""

from __future__ import annotations

import pytest
from action_bench import Bench, block, python
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.actions import docstrings
from hybrid_lsp.actions.base import EditOutcome
from hybrid_lsp.document import Document
from hybrid_lsp.types import Tier

GOOGLE = '"""Sum.\n\n    Args:\n        a: One.\n    """'
NUMPY = '"""Sum.\n\n    Parameters\n    ----------\n    a : int\n    """'
REST = '"""Sum.\n\n    :param a: One.\n    """'
PLAIN = '"""Sum of both."""'


def source(docstring: str) -> str:
    return f"def add(a, b):\n    {docstring}\n    return a + b\n\n\ndef sub(a, b):\n    return a - b\n"


@pytest.mark.parametrize(
    ("docstring", "style"), [(GOOGLE, "Google"), (NUMPY, "NumPy"), (REST, "reST"), (PLAIN, "plain"), ("", "Google")]
)
async def test_the_style_is_the_files(docstring: str, style: str) -> None:
    document, bench = python(source(docstring) if docstring else "def sub(a, b):\n    return a - b\n"), Bench()
    reply = block('def sub(a, b):\n    """The difference."""\n    return a - b')
    done = await bench.run("document", reply, document=document, at="a - b")
    assert isinstance(done, EditOutcome)
    assert docstrings.style_of(list(docstrings.docstrings(document))) == style
    wanted = "plain sentences" if style == "plain" else f"in {style} style"
    assert wanted in bench.prompt()
    assert ("as an example" in bench.prompt()) is bool(docstring)
    assert '    """The difference."""\n' in done.edit.apply()


@pytest.mark.parametrize(
    ("reply", "whole"),
    [
        ('def sub(a, b):\n    """Diff."""\n    # left less right\n    return a - b', True),
        ('def sub(\n    a,\n    b,\n):\n    """Diff."""\n    return (a - b)', True),  # Python sees the same code
        ('def sub(a, b):\n    """Diff."""\n    return b - a', False),
        ('def sub(a, b):\n    """Diff."""\n    print(a)\n    return a - b', False),
        ('@cache\ndef sub(a, b):\n    """Diff."""\n    return a - b', False),
        ('def sub(a: int, b: int):\n    """Diff."""\n    return a - b', False),
    ],
)
async def test_of_a_reply_that_changes_code_only_the_documentation_is_taken(reply: str, whole: bool) -> None:
    document = python(source(PLAIN))
    done = await Bench().run("document", block(reply), document=document, at="a - b")
    assert isinstance(done, EditOutcome)
    assert done.tier is Tier.LARGE
    assert (docstrings._TAKEN in done.by.notes) is not whole
    if not whole:
        documented = 'def sub(a, b):\n    """Diff."""\n'
        assert done.edit.apply() == document.text.replace("def sub(a, b):\n", documented)


async def test_a_reply_that_only_changes_code_is_refused() -> None:
    reply = block("def sub(a, b):\n    return b - a")
    done = await Bench().run("document", reply, reply, document=python(source(PLAIN)), at="a - b")
    assert isinstance(done, EditOutcome)
    assert done.tier is Tier.STATIC
    assert "only docstrings and comments may differ" in done.label


RUST = "/// Adds.\nfn add(a: i32) -> i32 {\n    a + 1\n}\n"
SQL = "SELECT a\nFROM b;\n"


@pytest.mark.parametrize(
    ("language", "old", "new", "same"),
    [
        ("rust", RUST, RUST.replace("/// Adds.", "/// Adds one.\n///\n/// More."), True),
        ("rust", RUST, RUST.replace("a + 1", "a + 2"), False),
        ("python", "def f(:\n  x = 1\n", 'def f(:\n  """Doc."""\n  x = 1  # one\n', True),
        ("python", "def f(:\n  x = 1\n", "def f(:\n  x = 2\n", False),
        ("python", "def f():\n    pass\n", 'def f():\n    """Nothing."""\n', True),
        ("python", "x = 1\n", "x = 1\n)", False),
        ("sql", SQL, "-- All of b.\n" + SQL, True),
        ("sql", SQL, "-- All of b.\nSELECT c\nFROM b;\n", False),
        ("sql", SQL, SQL + "DROP TABLE b;\n", False),
        ("sql", SQL, "SELECT a\n", False),
    ],
)
def test_what_counts_as_documentation(language: str, old: str, new: str, same: bool) -> None:
    before, after = (Document("file:///x", text, 1, language) for text in (old, new))
    assert docstrings.only_documentation(before, after) is same


WORDS = st.sampled_from(["a", "b", "a + b", "'text'", "f(a)", "None"])


@given(WORDS, WORDS, st.booleans())
def test_a_changed_value_never_passes(one: str, other: str, documented: bool) -> None:
    head = 'def f(a, b):\n    """Doc."""\n' if documented else "def f(a, b):\n"
    before, after = python(f"def f(a, b):\n    return {one}\n"), python(f"{head}    return {other}\n")
    assert docstrings.only_documentation(before, after) is (one == other)
