"""Where an answer is placed, how it is indented, what stands above it and what it may not lose: over many languages."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import pytest
from conftest import Connect
from scripted import Script
from sent import CURSOR as AT
from sent import Case, come_all, fenced, judge, judge_all

# -- 6: on an empty line ---------------------------------------------------------------------------------------------
# language, the file, the reply, the line or lines that take the cursor's place

ON_EMPTY = {
    "between methods of Java": (
        "java",
        "class A {\n    int a() {\n        return 1;\n    }\n\n▮\n\n    int c() {\n        return 3;\n    }\n}\n",
        "int b() {\n    return 2;\n}",
        "    int b() {\n        return 2;\n    }",
    ),
    "first in a class of Java": (
        "java",
        "class A {\n▮\n    int c() {\n        return 3;\n    }\n}\n",
        "private int b;",
        "    private int b;",
    ),
    "first in an empty class": ("java", "class A {\n▮\n}\n", "int b = 2;", "    int b = 2;"),
    "in a block of Java": (
        "java",
        "class A {\n    void a() {\n        if (b) {\n▮\n        }\n    }\n}\n",
        "for (int i : c) {\n    f(i);\n}",
        "            for (int i : c) {\n                f(i);\n            }",
    ),
    "at the end of Java": ("java", "class A {\n}\n▮", "class B {\n}", "class B {\n}"),
    "in Kotlin": (
        "kotlin",
        "class A {\n    fun a() = 1\n\n▮\n\n    fun c() = 3\n}\n",
        "fun b(): Int {\n    return 2\n}",
        "    fun b(): Int {\n        return 2\n    }",
    ),
    "in C": ("c", "int a(void)\n{\n    int b = 1;\n▮\n    return b;\n}\n", "b += 2;", "    b += 2;"),
    "between functions of C": (
        "c",
        "int a(void)\n{\n    return 1;\n}\n\n▮\n\nint c(void);\n",
        "int b(void)\n{\n    return 2;\n}",
        "int b(void)\n{\n    return 2;\n}",
    ),
    "in a switch": (
        "c",
        "int a(int b)\n{\n\tswitch (b) {\n\tcase 1:\n\t\treturn 1;\n▮\n\tdefault:\n\t\treturn 0;\n\t}\n}\n",
        "case 2:\n    return 2;",
        "\tcase 2:\n\t\treturn 2;",
    ),
    "in a namespace": (
        "cpp",
        "namespace a {\n\nint b();\n\n▮\n\n}  // namespace a\n",
        "int c();",
        "int c();",
    ),
    "in C++, by a label": (
        "cpp",
        "class A {\npublic:\n    int a();\n▮\nprivate:\n    int c;\n};\n",
        "int b();",
        "    int b();",
    ),
    "in C#": (
        "csharp",
        "namespace A\n{\n    class B\n    {\n        int C => 1;\n\n▮\n    }\n}\n",
        "[Obsolete]\npublic int D()\n{\n    return 2;\n}",
        "        [Obsolete]\n        public int D()\n        {\n            return 2;\n        }",
    ),
    "in a struct of Go": ("go", "type A struct {\n\tB int\n▮\n}\n", "C string", "\tC string"),
    "between functions of Go": (
        "go",
        "func a() {\n\tf()\n}\n\n▮\n\nfunc c() {\n}\n",
        "func b() {\n    g()\n}",
        "func b() {\n\tg()\n}",
    ),
    "in a match": (
        "rust",
        "fn a(x: u8) -> u8 {\n    match x {\n        0 => 1,\n▮\n        _ => 3,\n    }\n}\n",
        "1 => 2,",
        "        1 => 2,",
    ),
    "in a trait": ("rust", "trait A {\n    fn a();\n▮\n}\n", "/// B.\nfn b();", "    /// B.\n    fn b();"),
    "in a block of Ruby": (
        "ruby",
        "module A\n  class B\n    def a\n      1\n    end\n\n▮\n  end\nend\n",
        "def b\n  2\nend",
        "    def b\n      2\n    end",
    ),
    "in a class of PHP": (
        "php",
        "<?php\nclass A\n{\n    private int $a;\n\n▮\n}\n",
        "public function b(): int\n{\n    return 2;\n}",
        "    public function b(): int\n    {\n        return 2;\n    }",
    ),
    "in Lua": ("lua", "function a()\n  local x = 1\n▮\n  return x\nend\n", "x = x + 2", "  x = x + 2"),
    "in Swift": ("swift", "struct A {\n    var a = 1\n▮\n}\n", "var b = 2", "    var b = 2"),
    "in Scala": ("scala", "object A {\n  val a = 1\n▮\n}\n", "val b = 2", "  val b = 2"),
    "in a shell's if": (
        "shellscript",
        'a() {\n  b\n}\nif [ "$1" ]; then\n▮\nfi\n',
        "echo a",
        "  echo a",
    ),
    "in a nested map": (
        "yaml",
        "a:\n  b:\n    c: 1\n▮\n  e: 3\n",
        "d: 2",
        "    d: 2",
    ),
    "in a list of YAML": ("yaml", "a:\n  - b\n▮\n  - d\n", "- c", "  - c"),
    "in a table": ("toml", "[a]\nb = 1\n▮\n\n[d]\n", "c = 2", "c = 2"),
    "in a nested list of HTML": (
        "html",
        "<ul>\n  <li>\n    <b>a</b>\n▮\n  </li>\n</ul>\n",
        "<i>b</i>",
        "    <i>b</i>",
    ),
    "in a rule": ("css", "@media print {\n  a {\n    top: 0;\n▮\n  }\n}\n", "left: 0;", "    left: 0;"),
    "in a template of Vue": (
        "vue",
        "<template>\n  <div>\n    <p>a</p>\n▮\n  </div>\n</template>\n",
        "<p>b</p>",
        "    <p>b</p>",
    ),
    "in a component of Svelte": ("svelte", "<script>\n  let a = 1;\n▮\n</script>\n", "let b = 2;", "  let b = 2;"),
    "in JSX": (
        "typescriptreact",
        "const A = () => (\n  <div>\n    <b>a</b>\n▮\n  </div>\n);\n",
        "<i>b</i>",
        "    <i>b</i>",
    ),
    "in an object": ("javascript", "const a = {\n  b: 1,\n▮\n};\n", "c: 2,", "  c: 2,"),
    "in a call": ("javascript", "f(\n  a,\n▮\n);\n", "b,", "  b,"),
    "in an array of JSON": ("json", "[\n    1,\n▮\n    3\n]\n", "2,", "    2,"),
    "in an interface": ("typescript", "interface A {\n  a: number;\n▮\n}\n", "b?: string;", "  b?: string;"),
    "under a decorator": (
        "python",
        "class A:\n    @property\n▮\n    def b(self):\n        return 2\n",
        "@cache",
        "    @cache",
    ),
    "between decorators at the top": ("python", "@one\n▮\n@two\ndef a():\n    return 1\n", "@mid", "@mid"),
    "behind else": (
        "python",
        "def a(x):\n    if x:\n        return 1\n    else:\n▮\n\n\ndef b():\n    return 2\n",
        "return 0",
        "        return 0",
    ),
    "behind a with": ("python", "with a() as b:\n▮\n", "for c in b:\n    f(c)", "    for c in b:\n        f(c)"),
    "in a dictionary": ("python", 'a = {\n    "b": 1,\n▮\n}\n', '"c": 2,', '    "c": 2,'),
    "between functions": (
        "python",
        "def a():\n    return 1\n\n\n▮\n\n\ndef c():\n    return 3\n",
        "def b():\n    return 2",
        "def b():\n    return 2",
    ),
    "at the end of a class, before code": (
        "python",
        "class A:\n    def a(self):\n        return 1\n\n    ▮\n\n\nx = A()\n",
        "def b(self):\n    return 2",
        "    def b(self):\n        return 2",
    ),
    "in a try": (
        "python",
        "def a():\n\ttry:\n▮\n\texcept E:\n\t\treturn 1\n",
        "return b()",
        "\t\treturn b()",
    ),
    "in a docstring": (
        "python",
        'def a(x):\n    """Adds.\n\n▮\n    """\n    return x\n',
        "Args:\n    x: A number.",
        "    Args:\n        x: A number.",
    ),
    "by a model that indents by the wrong width": (
        "python",
        "class A:\n    def a(self):\n        return 1\n\n▮\n",
        "  def b(self):\n    return 2",
        "    def b(self):\n        return 2",
    ),
    "a comment": ("python", "def a():\n    x = 1\n▮\n    return x\n", "# One.", "    # One."),
    "imports at the top": ("python", "import a\n▮\n\n\ndef f():\n    return 1\n", "import b", "import b"),
    "enum of Java": ("java", "enum A {\n    B,\n▮\n    D\n}\n", "C,", "    C,"),
    "annotation above a method": (
        "java",
        'class A {\n▮\n    public String toString() {\n        return "";\n    }\n}\n',
        "@Override",
        "    @Override",
    ),
    "namespace of C#": ("csharp", "namespace A;\n\n▮\n\nclass C {\n}\n", "class B {\n}", "class B {\n}"),
    "describe": (
        "javascript",
        "describe('a', () => {\n  it('b', () => {\n    f();\n  });\n\n▮\n});\n",
        "it('c', () => {\n  g();\n});",
        "  it('c', () => {\n    g();\n  });",
    ),
    "case of JS": (
        "javascript",
        "switch (a) {\n  case 1:\n    f();\n    break;\n▮\n  default:\n    g();\n}\n",
        "case 2:\n  h();\n  break;",
        "  case 2:\n    h();\n    break;",
    ),
    "ruby block": ("ruby", "def c\n  d\nend\n\na.each do |b|\n▮\nend\n", "puts b", "  puts b"),
    "lua table": ("lua", "local a = {\n  b = 1,\n▮\n}\n", "c = 2,", "  c = 2,"),
    "python async": (
        "python",
        "class A:\n    async def b(self):\n        return 1\n\n▮\n\n    async def d(self):\n        return 3\n",
        "async def c(self):\n    return 2",
        "    async def c(self):\n        return 2",
    ),
    "python match": (
        "python",
        "def a(x):\n    match x:\n        case 1:\n            return 1\n▮\n        case 3:\n            return 3\n",
        "case 2:\n    return 2",
        "        case 2:\n            return 2",
    ),
    "python lambda list": ("python", "a = [\n    1,\n▮\n    3,\n]\n", "2,", "    2,"),
    "python class attribute first": (
        "python",
        "class A:\n▮\n\n    def b(self):\n        return 2\n",
        "x = 1",
        "    x = 1",
    ),
    "dataclass field": ("python", "@dataclass\nclass A:\n    x: int\n▮\n    z: int\n", "y: int", "    y: int"),
    "dockerfile": ("dockerfile", "FROM a\n▮\nCMD b\n", "RUN c", "RUN c"),
    "makefile recipe": ("makefile", "a: b\n\techo 1\n▮\n\nc:\n\techo 3\n", "echo 2", "\techo 2"),
    "css at top": (
        "css",
        "a {\n  top: 0;\n}\n\n▮\n\nb {\n  top: 1px;\n}\n",
        "i {\n  top: 2px;\n}",
        "i {\n  top: 2px;\n}",
    ),
    "swift case": (
        "swift",
        "switch a {\ncase 1:\n    f()\n▮\ndefault:\n    g()\n}\n",
        "case 2:\n    h()",
        "case 2:\n    h()",
    ),
    "toml comment": ("toml", "[a]\nb = 1\n▮\nd = 3\n", "# Two.\nc = 2", "# Two.\nc = 2"),
    "yaml of a list of maps": ("yaml", "a:\n  - b: 1\n    c: 2\n▮\n  - b: 5\n", "- b: 3\n  c: 4", "  - b: 3\n    c: 4"),
}


async def test_on_an_empty_line(connect: Connect, script: Script, subtests: pytest.Subtests) -> None:
    cases = {}
    for name, (language, text, code, lines) in ON_EMPTY.items():
        lead = text.partition(AT)[0].split("\n")[-1]
        becomes = text.replace(lead + AT, lines)
        cases[name] = Case((fenced(code, language),), becomes, text=text, language=language)
    await judge_all(connect, script, subtests, cases)


# -- 7: tabs and spaces ----------------------------------------------------------------------------------------------
# language, the file (a bar: the cursor), the reply, what becomes of the file

_JD = "class A {{\n{0}/**\n{0} * Adds.\n{0} *\n{0} *     indented example\n{0} */\n{0}a() {{\n{0}{0}return {1};\n{0}}}\n}}\n"
IN_THE_FILES_WAY = {
    "JSDoc with an example": (
        "javascript",
        _JD.format("\t", "▮1"),
        "/**\n * Adds.\n *\n *     indented example\n */\na() {\n    return 3;\n}",
        _JD.format("\t", "3"),
    ),
    "JSDoc of four into two": (
        "typescript",
        "class A {\n  /**\n   * Adds.\n   */\n  a() {\n    return ▮1;\n  }\n}\n",
        "    /**\n     * Adds.\n     */\n    a() {\n        return 3;\n    }",
        "class A {\n  /**\n   * Adds.\n   */\n  a() {\n    return 3;\n  }\n}\n",
    ),
    "tabs into Java": (
        "java",
        "class A {\n    int a() {\n        return ▮1;\n    }\n}\n",
        "int a() {\n\tif (b) {\n\t\treturn 3;\n\t}\n\treturn 1;\n}",
        "class A {\n    int a() {\n        if (b) {\n            return 3;\n        }\n        return 1;\n    }\n}\n",
    ),
    "a Makefile's tabs": (
        "makefile",
        "▮a: b\n\tmake 1\n",
        "a: b\n\tmake 3\n\tmake 4",
        "a: b\n\tmake 3\n\tmake 4\n",
    ),
    "two of Ruby by four": (
        "ruby",
        "class A\n  def a\n    ▮1\n  end\nend\n",
        "def a\n    if b\n        3\n    end\nend",
        "class A\n  def a\n    if b\n      3\n    end\n  end\nend\n",
    ),
    "a here-document": (
        "shellscript",
        "a() {\n\tcat <<EOF\n  two\n    four\nEOF\n\techo ▮1\n}\n",
        "a() {\n  cat <<EOF\n  two\n    four\nEOF\n  echo 3\n}",
        "a() {\n\tcat <<EOF\n  two\n    four\nEOF\n\techo 3\n}\n",
    ),
    "a squiggly here-document": (
        "ruby",
        "def a\n  x = <<~T\n    one\n      two\n  T\n  ▮1\nend\n",
        "def a\n  x = <<~T\n    one\n      two\n  T\n  3\nend",
        "def a\n  x = <<~T\n    one\n      two\n  T\n  3\nend\n",
    ),
    "a here-document of PHP": (
        "php",
        "<?php\nfunction a() {\n\t$x = <<<T\n  two\n    four\nT;\n\treturn ▮1;\n}\n",
        "function a() {\n    $x = <<<T\n  two\n    four\nT;\n    return 3;\n}",
        "<?php\nfunction a() {\n\t$x = <<<T\n  two\n    four\nT;\n\treturn 3;\n}\n",
    ),
    "a raw string of Go": (
        "go",
        "func a() int {\n\tx := `\n  two\n    four\n`\n\treturn ▮1\n}\n",
        "func a() int {\n    x := `\n  two\n    four\n`\n    return 3\n}",
        "func a() int {\n\tx := `\n  two\n    four\n`\n\treturn 3\n}\n",
    ),
    "a raw string of Rust": (
        "rust",
        'fn a() -> u8 {\n  let x = r#"\n    four\n\ttab\n"#;\n  ▮1\n}\n',
        'fn a() -> u8 {\n    let x = r#"\n    four\n\ttab\n"#;\n    3\n}',
        'fn a() -> u8 {\n  let x = r#"\n    four\n\ttab\n"#;\n  3\n}\n',
    ),
    "a raw string of C++": (
        "cpp",
        'int a() {\n\tauto x = R"(\n  two\n)";\n\treturn ▮1;\n}\n',
        'int a() {\n  auto x = R"(\n  two\n)";\n  return 3;\n}',
        'int a() {\n\tauto x = R"(\n  two\n)";\n\treturn 3;\n}\n',
    ),
    "a text block of Java": (
        "java",
        'class A {\n\tint a() {\n\t\tvar x = """\n\t\t  two\n\t\t""";\n\t\treturn ▮1;\n\t}\n}\n',
        'int a() {\n\tvar x = """\n\t\t  two\n\t\t""";\n\treturn 3;\n}',
        'class A {\n\tint a() {\n\t\tvar x = """\n\t\t  two\n\t\t""";\n\t\treturn 3;\n\t}\n}\n',
    ),
    "a verbatim string of C#": (
        "csharp",
        'class A\n{\n\tint B()\n\t{\n\t\tvar x = @"\n  two\n";\n\t\treturn ▮1;\n\t}\n}\n',
        'int B()\n{\n    var x = @"\n  two\n";\n    return 3;\n}',
        'class A\n{\n\tint B()\n\t{\n\t\tvar x = @"\n  two\n";\n\t\treturn 3;\n\t}\n}\n',
    ),
    "a long string of Lua": (
        "lua",
        "local function a()\n\tlocal x = [[\n  two\n    four\n]]\n\treturn ▮1\nend\n",
        "local function a()\n  local x = [[\n  two\n    four\n]]\n  return 3\nend",
        "local function a()\n\tlocal x = [[\n  two\n    four\n]]\n\treturn 3\nend\n",
    ),
    "a template within a method": (
        "javascript",
        "class A {\n  a() {\n    const x = `\nzero\n  two\n`;\n    return ▮1;\n  }\n}\n",
        "a() {\n  const x = `\nzero\n  two\n`;\n  return 3;\n}",
        "class A {\n  a() {\n    const x = `\nzero\n  two\n`;\n    return 3;\n  }\n}\n",
    ),
    "a docstring within a method": (
        "python",
        'class A:\n    def a(self):\n        """Adds.\n\n        Two:\n            four\n        """\n        return ▮1\n',
        'def a(self):\n    """Adds.\n\n    Two:\n        four\n    """\n    return 3',
        'class A:\n    def a(self):\n        """Adds.\n\n        Two:\n            four\n        """\n        return 3\n',
    ),
    "SQL within a method": (
        "python",
        'class A:\n    def a(self):\n        x = """\n        SELECT 1\n        """\n        return ▮1\n',
        'def a(self):\n    x = """\n        SELECT 1\n        """\n    return 3',
        'class A:\n    def a(self):\n        x = """\n        SELECT 1\n        """\n        return 3\n',
    ),
    "an f-string within a method": (
        "python",
        'class A:\n\tdef a(self):\n\t\tx = f"""\n  {b}\n"""\n\t\treturn ▮1\n',
        'def a(self):\n    x = f"""\n  {b}\n"""\n    return 3',
        'class A:\n\tdef a(self):\n\t\tx = f"""\n  {b}\n"""\n\t\treturn 3\n',
    ),
    "tabs within a string": (
        "python",
        'def a():\n    x = "a\tb"\n    return ▮1\n',
        'def a():\n\tx = "a\tb"\n\treturn 3',
        'def a():\n    x = "a\tb"\n    return 3\n',
    ),
    "aligned comments in tabs": (
        "go",
        "func a() int {\n\tx := 1 // one\n\tyy := 2 // two\n\treturn ▮x\n}\n",
        "func a() int {\n    x := 1   // one\n    yy := 2  // two\n    return x + yy\n}",
        "func a() int {\n\tx := 1   // one\n\tyy := 2  // two\n\treturn x + yy\n}\n",
    ),
    "continued by eight": (
        "java",
        "class A {\n    int a() {\n        return f(1,\n                ▮2);\n    }\n}\n",
        "int a() {\n    return f(1,\n            3);\n}",
        "class A {\n    int a() {\n        return f(1,\n                3);\n    }\n}\n",
    ),
    "blank lines with blanks": (
        "python",
        "class A:\n    def a(self):\n        x = 1\n\n        return ▮x\n",
        "def a(self):\n    x = 3\n    \n    return x",
        "class A:\n    def a(self):\n        x = 3\n\n        return x\n",
    ),
    "CRLF in tabs": (
        "csharp",
        "class A\r\n{\r\n\tint B()\r\n\t{\r\n\t\treturn ▮1;\r\n\t}\r\n}\r\n",
        "int B()\n{\n    return 3;\n}",
        "class A\r\n{\r\n\tint B()\r\n\t{\r\n\t\treturn 3;\r\n\t}\r\n}\r\n",
    ),
    "CRLF of a reply in a file of LF": (
        "ruby",
        "def a\n  ▮1\nend\n",
        "def a\r\n  3\r\nend",
        "def a\n  3\nend\n",
    ),
    "a byte order mark of C#": (
        "csharp",
        "\ufeffclass A\n{\n    int B = ▮1;\n}\n",
        "class A\n{\n    int B = 3;\n}",
        "\ufeffclass A\n{\n    int B = 3;\n}\n",
    ),
    "a byte order mark that the model repeats": (
        "python",
        "\ufeffdef a():\n    return ▮1\n",
        "\ufeffdef a():\n    return 3",
        "\ufeffdef a():\n    return 3\n",
    ),
    "comment repeated above a statement": (
        "javascript",
        "// One.\nconst a = ▮1;\n",
        "// One.\nconst a = 3;",
        "// One.\nconst a = 3;\n",
    ),
    "method with template": (
        "typescript",
        "class A {\n\ta() {\n\t\tconst b = `\n<p>\n  x\n</p>\n`;\n\t\treturn ▮1;\n\t}\n}\n",
        "a() {\n    const b = `\n<p>\n  x\n</p>\n`;\n    return 3;\n}",
        "class A {\n\ta() {\n\t\tconst b = `\n<p>\n  x\n</p>\n`;\n\t\treturn 3;\n\t}\n}\n",
    ),
    "python comment repeated": (
        "python",
        "class A:\n    # One.\n    def a(self):\n        return ▮1\n",
        "# One.\ndef a(self):\n    return 3",
        "class A:\n    # One.\n    def a(self):\n        return 3\n",
    ),
    "php method": (
        "php",
        "<?php\nclass A\n{\n    /** One. */\n    public function a(): int\n    {\n        return ▮1;\n    }\n}\n",
        "public function a(): int\n{\n    return 3;\n}",
        "<?php\nclass A\n{\n    /** One. */\n    public function a(): int\n    {\n        return 3;\n    }\n}\n",
    ),
    "cr tabs": (
        "java",
        "class A {\r\n\tint a() {\r\n\t\treturn ▮1;\r\n\t}\r\n}\r\n",
        "int a() {\r\n    return 3;\r\n}",
        "class A {\r\n\tint a() {\r\n\t\treturn 3;\r\n\t}\r\n}\r\n",
    ),
}


async def test_in_the_files_way(connect: Connect, script: Script, subtests: pytest.Subtests) -> None:
    cases = {}
    for name, (language, text, code, becomes) in IN_THE_FILES_WAY.items():
        end = (text.count("\n"), 0) if text.startswith(AT) else None
        cases[name] = Case((fenced(code, language),), becomes, text=text, language=language, end=end)
    await judge_all(connect, script, subtests, cases)


HEADS_OF_ACCESSORS = {
    "property of C#": (
        "csharp",
        "class A\n{\n    public int B\n    {\n        get { return ▮1 + 0; }\n    }\n}\n",
        "public int B\n{\n    get { return 1; }\n}",
        "class A\n{\n    public int B\n    {\n        get { return 1; }\n    }\n}\n",
    ),
    "arrow of C#": (
        "csharp",
        "class A\n{\n    public int B() => ▮1 + 0;\n}\n",
        "public int B() => 1;",
        "class A\n{\n    public int B() => 1;\n}\n",
    ),
}


async def test_a_body_is_no_part_of_a_head(connect: Connect, script: Script, subtests: pytest.Subtests) -> None:
    cases = {
        name: Case((fenced(code, language),), becomes, text=text, language=language, action="optimize")
        for name, (language, text, code, becomes) in HEADS_OF_ACCESSORS.items()
    }
    await judge_all(connect, script, subtests, cases)


# -- 8: what stands above a definition -------------------------------------------------------------------------------
# language, what stands before, above, the definition, what stands behind

ABOVE = {
    "Python, decorators": ("python", "x = 1\n\n\n", "@cache\n@other(1)\n", "def a():\n    return {}", "\n"),
    "Python, comment": ("python", "x = 1\n\n\n", "# Adds.\n# Two lines.\n", "def a():\n    return {}", "\n"),
    "Python, comment and decorator": ("python", "", "# Adds.\n@cache\n", "def a():\n    return {}", "\n"),
    "Python, class": ("python", "", "@dataclass(frozen=True)\n", "class A:\n    x: int = {}", "\n"),
    "JavaScript, exported": ("javascript", "", "/** Adds. */\n", "export function a() {{\n  return {};\n}}", "\n"),
    "JavaScript, default": (
        "javascript",
        "",
        "/** Adds. */\n",
        "export default async function a() {{\n  return {};\n}}",
        "\n",
    ),
    "JavaScript, arrow": ("javascript", "", "// Adds.\n", "export const a = () => {{\n  return {};\n}};", "\n"),
    "JavaScript, linter": (
        "javascript",
        "",
        "// eslint-disable-next-line\n",
        "function a() {{\n  return {};\n}}",
        "\n",
    ),
    "TypeScript, method": (
        "typescript",
        "class B {\n",
        "  /** Adds. */\n  @log()\n",
        "  async a(): Promise<number> {{\n    return {};\n  }}",
        "\n}\n",
    ),
    "TypeScript, ignored": (
        "typescript",
        "",
        "// @ts-expect-error\n",
        "export function a(): string {{\n  return {};\n}}",
        "\n",
    ),
    "TSX": ("typescriptreact", "", "/** A part. */\n", "export function A() {{\n  return <b>{}</b>;\n}}", "\n"),
    "Rust, attributes": (
        "rust",
        "use a;\n\n",
        "/// Adds.\n///\n/// ```\n/// a();\n/// ```\n#[inline]\n#[must_use]\n",
        "pub fn a() -> u8 {{\n    {}\n}}",
        "\n",
    ),
    "Rust, test": ("rust", "", '#[test]\n#[should_panic(expected = "a")]\n', "fn a() {{\n    f({});\n}}", "\n"),
    "Rust, method": (
        "rust",
        "impl A {\n",
        "    /// Adds.\n    #[inline]\n",
        "    pub fn a(&self) -> u8 {{\n        {}\n    }}",
        "\n}\n",
    ),
    "Rust, enum": ("rust", "", "#[derive(Debug)]\n#[repr(u8)]\n", "pub enum A {{\n    B = {},\n}}", "\n"),
    "Go, directive": (
        "go",
        "package a\n\n",
        "// A adds.\n//\n//go:noinline\n",
        "func A() int {{\n\treturn {}\n}}",
        "\n",
    ),
    "Go, type": ("go", "package a\n\n", "// A is one.\n", "type A struct {{\n\tB [{}]int\n}}", "\n"),
    "Go, method": ("go", "package a\n\n", "// B adds.\n", "func (a *A) B() int {{\n\treturn {}\n}}", "\n"),
    "Java, Javadoc": (
        "java",
        "class B {\n",
        '    /**\n     * Adds.\n     */\n    @Override\n    @SuppressWarnings("a")\n',
        "    public int a() {{\n        return {};\n    }}",
        "\n}\n",
    ),
    "Java, on one line": (
        "java",
        "class B {\n",
        "",
        "    @Override public int a() {{\n        return {};\n    }}",
        "\n}\n",
    ),
    "Java, class": ("java", "", "/** A. */\n@Entity\n", "public final class A {{\n    int b = {};\n}}", "\n"),
    "C, doxygen": (
        "c",
        "#include <a.h>\n\n",
        "/**\n * Adds.\n */\n",
        "static int a(void)\n{{\n    return {};\n}}",
        "\n",
    ),
    "C, attribute": ("c", "", "__attribute__((noinline))\n", "int a(void)\n{{\n    return {};\n}}", "\n"),
    "C++, template": (
        "cpp",
        "",
        "/// Adds.\ntemplate <typename T>\n",
        "constexpr T a(T b) {{\n    return b + {};\n}}",
        "\n",
    ),
    "C++, attribute": ("cpp", "", "[[nodiscard]]\n", "int a() {{\n    return {};\n}}", "\n"),
    "C#, attributes": (
        "csharp",
        "class B\n{\n",
        '    /// <summary>Adds.</summary>\n    [HttpGet("a")]\n    [Authorize]\n',
        "    public async Task<int> A()\n    {{\n        return {};\n    }}",
        "\n}\n",
    ),
    "Ruby, comment": ("ruby", "class B\n", "  # Adds.\n  # @return [Integer]\n", "  def a\n    {}\n  end", "\nend\n"),
    "PHP, attributes": (
        "php",
        "<?php\nclass B\n{\n",
        "    /** Adds. */\n    #[Route('/a')]\n",
        "    public function a(): int\n    {{\n        return {};\n    }}",
        "\n}\n",
    ),
    "Lua, annotations": ("lua", "", "--- Adds.\n---@return integer\n", "local function a()\n  return {}\nend", "\n"),
    "shell, comment": ("shellscript", "set -e\n\n", "# Adds.\n", "a() {{\n  echo {}\n}}", "\n"),
}


def _above(name: str, whole: bool) -> tuple[Case, str, list[str]]:
    """The case, what becomes of the file where nothing is lost, and the comments that stay in any case."""
    language, before, above, definition, behind = ABOVE[name]
    form = before + above + "{}" + behind
    place = len(before + above) + definition.format("1").rindex("1")
    text = form.replace("{}", definition.format("1"))
    reply = ((above if whole else "") + definition.format("3")).split("\n")
    lead = min(len(each) - len(each.lstrip()) for each in reply if each.strip())
    code = "\n".join(each[lead:] for each in reply)
    text = text[:place] + AT + text[place:]
    comments = [
        each for each in above.split("\n") if each.strip().startswith(("#", "/", "*", "--")) and "[" not in each
    ]
    case = Case((fenced(code, language),), text=text, language=language)
    return case, form.replace("{}", definition.format("3")), comments


async def test_what_is_above_is_there_once(connect: Connect, script: Script, subtests: pytest.Subtests) -> None:
    made = {name: _above(name, whole=True) for name in ABOVE}
    cases = {name: attrs.evolve(case, becomes=after) for name, (case, after, _) in made.items()}
    await judge_all(connect, script, subtests, cases)


async def test_of_what_is_above_comments_stay_and_attributes_go_named(
    connect: Connect, script: Script, subtests: pytest.Subtests
) -> None:
    """The reply begins with the definition."""
    made = {name: _above(name, whole=False) for name in ABOVE}
    async for name, done in come_all(connect, script, {name: case for name, (case, _, _) in made.items()}):
        _, after, comments = made[name]
        with subtests.test(name):
            assert done.after == after or done.notes, done
            assert all(each in done.after for each in comments), done
            assert done.after.count(ABOVE[name][3].split("{")[0].strip()) == 1


# -- 9: what may not be lost -----------------------------------------------------------------------------------------
# language, the code, what of it is changed, into what

LOST = {
    "Python, async": ("python", "async def x(a):\n    return a + 0", "async ", ""),
    "Python, default": ("python", "def x(a, b=1):\n    return a + 0", "b=1", "b"),
    "Python, keyword only": ("python", "def x(a, *, b):\n    return a + 0", "*, ", ""),
    "Python, positional only": ("python", "def x(a, /, b):\n    return a + 0", "/, ", ""),
    "Python, a setter": (
        "python",
        "class A:\n    @property\n    def x(self):\n        return 0 + 0\n\n    @x.setter\n    def x(self, v):\n        self.y = v",
        "    @x.setter\n    def x(self, v):\n        self.y = v",
        "",
    ),
    "Python, classmethod": (
        "python",
        "class A:\n    @classmethod\n    def x(cls):\n        return cls.y + 0",
        "    @classmethod\n",
        "",
    ),
    "Python, override": (
        "python",
        "class A(B):\n    @override\n    def x(self):\n        return self.y + 0",
        "    @override\n",
        "",
    ),
    "Python, a base": ("python", "class A(B, C):\n    def x(self):\n        return self.y + 0", "(B, C)", "(B)"),
    "Python, type parameters": ("python", "def x[T](a: T) -> T:\n    return f(a) + 0", "[T]", ""),
    "Python, frozen": ("python", "@dataclass(frozen=True)\nclass A:\n    x: int = 0 + 0", "(frozen=True)", ""),
    "JavaScript, async": ("javascript", "async function x(a) {\n  return a + 0;\n}", "async ", ""),
    "JavaScript, generator": ("javascript", "function* x(a) {\n  yield a + 0;\n}", "function*", "function"),
    "JavaScript, export": ("javascript", "export function x(a) {\n  return a + 0;\n}", "export ", ""),
    "JavaScript, default": ("javascript", "export default function x(a) {\n  return a + 0;\n}", "default ", ""),
    "JavaScript, static": ("javascript", "class A {\n  static x(a) {\n    return a + 0;\n  }\n}", "static ", ""),
    "JavaScript, getter": ("javascript", "class A {\n  get x() {\n    return this.y + 0;\n  }\n}", "get ", ""),
    "JavaScript, setter": (
        "javascript",
        "class A {\n  get x() {\n    return this.y + 0;\n  }\n  set x(v) {\n    this.y = v;\n  }\n}",
        "\n  set x(v) {\n    this.y = v;\n  }",
        "",
    ),
    "JavaScript, extends": (
        "javascript",
        "class A extends B {\n  x() {\n    return this.y + 0;\n  }\n}",
        " extends B",
        "",
    ),
    "JavaScript, value": ("javascript", "function x(a, b = 1) {\n  return a + 0;\n}", "b = 1", "b = 2"),
    "TypeScript, return": ("typescript", "function x(a: number): number {\n  return a + 0;\n}", "): number", "): any"),
    "TypeScript, generics": (
        "typescript",
        "function x<T>(a: T): T {\n  return f(a + 0);\n}",
        "<T>",
        "<T extends object>",
    ),
    "TypeScript, private": (
        "typescript",
        "class A {\n  private x(): number {\n    return this.y + 0;\n  }\n}",
        "private ",
        "",
    ),
    "TypeScript, abstract": (
        "typescript",
        "abstract class A {\n  abstract y(): void;\n  x(): number {\n    return z + 0;\n  }\n}",
        "abstract class",
        "class",
    ),
    "TypeScript, readonly": ("typescript", "class A {\n  readonly x: number = 0 + 0;\n}", "readonly ", ""),
    "TypeScript, optional": ("typescript", "function x(a?: number): number {\n  return f(a) + 0;\n}", "a?", "a"),
    "TypeScript, injectable": ("typescript", "@Injectable()\nexport class A {\n  x = 0 + 0;\n}", "@Injectable()\n", ""),
    "Java, throws": (
        "java",
        "class A {\n    void x() throws IOException {\n        f(0 + 0);\n    }\n}",
        " throws IOException",
        "",
    ),
    "Java, static": ("java", "class A {\n    static int x() {\n        return y + 0;\n    }\n}", "static ", ""),
    "Java, final": ("java", "class A {\n    public final int x() {\n        return y + 0;\n    }\n}", "final ", ""),
    "Java, synchronized": (
        "java",
        "class A {\n    synchronized int x() {\n        return y + 0;\n    }\n}",
        "synchronized ",
        "",
    ),
    "Java, transactional": (
        "java",
        "class A {\n    @Transactional\n    public int x() {\n        return y + 0;\n    }\n}",
        "    @Transactional\n",
        "",
    ),
    "Java, on a parameter": (
        "java",
        "class A {\n    int x(@NotNull String a) {\n        return f(a) + 0;\n    }\n}",
        "@NotNull ",
        "",
    ),
    "C, static": ("c", "static int x(int a)\n{\n    return a + 0;\n}", "static ", ""),
    "C, const": ("c", "int x(const char *a)\n{\n    return *a + 0;\n}", "const ", ""),
    "C, inline": ("c", "static inline int x(int a)\n{\n    return a + 0;\n}", "inline ", ""),
    "C++, const": ("cpp", "class A {\n    int x() const {\n        return y + 0;\n    }\n};", " const", ""),
    "C++, override": (
        "cpp",
        "class A : public B {\n    int x() override {\n        return y + 0;\n    }\n};",
        " override",
        "",
    ),
    "C++, noexcept": ("cpp", "int x() noexcept {\n    return y + 0;\n}", " noexcept", ""),
    "C++, virtual": ("cpp", "class A {\n    virtual int x() {\n        return y + 0;\n    }\n};", "virtual ", ""),
    "C++, reference": (
        "cpp",
        "int x(const std::string& a) {\n    return f(a) + 0;\n}",
        "const std::string& a",
        "std::string a",
    ),
    "C++, nodiscard": ("cpp", "[[nodiscard]] int x() {\n    return y + 0;\n}", "[[nodiscard]] ", ""),
    "C++, template": (
        "cpp",
        "template <typename T>\nT x(T a) {\n    return a + 0;\n}",
        "<typename T>",
        "<class T, class U>",
    ),
    "C++, base": ("cpp", "class A : public B {\n    int x() {\n        return y + 0;\n    }\n};", " : public B", ""),
    "C#, async": (
        "csharp",
        "class A\n{\n    public async Task<int> X()\n    {\n        return await f(0 + 0);\n    }\n}",
        "async ",
        "",
    ),
    "C#, override": (
        "csharp",
        "class A : B\n{\n    public override int X()\n    {\n        return Y + 0;\n    }\n}",
        "override ",
        "",
    ),
    "C#, attribute": (
        "csharp",
        "class A\n{\n    [HttpGet]\n    public int X()\n    {\n        return Y + 0;\n    }\n}",
        "    [HttpGet]\n",
        "",
    ),
    "C#, init": ("csharp", "class A\n{\n    public int X { get; init; } = 0 + 0;\n}", "init", "set"),
    "C#, sealed": ("csharp", "public sealed class A\n{\n    int x = 0 + 0;\n}", "sealed ", ""),
    "Go, receiver": ("go", "func (a *A) X() int {\n\treturn a.y + 0\n}", "*A", "A"),
    "Go, results": ("go", "func X() (int, error) {\n\treturn f(0 + 0)\n}", "(int, error)", "int"),
    "Go, tag": ("go", 'type A struct {\n\tX [0 + 0]int `json:"x"`\n}', ' `json:"x"`', ""),
    "Rust, pub": ("rust", "pub fn x() -> u8 {\n    y + 0\n}", "pub ", ""),
    "Rust, unsafe": ("rust", "pub unsafe fn x() -> u8 {\n    y + 0\n}", "unsafe ", ""),
    "Rust, const": ("rust", "pub const fn x() -> u8 {\n    y + 0\n}", "const ", ""),
    "Rust, lifetime": (
        "rust",
        "fn x<'a>(a: &'a str) -> &'a str {\n    f(a, 0 + 0)\n}",
        "<'a>(a: &'a str) -> &'a str",
        "(a: &str) -> &str",
    ),
    "Rust, mut": ("rust", "fn x(a: &mut u8) {\n    *a += y + 0;\n}", "&mut ", "&"),
    "Rust, where": (
        "rust",
        "fn x<T>(a: T) -> u8\nwhere\n    T: Into<u8>,\n{\n    a.into() + 0\n}",
        "\nwhere\n    T: Into<u8>,\n",
        " ",
    ),
    "Rust, extern": ("rust", '#[no_mangle]\npub extern "C" fn x() -> u8 {\n    y + 0\n}', 'extern "C" ', ""),
    "Rust, no_mangle": ("rust", '#[no_mangle]\npub extern "C" fn x() -> u8 {\n    y + 0\n}', "#[no_mangle]\n", ""),
    "Rust, derive": (
        "rust",
        "#[derive(Debug, Clone)]\npub struct A {\n    x: [u8; 0 + 0],\n}",
        "Debug, Clone",
        "Debug",
    ),
    "Ruby, self": ("ruby", "class A\n  def self.x\n    y + 0\n  end\nend", "self.", ""),
    "Ruby, default": ("ruby", "def x(a, b = 1)\n  a + 0\nend", "b = 1", "b"),
    "Ruby, keyword": ("ruby", "def x(a:, b: 1)\n  a + 0\nend", "a:, ", "a, "),
    "Ruby, accessor": (
        "ruby",
        "class A\n  attr_accessor :z\n\n  def x\n    y + 0\n  end\nend",
        "  attr_accessor :z\n\n",
        "",
    ),
    "Ruby, include": ("ruby", "class A\n  include B\n\n  def x\n    y + 0\n  end\nend", "  include B\n\n", ""),
    "PHP, type": ("php", "<?php\nfunction x(int $a): int {\n    return $a + 0;\n}", "): int", ")"),
    "PHP, static": (
        "php",
        "<?php\nclass A {\n    public static function x() {\n        return 1 + 0;\n    }\n}",
        "static ",
        "",
    ),
    "PHP, final": (
        "php",
        "<?php\nfinal class A {\n    public function x() {\n        return 1 + 0;\n    }\n}",
        "final ",
        "",
    ),
    "PHP, attribute": ("php", "<?php\n#[Route('/')]\nfunction x() {\n    return 1 + 0;\n}", "#[Route('/')]\n", ""),
    "PHP, strict types": (
        "php",
        "<?php\ndeclare(strict_types=1);\n\nfunction x() {\n    return 1 + 0;\n}",
        "declare(strict_types=1);\n\n",
        "",
    ),
    "Lua, local": ("lua", "local function x(a)\n  return a + 0\nend", "local ", ""),
}
# language, the code, a reply that loses something of it
LOST_AS_WHOLE = {
    "kotlin annotation": ("kotlin", "@Composable\nfun A(x: Int) {\n    f(x + 0)\n}", "fun A(x: Int) {\n    f(x)\n}"),
    "kotlin suspend": (
        "kotlin",
        "suspend fun a(x: Int): Int {\n    return x + 0\n}",
        "fun a(x: Int): Int {\n    return x\n}",
    ),
    "kotlin override": (
        "kotlin",
        "class A : B() {\n    override fun a(): Int {\n        return y + 0\n    }\n}",
        "class A : B() {\n    fun a(): Int {\n        return y\n    }\n}",
    ),
    "kotlin data": (
        "kotlin",
        "data class A(val b: Int) {\n    val c = b + 0\n}",
        "class A(val b: Int) {\n    val c = b\n}",
    ),
    "kotlin function gone": ("kotlin", "fun a() = 1 + 0\n\nfun b() = 2", "fun a() = 1"),
    "swift throws": (
        "swift",
        "public func a(_ x: Int) throws -> Int {\n    return x + 0\n}",
        "public func a(_ x: Int) -> Int {\n    return x\n}",
    ),
    "swift attribute": (
        "swift",
        "@MainActor\nfinal class A {\n    var b = 1 + 0\n}",
        "final class A {\n    var b = 1\n}",
    ),
    "swift parameter": (
        "swift",
        "func a(from x: Int, to y: Int = 2) -> Int {\n    return x + y + 0\n}",
        "func a(x: Int, y: Int) -> Int {\n    return x + y\n}",
    ),
    "scala implicit": ("scala", "def a(x: Int)(implicit e: E): Int = {\n  x + 0\n}", "def a(x: Int): Int = {\n  x\n}"),
    "scala case class": (
        "scala",
        "case class A(b: Int) {\n  def c: Int = b + 0\n}",
        "class A(b: Int) {\n  def c: Int = b\n}",
    ),
    "scala override": (
        "scala",
        "object A extends B {\n  override def a: Int = 1 + 0\n}",
        "object A extends B {\n  def a: Int = 1\n}",
    ),
    "dart": (
        "dart",
        "@override\nWidget build(BuildContext c) {\n  return f(0 + 0);\n}",
        "Widget build(BuildContext c) {\n  return f(0);\n}",
    ),
    "java record": (
        "java",
        "public record A(int b) {\n    int c() {\n        return b + 0;\n    }\n}",
        "public record A(long b) {\n    int c() {\n        return b;\n    }\n}",
    ),
    "java interface": (
        "java",
        "class A implements B, C {\n    int d() {\n        return e + 0;\n    }\n}",
        "class A implements B {\n    int d() {\n        return e;\n    }\n}",
    ),
    "java volatile": (
        "java",
        "class A {\n    private volatile int b = 0 + 0;\n}",
        "class A {\n    private int b = 0;\n}",
    ),
    "ts export type": (
        "typescript",
        "export type A = { b: 1 };\nexport const c = 1 + 0;",
        "type A = { b: 1 };\nexport const c = 1;",
    ),
    "ts re-export": ("typescript", "export { d } from './d';\nexport const c = 1 + 0;", "export const c = 1;"),
    "ts default export": ("typescript", "const c = 1 + 0;\nexport default c;", "const c = 1;"),
    "js module.exports": (
        "javascript",
        "function a() {\n  return 1 + 0;\n}\n\nmodule.exports = { a };",
        "function a() {\n  return 1;\n}",
    ),
    "js use client": (
        "typescriptreact",
        "'use client';\n\nexport const A = () => f(1 + 0);",
        "export const A = () => f(1);",
    ),
    "js arrow async": (
        "javascript",
        "const a = async (x) => {\n  return x + 0;\n};",
        "const a = (x) => {\n  return x;\n};",
    ),
    "js private": (
        "javascript",
        "class A {\n  #b() {\n    return 1 + 0;\n  }\n\n  c() {\n    return this.#b();\n  }\n}",
        "class A {\n  b() {\n    return 1;\n  }\n\n  c() {\n    return this.b();\n  }\n}",
    ),
    "c prototype": ("c", "int a(int);\nint b(int x)\n{\n    return x + 0;\n}", "int b(int x)\n{\n    return x;\n}"),
    "c macro": ("c", "#define A 1\nint b(int x)\n{\n    return x + 0;\n}", "int b(int x)\n{\n    return x;\n}"),
    "c pragma": ("c", "#pragma once\nint b(int x)\n{\n    return x + 0;\n}", "int b(int x)\n{\n    return x;\n}"),
    "c volatile": ("c", "static volatile int a = 0 + 0;", "static int a = 0;"),
    "c++ explicit": (
        "cpp",
        "class A {\npublic:\n    explicit A(int b) : c(b + 0) {}\n};",
        "class A {\npublic:\n    A(int b) : c(b) {}\n};",
    ),
    "c++ out of class": ("cpp", "int A::b() const {\n    return c + 0;\n}", "int A::b() {\n    return c;\n}"),
    "c++ constexpr": ("cpp", "constexpr int a(int b) {\n    return b + 0;\n}", "int a(int b) {\n    return b;\n}"),
    "c++ enum class": ("cpp", "enum class A { B = 0 + 0 };", "enum A { B = 0 };"),
    "c++ access": (
        "cpp",
        "class A {\npublic:\n    int b() { return 0 + 0; }\n};",
        "class A {\n    int b() { return 0; }\n};",
    ),
    "c# partial": (
        "csharp",
        "public partial class A\n{\n    int b = 0 + 0;\n}",
        "public class A\n{\n    int b = 0;\n}",
    ),
    "c# required": (
        "csharp",
        "class A\n{\n    public required string B { get; set; }\n    int c = 0 + 0;\n}",
        "class A\n{\n    public string B { get; set; }\n    int c = 0;\n}",
    ),
    "go variadic": ("go", "func A(b ...int) int {\n\treturn f(b) + 0\n}", "func A(b []int) int {\n\treturn f(b)\n}"),
    "go interface": (
        "go",
        "type A interface {\n\tB() int\n\tC() error\n}\n\nvar d = 0 + 0",
        "type A interface {\n\tB() int\n}\n\nvar d = 0",
    ),
    "go embed": ("go", "type A struct {\n\tsync.Mutex\n\tB [0 + 0]int\n}", "type A struct {\n\tB [0]int\n}"),
    "rust async": ("rust", "pub async fn a(b: u8) -> u8 {\n    b + 0\n}", "pub fn a(b: u8) -> u8 {\n    b\n}"),
    "rust serde field": (
        "rust",
        "struct A {\n    #[serde(default)]\n    b: [u8; 0 + 0],\n}",
        "struct A {\n    b: [u8; 0],\n}",
    ),
    "rust pub field": ("rust", "pub struct A {\n    pub b: [u8; 0 + 0],\n}", "pub struct A {\n    b: [u8; 0],\n}"),
    "rust cfg": ("rust", "#[cfg(test)]\nmod a {\n    const B: u8 = 0 + 0;\n}", "mod a {\n    const B: u8 = 0;\n}"),
    "rust impl trait": (
        "rust",
        "impl Drop for A {\n    fn drop(&mut self) {\n        f(0 + 0);\n    }\n}",
        "impl A {\n    fn drop(&mut self) {\n        f(0);\n    }\n}",
    ),
    "rust macro": ("rust", "macro_rules! a {\n    () => {};\n}\nconst B: u8 = 0 + 0;", "const B: u8 = 0;"),
    "ruby private": (
        "ruby",
        "class A\n  def b\n    1 + 0\n  end\n\n  private\n\n  def c\n    2\n  end\nend",
        "class A\n  def b\n    1\n  end\n\n  def c\n    2\n  end\nend",
    ),
    "ruby validates": (
        "ruby",
        "class A < B\n  validates :c, presence: true\n\n  def d\n    1 + 0\n  end\nend",
        "class A < B\n  validates :c\n\n  def d\n    1\n  end\nend",
    ),
    "php property": (
        "php",
        "<?php\nclass A {\n    protected ?int $b = 0 + 0;\n}",
        "<?php\nclass A {\n    public ?int $b = 0;\n}",
    ),
    "php trait": (
        "php",
        "<?php\nclass A {\n    use B;\n    public $c = 0 + 0;\n}",
        "<?php\nclass A {\n    public $c = 0;\n}",
    ),
    "lua method": ("lua", "function A:b(c)\n  return c + 0\nend", "function A.b(c)\n  return c\nend"),
    "shell function": ("shellscript", "a() {\n  echo $((1 + 0))\n}\nb() {\n  a\n}", "a() {\n  echo $((1))\n}"),
    "python slots": (
        "python",
        "class A:\n    __slots__ = ('b',)\n\n    def c(self):\n        return 1 + 0",
        "class A:\n    def c(self):\n        return 1",
    ),
    "python metaclass": ("python", "class A(metaclass=M):\n    b = 1 + 0", "class A:\n    b = 1"),
    "python all": ("python", "__all__ = ['a']\n\n\ndef a():\n    return 1 + 0", "def a():\n    return 1"),
    "python overload": (
        "python",
        "@overload\ndef a(x: int) -> int: ...\n@overload\ndef a(x: str) -> str: ...\ndef a(x):\n    return x + 0",
        "def a(x):\n    return x",
    ),
}
_SIMPLER = (" + 0", "")


def _lost() -> Iterator[tuple[str, str, str, str]]:
    """Name, language, code, and the reply that loses something."""
    for name, (language, code, part, instead) in LOST.items():
        assert part in code
        worse = code.replace(part, instead, 1).replace(*_SIMPLER, 1)
        yield name, language, code, "\n".join(each.rstrip() for each in worse.rstrip().split("\n"))
    for name, (language, code, worse) in LOST_AS_WHOLE.items():
        yield name, language, code, worse


def _of_all(language: str, code: str, *sent: str, becomes: str, action: str, refused: str = "") -> Case:
    end = (code.count("\n") + 1, 0)
    replies = tuple(fenced(each, language) for each in sent)
    return Case(
        replies, becomes + "\n", text=f"{AT}{code}\n", language=language, end=end, action=action, refused=refused
    )


async def test_what_is_lost_is_refused(connect: Connect, script: Script, subtests: pytest.Subtests) -> None:
    cases = {}
    for name, language, code, worse in _lost():
        good = code.replace(*_SIMPLER, 1)
        cases[name] = _of_all(language, code, worse, good, becomes=good, action="simplify", refused="The code")
    await judge_all(connect, script, subtests, cases)


async def test_what_is_lost_is_named(connect: Connect, script: Script, subtests: pytest.Subtests) -> None:
    cases = {
        name: _of_all(language, code, worse, becomes=worse, action="edit") for name, language, code, worse in _lost()
    }
    async for name, done in come_all(connect, script, cases):
        with subtests.test(name):
            judge(cases[name], done, script)
            assert done.notes, done
