"""What encloses a line and what a file imports, by the tree and by indentation alone."""

from __future__ import annotations

import pytest

from hybrid_lsp.context import scope
from hybrid_lsp.context.grammars import Trees
from hybrid_lsp.document import Document

PYTHON = """\
import os

@register
class Shape(
    Base,
):
    @property
    def area(
        self,
        unit: str,
    ) -> float:
        if self.side:
            x = 1  # here
"""
RUST = """\
use std::io;

#[derive(Debug)]
impl<T> Shape<T> {
    #[inline]
    pub fn area(&self) -> u8 {
        if self.side {
            1 // here
"""
CPP = """\
#ifndef A
#define A
#include <vector>
#endif

namespace shapes {
template <class T>
class Shape {
    int area(int side) {
        return 1; // here
    }
};
}
"""
GO = """\
package shapes

import (
    "os"
)

func (s *Shape) Area(
    unit string,
) int {
    return 1 // here
}
"""
RUBY = """\
require 'set'

module Shapes
  class Shape
    def area(side)
      1 # here
    end
  end
end
"""

IMPORTS = "from a import (\n    b,\n)\nimport c\n"
CLASS = "@register\nclass Shape(\n    Base,\n):\n"
AREA = "    @property\n    def area(\n        self,\n        unit: str,\n    ) -> float:\n"
CASES = [
    ("python", PYTHON, [CLASS, AREA]),
    ("rust", RUST, ["#[derive(Debug)]\nimpl<T> Shape<T> {\n", "    #[inline]\n    pub fn area(&self) -> u8 {\n"]),
    ("cpp", CPP, ["namespace shapes {\n", "template <class T>\nclass Shape {\n", "    int area(int side) {\n"]),
    ("go", GO, ["func (s *Shape) Area(\n    unit string,\n) int {\n"]),
    ("ruby", RUBY, ["module Shapes\n", "  class Shape\n", "    def area(side)\n"]),
]


def heads(language: str, text: str, *, parsed: bool) -> list[str]:
    document = Document("file:///a", text, language=language)
    line, _ = document.position(text.index("here"))
    found = scope.enclosing(document, line, Trees().parse(document) if parsed else None)
    return [document.slice(each.head) for each in found]


@pytest.mark.parametrize(("language", "text", "expected"), CASES, ids=[case[0] for case in CASES])
def test_heads_of_what_encloses_a_line(language: str, text: str, expected: list[str]) -> None:
    assert heads(language, text, parsed=True) == expected


@pytest.mark.parametrize(("language", "text", "expected"), CASES, ids=[case[0] for case in CASES])
def test_indentation_says_nearly_the_same(language: str, text: str, expected: list[str]) -> None:
    found = heads(language, text, parsed=False)
    names = [next(line for line in head.splitlines() if line.strip()[:1] not in "@#t") for head in expected]
    assert [name for head, name in zip(found, names[-len(found) :], strict=True) if name not in head] == []
    assert len(found) >= len(expected) - (language == "cpp")  # a namespace's content is not indented


def test_a_tree_that_is_broken_there_is_not_believed() -> None:
    text = "class A {\n  m( {\n    ) ( } ] here\n"
    assert heads("javascript", text, parsed=True) == heads("javascript", text, parsed=False)


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("python", f"'''Doc.'''\n{IMPORTS}\nx = 1\nimport late\n", IMPORTS),
        ("cpp", CPP, "#include <vector>\n"),
        ("go", GO, 'package shapes\nimport (\n    "os"\n)\n'),
        ("rust", RUST, "use std::io;\n"),
        ("ruby", RUBY, ""),
    ],
)  # fmt: skip
def test_imports_are_whole_statements(language: str, text: str, expected: str) -> None:
    document = Document("file:///a", text, language=language)
    before = text.index("x = 1") if "x = 1" in text else len(text)
    found = scope.imports(document, Trees().parse(document), before)
    assert "".join(document.slice(span) for span in found) == expected


def test_imports_without_a_tree_are_lines() -> None:
    document = Document("file:///a", "import a\nfrom b import c\nx = 1\nuse std::io;\nimportant = 2\n")
    assert [document.slice(span) for span in scope.imports(document, None, len(document.text))] == [
        "import a\n",
        "from b import c\n",
        "use std::io;\n",
    ]


def test_the_end_of_a_string_around_a_place() -> None:
    document = Document("file:///a", 'x = """a\nb"""\ny = 1\n', language="python")
    tree = Trees().parse(document)
    assert tree is not None
    assert scope.text_end(tree, 9) == document.text.index("\ny")
    assert scope.text_end(tree, 16) == 16


def test_tabs_count_to_the_next_stop() -> None:
    assert [scope.indent_of(text) for text in ("x", "  x", "\tx", "  \tx", "\t x")] == [0, 2, 4, 4, 5]
