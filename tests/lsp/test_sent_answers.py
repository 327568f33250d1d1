"""Which part of a reply is the answer, what it leaves out, and in which language it is: over many languages."""

from __future__ import annotations

import attrs
import pytest
from conftest import Connect
from scripted import Script
from sent import CURSOR as AT
from sent import Case, fenced, judge_all, stream

# -- 2: what is a whole answer ---------------------------------------------------------------------------------------

ONES = {
    "python": "def a(x):\n    return x + 1",
    "javascript": "function a(x) {\n  return x + 1;\n}",
    "typescript": "export function a(x: number): number {\n  return x + 1;\n}",
    "typescriptreact": 'export const A = () => <p className="a">{b + 1}</p>;',
    "java": "class A {\n    int a(int x) {\n        return x + 1;\n    }\n}",
    "kotlin": "fun a(x: Int): Int {\n    return x + 1\n}",
    "c": "int a(int x)\n{\n    return x + 1;\n}",
    "cpp": "auto a(int x) -> int {\n    return x + 1;\n}",
    "csharp": "class A\n{\n    int B(int x) => x + 1;\n}",
    "go": "func a(x int) int {\n\treturn x + 1\n}",
    "rust": "pub fn a(x: i32) -> i32 {\n    x + 1\n}",
    "ruby": "def a(x)\n  x + 1\nend",
    "php": "<?php\nfunction a($x) {\n    return $x + 1;\n}",
    "lua": "local function a(x)\n  return x + 1\nend",
    "swift": "func a(x: Int) -> Int {\n    return x + 1\n}",
    "scala": "def a(x: Int): Int =\n  x + 1",
    "shellscript": "a() {\n  echo $(( $1 + 1 ))\n}",
    "sql": "SELECT a + 1\nFROM b\nWHERE c IS NULL;",
    "yaml": "a:\n  b: 1\n  c: x",
    "toml": '[a]\nb = 1\nc = "x"',
    "html": "<main>\n  <p>1</p>\n</main>",
    "css": ".a {\n  margin: 1px;\n}",
    "vue": "<template>\n  <p>{{ x + 1 }}</p>\n</template>\n\n<script setup>\nconst x = ref(0)\n</script>",
    "svelte": "<script>\n  let x = 1;\n</script>\n\n<p>{x}</p>",
    "json": '{\n  "a": 1,\n  "b": []\n}',
    "dockerfile": "FROM a:1\nRUN make",
}
INFO = {"typescriptreact": "tsx", "shellscript": "bash", "csharp": "cs", "cpp": "c++", "yaml": "yml"}


def new(language: str) -> str:
    return ONES[language].replace("1", "3")


def well(language: str) -> str:
    return fenced(new(language), INFO.get(language, language))


PIP = "First install it:\n\n```bash\npip install a\n```\n\n"
WHOLE: dict[str, tuple[str, str]] = {
    "talk around": ("java", "Here is the updated class:\n\n{well}\n\nI changed the `1` to `3`.\n"),
    "a heading": ("kotlin", "### Updated code\n\n{well}\n\n### Explanation\n\n- It adds three.\n- It is as fast.\n"),
    "bold": ("c", "**Updated code:**\n{well}\n\n**Changes:**\n1. one is three\n"),
    "a rule": ("cpp", "---\n\n{well}\n\n---\n"),
    "a long fence": ("csharp", "`````cs\n{new}\n`````"),
    "the end longer than the beginning": ("go", "```go\n{new}\n`````"),
    "blanks behind the end": ("rust", "```rust\n{new}\n```   \n"),
    "blank lines within": ("ruby", "```ruby\n\n{new}\n\n```"),
    "tildes": ("php", "~~~php\n{new}\n~~~"),
    "tildes with ticks in the talk": ("lua", "I write ``` here.\n\n~~~lua\n{new}\n~~~\nAnd ``` there."),
    "no language": ("swift", "```\n{new}\n```"),
    "a name of a file": ("scala", '```scala title="A.scala"\n{new}\n```'),
    "braces": ("shellscript", "```{{.bash .numberLines}}\n{new}\n```"),
    "capitals": ("sql", "```SQL\n{new}\n```"),
    "a path": ("yaml", "```yaml:config/app.yml\n{new}\n```"),
    "line numbers asked for": ("toml", "```toml {{1,3-4}}\n{new}\n```"),
    "CRLF": ("html", "Here:\r\n\r\n```html\r\n{crlf}\r\n```\r\nDone.\r\n"),
    "a list": ("css", "1. Open the file.\n2. Replace it:\n\n   ```css\n{by3}\n   ```\n\n3. Save.\n"),
    "a bullet": ("javascript", "- **Change**:\n  ```js\n{by2}\n  ```\n- That is all.\n"),
    "ticks within a word": ("typescript", "I use `` ` `` and ```` ``` ```` marks.\n\n{well}"),
    "install first": ("python", PIP + "{well}"),
    "install first, a console": ("python", PIP.replace("bash", "console") + "{well}"),
    "output after": ("javascript", "So:\n\n{well}\n\nIt prints:\n\n```text\n4\n```\n"),
    "output of a shell after": ("go", "So:\n\n{well}\n\nRun it:\n\n```sh\ngo run .\n```\nOutput:\n```output\n4\n```\n"),
    "an example of JSON after": ("rust", 'So:\n\n{well}\n\nThe result:\n\n```json\n{{"a": 4}}\n```\n'),
    "the diff after": ("java", "So:\n\n{well}\n\nIn short:\n\n```diff\n- x + 1\n+ x + 3\n```\n"),
    "before and after": ("ruby", "**Before:**\n```ruby\n{old}\n```\n\n**After:**\n{well}\n"),
    "the original quoted first": ("c", "Your code:\n\n```\n{old}\n```\n\nis better as:\n\n{well}\n"),
    "before and after, in Vue": ("vue", "Before:\n\n```vue\n{old}\n```\n\nAfter:\n\n{well}"),
    "a component": ("svelte", "Here you go!\n\n{well}\n\nLet me know if that helps."),
    "JSX": ("typescriptreact", "Sure.\n{well}"),
    "JSON": ("json", "```json\n{new}\n```\nNote that JSON has no comments."),
    "a docker file": ("dockerfile", "```Dockerfile\n{new}\n```"),
    "talk glued to the end": ("python", "Here is it:\n```python\n{new}\n```\nNote: `x` is a number."),
    "a mark of a turn's end": ("python", "{well}<|im_end|>"),
    "a mark of another end": ("python", "{well}\n</s>"),
    "a zero width mark first": ("python", "\ufeff{well}"),
}


