"""Where new code goes: its column on an empty line, tabs or spaces, and what is never touched."""

from __future__ import annotations

import pytest
from action_bench import Bench, block
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.actions import indentation
from hybrid_lsp.actions.base import EditOutcome
from hybrid_lsp.actions.fitting import dedented, fitted
from hybrid_lsp.document import Document, Span
from hybrid_lsp.types import Tier

MARK = "‸"


def at(text: str, language: str) -> tuple[Document, Span]:
    """The file, and the place of the mark in it."""
    place = text.index(MARK)
    return Document("file:///x", text.replace(MARK, ""), 1, language), Span(place, place)


async def written(text: str, language: str, code: str) -> str:
    """The file after `edit` wrote code at the mark."""
    document, span = at(text, language)
    bench = Bench()
    assert bench.backend is not None
    bench.backend.enqueue([block(code, language)] * 2)
    done = await bench.pipeline().run("edit", document, span, instruction="Write it.")
    assert isinstance(done, EditOutcome), done
    assert done.tier is Tier.LARGE
    return done.edit.apply()


METHOD = "def area(self):\n    return 1"
CLASS = "class A:\n    def a(self):\n        return 1\n{}\n    def b(self):\n        return 2\n"


@pytest.mark.parametrize(
    ("language", "text", "code", "result"),
    [
        ("python", CLASS.format(MARK), METHOD, CLASS.format("    def area(self):\n        return 1")),
        ("python", CLASS.format("\n" + MARK + "\n"), METHOD, CLASS.format("\n    def area(self):\n        return 1\n")),
        ("python", f"class A:\n    x = 1\n{MARK}", METHOD,
         "class A:\n    x = 1\n    def area(self):\n        return 1"),
        (
            "python",
            f"class A:\n    def a(self):\n        return 1\n\n{MARK}\n",
            METHOD,
            "class A:\n    def a(self):\n        return 1\n\n    def area(self):\n        return 1\n",
        ),
        (
            "python",
            f"class A:\n    def a(self):\n        return 1\n\n\n{MARK}\n",
            "def other():\n    return 1",
            "class A:\n    def a(self):\n        return 1\n\n\ndef other():\n    return 1\n",
        ),
        ("python", f"def f(x):\n{MARK}\n", "return x", "def f(x):\n    return x\n"),
        ("python", f"def f(x):\n    y = x\n{MARK}\n    return y\n", "y += 1",
         "def f(x):\n    y = x\n    y += 1\n    return y\n"),
        ("python", f"def f(x):\n    y = x\n{MARK}\n", "print(y)", "def f(x):\n    y = x\n    print(y)\n"),
        ("python", f"if a:\n    return_ = 1\n    return\n{MARK}\nb = 2\n", "c = 3",
         "if a:\n    return_ = 1\n    return\nc = 3\nb = 2\n"),
        ("python", f"def f(x):\n        {MARK}\n        return x\n", "x += 1",
         "def f(x):\n        x += 1\n        return x\n"),
        ("javascript", f"class A {{\n  a() {{\n    return 1;\n  }}\n{MARK}\n}}\n", "b() {\n  return 2;\n}",
         "class A {\n  a() {\n    return 1;\n  }\n  b() {\n    return 2;\n  }\n}\n"),
        ("javascript", f"function f() {{\n{MARK}\n}}\n", "return 1;", "function f() {\n    return 1;\n}\n"),
        ("go", f"func f() {{\n\tx := 1\n{MARK}\n\tg(x)\n}}\n", "x++", "func f() {\n\tx := 1\n\tx++\n\tg(x)\n}\n"),
        ("go", f"func f() {{\n\tif x {{\n{MARK}\n\t}}\n}}\n", "g()", "func f() {\n\tif x {\n\t\tg()\n\t}\n}\n"),
        ("rust", f"impl A {{\n    fn a() {{}}\n{MARK}\n}}\n", "fn b() {\n    c();\n}",
         "impl A {\n    fn a() {}\n    fn b() {\n        c();\n    }\n}\n"),
        ("yaml", f"a:\n  b: 1\n{MARK}\n  d: 2\n", "c: 3", "a:\n  b: 1\n  c: 3\n  d: 2\n"),
        ("python", MARK, "x = 1", "x = 1"),
    ],
)  # fmt: skip
async def test_code_on_an_empty_line(language: str, text: str, code: str, result: str) -> None:
    assert await written(text, language, code) == result


async def test_code_that_would_tear_a_class_apart_is_refused() -> None:
    document, span = at(f"class A:\n{MARK}\n    def b(self):\n        return 2\n", "python")
    bench = Bench()
    assert bench.backend is not None
    bench.backend.enqueue([block("    x = 1\n\ndef loose():\n    pass")] * 2)
    done = await bench.pipeline().run("edit", document, span, instruction="Write it.")
    assert done.tier is Tier.STATIC
    assert "tears apart" in done.label


