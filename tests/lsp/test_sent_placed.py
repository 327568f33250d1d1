"""Placing what models send, a second time: cases that were written without a look at what places them."""

from __future__ import annotations

import pytest
from conftest import Connect
from scripted import Script
from sent import CURSOR as AT
from sent import Case, come, fenced, judge

# -- 6: on an empty line ---------------------------------------------------------------------------------------------

EMPTY = {
    "in a Kotlin class": (
        "kotlin",
        f"class A {{\n    fun a(): Int {{\n        return 1\n    }}\n\n{AT}\n}}\n",
        "fun b(): Int {\n    return 2\n}",
        "class A {\n    fun a(): Int {\n        return 1\n    }\n\n    fun b(): Int {\n        return 2\n    }\n}\n",
    ),
    "in a Swift struct": (
        "swift",
        f"struct A {{\n    let x = 1\n\n{AT}\n}}\n",
        "func b() -> Int {\n    return 2\n}",
        "struct A {\n    let x = 1\n\n    func b() -> Int {\n        return 2\n    }\n}\n",
    ),
    "below an access label": (
        "cpp",
        f"class A {{\npublic:\n{AT}\n    int b() {{ return 2; }}\n}};\n",
        "int a() { return 1; }",
        "class A {\npublic:\n    int a() { return 1; }\n    int b() { return 2; }\n};\n",
    ),
    "in a C# class": (
        "csharp",
        f"namespace N\n{{\n    class A\n    {{\n        int a = 1;\n\n{AT}\n    }}\n}}\n",
        "int B()\n{\n    return 2;\n}",
        "namespace N\n{\n    class A\n    {\n        int a = 1;\n\n        int B()\n        {\n            return 2;\n"
        "        }\n    }\n}\n",
    ),
    "in a PHP class": (
        "php",
        f"<?php\nclass A\n{{\n    private $x = 1;\n\n{AT}\n}}\n",
        "public function b()\n{\n    return 2;\n}",
        "<?php\nclass A\n{\n    private $x = 1;\n\n    public function b()\n    {\n        return 2;\n    }\n}\n",
    ),
    "in a recipe": ("makefile", f"a:\n\techo a\n{AT}\n\techo c\n", "echo b", "a:\n\techo a\n\techo b\n\techo c\n"),
    "in a Lua function": (
        "lua",
        f"local function a()\n  local x = 1\n{AT}\n  return x\nend\n",
        "x = x + 1",
        "local function a()\n  local x = 1\n  x = x + 1\n  return x\nend\n",
    ),
    "in a match": (
        "python",
        f"match x:\n    case 1:\n        y = 1\n{AT}\n    case 3:\n        y = 3\n",
        "case 2:\n    y = 2",
        "match x:\n    case 1:\n        y = 1\n    case 2:\n        y = 2\n    case 3:\n        y = 3\n",
    ),
    "in a dictionary": (
        "python",
        f'x = {{\n    "a": 1,\n{AT}\n    "c": 3,\n}}\n',
        '"b": 2,',
        'x = {\n    "a": 1,\n    "b": 2,\n    "c": 3,\n}\n',
    ),
    "behind else": (
        "python",
        f"def f(x):\n    if x:\n        y = 1\n    else:\n{AT}\n    return y\n",
        "y = 2",
        "def f(x):\n    if x:\n        y = 1\n    else:\n        y = 2\n    return y\n",
    ),
    "among arguments": (
        "python",
        f"x = f(\n    1,\n{AT}\n    3,\n)\n",
        "2,",
        "x = f(\n    1,\n    2,\n    3,\n)\n",
    ),
    "in a switch": (
        "javascript",
        f"switch (x) {{\n  case 1:\n    y = 1;\n    break;\n{AT}\n  default:\n    y = 3;\n}}\n",
        "case 2:\n  y = 2;\n  break;",
        "switch (x) {\n  case 1:\n    y = 1;\n    break;\n  case 2:\n    y = 2;\n    break;\n  default:\n    y = 3;\n}\n",
    ),
    "in an object": (
        "typescript",
        f"const a = {{\n  b: 1,\n{AT}\n  d: 3,\n}};\n",
        "c: 2,",
        "const a = {\n  b: 1,\n  c: 2,\n  d: 3,\n};\n",
    ),
    "among elements": (
        "typescriptreact",
        f"const a = (\n  <ul>\n    <li>a</li>\n{AT}\n  </ul>\n);\n",
        "<li>b</li>",
        "const a = (\n  <ul>\n    <li>a</li>\n    <li>b</li>\n  </ul>\n);\n",
    ),
    "in a match of Rust": (
        "rust",
        f"fn f(x: i32) -> i32 {{\n    match x {{\n        1 => 1,\n{AT}\n        _ => 3,\n    }}\n}}\n",
        "2 => 2,",
        "fn f(x: i32) -> i32 {\n    match x {\n        1 => 1,\n        2 => 2,\n        _ => 3,\n    }\n}\n",
    ),
    "in a struct of Go": (
        "go",
        f"type A struct {{\n\tX int\n{AT}\n}}\n",
        "Y int",
        "type A struct {\n\tX int\n\tY int\n}\n",
    ),
    "in a shell function": (
        "shellscript",
        f"a() {{\n  x=1\n{AT}\n  echo $x\n}}\n",
        "if true; then\n  x=2\nfi",
        "a() {\n  x=1\n  if true; then\n    x=2\n  fi\n  echo $x\n}\n",
    ),
    "a comment above a definition": (
        "python",
        f"class A:\n    x = 1\n\n{AT}\n    def b(self):\n        return 2\n",
        "# Two is the answer.",
        "class A:\n    x = 1\n\n    # Two is the answer.\n    def b(self):\n        return 2\n",
    ),
    "in a nested list of YAML": (
        "yaml",
        f"a:\n  - b: 1\n    c: 2\n{AT}\n  - b: 3\n",
        "d: 4",
        "a:\n  - b: 1\n    c: 2\n    d: 4\n  - b: 3\n",
    ),
    "in an enum of Java": (
        "java",
        f"enum A {{\n  B,\n{AT}\n  D\n}}\n",
        "C,",
        "enum A {\n  B,\n  C,\n  D\n}\n",
    ),
}


