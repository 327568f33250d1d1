"""Positions and what may be suggested there: ¦ is the cursor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.completion.length import Shape, ended, opens, shape, within_scope
from hybrid_lsp.completion.place import Place, where
from hybrid_lsp.context.grammars import Trees
from hybrid_lsp.document import Document


def at(marked: str, language: str) -> tuple[Document, int]:
    offset = marked.index("¦")
    return Document("file:///a", marked.replace("¦", ""), language=language), offset


def shaped(marked: str, language: str = "python", lines: int = 6) -> Shape:
    document, offset = at(marked, language)
    return shape(document, offset, Trees().parse(document), True, lines)


LINE = [
    ("text right of the cursor", "python", "x = ¦ + 1\n"),
    ("a closing bracket right of the cursor", "python", "f(¦)\n"),
    ("the end of a line that opens nothing", "python", "x = a¦\n"),
    ("a colon of a dict", "python", "x = {\n    'a':¦\n}\n"),
    ("a lambda's colon", "python", "x = lambda a:¦\n"),
    ("a colon of a slice, in brackets", "python", "x = a[1:¦\n"),
    ("a comment", "python", "# about:¦\n"),
    ("a string", "python", "x = 'if a:¦\n"),
    ("an empty line in a string", "python", 'x = """a\n¦\n"""\n'),
    ("a comment in braces", "rust", "fn f() { // {¦\n}\n"),
    ("a block comment's empty line", "c", "/* a\n¦\n*/\n"),
    ("JSON's value", "json", '{\n  "a":¦\n}\n'),
    ("prose", "plaintext", "Some words¦\n"),
]
BLOCK = [
    ("an empty line", "python", "def f():\n    ¦\n", 4, False),
    ("an empty line at the left margin", "python", "x = 1\n¦\n", 0, False),
    ("an empty line that the editor has not indented", "python", "def f():\n¦\n", 1, False),
    ("after a colon", "python", "def f():¦\n", 1, False),
    ("below a colon and a comment", "python", "    if a:  # why\n¦\n", 5, False),
    ("after a long signature", "python", "def f(\n    a,\n) -> int:¦\n", 1, False),
    ("after an open bracket", "python", "x = [¦\n", 1, False),
    ("after a brace, nothing below", "rust", "fn f() {¦\n", 1, True),
    ("after a brace that is closed below", "rust", "fn f() {¦\n}\n", 1, False),
    ("in a block that is closed below", "rust", "fn f() {\n    ¦\n}\n", 4, False),
    ("in a block that is not", "javascript", "function f() {\n  ¦\n\nfunction g() {\n}\n", 2, True),
    ("after an arrow", "javascript", "const f = () =>¦\n", 1, True),
    ("after then", "lua", "if a then¦\n", 1, True),
    ("after then, ended below", "lua", "if a then¦\nend\n", 1, False),
    ("after do", "shellscript", "for a in b; do¦\n", 1, True),
    ("after def", "ruby", "def a(b)¦\n", 1, True),
    ("a key", "yaml", "a:¦\n", 1, False),
    ("a language without a grammar", "kotlin", "fun f() {¦\n}\n", 1, False),
    ("a docstring's empty line", "python", 'def f():\n    """A.\n\n    ¦\n    """\n', 4, False),
]


@pytest.mark.parametrize(("language", "marked"), [case[1:] for case in LINE], ids=[case[0] for case in LINE])
def test_the_rest_of_the_line(language: str, marked: str) -> None:
    assert shaped(marked, language).single


@pytest.mark.parametrize(
    ("language", "marked", "floor", "closes"), [case[1:] for case in BLOCK], ids=[case[0] for case in BLOCK]
)
def test_a_block(language: str, marked: str, floor: int, closes: bool) -> None:
    found = shaped(marked, language)
    assert (found.max_lines, found.floor, found.closes) == (6, floor, closes)


def test_blocks_can_be_switched_off() -> None:
    document, offset = at("def f():\n    ¦\n", "python")
    assert shape(document, offset, None, False, 6).single
    assert shape(document, offset, None, True, 1).single


KEPT = [
    ("a line", "x = ¦\n", "python", "1\ny = 2", "1"),
    ("a body", "def f():\n    ¦\n", "python", "a = 1\n    return a\n\n\ndef g():\n    pass", "a = 1\n    return a"),
    ("the first line's indentation counts", "def f():\n¦\n", "python", "    a\n    b = 2\nc = 3", "    a\n    b = 2"),
    ("a body after the colon", "def f():¦\n", "python", "\n    a = 1\n\n    b = 2\nc = 3", "\n    a = 1\n\n    b = 2"),
    ("deeper lines", "def f():\n    ¦\n", "python", "if a:\n        b\n    c\nd", "if a:\n        b\n    c"),
    ("one unit at the margin", "¦\n", "python", "def f():\n    pass\n\n\ndef g():\n    pass", "def f():\n    pass"),
    ("statements at the margin", "¦\n", "python", "a = 1\nb = 2\n\nc = 3", "a = 1\nb = 2\n\nc = 3"),
    ("so many lines", "¦\n", "python", "\n".join("abcdefgh"), "\n".join("abcdef")),
    ("a bracket that is missing", "fn f() {\n    ¦\n", "rust", "a();\n}\n\nfn g() {}", "a();\n}"),
    ("a bracket that is there", "fn f() {\n    ¦\n}\n", "rust", "a();\n}\n\nfn g() {}", "a();"),
    ("tabs", "func f() {\n\t¦\n}\n", "go", "a()\n\tb()\n}", "a()\n\tb()"),
    ("a docstring ends", 'def f():\n    """A.\n\n    ¦\n', "python", 'B.\n    """\n    x = 1', 'B.\n    """'),
    ("white space at the end", "def f():\n    ¦\n", "python", "a\n    \n\n", "a"),
]  # fmt: skip


