"""Placing what models send: empty lines, tabs and spaces, what stands above a definition, and how it is called."""

from __future__ import annotations

import pytest
from conftest import Connect
from scripted import Script
from sent import CURSOR as AT
from sent import Case, come, fenced, judge

# -- 6: on an empty line ---------------------------------------------------------------------------------------------

METHOD = "def area(self):\n    return 1"
_A = "class A:\n    def a(self):\n        return 1\n"
_B = "\n    def b(self):\n        return 2\n"
_NEW = "    def area(self):\n        return 1\n"
NESTED = (
    "class A:\n    class B:\n        def a(self):\n            return 1\n\n{}\n"
    "        def b(self):\n            return 2\n"
)
TABBED = "class A:\n\tdef a(self):\n\t\treturn 1\n\n{}\n\tdef b(self):\n\t\treturn 2\n"
EMPTY = {
    "in a class": ("python", _A + f"\n{AT}\n" + _B, METHOD, f"{_A}\n{_NEW}{_B}"),
    "in a class, by a model that indents": (
        "python",
        _A + f"\n{AT}\n" + _B,
        "    def area(self):\n        return 1",
        f"{_A}\n{_NEW}{_B}",
    ),
    "on an indented empty line": ("python", f"{_A}\n    {AT}\n{_B}", METHOD, f"{_A}\n{_NEW}{_B}"),
    "in a nested class": (
        "python",
        NESTED.format(AT),
        METHOD,
        NESTED.format("        def area(self):\n            return 1"),
    ),
    "in a file of tabs": ("python", TABBED.format(AT), METHOD, TABBED.format("\tdef area(self):\n\t\treturn 1")),
    "with a decorator": (
        "python",
        f"{_A}\n{AT}\n{_B}",
        "@property\ndef area(self):\n    return 1",
        f"{_A}\n    @property\n{_NEW}{_B}",
    ),
    "above a decorator": (
        "python",
        f"{_A}\n{AT}\n\n    @property\n    def b(self):\n        return 2\n",
        METHOD,
        f"{_A}\n{_NEW}\n    @property\n    def b(self):\n        return 2\n",
    ),
    "CRLF": (
        "python",
        f"{_A}\n{AT}\n{_B}".replace("\n", "\r\n"),
        METHOD,
        f"{_A}\n{_NEW}{_B}".replace("\n", "\r\n"),
    ),
    "at the end of a file": ("python", f"{_A}\n{AT}", METHOD, f"{_A}\n{_NEW}".rstrip("\n")),
    "a function at the end of a file": (
        "python",
        f"{_A}\n\n{AT}\n",
        "def other():\n    return 1",
        f"{_A}\n\ndef other():\n    return 1\n",
    ),
    "the only line of a body": ("python", f"def f(x):\n{AT}\n", "return x", "def f(x):\n    return x\n"),
    "behind an if": (
        "python",
        f"def f(x):\n    if x:\n{AT}\n    return x\n",
        "x += 1",
        "def f(x):\n    if x:\n        x += 1\n    return x\n",
    ),
    "between statements": (
        "python",
        f"def f(x):\n    y = x\n{AT}\n    return y\n",
        "y += 1",
        "def f(x):\n    y = x\n    y += 1\n    return y\n",
    ),
    "an empty file": ("python", AT, "x = 1", "x = 1"),
    "the first line": ("python", f"{AT}\nx = 1\n", "import os", "import os\nx = 1\n"),
    "in a JavaScript class": (
        "javascript",
        f"class A {{\n  a() {{\n    return 1;\n  }}\n{AT}\n}}\n",
        "b() {\n  return 2;\n}",
        "class A {\n  a() {\n    return 1;\n  }\n  b() {\n    return 2;\n  }\n}\n",
    ),
    "in a TypeScript class": (
        "typescript",
        f"class A {{\n  a(): number {{\n    return 1;\n  }}\n\n{AT}\n\n  c(): void {{}}\n}}\n",
        "private async b(): Promise<number> {\n  return 2;\n}",
        (
            "class A {\n  a(): number {\n    return 1;\n  }\n\n  private async b(): Promise<number> {\n"
            "    return 2;\n  }\n\n  c(): void {}\n}\n"
        ),
    ),
    "in a Java class": (
        "java",
        f"class A {{\n    int a() {{\n        return 1;\n    }}\n\n{AT}\n}}\n",
        '@Override\npublic String toString() {\n    return "";\n}',
        (
            "class A {\n    int a() {\n        return 1;\n    }\n\n    @Override\n    public String toString() {\n"
            '        return "";\n    }\n}\n'
        ),
    ),
    "in an impl": (
        "rust",
        f"impl A {{\n    fn a() {{}}\n\n{AT}\n}}\n",
        "pub fn b() -> i32 {\n    1\n}",
        "impl A {\n    fn a() {}\n\n    pub fn b() -> i32 {\n        1\n    }\n}\n",
    ),
    "in Go": ("go", f"func f() {{\n\tx := 1\n{AT}\n\tg(x)\n}}\n", "x++", "func f() {\n\tx := 1\n\tx++\n\tg(x)\n}\n"),
    "in Go, by spaces": (
        "go",
        f"func f() {{\n\tif x {{\n{AT}\n\t}}\n}}\n",
        "for {\n    g()\n}",
        "func f() {\n\tif x {\n\t\tfor {\n\t\t\tg()\n\t\t}\n\t}\n}\n",
    ),
    "in YAML": ("yaml", f"a:\n  b: 1\n{AT}\n  d: 2\n", "c: 3", "a:\n  b: 1\n  c: 3\n  d: 2\n"),
    "in JSON": ("json", f'{{\n  "a": 1,\n{AT}\n  "c": 2\n}}\n', '"b": 3,', '{\n  "a": 1,\n  "b": 3,\n  "c": 2\n}\n'),
    "in HTML": (
        "html",
        f"<ul>\n  <li>a</li>\n{AT}\n</ul>\n",
        "<li>b</li>",
        "<ul>\n  <li>a</li>\n  <li>b</li>\n</ul>\n",
    ),
    "in CSS": ("css", f"a {{\n  top: 0;\n{AT}\n}}\n", "left: 0;", "a {\n  top: 0;\n  left: 0;\n}\n"),
    "in Ruby": (
        "ruby",
        f"class A\n  def a\n    1\n  end\n\n{AT}\nend\n",
        "def b\n  2\nend",
        "class A\n  def a\n    1\n  end\n\n  def b\n    2\n  end\nend\n",
    ),
}