def _filled(form: str, language: str) -> str:
    code = new(language)
    return form.format(
        well=well(language),
        new=code,
        old=ONES[language],
        crlf=code.replace("\n", "\r\n"),
        by2="\n".join("  " + each for each in code.split("\n")),
        by3="\n".join("   " + each for each in code.split("\n")),
    )


def whole_file(language: str, old: str, *sent: str | bytes, becomes: str | None, **more: object) -> Case:
    """`edit` on a file of `old` and a line end, all of it selected."""
    end = (old.count("\n") + 1, 0)
    case = Case(sent, becomes, text=f"{AT}{old}\n", language=language, end=end, instruction="Change it.")
    return attrs.evolve(case, **more)


def _refused(language: str, old: str, bad: str | bytes, again: str, becomes: str, why: str) -> Case:
    """A reply that is asked for again for a reason, and then is right."""
    return whole_file(language, old, bad, again, becomes=becomes + "\n", refused=why)


async def test_an_answer_is_found_in_what_is_around_it(
    connect: Connect, script: Script, subtests: pytest.Subtests
) -> None:
    cases = {
        name: whole_file(language, ONES[language], _filled(form, language), becomes=new(language) + "\n")
        for name, (language, form) in WHOLE.items()
    }
    cases |= {
        name: whole_file(language, old, sent, becomes=becomes) for name, (language, old, sent, becomes) in AMONG.items()
    }
    await judge_all(connect, script, subtests, cases)