@pytest.mark.parametrize(("marked", "language", "reply", "kept"), [c[1:] for c in KEPT], ids=[c[0] for c in KEPT])
def test_a_reply_ends_with_the_scope(marked: str, language: str, reply: str, kept: str) -> None:
    assert within_scope(reply, shaped(marked, language)) == kept


@pytest.mark.parametrize(("marked", "language", "reply", "kept"), [c[1:] for c in KEPT], ids=[c[0] for c in KEPT])
def test_a_stream_can_be_stopped_without_loss(marked: str, language: str, reply: str, kept: str) -> None:
    """What has come when `ended` first says so holds all that is kept of the whole."""
    found = shaped(marked, language)
    size = next((length for length in range(len(reply) + 1) if ended(reply[:length], found)), len(reply))
    assert within_scope(reply[:size], found) == kept


def test_nothing_has_ended_before_the_first_line_has() -> None:
    assert not ended("a", Shape())
    assert ended("a\n", Shape())
    assert not ended("a\n    b", Shape(4, 4, 4))
    assert not ended("a\n", Shape(4, 4, 4))
    assert ended("a\n\nb\n", Shape(4, 4, 4))


replies = st.lists(st.sampled_from(["a", "    b", "        c", "", "}", "    }", "d:"]), max_size=8).map("\n".join)


@given(replies, st.integers(1, 5), st.integers(0, 8), st.integers(0, 8), st.booleans())
def test_only_the_end_is_cut(reply: str, lines: int, floor: int, column: int, closes: bool) -> None:
    shape_ = Shape(lines, floor, column, closes)
    kept = within_scope(reply, shape_)
    assert reply.startswith(kept)
    assert within_scope(kept, shape_) == kept
    # The line that closes the scope is one more.
    assert sum(1 for line in kept.split("\n") if line.strip()) <= lines + closes