@pytest.mark.parametrize("name", EMPTY)
async def test_what_is_written_on_an_empty_line_stands_where_it_belongs(
    connect: Connect, script: Script, name: str
) -> None:
    language, text, code, becomes = EMPTY[name]
    case = Case((fenced(code, language),), becomes, text=text, language=language)
    judge(case, await come(connect, script, case), script)


@pytest.mark.parametrize(
    "head", ["class A:\n", "class A:\n    x = 1\n\n", "class A(B):\n    def a(self):\n        return 1\n\n"]
)
async def test_a_reply_with_its_class_around_is_not_put_into_that(connect: Connect, script: Script, head: str) -> None:
    text = f"{head}{AT}\n\n    def b(self):\n        return 2\n"
    first = head.split("\n")[0]
    again = f"{first}\n    def area(self):\n        return 1"
    case = Case((fenced(again), fenced(METHOD)), text.replace(AT, _NEW.rstrip("\n")), text=text, refused="from outside")
    judge(case, await come(connect, script, case), script)


# -- 7: tabs and spaces ----------------------------------------------------------------------------------------------

JSDOC = "class A {\n\t/**\n\t * Adds.\n\t * @returns {number}\n\t */\n\tadd(a) {\n\t\treturn a + 1;\n\t}\n}\n"
STYLES = {
    "JSDoc in tabs": (
        "javascript",
        JSDOC.replace("return a", f"return {AT}a"),
        "/**\n * Adds.\n * @returns {number}\n */\nadd(a) {\n  return a + 3;\n}",
        JSDOC.replace("a + 1", "a + 3"),
    ),
    "tabs into spaces": (
        "python",
        f"class A:\n  def a(self):\n    return {AT}1\n",
        "def a(self):\n\tif self:\n\t\treturn 3\n\treturn 1",
        "class A:\n  def a(self):\n    if self:\n      return 3\n    return 1\n",
    ),
    "four spaces into two": (
        "python",
        f"class A:\n  def a(self):\n    return {AT}1\n",
        "def a(self):\n    if self:\n        return 3\n    return 1",
        "class A:\n  def a(self):\n    if self:\n      return 3\n    return 1\n",
    ),
    "two spaces into four": (
        "javascript",
        f"function a() {{\n    return {AT}1;\n}}\n",
        "function a() {\n  if (b) {\n    return 3;\n  }\n  return 1;\n}",
        "function a() {\n    if (b) {\n        return 3;\n    }\n    return 1;\n}\n",
    ),
    "spaces into tabs": (
        "go",
        f"func a() int {{\n\treturn {AT}1\n}}\n",
        "func a() int {\n    if b {\n        return 3\n    }\n    return 1\n}",
        "func a() int {\n\tif b {\n\t\treturn 3\n\t}\n\treturn 1\n}\n",
    ),
    "text in strings": (
        "python",
        f'def a():\n\tx = """\n  two\n    four\n"""\n\treturn {AT}x\n',
        'def a():\n    x = """\n  two\n    four\n"""\n    return x + "3"',
        'def a():\n\tx = """\n  two\n    four\n"""\n\treturn x + "3"\n',
    ),
    "text in templates": (
        "javascript",
        f"function a() {{\n\tconst x = `\n  two\n    four\n`;\n\treturn {AT}x;\n}}\n",
        "function a() {\n  const x = `\n  two\n    four\n`;\n  return x + 3;\n}",
        "function a() {\n\tconst x = `\n  two\n    four\n`;\n\treturn x + 3;\n}\n",
    ),
    "line ends": (
        "python",
        f"def a():\r\n    return {AT}1\r\n",
        "def a():\n    b = 3\n    return b",
        "def a():\r\n    b = 3\r\n    return b\r\n",
    ),
    "a byte order mark": (
        "python",
        f"\ufeffdef a():\n    return {AT}1\n",
        "def a():\n    return 3",
        "\ufeffdef a():\n    return 3\n",
    ),
    "no last line end": ("python", f"def a():\n    return {AT}1", "def a():\n    return 3", "def a():\n    return 3"),
    "a block of a method, not indented": (
        "python",
        f"class A:\n    def a(self):\n        return {AT}1\n",
        "def a(self):\n    return 3",
        "class A:\n    def a(self):\n        return 3\n",
    ),
    "aligned arguments": (
        "python",
        f"def a():\n    return f({AT}1,\n             2)\n",
        "def a():\n    return f(3,\n             2)",
        "def a():\n    return f(3,\n             2)\n",
    ),
}