AMONG = {
    "output untagged": (
        "python",
        "def a(x):\n    return x + 1",
        "So:\n\n```python\ndef a(x):\n    return x + 3\n```\n\nOutput:\n\n```\n4\n```\n",
        "def a(x):\n    return x + 3\n",
    ),
    "tree of files": (
        "python",
        "def a(x):\n    return x + 1",
        "Structure:\n\n```\nsrc/\n└── a.py\n```\n\n```python\ndef a(x):\n    return x + 3\n```",
        "def a(x):\n    return x + 3\n",
    ),
    "env file beside": (
        "python",
        "def a(x):\n    return x + 1",
        "In `.env`:\n\n```env\nA=1\n```\n\n```python\ndef a(x):\n    return x + 3\n```",
        "def a(x):\n    return x + 3\n",
    ),
    "requirements beside": (
        "python",
        "def a(x):\n    return x + 1",
        "Add:\n\n```txt\nnumpy\n```\n\n```python\ndef a(x):\n    return x + 3\n```",
        "def a(x):\n    return x + 3\n",
    ),
    "sql beside": (
        "python",
        "def a(x):\n    return x + 1",
        "Run:\n\n```sql\nALTER TABLE a;\n```\n\nthen:\n\n```python\ndef a(x):\n    return x + 3\n```",
        "def a(x):\n    return x + 3\n",
    ),
    "original as text, then new": (
        "python",
        "def a(x):\n    return x + 1",
        "You wrote\n```text\ndef a(x):\n    return x + 1\n```\nbetter:\n```python\ndef a(x):\n    return x + 3\n```",
        "def a(x):\n    return x + 3\n",
    ),
    "quoted hunks": (
        "python",
        "def a(x):\n    return x + 1",
        "> <<<<<<< SEARCH\n>     return x + 1\n> =======\n>     return x + 3\n> >>>>>>> REPLACE\n",
        "def a(x):\n    return x + 3\n",
    ),
    "xml wrapper": (
        "python",
        "def a(x):\n    return x + 1",
        "<code>\n```python\ndef a(x):\n    return x + 3\n```\n</code>",
        "def a(x):\n    return x + 3\n",
    ),
    "rust doc fences": (
        "rust",
        "/// ```\n/// a(1);\n/// ```\nfn a(x: u8) -> u8 {\n    x + 1\n}",
        "```rust\n/// ```\n/// a(1);\n/// ```\nfn a(x: u8) -> u8 {\n    x + 3\n}\n```",
        "/// ```\n/// a(1);\n/// ```\nfn a(x: u8) -> u8 {\n    x + 3\n}\n",
    ),
    "new rust doc fences": (
        "rust",
        "fn a(x: u8) -> u8 {\n    x + 1\n}",
        "```rust\n/// ```\n/// a(1);\n/// ```\nfn a(x: u8) -> u8 {\n    x + 3\n}\n```",
        "/// ```\n/// a(1);\n/// ```\nfn a(x: u8) -> u8 {\n    x + 3\n}\n",
    ),
    "docstring with fences": (
        "python",
        'def a(x):\n    """A.\n\n    ```python\n    a(1)\n    ```\n    """\n    return x + 1',
        '````python\ndef a(x):\n    """A.\n\n    ```python\n    a(1)\n    ```\n    """\n    return x + 3\n````',
        'def a(x):\n    """A.\n\n    ```python\n    a(1)\n    ```\n    """\n    return x + 3\n',
    ),
    "html with markdown": (
        "html",
        "<p>1</p>",
        "Here:\n\n```html\n<p>3</p>\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
        "<p>3</p>\n",
    ),
    "vue in html fence": (
        "vue",
        "<template>\n  <p>1</p>\n</template>",
        "```html\n<template>\n  <p>3</p>\n</template>\n```",
        "<template>\n  <p>3</p>\n</template>\n",
    ),
    "title": ("yaml", "a: 1", '```yaml title="a.yml" linenums="1"\na: 3\n```', "a: 3\n"),
    "a path alone": ("go", "var a = 1", "```internal/a.go\nvar a = 3\n```", "var a = 3\n"),
    "a path with lines": ("typescript", "const a = 1;", "```12:13:src/a.ts\nconst a = 3;\n```", "const a = 3;\n"),
    "cuda": ("cpp", "int a = 1;", "```cuda\nint a = 3;\n```", "int a = 3;\n"),
}
UNCLEAR = {
    "diff and a usage": (
        "python",
        "def a(x):\n    return x + 1",
        "Change:\n\n```diff\n-    return x + 1\n+    return x + 3\n```\nUse:\n\n```python\nprint(a(2))\n```\n",
        "```python\ndef a(x):\n    return x + 3\n```",
        "def a(x):\n    return x + 3\n",
        "2",
    ),
    "partial snippets": (
        "python",
        "def a(x):\n    return x + 1",
        "First:\n\n```python\ndef a(x):\n```\n\nthen\n\n```python\n    return x + 3\n```",
        "```python\ndef a(x):\n    return x + 3\n```",
        "def a(x):\n    return x + 3\n",
        "2",
    ),
    "hunks twice the same": (
        "python",
        "def a(x):\n    return x + 1",
        "<<<<<<< SEARCH\n    return x + 1\n=======\n    return x + 3\n>>>>>>> REPLACE\n<<<<<<< SEARCH\n    return x + 1\n=======\n    return x + 3\n>>>>>>> REPLACE\n",
        "```python\ndef a(x):\n    return x + 3\n```",
        "def a(x):\n    return x + 3\n",
        "same lines",
    ),
    "hunk not there": (
        "python",
        "def a(x):\n    return x + 1",
        "<<<<<<< SEARCH\n    return y + 1\n=======\n    return x + 3\n>>>>>>> REPLACE\n",
        "```python\ndef a(x):\n    return x + 3\n```",
        "def a(x):\n    return x + 3\n",
        "do not stand",
    ),
    "json wrapper": (
        "python",
        "def a(x):\n    return x + 1",
        '{"code": "def a(x):\\n    return x + 3"}',
        "```python\ndef a(x):\n    return x + 3\n```",
        "def a(x):\n    return x + 3\n",
        "fence",
    ),
    "kotlin in java": (
        "kotlin",
        "val a = 1",
        "```java\nint a = 3;\n```",
        "```kotlin\nval a = 3\n```",
        "val a = 3\n",
        "java",
    ),
    "shell prompt in shell": ("shellscript", "a=1", "```bash\n$ a=3\n```", "```bash\na=3\n```", "a=3\n", "prompt"),
}
NOT_WHOLE: dict[str, tuple[str, str | bytes, str]] = {
    "cut in the code": ("java", stream("```java\nclass A {\n    int a(int x) {\n", finish="length"), "cut off"),
    "cut behind the code": ("go", stream("So:\n\n" + well("go") + "\n\nThis is", finish="length"), "cut off"),
    "cut in a document that is whole": ("yaml", stream("So:\n```yaml\na:\n  b: 3\n```\n", finish="length"), "cut off"),
    "cut before the code": ("html", stream("Let me think about what the", finish="length"), "cut off"),
    "cut in a list": ("toml", stream("- Do:\n  ```toml\n  [a]\n  b = 3\n", finish="length"), "cut off"),
    "cut in Vue": ("vue", stream("```vue\n<template>\n  <p>{{ x }}</p>\n</template>\n```", finish="length"), "cut off"),
    "no fence": ("rust", new("rust"), "fence"),
    "talk and no fence": ("php", "You can do it:\n\n" + new("php") + "\n\nThat is all.", "fence"),
    "indented code and no fence": ("lua", "So:\n\n    local function a(x)\n      return x + 3\n    end\n", "fence"),
    "talk alone": ("swift", "The code looks fine to me. You could add three in place of one.", "fence"),
    "not closed": ("scala", "```scala\n" + new("scala") + "\n", "closed"),
    "not closed by so many": ("csharp", "````cs\n" + new("csharp") + "\n```\n", "closed"),
    "closed by another mark": ("css", "```css\n" + new("css") + "\n~~~\n", "closed"),
    "a usage after it": ("python", "So:\n\n" + well("python") + "\n\nUsage:\n\n```python\nprint(a(1))\n```\n", "2"),
    "a test after it": (
        "javascript",
        "So:\n\n" + well("javascript") + "\n\nA test:\n\n```js\nexpect(a(1)).toBe(4);\n```\n",
        "2",
    ),
    "two answers": ("ruby", "Either:\n\n" + well("ruby") + "\n\nor:\n\n```ruby\ndef a(x) = x + 3\n```\n", "2"),
    "pieces of a page": (
        "html",
        "The page:\n\n" + well("html") + "\n\nThe style:\n\n```css\np { color: red }\n```\n",
        "2",
    ),
    "two of a shell": ("shellscript", "Load:\n\n```bash\n. a.sh\n```\n\nThe file:\n\n" + well("shellscript"), "2"),
    "both unnamed": ("sql", "```\nSELECT 1;\n```\n\nor\n\n```\n" + new("sql") + "\n```\n", "2"),
}


async def test_what_is_no_answer_is_asked_for_again(
    connect: Connect, script: Script, subtests: pytest.Subtests
) -> None:
    cases = {
        name: _refused(language, ONES[language], sent, well(language), new(language), why)
        for name, (language, sent, why) in NOT_WHOLE.items()
    }
    cases |= {
        name: _refused(language, old, sent, again, becomes.rstrip("\n"), why)
        for name, (language, old, sent, again, becomes, why) in UNCLEAR.items()
    }
    await judge_all(connect, script, subtests, cases)