@pytest.mark.parametrize("name", EMPTY)
async def test_a_line_of_its_own_is_filled(connect: Connect, script: Script, name: str) -> None:
    language, text, code, becomes = EMPTY[name]
    case = Case((fenced(code, language),), becomes, text=text, language=language)
    judge(case, await come(connect, script, case), script)


# -- 7: tabs and spaces ----------------------------------------------------------------------------------------------

STYLES = {
    "a here document": (
        "shellscript",
        f"a() {{\n\tcat <<EOF\n  two\n    four\nEOF\n\techo {AT}1\n}}\n",
        "a() {\n  cat <<EOF\n  two\n    four\nEOF\n  echo 3\n}",
        "a() {\n\tcat <<EOF\n  two\n    four\nEOF\n\techo 3\n}\n",
    ),
    "a raw string of Rust": (
        "rust",
        f'fn a() -> i32 {{\n\tlet x = r#"\n  two\n    four\n"#;\n\t{AT}1\n}}\n',
        'fn a() -> i32 {\n    let x = r#"\n  two\n    four\n"#;\n    3\n}',
        'fn a() -> i32 {\n\tlet x = r#"\n  two\n    four\n"#;\n\t3\n}\n',
    ),
    "a raw string of Go": (
        "go",
        f"func a() int {{\n\tx := `\n  two\n    four\n`\n\treturn {AT}1\n}}\n",
        "func a() int {\n    x := `\n  two\n    four\n`\n    return 3\n}",
        "func a() int {\n\tx := `\n  two\n    four\n`\n\treturn 3\n}\n",
    ),
    "a verbatim string of C#": (
        "csharp",
        f'class A\n{{\n\tint B()\n\t{{\n\t\tvar x = @"\n  two\n    four\n";\n\t\treturn {AT}1;\n\t}}\n}}\n',
        'int B()\n{\n    var x = @"\n  two\n    four\n";\n    return 3;\n}',
        'class A\n{\n\tint B()\n\t{\n\t\tvar x = @"\n  two\n    four\n";\n\t\treturn 3;\n\t}\n}\n',
    ),
    "a text block of Java": (
        "java",
        f'class A {{\n\tint a() {{\n\t\tString x = """\n\t\t\ttwo\n\t\t\t  four\n\t\t\t""";\n\t\treturn {AT}1;\n\t}}\n}}\n',
        'int a() {\n\tString x = """\n\t\t\ttwo\n\t\t\t  four\n\t\t\t""";\n\treturn 3;\n}',
        'class A {\n\tint a() {\n\t\tString x = """\n\t\t\ttwo\n\t\t\t  four\n\t\t\t""";\n\t\treturn 3;\n\t}\n}\n',
    ),
    "one space of a comment in Java": (
        "java",
        f"class A {{\n\t/*\n\t * Adds.\n\t */\n\tint a() {{\n\t\treturn {AT}1;\n\t}}\n}}\n",
        "/*\n * Adds.\n */\nint a() {\n    if (b) {\n        return 3;\n    }\n    return 1;\n}",
        "class A {\n\t/*\n\t * Adds.\n\t */\n\tint a() {\n\t\tif (b) {\n\t\t\treturn 3;\n\t\t}\n\t\treturn 1;\n\t}\n}\n",
    ),
    "a form feed": (
        "python",
        f"\fdef a():\n    return {AT}1\n",
        "def a():\n    return 3",
        "\fdef a():\n    return 3\n",
    ),
    "hard breaks": (
        "markdown",
        f"{AT}One.  \nTwo.\n",
        "Three.  \nTwo.",
        "Three.  \nTwo.\n",
    ),
    "eight spaces into four": (
        "c",
        f"int a(void)\n{{\n    return {AT}1;\n}}\n",
        "int a(void)\n{\n        if (b) {\n                return 3;\n        }\n        return 1;\n}",
        "int a(void)\n{\n    if (b) {\n        return 3;\n    }\n    return 1;\n}\n",
    ),
    "a reply that is indented as a whole": (
        "javascript",
        f"class A {{\n  a() {{\n    return {AT}1;\n  }}\n}}\n",
        "        a() {\n          return 3;\n        }",
        "class A {\n  a() {\n    return 3;\n  }\n}\n",
    ),
    "the first line not indented, the rest as in the file": (
        "python",
        f"class A:\n    def a(self):\n        return {AT}1\n",
        "def a(self):\n        return 3",
        "class A:\n    def a(self):\n        return 3\n",
    ),
    "lines of mixed ends": (
        "python",
        f"def a():\r\n    x = 1\n    return {AT}1\r\n",
        "def a():\n    x = 1\n    return 3",
        "def a():\r\n    x = 1\r\n    return 3\r\n",
    ),
    "chained calls": (
        "javascript",
        f"function a() {{\n    return b\n        .c({AT}1)\n        .d();\n}}\n",
        "function a() {\n  return b\n    .c(3)\n    .d();\n}",
        "function a() {\n    return b\n        .c(3)\n        .d();\n}\n",
    ),
}


