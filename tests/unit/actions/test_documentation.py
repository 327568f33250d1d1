"""What documents code in a reply is put into the code as it was."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hybrid_lsp.actions.docstrings import only_documentation
from hybrid_lsp.actions.documentation import put_into
from hybrid_lsp.document import Document

CLASS = '''\
class Stock:
    """Goods."""

    def __init__(self, items):
        self.items = items

    @property
    def total(self):
        # all of them
        return sum(self.items)
'''
JSDOC = "/**\n * The first.\n * @param {Array} list\n */\n"
CASES = {
    "annotations were added": (
        "python",
        "def sub(a, b):\n    return a - b\n",
        'def sub(a: int, b: int) -> int:\n    """The difference."""\n    return a - b\n',
        'def sub(a, b):\n    """The difference."""\n    return a - b\n',
    ),
    "a method that was written as a function": (
        "python",
        "class A:\n    def f(self, n):\n        return n + 1\n",
        'def f(self, n):\n    """One more."""\n    return 1 + n\n',
        'class A:\n    def f(self, n):\n        """One more."""\n        return n + 1\n',
    ),
    "what was there is replaced, what has no successor stays": (
        "python",
        CLASS,
        CLASS.replace('"""Goods."""', '"""Goods in stock."""')
        .replace("        # all of them\n", "")
        .replace("sum(self.items)", "sum(item for item in self.items)"),
        CLASS.replace('"""Goods."""', '"""Goods in stock."""'),
    ),
    "code that was left out": (
        "python",
        "def f(a):\n    b = a\n    c = b\n    return c\n",
        'def f(a):\n    """The same."""\n    b = a\n    return c\n',
        'def f(a):\n    """The same."""\n    b = a\n    c = b\n    return c\n',
    ),
    "comments above lines": (
        "javascript",
        "function top(list) {\n  let best = list[0];\n  return best;\n}\n",
        f"{JSDOC}function top(list) {{\n  // One.\n  const best = list[0];\n  // That is all.\n  return best;\n}}\n",
        f"{JSDOC}function top(list) {{\n  let best = list[0];\n  // That is all.\n  return best;\n}}\n",
    ),
    "comments that take the line's end along": (
        "rust",
        "pub fn add(a: i32) -> i32 {\n    a + 1\n}\n",
        "/// Adds one.\n///\n/// More.\npub fn add(a: i64) -> i64 {\n    a + 1\n}\n",
        "/// Adds one.\n///\n/// More.\npub fn add(a: i32) -> i32 {\n    a + 1\n}\n",
    ),
    "a head in another form": (
        "c",
        "static int add(int a, int b) {\n\treturn a + b;\n}\n",
        "/* Adds. */\nint add(const int a, const int b)\n{\n\treturn a + b;\n}\n",
        "/* Adds. */\nstatic int add(int a, int b) {\n\treturn a + b;\n}\n",
    ),
    "text that only looks like a comment": (
        "python",
        'def f():\n    return """\n# one\n"""\n',
        'def f():\n    """A text."""\n    return """\n# two\n"""\n',
        'def f():\n    """A text."""\n    return """\n# one\n"""\n',
    ),
    "two methods of one name": (
        "java",
        "class A {\n  int f() { return 1; }\n  int f(int a) { return a; }\n}\n",
        "class A {\n  // One.\n  int f() { return 1; }\n  // The same.\n  int f(final int a) { return a; }\n}\n",
        "class A {\n  // One.\n  int f() { return 1; }\n  // The same.\n  int f(int a) { return a; }\n}\n",
    ),
}


@pytest.mark.parametrize(("language", "old", "new", "wanted"), CASES.values(), ids=CASES)
def test_the_code_stays_as_it_was(language: str, old: str, new: str, wanted: str) -> None:
    before = Document("file:///a", old, 1, language)
    assert put_into(before, Document("file:///a", new, 1, language)) == wanted
    assert only_documentation(before, Document("file:///a", wanted, 1, language))


@pytest.mark.parametrize(
    ("language", "new"),
    [
        ("python", "def other():\n    return 2\n"),  # nothing documents
        ("python", 'def other():\n    """Something else."""\n'),  # of another function
        ("python", "# The end.\n"),  # of nothing
        ("text", "# A comment?\ndef f():\n    return 1\n"),  # nobody knows
    ],
)
def test_nothing_is_taken_where_nothing_fits(language: str, new: str) -> None:
    old = Document("file:///a", "def f():\n    return 1\n", 1, language)
    assert put_into(old, Document("file:///a", new, 1, language)) is None


LINES = ["function f(a) {", "  return a;", "}", "// one", "  // two", "/* three", "*/", "/** four */", "", "f(1); // x"]


@given(old=st.lists(st.sampled_from(LINES), max_size=8), new=st.lists(st.sampled_from(LINES), max_size=10))
def test_no_word_of_code_changes(old: list[str], new: list[str]) -> None:
    before, after = (Document("file:///a", "\n".join(lines), 1, "javascript") for lines in (old, new))
    assume(all(each.text.count("/*") == each.text.count("*/") for each in (before, after)))
    if (text := put_into(before, after)) is not None:
        assert [line for line in text.split("\n") if line in LINES[:3]] == [line for line in old if line in LINES[:3]]