_TICKS = "Text.\n\n```bash\nmake 1\n```\n\n1. So:\n\n   ```js\n   f(1)\n   ```\n\n~~~\nraw 1\n~~~\n\nEnd 1."
_FOUR = "Text 1.\n\n````markdown\n```py\nx = 1\n```\n````\n\nEnd 1."
_PLAIN = "# A 1\n\nText 1.\n\n- one\n- two"
DOCUMENTS: dict[str, tuple[str, str, str]] = {
    "ticks and tildes in four": (_TICKS, "````markdown\n{}\n````", ""),
    "ticks and tildes in four tildes": (_TICKS, "~~~~markdown\n{}\n~~~~", ""),
    "talk around": (_TICKS, "Here it is:\n\n````md\n{}\n````\n\nI changed it.", ""),
    "four in five": (_FOUR, "`````markdown\n{}\n`````", ""),
    "four in four": (_FOUR, "````markdown\n{}\n````", "`````"),
    "three in three": (_TICKS, "```markdown\n{}\n```", "````"),
    "no fence": (_TICKS, "{}", "````"),
    "no fence but talk": (_TICKS, "Here is it:\n\n{}\n\nDone.", "````"),
    "plain, in four": (_PLAIN, "````markdown\n{}\n````", ""),
    "plain, CRLF": (_PLAIN, "````markdown\r\n{}\r\n````\r\n", ""),
    "plain, no fence": (_PLAIN, "{}", "no fenced code block"),
    "a hunk of a block": (
        _TICKS,
        (
            "<<<<<<< SEARCH\nmake 1\n=======\nmake 3\n>>>>>>> REPLACE\n<<<<<<< SEARCH\n   f(1)\n=======\n   f(3)\n"
            ">>>>>>> REPLACE\n<<<<<<< SEARCH\nraw 1\n=======\nraw 3\n>>>>>>> REPLACE\n<<<<<<< SEARCH\nEnd 1.\n=======\n"
            "End 3.\n>>>>>>> REPLACE\n"
        ),
        "",
    ),
}


async def test_documents(connect: Connect, script: Script, subtests: pytest.Subtests) -> None:
    cases = {}
    for name, (old, form, why) in DOCUMENTS.items():
        good = old.replace("1", "3").replace("3. So", "1. So" if form.startswith("<<<") else "3. So")
        again = (f"``````markdown\n{good}\n``````",) if why else ()
        sent = form.format(good.replace("\n", "\r\n") if "\r" in form else good) if "{}" in form else form
        cases[name] = whole_file("markdown", old, sent, *again, becomes=good + "\n", refused=why)
    await judge_all(connect, script, subtests, cases)


_STEPS = "def a(x):\n    y = x + 1\n    z = y * 2\n    return z"
_HUNK = "<<<<<<< SEARCH\n    y = x + 1\n=======\n    y = x + 3\n>>>>>>> REPLACE"
HUNKS = {
    "in a fence": f"```python\n{_HUNK}\n```",
    "in a fence with a path": f"a.py\n```python\n{_HUNK}\n```",
    "in a fence of diff": f"```diff\n{_HUNK}\n```",
    "talk around": f"I change one line:\n\n{_HUNK}\n\nThat is all.",
    "CRLF": _HUNK.replace("\n", "\r\n"),
    "blanks behind the marks": _HUNK.replace("SEARCH", "SEARCH  ").replace("=======", "======= "),
    "in a list": "1. One:\n\n" + "\n".join("   " + each for each in _HUNK.split("\n")),
    "not indented": _HUNK.replace("    y", "y"),
}


async def test_hunks(connect: Connect, script: Script, subtests: pytest.Subtests) -> None:
    good = _STEPS.replace("1", "3") + "\n"
    cases = {name: whole_file("python", _STEPS, sent, becomes=good) for name, sent in HUNKS.items()}
    await judge_all(connect, script, subtests, cases)


# -- 3: what is left out, and what only looks so ---------------------------------------------------------------------

LONG = {
    "java": "class A {\n    void a() {\n        one(1);\n        two();\n        three();\n        four();\n    }\n}",
    "kotlin": "fun a() {\n    one(1)\n    two()\n    three()\n    four()\n}",
    "c": "#include <a.h>\n#include <b.h>\n\nvoid a(void)\n{\n    one(1);\n    two();\n    three();\n    four();\n}",
    "cpp": "void A::a() {\n    one(1);\n    two();\n    three();\n    four();\n}",
    "csharp": "class A\n{\n    void B()\n    {\n        One(1);\n        Two();\n        Three();\n    }\n}",
    "go": "func a() {\n\tone(1)\n\ttwo()\n\tthree()\n\tfour()\n}",
    "rust": "fn a() {\n    one(1);\n    two();\n    three();\n    four();\n}",
    "ruby": "def a\n  one(1)\n  two\n  three\n  four\nend",
    "php": "<?php\nfunction a() {\n    one(1);\n    two();\n    three();\n    four();\n}",
    "lua": "local function a()\n  one(1)\n  two()\n  three()\n  four()\nend",
    "swift": "func a() {\n    one(1)\n    two()\n    three()\n    four()\n}",
    "scala": "def a(): Unit = {\n  one(1)\n  two()\n  three()\n  four()\n}",
    "shellscript": "a() {\n  one 1\n  two\n  three\n  four\n}",
    "sql": "SELECT\n  one(1),\n  two,\n  three,\n  four\nFROM b;",
    "yaml": "one: 1\ntwo: a\nthree: b\nfour: c",
    "toml": "one = 1\ntwo = 2\nthree = 3\nfour = 4",
    "html": "<ul>\n  <li>one 1</li>\n  <li>two</li>\n  <li>three</li>\n</ul>",
    "css": "a {\n  one: 1;\n  two: 2;\n  three: 3;\n}",
    "vue": "<template>\n  <p>one 1</p>\n  <p>two</p>\n  <p>three</p>\n</template>",
    "svelte": "<p>one 1</p>\n<p>two</p>\n<p>three</p>",
    "typescriptreact": "const A = () => (\n  <>\n    <p>one 1</p>\n    <p>two</p>\n    <p>three</p>\n  </>\n);",
    "typescript": "export function a(): void {\n  one(1);\n  two();\n  three();\n  four();\n}",
    "python": "class A:\n    def a(self):\n        one(1)\n        two()\n        three()\n\n    def b(self):\n        four()",
    "markdown": "# One 1\n\nText of two.\n\nText of three.\n\nText of four.",
    "dockerfile": "FROM one:1\nRUN two\nRUN three\nCMD four",
    "makefile": "a: one-1\n\ttwo\n\tthree\n\tfour",
}
_NUMBERS = ("two", "three", "four")
_LINES = [
    ("java", "// ... (other statements remain unchanged)"),
    ("java", "// Rest of the method remains the same"),
    ("java", "// (omitted for brevity)"),
    ("kotlin", "// ... existing logic"),
    ("kotlin", "// TODO: keep the remaining calls"),
    ("c", "/* ... */"),
    ("c", "/* rest of function unchanged */"),
    ("cpp", "// -- snip --"),
    ("cpp", "// [... remaining calls ...]"),
    ("csharp", "// … other code …"),
    ("csharp", "// Existing code here"),
    ("csharp", "/* unchanged */"),
    ("go", "// ... rest of the function"),
    ("go", "// same as before"),
    ("go", "// unchanged"),
    ("rust", "// etc."),
    ("rust", "// ... the rest of your code ..."),
    ("ruby", "# ..."),
    ("ruby", "# (same as before)"),
    ("ruby", "# existing code omitted"),
    ("php", "// ... остальной код без изменений"),
    ("php", "# ... rest of code ..."),
    ("lua", "-- ... rest of function ..."),
    ("lua", "--[[ unchanged ]]"),
    ("lua", "-- (existing code)"),
    ("swift", "// ... keep existing code"),
    ("swift", "// MARK: - rest unchanged"),
    ("scala", "// ... other calls ..."),
    ("scala", "// as before"),
    ("shellscript", "# ... rest of the function ..."),
    ("shellscript", "# [rest of script unchanged]"),
    ("sql", "-- ... other columns ..."),
    ("sql", "/* remaining columns unchanged */"),
    ("yaml", "# ... other keys"),
    ("yaml", "# (existing configuration)"),
    ("toml", "# ... existing settings ..."),
    ("toml", "# remaining settings unchanged"),
    ("html", "<!-- rest of the items -->"),
    ("html", "<!-- ... existing markup ... -->"),
    ("css", "/* ...existing styles... */"),
    ("css", "/* (rest of the rules) */"),
    ("vue", "<!-- Rest of your template -->"),
    ("vue", "<!-- existing content -->"),
    ("svelte", "<!-- ... -->"),
    ("svelte", "<!-- remaining markup unchanged -->"),
    ("typescriptreact", "{/* ... rest of the component ... */}"),
    ("typescriptreact", "{/* existing elements */}"),
    ("typescript", "// ...rest of the implementation"),
    ("typescript", "// Your existing code here"),
    ("typescript", "// (no changes)"),
    ("typescript", "// [previous code]"),
    ("typescript", "// remaining code stays the same"),
    ("markdown", "[... rest of the document unchanged ...]"),
    ("markdown", "*(The rest of the document remains the same.)*"),
    ("markdown", "..."),
    ("markdown", "<!-- rest unchanged -->"),
    ("dockerfile", "# ... remaining instructions"),
    ("makefile", "# ... rest of the recipe"),
]


