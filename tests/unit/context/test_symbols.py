"""Positions and meaning of what the syntax tree gives, in texts with astral characters too."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.context import grammars, symbols
from hybrid_lsp.document import Document, Span


def python(text: str) -> Document:
    return Document("file:///x.py", text, 1, "python")


SOURCE = '''\
import os

LIMIT = 3


@cache
def area(width, height=1, *, unit: str = "😀"):
    """Doc."""
    a = 1
    if a:
        b = (a +
             2)
    return a


class Shape(Base):
    name: str = "x"
    _hidden = 1

    def __init__(self, side): ...

    @property
    def size(self) -> int:
        return 1

    def _private(self): ...


if LIMIT:
    def late(): ...
'''


def at(document: Document, text: str) -> Span:
    start = document.text.index(text)
    return Span(start, start + len(text))


@given(st.text(alphabet=st.characters(exclude_characters="'\\\r\n\0"), max_size=12))
def test_offsets_are_code_points(noise: str) -> None:
    document = python(f"# {noise}\na = '{noise}'\ndef f(x): return x\nlast = f(1)\n")
    (found,) = [each for each in symbols.definitions(document) if each.kind == "function"]
    assert document.slice(found.span) == "def f(x): return x"
    assert [each.name for each in symbols.definitions(document)] == ["a", "f", "last"]


@pytest.mark.parametrize(
    "text",
    [
        "größe = 1\n",
        "\ufeffa = 1\n",
        "a = '\ud800'\n",
        "a = 1\rb = 2\r",
        "a = 1\r\nb = 2\r\n",
        "def f():\n\x0c\n    pass\n",
    ],
)
def test_odd_texts_have_no_syntax_errors(text: str) -> None:
    assert symbols.syntax_errors(python(text)) == []


def test_a_deep_expression_does_not_exhaust_the_stack() -> None:
    document = python("x = " + "(" * 5000 + ")" * 5000)
    assert sum(1 for _ in grammars.walk(symbols.parse(document).root_node)) > 5000


def test_syntax_errors_are_found_where_they_are() -> None:
    assert symbols.syntax_errors(python("x = '😀'\ny = = 2\n"))[0] > 7
    assert symbols.syntax_errors(Document("", "y = = 2", language="rust"))
    assert symbols.syntax_errors(Document("", "y = = 2", language="cobol")) == []


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("a = 1", "    a = 1"),  # a whole statement stays
        ("    a = 1\n", "    a = 1"),
        ("(a +", '@cache\ndef area(width, height=1, *, unit: str = "😀"):'),  # part of one: the function
        ("a = 1\n    if a:", '@cache\ndef area(width, height=1, *, unit: str = "😀"):'),
        ("LIMIT", "LIMIT = 3"),  # part of a statement outside of functions
        ('name: str = "x"', '    name: str = "x"'),
        ("def area", '@cache\ndef area(width, height=1, *, unit: str = "😀"):'),
    ],
)
def test_widen(selection: str, expected: str) -> None:
    document = python(SOURCE)
    chosen = symbols.widen(document, at(document, selection))
    assert document.slice(chosen).startswith(expected)
    if "\n" not in expected:
        assert document.slice(chosen) == expected
    assert symbols.widen(document, chosen) == chosen


def test_widen_without_a_grammar_takes_whole_lines() -> None:
    document = Document("", "one\ntwo three\nfour\n", language="rust")
    assert document.slice(symbols.widen(document, at(document, "three\nfo"))) == "two three\nfour"


def test_enclosing_span_takes_the_function_before_the_class() -> None:
    document = python(SOURCE)
    cursor = at(document, "return 1").start
    assert document.slice(symbols.enclosing_span(document, Span(cursor, cursor))).startswith("    @property\n")
    inside = at(document, "_hidden").start
    assert document.slice(symbols.enclosing_span(document, Span(inside, inside))).startswith("class Shape")
    assert symbols.enclosing_span(document, Span(0, 0)) is None


def public_signatures(text: str) -> list[tuple[str, str]]:
    return [(each.name, each.signature) for each in symbols.definitions(python(text)) if symbols.is_public(each.name)]


def test_public_names_and_signatures() -> None:
    assert public_signatures(SOURCE) == [
        ("LIMIT", ""),
        ("area", '(width,height=1,*,unit="😀")'),
        ("Shape", "class(Base)"),
        ("Shape.name", ""),
        ("Shape.__init__", "(self,side)"),
        ("Shape.size", "property  (self)"),
        ("late", "()"),
    ]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("def f(a: int) -> str: ...", "def f(a): ...", True),
        ("def f(a, b): ...", "def f(b, a): ...", False),
        ("def f(a, b): ...", "def f(a, /, b): ...", False),
        ("def f(a, b): ...", "def f(a, *, b): ...", False),
        ("def f(a=1): ...", "def f(a=2): ...", False),
        ("def f(): ...", "async def f(): ...", False),
        ("def f(*a, **k): ...", "def f(*a: int, **k: str): ...", True),
        ("def f(a,\n  # why\n  b): ...", "def f(a, b): ...", True),
        ("class A:\n  @staticmethod\n  def f(a): ...", "class A:\n  def f(a): ...", False),
    ],
)
def test_signatures_differ_where_a_caller_would_notice(one: str, other: str, same: bool) -> None:
    assert (public_signatures(one) == public_signatures(other)) is same


@given(st.text(alphabet="ab:\n ()'\"😀=dfef,", max_size=60), st.data())
def test_any_text_and_any_span_give_whole_lines(text: str, data: st.DataObject) -> None:
    document = python(text)
    start = data.draw(st.integers(0, len(text)))
    span = Span(start, data.draw(st.integers(start, len(text))))
    chosen = symbols.widen(document, span)
    assert chosen == symbols.whole_lines(document, chosen)
    assert chosen.end <= len(text)


def test_a_statement_is_not_gone_through_for_what_it_is_in() -> None:
    document = python("def f():\n    a" + ".b()" * 2000 + "\n")
    tree = symbols.parse(document)
    assert tree is not None
    node = tree.root_node.descendant_for_byte_range(2000, 2001)
    kinds = [each.type for each in symbols.upward(tree, node, {"expression_statement"})]
    assert kinds == ["expression_statement", "block", "function_definition", "module"]
    assert len(symbols.upward(tree, node)) > 1000
    assert symbols.widen(document, Span(2000, 2001)) == Span(0, len(document.text) - 1)
