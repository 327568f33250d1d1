"""Public names and signatures stay, in every language that has a grammar."""

from __future__ import annotations

from typing import Any

import pytest

from hybrid_lsp.actions import edits, names
from hybrid_lsp.actions.base import selected
from hybrid_lsp.document import Document, Span
from hybrid_lsp.errors import ReplyRejected

CODE = {
    "rust": (
        "pub fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n\n"
        "impl Shape {\n    fn area(&self) -> f64 {\n        1.0\n    }\n}\n"
    ),
    "go": "package a\n\nfunc Add(a, b int) int {\n\treturn a + b\n}\n\ntype Shape struct {\n\tX int\n}\n",
    "java": "class Shape {\n    int area(int a) {\n        return a;\n    }\n}\n",
    "typescript": (
        "export const add = (a: number, b: number) => {\n  return a + b;\n};\n\n"
        "export class Shape {\n  area(a: number) {\n    return a;\n  }\n}\n"
    ),
    "javascript": "function add(a, b) {\n  return a + b;\n}\n",
    "c": "int *add(int a, int b)\n{\n    return 0;\n}\n",
    "cpp": "namespace n {\nint add(int a) {\n    return a;\n}\n}\n",
}
NAMES = {
    "rust": ["add", "Shape", "Shape.area"],
    "go": ["Add", "Shape"],
    "java": ["Shape", "Shape.area"],
    "typescript": ["add", "Shape", "Shape.area"],
    "javascript": ["add"],
    "c": ["add"],
    "cpp": ["n", "n.add"],
}


def document(language: str) -> Document:
    return Document("file:///x", CODE[language], 1, language)


@pytest.mark.parametrize("language", CODE)
def test_names_of_a_file(language: str) -> None:
    assert list(names.defined(document(language))) == NAMES[language]


def verified(language: str, old: str, new: str) -> str:
    file = document(language)
    code = file.text.replace(old, new)
    return edits.verified(file, Span(0, len(file.text) - 1), code, "Optimize").apply()


@pytest.mark.parametrize(
    ("language", "old", "new", "why"),
    [
        ("rust", "add(a", "plus(a", "no longer defines `add`"),
        ("rust", "b: i32)", "b: i64)", "changes `add`: `pubfnadd\\(a:i32,b:i32\\)->i32` became"),
        ("rust", "area(", "surface(", "no longer defines `Shape.area`"),
        ("go", "(a, b int)", "(a int)", "changes `Add`"),
        ("java", "int area", "long area", "changes `Shape.area`"),
        ("typescript", "(a: number, b", "(b", "changes `add`"),
        ("typescript", "class Shape", "class Form", "no longer defines `Shape`"),
        ("javascript", "(a, b)", "(b, a)", "changes `add`"),
        ("c", "*add", "*plus", "no longer defines `add`"),
        ("cpp", "add(int a)", "add(long a)", "changes `n.add`"),
        ("javascript", "return a + b;", "return a + ;", "syntax error near line 2, column"),
    ],
)
def test_others_would_miss_these(language: str, old: str, new: str, why: str) -> None:
    with pytest.raises(ReplyRejected, match=why):
        verified(language, old, new)


@pytest.mark.parametrize(
    ("language", "old", "new"),
    [
        ("rust", "    a + b\n", "    b + a\n"),
        ("javascript", "function add", "function helper() {\n  return 1;\n}\n\nfunction add"),
        ("go", "return a + b", "c := a + b\n\treturn c"),
    ],
)
def test_others_do_not_notice_these(language: str, old: str, new: str) -> None:
    assert new in verified(language, old, new)


def test_a_language_without_a_grammar_defines_nothing() -> None:
    assert names.defined(Document("file:///x", "add := 1", 1, "nothing")) == {}


def test_only_the_statements_around_an_edit_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken line elsewhere neither hides an error nor makes one, and a long file takes no longer."""
    text = "def f(:\n\n\ndef g():\n    return 1\n\n\nx = 1\n" + "y = 1\n" * 1000
    file = Document("file:///x.py", text, 1, "python")
    start = text.index("def g")
    span = Span(start, text.index("\n\n\nx ="))
    compiled: list[str] = []

    def watch(source: str, *rest: Any, **more: Any) -> Any:
        compiled.append(source)
        return compile(source, *rest, **more)

    monkeypatch.setattr(edits, "compile", watch, raising=False)
    assert "return 2" in edits.verified(file, span, "def g():\n    return 2", "Optimize").apply()
    assert max(map(len, compiled)) < 50
    with pytest.raises(ReplyRejected, match=r"'break' outside loop \(line 5\)"):
        edits.verified(file, span, "def g():\n    break", "Optimize")
    with pytest.raises(ReplyRejected, match="syntax error near line 4"):
        edits.verified(file, span, "def g():\n    return (", "Optimize")


@pytest.mark.parametrize(
    ("language", "at", "first", "last"),
    [
        ("rust", "1.0", "    fn area(&self) -> f64 {", "    }"),
        ("typescript", "return a;", "  area(a: number) {", "  }"),
        ("typescript", "Shape {", "export class Shape {", "}"),
        ("javascript", "return", "function add(a, b) {", "}"),
        ("go", "return", "func Add(a, b int) int {", "}"),
    ],
)
def test_a_cursor_means_the_function_around_it(language: str, at: str, first: str, last: str) -> None:
    file = document(language)
    start = file.text.index(at)
    span = selected(file, Span(start, start))
    assert span is not None
    lines = file.slice(span).split("\n")
    assert (lines[0], lines[-1]) == (first, last)


def test_outside_of_all_a_cursor_means_its_line() -> None:
    assert selected(document("go"), Span(2, 2)) == Span(0, len("package a"))