def _shortened(language: str, line: str) -> str:
    """The code with a line in place of all but its first call."""
    kept, marked = [], False
    for each in LONG[language].split("\n"):
        if not any(word in each.lower() for word in _NUMBERS):
            kept.append(each.replace("1", "7"))
        elif not marked:
            marked = True
            kept.append(each[: len(each) - len(each.lstrip())] + line)
    return "\n".join(kept)


def _long(language: str) -> str:
    return LONG[language].replace("1", "7")


async def test_left_out_in_any_language(connect: Connect, script: Script, subtests: pytest.Subtests) -> None:
    cases = {}
    for language, line in _LINES:
        fence = "````" if language == "markdown" else "```"
        bad, good = (fenced(each, language, fence) for each in (_shortened(language, line), _long(language)))
        cases[f"{language} {line}"] = _refused(language, LONG[language], bad, good, _long(language), "left out")
    await judge_all(connect, script, subtests, cases)


_METHODS = "class A:\n    def a(self):\n        return 1\n\n    def b(self):\n        return b()\n\n    def c(self):\n        return c()"
_SWITCH = "switch (x) {\n  case 1: one(1); break;\n  case 2: two(); break;\n  case 3: three(); break;\n}"
ELSEWHERE = [
    ("python", _METHODS, "class A:\n    def a(self):\n        return 7\n\n    # [... other methods ...]"),
    (
        "python",
        _METHODS,
        "class A:\n    def a(self):\n        return 7\n\n    def b(self):\n        ...\n\n    def c(self):\n        ...",
    ),
    (
        "python",
        _METHODS,
        "class A:\n    def a(self):\n        return 7\n\n    def b(self):\n        pass  # TODO existing\n\n    def c(self):\n        return c()",
    ),
    ("python", _METHODS, "# ... imports ...\n\nclass A:\n    def a(self):\n        return 7"),
    ("python", _METHODS, "class A:\n    def a(self):\n        return 7\n\n    # b() and c() unchanged"),
    (
        "python",
        _METHODS,
        "class A:\n    def a(self):\n        return 7\n\n    def b(self):\n        # same as before\n        pass\n\n    def c(self):\n        # same as before\n        pass",
    ),
    (
        "python",
        "import os\nimport re\n\n\ndef a():\n    return 1",
        "# other imports\nimport os\n\n\ndef a():\n    return 7",
    ),
    ("javascript", _SWITCH, "switch (x) {\n  case 1: one(7); break;\n  // TODO: keep the remaining cases\n}"),
    ("javascript", _SWITCH, "switch (x) {\n  case 1: one(7); break;\n  // ... other cases\n}"),
    ("javascript", _SWITCH, "switch (x) {\n  case 1: one(7); break;\n  // handle other cases similarly\n}"),
    (
        "javascript",
        "import a from 'a';\nimport b from 'b';\n\nf(1);",
        "/* other imports */\nimport a from 'a';\n\nf(7);",
    ),
    (
        "javascript",
        "const a = {\n  b: 1,\n  c: f(),\n  d: g(),\n};",
        "const a = {\n  b: 7,\n  // ...other properties\n};",
    ),
    ("json", '{\n  "a": 1,\n  "b": 2,\n  "c": 3\n}', '{\n  "a": 7,\n  ...\n}'),
    (
        "java",
        "class A {\n    int a() { return 1; }\n    int b() { return f(); }\n}",
        "class A {\n    int a() { return 7; }\n    int b() { /* unchanged */ }\n}",
    ),
    (
        "go",
        "func a() int {\n\treturn 1\n}\n\nfunc b() int {\n\treturn f()\n}",
        "func a() int {\n\treturn 7\n}\n\nfunc b() int {\n\t// ...\n}",
    ),
    (
        "rust",
        "match x {\n    1 => one(),\n    2 => two(),\n    _ => three(),\n}",
        "match x {\n    7 => one(),\n    // ... other arms unchanged\n}",
    ),
    (
        "php",
        "<?php\nclass A {\n    function a() { return 1; }\n    function b() { return f(); }\n}",
        "<?php\nclass A {\n    function a() { return 7; }\n    // ... other methods\n}",
    ),
    ("c", "struct a {\n    int b;\n    int c;\n    int d;\n};", "struct a {\n    long b;\n    /* other members */\n};"),
]