@pytest.mark.parametrize("name", STYLES)
async def test_indentation_is_the_files_own(connect: Connect, script: Script, name: str) -> None:
    language, text, code, becomes = STYLES[name]
    case = Case((fenced(code, language),), becomes, text=text, language=language)
    judge(case, await come(connect, script, case), script)


# -- 8: what stands above a definition -------------------------------------------------------------------------------

HEADS = {
    "javascript": ("/**\n * Adds.\n */\nfunction a(x) {{\n  return {at}{n};\n}}", "function a"),
    "typescript": ("/** Adds. */\n@Input()\nexport class A {{\n  x = {at}{n};\n}}", "export class"),
    "rust": (
        "/// Adds.\n#[derive(Debug, Clone)]\n#[serde(default)]\nstruct A {{\n    x: [u8; {at}{n}],\n}}",
        "struct A",
    ),
    "go": ("// A adds.\n// It is so.\nfunc A() int {{\n\treturn {at}{n}\n}}", "func A"),
    "java": ("/** Adds. */\n@Override\n@Deprecated\npublic int a() {{\n    return {at}{n};\n}}", "public int"),
    "c": ("/* Adds. */\nint a(void) {{\n    return {at}{n};\n}}", "int a"),
    "cpp": ("// Adds.\ntemplate <typename T>\nT a() {{\n    return {at}{n};\n}}", "T a"),
    "csharp": ("/// <summary>Adds.</summary>\n[Obsolete]\npublic int A() {{\n    return {at}{n};\n}}", "public int"),
    "ruby": ("# Adds.\n# It is so.\ndef a\n  {at}{n}\nend", "def a"),
    "php": ("/** Adds. */\n#[Pure]\nfunction a() {{\n    return {at}{n};\n}}", "function a"),
}


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("language", HEADS)
async def test_what_stands_above_is_there_once(connect: Connect, script: Script, language: str, whole: bool) -> None:
    """A model writes the comments and attributes again, or begins with the definition."""
    form, definition = HEADS[language]
    head = "<?php\n" if language == "php" else ""
    if language in ("java", "csharp"):
        head, tail = "class B {\n", "\n}"
    else:
        tail = ""
    new = form.format(at="", n=3)
    comments = new[: new.index("\n") + 1] if not whole else ""
    reply = (
        new
        if whole
        else new[new.index(definition) :]
        if language not in ("rust", "cpp", "typescript")
        else new[len(comments) :]
    )
    text = f"{head}{form.format(at=AT, n=1)}{tail}\n"
    attributes = language in ("java", "csharp", "php")
    done = await come(
        connect, script, Case((fenced(reply, language),) * 2, text=text, language=language, action="edit")
    )
    after = text.replace(AT, "").replace("1", "3")
    if not whole and attributes:  # an attribute that goes is named, or the head that it is part of; the comment stays
        assert done.after is not None
        assert "Adds." in done.after
        assert any("attributes" in each or "signatures" in each for each in done.notes), done.notes
    else:
        assert done.after == after