PLACES = [
    ("python", "x = 1¦", Place.CODE),
    ("python", "x = 1  # why¦", Place.COMMENT),
    ("python", "# ¦\nx = 1\n", Place.COMMENT),
    ("python", "# a\n¦\nx = 1\n", Place.CODE),
    ("python", "x = 'a¦b'\n", Place.STRING),
    ("python", "x = 'ab'¦\n", Place.CODE),
    ("python", "x = ¦'ab'\n", Place.CODE),
    ("python", "x = 'ab¦\n", Place.STRING),
    ("python", "x = f'a{b¦}'\n", Place.CODE),
    ("python", "x = f'a{b}¦'\n", Place.STRING),
    ("python", "def f():\n    '''Do¦c.'''\n", Place.DOCSTRING),
    ("python", 'def f():\n    """Do¦\n', Place.DOCSTRING),
    ("python", 'def f(a):\n    """Do.\n\n    >>> f("¦\n', Place.DOCSTRING),
    ("python", "def f(a):\n    \"\"\"Do.\n\n    >>> f('a') + f('¦\n", Place.DOCSTRING),
    ("python", 'def f(a):\n    """Do."""\n    return g("¦\n', Place.STRING),
    ("python", 'def f(a):\n    """Do.\n    It\'s ¦\n', Place.DOCSTRING),
    ("python", 'x = """a\n¦\n"""\n', Place.STRING),
    ("python", "import o¦\n", Place.IMPORT),
    ("python", "from a import (\n    b¦\n)\n", Place.IMPORT),
    ("python", "x = a['b'¦] + c['\n", Place.CODE),
    ("javascript", "let x = `a ${b¦}`;\n", Place.CODE),
    ("javascript", "let x = `a¦ ${b}`;\n", Place.STRING),
    ("javascript", "let u = 'http://a¦';\n", Place.STRING),
    ("javascript", "/* a ¦ */\n", Place.COMMENT),
    ("javascript", "/* a */¦\n", Place.CODE),
    ("javascript", "// a¦\n", Place.COMMENT),
    ("rust", "/// a¦\nfn f() {}\n", Place.COMMENT),
    ("rust", "/// a\n¦fn f() {}\n", Place.CODE),
    ("rust", "fn f<'a>(x: &'a str, ¦", Place.CODE),
    ("rust", "use std::i¦;\n", Place.IMPORT),
    ("c", '#include "a¦"\n', Place.STRING),
    ("c", "int x = 'a'; // b¦\n", Place.COMMENT),
    ("lua", "-- a¦\n", Place.COMMENT),
    ("lua", "--[[ a\n¦\n]]\n", Place.COMMENT),
    ("kotlin", "// a¦\n", Place.COMMENT),
    ("kotlin", 'val x = "a¦"\n', Place.STRING),
    ("kotlin", 'val x = "a" + ¦\n', Place.CODE),
    ("php", "<?php\n# a¦\n", Place.COMMENT),
    ("json", '{"a": "b¦"}', Place.STRING),
    ("plaintext", "It's¦\n", Place.CODE),
]


@pytest.mark.parametrize(("language", "marked", "place"), PLACES, ids=[f"{c[0]}: {c[1]}" for c in PLACES])
def test_what_the_cursor_stands_in(language: str, marked: str, place: Place) -> None:
    document, offset = at(marked, language)
    assert where(document, offset, Trees().parse(document)) is place


@given(st.text(alphabet="a'\"#(){}\n\\` /*", max_size=40), st.sampled_from(["python", "rust", "kotlin"]), st.data())
def test_every_place_is_something(text: str, language: str, data: st.DataObject) -> None:
    document = Document("file:///a", text, language=language)
    offset = data.draw(st.integers(0, len(text)))
    tree = Trees().parse(document)
    assert where(document, offset, tree) in Place
    assert shape(document, offset, tree, True, 4).max_lines in (1, 4)


@pytest.mark.parametrize(
    ("line", "language", "does"),
    [("else:", "python", True), ("x: int", "python", False), ("foo(", "go", True), ("a = b", "go", False)],
)
def test_what_opens_a_block(line: str, language: str, does: bool) -> None:
    assert opens(line, language) is does