async def test_members_left_out(connect: Connect, script: Script, subtests: pytest.Subtests) -> None:
    cases = {}
    for language, old, bad in ELSEWHERE:
        good = old.replace("1", "7") if "struct" not in old else old.replace("int b", "long b")
        cases[bad] = _refused(language, old, fenced(bad, language), fenced(good, language), good, "left out")
    for language, old, bad, good in LEFT_OUT:
        cases[bad] = _refused(language, old, fenced(bad, language), fenced(good, language), good, "left out")
    await judge_all(connect, script, subtests, cases)


LEFT_OUT = [
    (
        "kotlin",
        "fun a(): Int {\n    val x = f()\n    return x + 1\n}",
        'fun a(): Int {\n    TODO("rest of the function")\n}',
        "fun a(): Int {\n    val x = f()\n    return x + 3\n}",
    ),
    (
        "scala",
        "def a(): Int = {\n  val x = f()\n  x + 1\n}",
        "def a(): Int = {\n  ???\n}",
        "def a(): Int = {\n  val x = f()\n  x + 3\n}",
    ),
    (
        "swift",
        "func a() -> Int {\n    let x = f()\n    return x + 1\n}",
        'func a() -> Int {\n    fatalError("unchanged")\n}',
        "func a() -> Int {\n    let x = f()\n    return x + 3\n}",
    ),
    (
        "java",
        "int a() {\n    f();\n    g();\n    return 1;\n}",
        "int a() {\n    f(); // ... rest of method\n}",
        "int a() {\n    f();\n    g();\n    return 3;\n}",
    ),
    (
        "c",
        "int a(void) {\n    f();\n    g();\n    return 1;\n}",
        "int a(void) {\n    f();\n    /*\n     * Rest of the function remains unchanged\n     */\n}",
        "int a(void) {\n    f();\n    g();\n    return 3;\n}",
    ),
    (
        "go",
        "type A struct {\n\tB int\n\tC int\n\tD int\n}",
        "type A struct {\n\tB int64\n\t// existing fields...\n}",
        "type A struct {\n\tB int64\n\tC int\n\tD int\n}",
    ),
    (
        "javascript",
        "function a() {\n  f();\n  g();\n  return 1;\n}",
        "function a() {\n  // Add your code here\n  return 3;\n}",
        "function a() {\n  f();\n  g();\n  return 3;\n}",
    ),
    (
        "ruby",
        "def a\n  f\n  g\n  1\nend",
        "def a\n  # keep everything above as is\n  3\nend",
        "def a\n  f\n  g\n  3\nend",
    ),
    (
        "python",
        "def a():\n    f()\n    g()\n    h()\n    return 1",
        "def a():\n    # lines 2-4 unchanged\n    return 3",
        "def a():\n    f()\n    g()\n    h()\n    return 3",
    ),
    (
        "sql",
        "CREATE TABLE a (\n  b INT,\n  c INT,\n  d INT\n);",
        "CREATE TABLE a (\n  b BIGINT,\n  -- remaining columns as before\n);",
        "CREATE TABLE a (\n  b BIGINT,\n  c INT,\n  d INT\n);",
    ),
    ("yaml", "a:\n  b: 1\n  c: 2\n  d: 3", "a:\n  b: 3\n  # ... rest of config ...", "a:\n  b: 3\n  c: 2\n  d: 3"),
    (
        "typescript",
        "it('a', () => f(1));\nit('b', () => g());\nit('c', () => h());",
        "it('a', () => f(3));\n// ... more tests",
        "it('a', () => f(3));\nit('b', () => g());\nit('c', () => h());",
    ),
    (
        "html",
        "<head>\n<title>1</title>\n<link a>\n<link b>\n</head>",
        "<head>\n<title>3</title>\n<!-- other head elements -->\n</head>",
        "<head>\n<title>3</title>\n<link a>\n<link b>\n</head>",
    ),
    (
        "svelte",
        "<script>\n  let a = 1;\n  let b = f();\n  let c = g();\n</script>",
        "<script>\n  let a = 3;\n  // ...\n</script>",
        "<script>\n  let a = 3;\n  let b = f();\n  let c = g();\n</script>",
    ),
    (
        "php",
        "<?php\nfunction a() {\n    f();\n    g();\n    return 1;\n}",
        "<?php\nfunction a() {\n    // (see original)\n    return 3;\n}",
        "<?php\nfunction a() {\n    f();\n    g();\n    return 3;\n}",
    ),
    (
        "csharp",
        "class A {\n    int B() { return 1; }\n    int C() { return f(); }\n}",
        "class A {\n    int B() { return 3; }\n    // ... Remaining members unchanged ...\n}",
        "class A {\n    int B() { return 3; }\n    int C() { return f(); }\n}",
    ),
    (
        "python",
        "def a():\n    f()\n    g()\n    return 1",
        "def a():\n    # ... restlicher Code ...\n    return 3",
        "def a():\n    f()\n    g()\n    return 3",
    ),
]