@pytest.mark.parametrize("name", STYLES)
async def test_it_stands_as_the_file_does(connect: Connect, script: Script, name: str) -> None:
    language, text, code, becomes = STYLES[name]
    end = (2, 0) if name == "hard breaks" else None
    fence = "````" if language == "markdown" else "```"
    case = Case((fenced(code, language, fence),), becomes, text=text, language=language, end=end)
    judge(case, await come(connect, script, case), script)


# -- 8: what stands above a definition -------------------------------------------------------------------------------

HEADS = {
    "a comment and a decorator of Python": (
        "python",
        "# Adds.\n@cache\n@other(1)\ndef a():\n    return {at}{n}",
        "@cache\n@other(1)\ndef a():\n    return 3",
    ),
    "a comment between decorators": (
        "python",
        "@cache\n# Adds.\n@other\ndef a():\n    return {at}{n}",
        "@cache\n@other\ndef a():\n    return 3",
    ),
    "an attribute of C++": (
        "cpp",
        "//! Adds.\n[[nodiscard]]\nint a() {{\n    return {at}{n};\n}}",
        "[[nodiscard]]\nint a() {\n    return 3;\n}",
    ),
    "annotations of Lua": (
        "lua",
        "--- Adds.\n---@param x number\nlocal function a(x)\n  return {at}{n}\nend",
        "local function a(x)\n  return 3\nend",
    ),
    "outer and doc comments of Rust": (
        "rust",
        "// Why.\n/// Adds.\n#[inline]\n#[must_use]\npub fn a() -> i32 {{\n    {at}{n}\n}}",
        "#[inline]\n#[must_use]\npub fn a() -> i32 {\n    3\n}",
    ),
    "a directive of Go": (
        "go",
        "// A adds.\n//\n//go:noinline\nfunc A() int {{\n\treturn {at}{n}\n}}",
        "func A() int {\n\treturn 3\n}",
    ),
    "a comment of the shell": (
        "shellscript",
        "# Adds.\n# It is so.\na() {{\n  echo {at}{n}\n}}",
        "a() {\n  echo 3\n}",
    ),
    "an exported constant": (
        "typescript",
        "/** Adds. */\nexport const a = (): number => {{\n  return {at}{n};\n}};",
        "export const a = (): number => {\n  return 3;\n};",
    ),
    "an async default": (
        "javascript",
        "// Adds.\nexport default async function a() {{\n  return {at}{n};\n}}",
        "export default async function a() {\n  return 3;\n}",
    ),
}


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("name", HEADS)
async def test_comments_above_are_there_once(connect: Connect, script: Script, name: str, whole: bool) -> None:
    """A model writes the comments again, or leaves them out: either way they are there once."""
    language, form, bare = HEADS[name]
    text = f"{form.format(at=AT, n=1)}\n"
    reply = form.format(at="", n=3) if whole else bare
    case = Case((fenced(reply, language),) * 2, text=text, language=language)
    done = await come(connect, script, case)
    assert done.after == text.replace(AT, "").replace("n 1", "n 3").replace("o 1", "o 3").replace("    1\n", "    3\n")


