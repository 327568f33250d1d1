"""What an empty selection means: a definition with the comments and attributes that belong to it."""

from __future__ import annotations

import pytest

from hybrid_lsp.actions.base import selected
from hybrid_lsp.document import Document, Span

MARK = "‸"
CASES = {
    "rust": "use a::b;\n\n[/// Adds.\n/// Twice.\n#[derive(Debug, Clone)]\n#[allow(x)]\nstruct A {\n    x‸: i32,\n}]\n",
    "rust method": "impl A {\n    fn a() {}\n\n[    /// B.\n    #[inline]\n    fn b() {\n        c‸();\n    }]\n}\n",
    "go": "package a\n\n// other\n\n[// Adds adds.\n// It does.\nfunc Adds() int {\n\treturn ‸1\n}]\n",
    "go type": "package a\n\n[// A is.\ntype A struct {\n\tx‸ int\n}]\n",
    "javascript": "const a = 1;\n[/**\n * Adds.\n */\nfunction add() {\n  return ‸1;\n}]\n",
    "javascript arrow": "[// Adds.\nexport const add = (a) => {\n  return a‸;\n};]\nconst b = 1;\n",
    "javascript trailing": "const a = 1; // not its\n[function add() {\n  return ‸1;\n}]\n",
    "typescript": "[/** A. */\n@Component({\n  a: 1,\n})\nexport class A {\n  x‸ = 1;\n}]\n",
    "typescript method": "class A {\n  a() {}\n[  /** B. */\n  @Get('b')\n  b() {\n    return ‸1;\n  }]\n}\n",
    "java": "class A {\n[    /** B. */\n    @Override\n    public int b() {\n        return ‸1;\n    }]\n}\n",
    "csharp": "class A {\n[    /// B\n    [HttpGet]\n    public int B() {\n        return ‸1;\n    }]\n}\n",
    "c": "#include <a.h>\n\n[/* Adds. */\nint add(int a)\n{\n    return ‸a;\n}]\n",
    "cpp": "[// Adds.\ntemplate <class T>\nT add(T a) {\n  return ‸a;\n}]\n",
    "ruby": "class A\n[  # Adds.\n  # Twice.\n  def add\n    ‸1\n  end]\nend\n",
    "lua": "[--- Adds.\n-- @param a\nfunction add(a)\n  return ‸a\nend]\n",
    "php": "<?php\n[/** Adds. */\n#[Pure]\nfunction add($a) {\n  return ‸$a;\n}]\n",
    "shellscript": "#!/bin/sh\n[# Adds.\nadd() {\n  echo ‸1\n}]\n",
    "rust in the comment": "[/// Ad‸ds.\n#[inline]\nfn a() {\n    b();\n}]\nfn c() {}\n",
    "python": "# not of it\n[@cache\ndef f():\n    return ‸1]\n",
}


@pytest.mark.parametrize(("name", "case"), CASES.items(), ids=CASES)
def test_an_empty_selection(name: str, case: str) -> None:
    # Brackets at a line's beginning or end bound what is meant; the code has others.
    start = 0 if case.startswith("[") else case.index("\n[") + 1
    text = case[:start] + case[start + 1 :]
    end = text.rindex("]\n") if name != "rust" else text.index("}]") + 1
    text = text[:end] + text[end + 1 :]
    place = text.index(MARK)
    document = Document("file:///x", text.replace(MARK, ""), language=name.split()[0])
    assert selected(document, Span(place, place)) == Span(start, end - 1)


def test_a_selected_definition_takes_its_comments_along() -> None:
    text = "/// A.\n#[derive(Debug)]\nstruct A {\n    x: i32,\n}\n"
    document = Document("file:///x", text, language="rust")
    start = text.index("struct")
    assert selected(document, Span(start, len(text))) == Span(0, len(text) - 1)


def test_selected_statements_stay_alone() -> None:
    text = "// Now.\nlet x = 1;\nlet y = 2;\n"
    document = Document("file:///x", text, language="javascript")
    start = text.index("let x")
    assert selected(document, Span(start, len(text))) == Span(start, len(text) - 1)


def test_a_blank_line_parts_a_comment_from_what_follows() -> None:
    text = "// A licence.\n\n// Adds.\nfunction add() {\n  return 1;\n}\n"
    document = Document("file:///x", text, language="javascript")
    at = text.index("return")
    assert selected(document, Span(at, at)) == Span(text.index("// Adds"), len(text) - 1)