FRIENDS = [
    ("java", "void a(String... b) {\n    f(1);\n}", "void a(String... b) {\n    f(2);\n}"),
    ("java", "interface A {\n    int a();\n}", "interface A {\n    default int a() { return 1; }\n}"),
    ("java", "void a() {}\nint b = 1;", "void a() {}\nint b = 2;"),
    ("c", "int a(const char *b);", "int a(const char *b, ...);"),
    ("c", "#define A(x) f(x)", "#define A(...) f(__VA_ARGS__)"),
    ("cpp", "template <class T>\nvoid a(T b) { f(b); }", "template <class... T>\nvoid a(T&&... b) { f(b...); }"),
    ("cpp", "try { f(); } catch (int) { g(); }", "try { f(); } catch (...) { g(); }"),
    ("cpp", "A::A() : b(1) {}", "A::A() : b(2) {}"),
    ("go", "func a(b []int) { f(b) }", "func a(b ...int) { f(b...) }"),
    ("go", "x := [3]int{1, 2, 3}", "x := [...]int{1, 2, 3}"),
    ("rust", "match x {\n    0 => f(),\n    _ => {}\n}", "match x {\n    0..=9 => f(),\n    _ => {}\n}"),
    ("rust", "let a = A { b: 1 };", "let a = A { b: 1, ..Default::default() };"),
    ("ruby", "def a(b)\n  f(b)\nend", "def a(...)\n  f(...)\nend"),
    ("ruby", "x = (1..2)", "x = (1...3)"),
    ("php", "<?php\nfunction a($b) { return f($b); }", "<?php\nfunction a(...$b) { return f(...$b); }"),
    ("lua", "local function a(b)\n  return f(b)\nend", "local function a(...)\n  return f(...)\nend"),
    ("swift", "for i in 0..<n { f(i) }", "for i in 0...n { f(i) }"),
    ("kotlin", "for (i in 0 until n) f(i)", "for (i in 0..n) f(i)"),
    ("typescript", "type A = [number];", "type A = [number, ...string[]];"),
    ("typescript", "declare function a(): void;", "declare function a(...b: number[]): void;"),
    ("typescriptreact", "const A = (p) => <B a={p.a} />;", "const A = ({ a, ...rest }) => <B a={a} {...rest} />;"),
    ("javascript", "const a = () => {};\nconst b = 1;", "const a = () => {};\nconst b = 2;"),
    (
        "javascript",
        "try {\n  f();\n} catch (e) {\n  g(e);\n}",
        "try {\n  f();\n} catch {\n  // Nothing is left to do.\n}",
    ),
    ("javascript", "s.textContent = 'Load';\nf();", "s.textContent = 'Loading ...';\nf();"),
    ("javascript", "const a = 1;\nf(a);", "// Unchanged rows are skipped.\nconst a = 2;\nf(a);"),
    ("javascript", "f(1);\n// rest unchanged", "f(2);\n// rest unchanged"),
    (
        "python",
        "def a():\n    # ... existing code ...\n    return 1",
        "def a():\n    # ... existing code ...\n    return 2",
    ),
    ("python", "MARK = '#'\nN = 1", 'MARK = "# ... existing code ..."\nN = 1'),
    ("python", "MARK = '#'\nN = 1", 'MARK = """\n# ... existing code ...\n"""\nN = 1'),
    (
        "python",
        "def a(x):\n    return x",
        'def a(x):\n    """Double.\n\n    >>> for i in (1, 2):\n    ...     a(i)\n    """\n    return x',
    ),
    (
        "python",
        "def a(x):\n    raise NotImplementedError\n\n\nN = 1",
        "def a(x):\n    raise NotImplementedError\n\n\nN = 2",
    ),
    ("python", "def a(x):\n    ...\n\n\nN = 1", "def a(x):\n    ...\n\n\nN = 2"),
    ("python", "class A(E):\n    pass\n\n\nN = 1", "class A(E):\n    pass\n\n\nN = 2"),
    ("python", "f: Callable[[int], int] = g", "f: Callable[..., int] = g"),
    ("python", "x = a[0]", "x = a[..., None]"),
    ("python", "def a(b):\n    f(b)", "def a(b=...):\n    f(b)"),
    ("python", "a = 1\nb = f(a)", "a = 2  # existing entries win\nb = f(a)"),
    ("python", "a = 1\nb = f(a)", "# TODO: cache the rest of the table.\na = 2\nb = f(a)"),
    ("python", "a = 1\nb = f(a)", "# The remaining budget, in cents.\na = 2\nb = f(a)"),
    ("python", "a = 1\nb = f(a)", "# Other cases are errors.\na = 2\nb = f(a)"),
    ("shellscript", "f 1\ng", "# Skip the rest of the header.\nf 2\ng"),
    ("shellscript", "while true; do\n  f 1\ndone", "while :; do\n  f 2\ndone"),
    ("sql", "SELECT 1\nFROM b;", "-- The rest are defaults.\nSELECT 2\nFROM b;"),
    ("yaml", "a: 1", "---\na: 2\n..."),
    ("css", "a { top: 1px }", "/* Other links */\na { top: 2px }"),
    ("html", "<p>Load</p>\n<a>1</a>", "<p>Loading ...</p>\n<a>1</a>"),
    ("toml", "a = 1\nb = 2", "# The original order is kept.\na = 3\nb = 2"),
    ("csharp", "class A { int B() { return 1; } }", "// Existing users only.\nclass A { int B() { return 2; } }"),
    ("csharp", "var b = a[1];", "var b = a[1..];"),
    ("scala", "f(1)", "f(a: _*)"),
    (
        "go",
        "switch x {\ncase 1:\n\tf()\n}",
        "switch x {\ncase 1:\n\tf()\ndefault:\n\t// unchanged values need nothing\n}",
    ),
    ("python", "a = 1\nb = f(a)", "# The rest is computed lazily.\na = 3\nb = f(a)"),
    ("java", "int a() { return 1; }", "// Other threads may call this.\nint a() { return 3; }"),
    ("go", "m[k] = 1", "// existing keys are overwritten\nm[k] = 3"),
    (
        "python",
        "def a(x):\n    r = []\n    for i in x:\n        r.append(i)\n    return r",
        "def a(x):\n    # Same order as before.\n    return list(x)",
    ),
    (
        "python",
        "def a(x):\n    h = x[0]\n    t = x[1:]\n    return h, t",
        "def a(x):\n    # First item, then the rest of the list.\n    return x[0], x[1:]",
    ),
    (
        "javascript",
        "function a(x) {\n  const h = x[0];\n  const t = x.slice(1);\n  return f(h, t);\n}",
        "function a([head, ...tail]) {\n  // The remaining items are passed on unchanged.\n  return f(head, tail);\n}",
    ),
    ("typescript", "const a: () => void = f;", "const a: () => void = () => {};"),
    ("kotlin", "fun a(): Int = TODO()\nval b = 1", "fun a(): Int = TODO()\nval b = 3"),
    ("swift", "func a(_ b: Int) {}", "func a(_ b: Int...) {}"),
    ("sql", "SELECT 1;", "-- previous code used a join\nSELECT 3;"),
    ("restructuredtext", "Title\n=====\n\nText 1.", "Title\n=====\n\nText 3 ..."),
    ("python", "a = b[1]", "a = b[1, ..., :]"),
    (
        "java",
        "abstract class A {\n    int a() { return 1; }\n}",
        "abstract class A {\n    abstract int b();\n    int a() { return 3; }\n}",
    ),
]


