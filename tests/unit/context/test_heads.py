"""What a file offers to others, in each language."""

from __future__ import annotations

import pytest

from hybrid_lsp.context.grammars import Trees
from hybrid_lsp.context.outline import MOST_CHARS, outline
from hybrid_lsp.document import Document

CASES = [
    (
        "python",
        '''LIMIT = 3
a.b = 1


@cache
def area(
    width, height,
) -> float:
    """The area.

    At length.
    """
    return width * height


class Shape(Base):
    "A shape."

    sides = 4

    def __init__(self, sides): ...

    def _private(self): ...

    @property
    def size(self) -> int:
        return 1
''',
        {
            "LIMIT": "LIMIT = 3\n",
            "area": '@cache\ndef area(\n    width, height,\n) -> float:\n    """The area."""\n',
            "Shape": 'class Shape(Base):\n    "A shape."\n    def __init__(self, sides): ...\n'
            "    @property\n    def size(self) -> int:\n",
        },
    ),
    (
        "typescript",
        """export const LIMIT = 3;
export type Pair = [number, number];
export interface Shape {
  area(): number;
}
export default class Square implements Shape {
  constructor(readonly side: number) {
    go();
  }
  area() { return 1; }
}
function helper(a: string): void {
  go();
}
""",
        {
            "LIMIT": "export const LIMIT = 3;\n",
            "Pair": "export type Pair = [number, number];\n",
            "Shape": "export interface Shape {\n",
            "Square": "export default class Square implements Shape {\n  constructor(readonly side: number) {\n"
            "  area() { return 1; }\n",
            "helper": "function helper(a: string): void {\n",
        },
    ),
    (
        "rust",
        """pub struct Shape {
    side: u8,
}

impl Shape {
    pub fn area(&self) -> u8 {
        1
    }
}

pub fn helper() -> u8 {
    1
}

mod inner {
    pub enum Kind { A }
}
""",
        {
            "Shape": "pub struct Shape {\nimpl Shape {\n    pub fn area(&self) -> u8 {\n",
            "helper": "pub fn helper() -> u8 {\n",
            "Kind": "    pub enum Kind { A }\n",
        },
    ),
    (
        "cpp",
        """namespace shapes {
class Shape {
    int area(int side) {
        return 1;
    }
};
int *helper(int a) {
    return 0;
}
}
""",
        {
            "Shape": "class Shape {\n    int area(int side) {\n",
            "helper": "int *helper(int a) {\n",
        },
    ),
    (
        "go",
        "package a\n\ntype Shape struct {\n\tside int\n}\n\nfunc Area(s Shape) int {\n\treturn 1\n}\n\nvar limit = 3\n",
        {"Shape": "type Shape struct {\n", "Area": "func Area(s Shape) int {\n", "limit": "var limit = 3\n"},
    ),
    (
        "java",
        "class Shape {\n  int area(int side) {\n    return 1;\n  }\n}\n",
        {"Shape": "class Shape {\n  int area(int side) {\n"},
    ),
    ("ruby", "def area(a)\n  a\nend\n", {"area": "def area(a)\n"}),
]


@pytest.mark.parametrize(("language", "text", "expected"), CASES, ids=[case[0] for case in CASES])
def test_names_and_heads(language: str, text: str, expected: dict[str, str]) -> None:
    document = Document("file:///a", text, language=language)
    tree = Trees().parse(document)
    assert tree is not None
    assert outline(document, tree) == expected


def test_a_long_class_is_cut_at_a_line() -> None:
    methods = "".join(f"    def method_{number}(self): ...\n" for number in range(100))
    document = Document("file:///a", f"class A:\n{methods}", language="python")
    tree = Trees().parse(document)
    assert tree is not None
    text = outline(document, tree)["A"]
    assert len(text) <= MOST_CHARS
    assert document.text.startswith(text)
    assert text.endswith("...\n")