async def test_a_licence_above_stays(connect: Connect, script: Script) -> None:
    text = f"# Licence.\n\ndef a():\n    return {AT}1\n"
    case = Case((fenced("def a():\n    return 3"),), text.replace(AT, "").replace("1", "3"), text=text)
    judge(case, await come(connect, script, case), script)


# -- 9: signatures ---------------------------------------------------------------------------------------------------

LOST = {
    "virtual": (
        "cpp",
        "class A {\n  virtual int a() const { return {at}1; }\n};",
        "class A {\n  int a() { return 3; }\n};",
    ),
    "noexcept": ("cpp", "int a() noexcept {\n  return {at}1;\n}", "int a() {\n  return 3;\n}"),
    "throws": (
        "java",
        "class A {\n  public int a() throws E {\n    return {at}1;\n  }\n}",
        "class A {\n  public int a() {\n    return 3;\n  }\n}",
    ),
    "synchronized": (
        "java",
        "class A {\n  public synchronized int a() {\n    return {at}1;\n  }\n}",
        "class A {\n  public int a() {\n    return 3;\n  }\n}",
    ),
    "the type of a result": (
        "typescript",
        "function a(): number {\n  return {at}1;\n}",
        "function a() {\n  return 3;\n}",
    ),
    "export": ("typescript", "export function a() {\n  return {at}1;\n}", "function a() {\n  return 3;\n}"),
    "async": ("javascript", "async function a() {\n  return {at}1;\n}", "function a() {\n  return 3;\n}"),
    "get": (
        "javascript",
        "class A {\n  get a() {\n    return {at}1;\n  }\n}",
        "class A {\n  a() {\n    return 3;\n  }\n}",
    ),
    "static": (
        "javascript",
        "class A {\n  static a() {\n    return {at}1;\n  }\n}",
        "class A {\n  a() {\n    return 3;\n  }\n}",
    ),
    "a generator": ("javascript", "function* a() {\n  yield {at}1;\n}", "function a() {\n  return [3];\n}"),
    "pub": ("rust", "pub fn a() -> i32 {\n    {at}1\n}", "fn a() -> i32 {\n    3\n}"),
    "unsafe": ("rust", "pub unsafe fn a() -> i32 {\n    {at}1\n}", "pub fn a() -> i32 {\n    3\n}"),
    "a lifetime": (
        "rust",
        "pub fn a<'a>(x: &'a str, y: &str) -> &'a str {\n    {at}x\n}",
        'pub fn a(x: &str, y: &str) -> String {\n    x.to_string() + "3"\n}',
    ),
    "the pointer of a receiver": (
        "go",
        "func (a *A) B() int {\n\treturn {at}1\n}",
        "func (a A) B() int {\n\treturn 3\n}",
    ),
    "a second result": ("go", "func B() (int, error) {\n\treturn {at}1, nil\n}", "func B() int {\n\treturn 3\n}"),
    "static of C": ("c", "static int a(void) {\n  return {at}1;\n}", "int a(void) {\n  return 3;\n}"),
    "const of C": ("c", "int a(const char *x) {\n  return {at}1;\n}", "int a(char *x) {\n  return 3;\n}"),
    "async of C#": (
        "csharp",
        "class A\n{\n    public async Task<int> B()\n    {\n        return {at}1;\n    }\n}",
        "class A\n{\n    public int B()\n    {\n        return 3;\n    }\n}",
    ),
    "override": (
        "csharp",
        "class A\n{\n    public override int B()\n    {\n        return {at}1;\n    }\n}",
        "class A\n{\n    public int B()\n    {\n        return 3;\n    }\n}",
    ),
    "static of PHP": (
        "php",
        "<?php\nclass A {\n    public static function b() {\n        return {at}1;\n    }\n}",
        "class A {\n    public function b() {\n        return 3;\n    }\n}",
    ),
    "self of Ruby": ("ruby", "class A\n  def self.b\n    {at}1\n  end\nend", "class A\n  def b\n    3\n  end\nend"),
    "a keyword of Ruby": ("ruby", "def b(x, y: 1)\n  {at}1\nend", "def b(x, y)\n  3\nend"),
    "bases": ("python", "class A(B):\n    x = {at}1", "class A:\n    x = 3"),
    "a metaclass": ("python", "class A(B, metaclass=C):\n    x = {at}1", "class A(B):\n    x = 3"),
    "a setter": (
        "python",
        "class A:\n    @property\n    def x(self):\n        return {at}1\n\n    @x.setter\n    def x(self, y):\n        f(y)",
        "class A:\n    @property\n    def x(self):\n        return 3",
    ),
    "slots": (
        "python",
        'class A:\n    __slots__ = ("x",)\n\n    def y(self):\n        return {at}1',
        "class A:\n    def y(self):\n        return 3",
    ),
    "extends": ("typescript", "class A extends B {\n  x = {at}1;\n}", "class A {\n  x = 3;\n}"),
    "implements": ("typescript", "class A implements B {\n  x = {at}1;\n}", "class A {\n  x = 3;\n}"),
    "readonly": ("typescript", "class A {\n  readonly x = {at}1;\n}", "class A {\n  x = 3;\n}"),
    "private": ("typescript", "class A {\n  private x = {at}1;\n}", "class A {\n  x = 3;\n}"),
    "a yield": ("python", "def a():\n    yield {at}1", "def a():\n    return [3]"),
}


@pytest.mark.parametrize("name", LOST)
async def test_what_makes_a_signature_is_kept(connect: Connect, script: Script, name: str) -> None:
    language, text, code = LOST[name]
    whole = (text.count("\n"), 1 if "\n" in text else len(text))
    text = text.replace("{at}", "")
    case = Case((fenced(code, language),) * 2, text=f"{AT}{text}\n", language=language, action="optimize", end=whole)
    done = await come(connect, script, case)
    assert done.after is None or "3" not in done.after
    assert len(script.requests) == 2