async def test_false_friends(connect: Connect, script: Script, subtests: pytest.Subtests) -> None:
    cases = {
        changed: whole_file(language, old, fenced(changed, language), becomes=changed + "\n")
        for language, old, changed in FRIENDS
    }
    await judge_all(connect, script, subtests, cases)


# -- 4: the language of the fence ------------------------------------------------------------------------------------

OF_ANOTHER = [
    ("java", "```diff\n-        return x + 1;\n+        return x + 3;\n```"),
    ("kotlin", "```patch\n-    return x + 1\n+    return x + 3\n```"),
    ("toml", "```bash\nsed -i 's/1/3/' a.toml\n```"),
    ("yaml", '```json\n{"a": {"b": 3}}\n```'),
    ("json", "```yaml\na: 3\n```"),
    ("html", "```console\n$ npm start\n```"),
    ("css", "```bash\nnpm run build\n```"),
    ("rust", '```toml\n[dependencies]\na = "3"\n```'),
    ("go", "```shell\ngo fmt ./...\n```"),
    ("python", "```javascript\nfunction a(x) { return x + 3; }\n```"),
    ("python", "```output\n4\n```"),
    ("typescript", "```python\ndef a(x):\n    return x + 3\n```"),
    ("ruby", "```irb\n> a(1)\n=> 4\n```"),
    ("sql", "```python\ncursor.execute('select 3')\n```"),
    ("dockerfile", "```bash\ndocker run a:3\n```"),
    ("swift", "```kotlin\nfun a(x: Int) = x + 3\n```"),
    ("shellscript", "```powershell\nWrite-Host 3\n```"),
    ("csharp", "```vb\nReturn x + 3\n```"),
    ("c", "```makefile\na: b\n\tcc -o a b\n```"),
    ("yaml", "```\n-  b: 1\n+  b: 3\n```"),
    ("css", "```css\n.a {\n-  margin: 1px;\n+  margin: 3px;\n }\n```"),
    ("lua", "```udiff\n@@ -1,3 +1,3 @@\n-  return x + 1\n+  return x + 3\n```"),
]
SAME = [
    *(
        ("python", each)
        for each in ("python3", "{.python .numberLines}", 'python title="a.py"', "python:src/a.py", "pyi")
    ),
    *(("python", each) for each in ("PYTHON", 'python hl_lines="2"', "src/a.py", "a.py", "python filename=a.py")),
    *(
        ("javascript", each)
        for each in ("jsx", "cjs", "ecmascript", "JS", "typescript", "js:src/a.js", "JavaScript {1,2}")
    ),
    *(("typescript", each) for each in ("ts", "mts", "tsx", "ts twoslash", "typescript=", "TypeScript")),
    *(("typescriptreact", each) for each in ("jsx", "javascript", "typescript", "react-tsx", "tsx live")),
    *(("java", each) for each in ("Java", "java17")),
    *(("kotlin", each) for each in ("kt", "kts", "Kotlin")),
    *(("csharp", each) for each in ("c#", "C#", "dotnet", "cs")),
    *(("cpp", each) for each in ("c++", "cxx", "h", "c++20", "hpp", "arduino")),
    *(("c", each) for each in ("h", "C", "cpp")),
    *(("shellscript", each) for each in ("zsh", "sh", "bash", "Shell", "ksh", "bash -e")),
    *(("sql", each) for each in ("postgresql", "mysql", "plpgsql", "tsql", "sqlite")),
    *(("yaml", each) for each in ("yml", "docker-compose", "kubernetes", "YAML", "yaml+jinja")),
    *(("json", each) for each in ("json5", "jsonc", "JSON")),
    *(("html", each) for each in ("htm", "xhtml", "HTML5", "xml", "jinja", "html+erb")),
    *(("css", each) for each in ("scss", "less", "postcss")),
    *(("vue", each) for each in ("html", "vue-html", "")),
    *(("svelte", each) for each in ("html", "sveltehtml")),
    *(("php", each) for each in ("php8", "PHP", "php-template")),
    *(("ruby", each) for each in ("rb", "rails", "Ruby")),
    *(("rust", each) for each in ("rs", "rust,edition2021", "rust,should_panic")),
    *(("go", each) for each in ("golang", "Go", "go=")),
    *(("dockerfile", each) for each in ("docker", "Docker", "containerfile")),
    *(("toml", each) for each in ("TOML", "cargo", "text", "plain", "txt", "plaintext", "code")),
]


async def test_of_another_language(connect: Connect, script: Script, subtests: pytest.Subtests) -> None:
    cases = {
        sent: _refused(language, ONES[language], sent, well(language), new(language), "The block")
        for language, sent in OF_ANOTHER
    }
    await judge_all(connect, script, subtests, cases)


async def test_of_the_same_language(connect: Connect, script: Script, subtests: pytest.Subtests) -> None:
    cases = {
        f"{language} {info}": whole_file(
            language, ONES[language], fenced(new(language), info), becomes=new(language) + "\n"
        )
        for language, info in SAME
    }
    await judge_all(connect, script, subtests, cases)