# -- 9: signatures ---------------------------------------------------------------------------------------------------

MARKED = {
    "dataclass": ("python", f"@dataclass\nclass A:\n    x: int = {AT}1\n", "class A:\n    x: int = 3"),
    "property": (
        "python",
        f"class A:\n    @property\n    def x(self):\n        return {AT}1\n",
        "def x(self):\n    return 3",
    ),
    "abstract": (
        "python",
        f"class A(ABC):\n    @abstractmethod\n    def x(self):\n        return {AT}1\n",
        "def x(self):\n    return 3",
    ),
    "staticmethod": (
        "python",
        f"class A:\n    @staticmethod\n    def x():\n        return {AT}1\n",
        "def x():\n    return 3",
    ),
    "arguments of a decorator": (
        "python",
        f"@cache(maxsize=None)\ndef x():\n    return {AT}1\n",
        "def x():\n    return 3",
    ),
    "an attribute of Rust": ("rust", f"#[inline]\nfn x() -> i32 {{\n    {AT}1\n}}\n", "fn x() -> i32 {\n    3\n}"),
    "derive": ("rust", f"#[derive(Debug)]\nstruct A {{\n    x: [u8; {AT}1],\n}}\n", "struct A {\n    x: [u8; 3],\n}"),
    "a decorator of TypeScript": (
        "typescript",
        f"@Component({{}})\nclass A {{\n  x = {AT}1;\n}}\n",
        "class A {\n  x = 3;\n}",
    ),
    "an annotation of Java": (
        "java",
        f"class A {{\n    @Override\n    public int x() {{\n        return {AT}1;\n    }}\n}}\n",
        "public int x() {\n    return 3;\n}",
    ),
}


@pytest.mark.parametrize("action", ["optimize", "simplify"])
@pytest.mark.parametrize("name", MARKED)
async def test_a_lost_mark_is_refused(connect: Connect, script: Script, name: str, action: str) -> None:
    language, text, code = MARKED[name]
    done = await come(connect, script, Case((fenced(code, language),) * 2, text=text, language=language, action=action))
    assert done.after is None or "3" not in done.after
    assert len(script.requests) == 2


@pytest.mark.parametrize("name", MARKED)
async def test_a_lost_mark_is_named_by_edit(connect: Connect, script: Script, name: str) -> None:
    language, text, code = MARKED[name]
    done = await come(connect, script, Case((fenced(code, language),), text=text, language=language))
    assert done.after is not None
    assert done.notes


SIGNATURES = {
    "a parameter": ("def x(a, b=1):", "def x(a):"),
    "a default": ("def x(a, b=1):", "def x(a, b=2):"),
    "the order": ("def x(a, b):", "def x(b, a):"),
    "the name": ("def xyz(a):", "def zyx(a):"),
    "async": ("async def x(a):", "def x(a):"),
    "a star": ("def x(a, *, b):", "def x(a, b):"),
}


@pytest.mark.parametrize("name", SIGNATURES)
async def test_a_changed_signature_is_refused(connect: Connect, script: Script, name: str) -> None:
    old, new = SIGNATURES[name]
    body = "\n    return {}a + 0"
    done = await come(
        connect, script, Case((fenced(new + body.format("")),) * 2, text=f"{old}{body.format(AT)}\n", action="simplify")
    )
    assert done.after is None or new not in done.after
    assert len(script.requests) == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def x(a: int) -> int:", "def x(a: float) -> int:"),
        ("def x(a: int) -> int:", "def x(a: int):"),
        ("def x(a):", "def x(a: int):"),
    ],
)
async def test_changed_annotations_are_named(connect: Connect, script: Script, old: str, new: str) -> None:
    text = f"{old}\n    return {AT}a + 0\n"
    done = await come(connect, script, Case((fenced(f"{new}\n    return a"),), text=text, action="simplify"))
    assert done.after == f"{new}\n    return a\n"
    assert any("annotation" in each for each in done.notes), done.notes