async def test_the_prompt_shows_the_place_of_an_empty_line() -> None:
    document, span = at(CLASS.format(MARK), "python")
    bench = Bench()
    assert bench.backend is not None
    bench.backend.enqueue(["no", "no"])
    await bench.pipeline().run("edit", document, span, instruction="Add a method.")
    assert "        return 1\n<<< NEW CODE HERE >>>\n    def b(self):" in bench.prompt()


JSDOC = (
    "/**\n * Adds.\n * @param {number} a\n */\n"
    "function add(a) {\n    if (a) {\n        return 1;\n    }\n    return a;\n}"
)


def test_the_star_of_a_comment_is_no_step_of_indentation() -> None:
    old = "/**\n * Adds.\n */\nfunction add(a) {\n\treturn a;\n}\n"
    document = Document("", old, language="javascript")
    assert fitted(document, Span(0, len(old) - 1), JSDOC) == JSDOC.replace("        ", "\t\t").replace("    ", "\t")


@pytest.mark.parametrize(
    ("language", "old", "code"),
    [
        (
            "javascript",
            "function f() {\n\treturn 1;\n}",
            "function f() {\n  const a = `\n  two\n      six\n`;\n  return a;\n}",
        ),
        ("python", "def f():\n\treturn 1", "def f():\n    a = '''\n  two\n      six\n'''\n    return a"),
        ("go", "func f() {\n\treturn\n}", "func f() {\n    a := `\n  two\n      six\n`\n    g(a)\n}"),
        (
            "php",
            "<?php\nfunction f() {\n\treturn 1;\n}",
            "<?php\nfunction f() {\n    $a = <<<X\n  two\n      six\nX;\n    return $a;\n}",
        ),
    ],
)
def test_text_inside_strings_is_left_alone(language: str, old: str, code: str) -> None:
    new = fitted(Document("", old, language=language), Span(0, len(old)), code)
    assert "\n  two\n      six\n" in new
    assert "\n\t" in new
    assert "\n    " not in new.replace("\n      six", "")


def test_replies_in_tabs_become_spaces() -> None:
    old = "class A:\n  def a(self):\n    return 1\n"
    document = Document("", old, language="python")
    code = "class A:\n\tdef a(self):\n\t\tif self:\n\t\t\treturn 2\n"
    assert fitted(document, Span(0, len(old) - 1), code) == code.rstrip().replace("\t", "  ")


def test_tabs_inside_a_string_do_not_make_a_file_one_of_tabs() -> None:
    old = "def f():\n    return '''\n\tall:\n\tmake\n\t\tx\n'''\n"
    document = Document("", old, language="python")
    code = "def f():\n    return 1"
    assert fitted(document, Span(0, len(old) - 1), code) == code


def test_a_makefile_keeps_its_tabs() -> None:
    document = Document("", "all:\n\tmake a\n", language="makefile")
    assert fitted(document, Span(0, 12), "all:\n    make b\n    make c") == "all:\n\tmake b\n\tmake c"


@pytest.mark.parametrize("text", ["\ufeffx = 1\ny = 2\n", "\ufeffdef f():\r\n    return 1\r\n"])
async def test_a_byte_order_mark_survives(text: str) -> None:
    document = Document("file:///x", text, 1, "python")
    bench = Bench()
    assert bench.backend is not None
    bench.backend.enqueue([block(text.removeprefix("\ufeff").replace("1", "3"))])
    done = await bench.pipeline().run("edit", document, Span(0, len(text)), instruction="Three.")
    assert isinstance(done, EditOutcome)
    assert done.edit.apply() == text.replace("1", "3")
    assert "\ufeff" not in bench.prompt()


lines = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["a", "b = 1", "f(x)", ""])), min_size=1, max_size=8)


@given(lines, st.sampled_from(["\t", "  ", "    "]), st.sampled_from(["\t", "  ", "    "]))
def test_converting_keeps_the_levels(levels: list[tuple[int, str]], mine: str, theirs: str) -> None:
    code = "\n".join(mine * level + text if text else "" for level, text in levels)
    new = indentation.converted(code, "unheard-of", indentation.Style(theirs))
    assert [line.strip() for line in new.split("\n")] == [line.strip() for line in code.split("\n")]
    if mine == "\t" or theirs != "\t":  # from spaces the step is told by the code itself
        indents = [line[: len(line) - len(line.lstrip())] for line in new.split("\n") if line.strip()]
        assert indents == [(theirs if mine == "\t" else mine) * level for level, text in levels if text]


@given(lines, st.sampled_from(["\t", "  ", "    "]))
def test_code_comes_back_as_it_went_out(levels: list[tuple[int, str]], unit: str) -> None:
    least = min((level for level, text in levels if text), default=0)
    levels = [(least, "first"), *levels]
    text = "\n".join(unit * level + text if text else "" for level, text in levels)
    document = Document("", text, language="unheard-of")
    span = Span(0, len(text))
    assert fitted(document, span, dedented(document, span)) == text.rstrip()
