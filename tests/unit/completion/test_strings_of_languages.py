"""Strings and comments of a hundred languages, as an editor that closes quotes and brackets leaves them.

Each string: language, text with the cursor (‸), what the model writes, the texts that may stand there once it was accepted.
"""

# ruff: noqa: E501
from __future__ import annotations

import pytest
from test_as_typed import CONFIG, accepted, asked, pipeline

from hybrid_lsp.completion.place import Place, where
from hybrid_lsp.context.grammars import Trees
from hybrid_lsp.document import Document

STRINGS = [
    ("rust", "fn f<'a>(x: &'a str) -> &'a str { g(‸) }\n", "x) }", ["fn f<'a>(x: &'a str) -> &'a str { g(x) }\n"]),
    ("rust", "let c = f(‸);\n", "'a');", ["let c = f('a');\n"]),
    ("rust", 'let s = "‸";\n', 'hi";', ['let s = "hi";\n']),
    ("rust", 'let s = r#"‸"#;\n', 'hi"#;', ['let s = r#"hi"#;\n']),
    ("rust", 'let s = b"‸";\n', 'hi";', ['let s = b"hi";\n']),
    ("rust", 'println!("{}", ‸);\n', "x);", ['println!("{}", x);\n']),
    ("rust", 'println!("{‸}");\n', 'x}");', ['println!("{x}");\n']),
    ("ruby", "x = %w[‸]\n", "a b]", ["x = %w[a b]\n"]),
    ("ruby", 'x = "a #{‸}"\n', 'b}"', ['x = "a #{b}"\n']),
    ("ruby", "puts '‸'\n", "hi'", ["puts 'hi'\n"]),
    ("ruby", "x = <<~T\n  a ‸\nT\n", "b\nT\n", ["x = <<~T\n  a b\nT\n"]),
    ("ruby", "h = {‸}\n", "a: 1 }", ["h = {a: 1 }\n", "h = {a: 1}\n"]),
    ("lua", "local s = [[‸]]\n", "hi]]", ["local s = [[hi]]\n"]),
    ("lua", 'print("‸")\n', 'hi")', ['print("hi")\n']),
    ("lua", "local t = {‸}\n", "a = 1}", ["local t = {a = 1}\n"]),
    ("julia", 's = "$(‸)"\n', 'x)"', ['s = "$(x)"\n']),
    ("julia", "y = A'\nprint(‸)\n", "y)", ["y = A'\nprint(y)\n"]),
    ("julia", "c = '‸'\n", "a'", ["c = 'a'\n"]),
    ("julia", "f(x') + g(‸)\n", "y)", ["f(x') + g(y)\n"]),
    ("elixir", "x = ~s(‸)\n", "hi)", ["x = ~s(hi)\n"]),
    ("elixir", 'x = "a #{‸}"\n', 'b}"', ['x = "a #{b}"\n']),
    ("elixir", 'IO.puts("‸")\n', 'hi")', ['IO.puts("hi")\n']),
    ("elixir", "x = ~r/‸/\n", "a+/", ["x = ~r/a+/\n"]),
    ("dart", "var s = '‸';\n", "hi';", ["var s = 'hi';\n"]),
    ("dart", "var s = 'a ${‸}';\n", "b}';", ["var s = 'a ${b}';\n"]),
    ("dart", "var s = r'‸';\n", "a\\d';", ["var s = r'a\\d';\n"]),
    ("swift", 'let s = "a \\(‸)"\n', 'b)"', ['let s = "a \\(b)"\n']),
    ("swift", 'let s = #"‸"#\n', 'hi"#', ['let s = #"hi"#\n']),
    ("kotlin", 'val s = "a ${‸}"\n', 'b}"', ['val s = "a ${b}"\n']),
    ("kotlin", 'val s = """‸"""\n', 'hi"""', ['val s = """hi"""\n']),
    ("csharp", 'var s = @"‸";\n', 'c:\\";', ['var s = @"c:\\";\n']),
    ("csharp", 'var s = $"a {‸}";\n', 'b}";', ['var s = $"a {b}";\n']),
    ("csharp", 'var s = """‸""";\n', 'hi""";', ['var s = """hi""";\n']),
    ("csharp", "var c = '‸';\n", "a';", ["var c = 'a';\n"]),
    ("csharp", 'var s = @"a ""‸""";\n', 'b""";', ['var s = @"a ""b""";\n', 'var s = @"a """"";\n']),
    ("shellscript", "x=$'‸'\n", "a\\n'", ["x=$'a\\n'\n"]),
    ("shellscript", 'x="$(‸)"\n', 'ls)"', ['x="$(ls)"\n']),
    ("shellscript", 'x="${‸}"\n', 'HOME}"', ['x="${HOME}"\n']),
    ("shellscript", 'if [[ -n "‸" ]]; then\n  a\nfi\n', '$x" ]]; then', ['if [[ -n "$x" ]]; then\n  a\nfi\n']),
    ("shellscript", "echo '‸'\n", "it'\\''s'", ["echo 'it'\\''s'\n", "echo ''\n"]),
    ("python", "x = rb'‸'\n", "a\\d'", ["x = rb'a\\d'\n"]),
    ("python", "x = f'{d[\"‸\"]}'\n", "a\"]}'", ["x = f'{d[\"a\"]}'\n"]),
    ("python", "x = f'{x!r:>{‸}}'\n", "w}}'", ["x = f'{x!r:>{w}}'\n"]),
    ("python", 'x = (f"a" f"{‸}")\n', 'b}")', ['x = (f"a" f"{b}")\n']),
    ("python", 'x = rf"{‸}\\d"\n', 'b}\\d"', ['x = rf"{b}\\d"\n']),
    ("python", "x = u'‸'\n", "a'", ["x = u'a'\n"]),
    ("python", "x = '''‸'''\n", "a'''", ["x = '''a'''\n"]),
    ("python", "d['‸'] = 1\n", "a'] = 1", ["d['a'] = 1\n"]),
    ("python", '@app.get("‸")\ndef f(): ...\n', '/a")', ['@app.get("/a")\ndef f(): ...\n']),
    ("python", 'print(f"{a:‸}")\n', '.2f}")', ['print(f"{a:.2f}")\n']),
    (
        "javascriptreact",
        'const a = <div className="‸"></div>;\n',
        'box"></div>;',
        ['const a = <div className="box"></div>;\n'],
    ),
    (
        "javascriptreact",
        "const a = <div className={‸}></div>;\n",
        "box}></div>;",
        ["const a = <div className={box}></div>;\n"],
    ),
    ("javascriptreact", "const a = <A b='‸' />;\n", "c' />;", ["const a = <A b='c' />;\n"]),
    ("typescriptreact", "<Foo onClick={() => ‸} />\n", "go()} />", ["<Foo onClick={() => go()} />\n"]),
    ("typescript", "const s = `${a}/${‸}`;\n", "b}`;", ["const s = `${a}/${b}`;\n"]),
    ("typescript", "import { ‸ } from 'a';\n", "b } from 'a';", ["import { b } from 'a';\n"]),
    (
        "vue",
        '<template>\n  <a :href="‸">x</a>\n</template>\n',
        'url">x</a>',
        ['<template>\n  <a :href="url">x</a>\n</template>\n'],
    ),
    ("svelte", "<a href={‸}>x</a>\n", "url}>x</a>", ["<a href={url}>x</a>\n"]),
    ("html", '<p class="‸">a</p>\n', 'b">a</p>', ['<p class="b">a</p>\n']),
    ("html", "<p class='‸'>don't</p>\n", "b'>don't</p>", ["<p class='b'>don't</p>\n"]),
    ("css", 'a { content: "‸"; }\n', 'x"; }', ['a { content: "x"; }\n']),
    ("json", '{"a": "‸"}\n', 'b"}', ['{"a": "b"}\n']),
    ("yaml", 'a: "‸"\n', 'b"', ['a: "b"\n']),
    ("toml", "a = '‸'\n", "b'", ["a = 'b'\n"]),
    ("go", "s := `‸`\n", "a\\`", ["s := `a\\`\n"]),
    ("go", "r := '‸'\n", "a'", ["r := 'a'\n"]),
    ("go", 'f(map[string]int{"‸"})\n', 'a": 1})', ['f(map[string]int{"a": 1})\n']),
    ("php", "$x = \"{$a['‸']}\";\n", "b']}\";", ["$x = \"{$a['b']}\";\n"]),
    ("php", "echo '‸';\n", "a';", ["echo 'a';\n"]),
    ("perl", "my $x = q{‸};\n", "a};", ["my $x = q{a};\n"]),
    ("perl", "my %h = (‸);\n", "a => 1);", ["my %h = (a => 1);\n"]),
    ("r", "x <- c(‸)\n", "1, 2)", ["x <- c(1, 2)\n"]),
    ("scala", 'val s = s"${‸}"\n', 'a}"', ['val s = s"${a}"\n']),
    ("sql", "SELECT '‸'\n", "a'", ["SELECT 'a'\n"]),
    ("sql", "WHERE a IN (‸)\n", "1, 2)", ["WHERE a IN (1, 2)\n"]),
    ("c", "char c = '‸';\n", "a';", ["char c = 'a';\n"]),
    ("cpp", 'auto s = R"(‸)";\n', 'a)";', ['auto s = R"(a)";\n']),
    ("cpp", "int n = 1'000 + f(‸);\n", "x);", ["int n = 1'000 + f(x);\n"]),
    ("java", 'String s = """‸""";\n', 'a""";', ['String s = """a""";\n']),
    ("haskell", 'f x\' = g "‸"\n', 'a"', ['f x\' = g "a"\n']),
    ("ocaml", 'let f x\' = g "‸"\n', 'a"', ['let f x\' = g "a"\n']),
    ("clojure", "(def a '(‸))\n", "1 2))", ["(def a '(1 2))\n"]),
    ("terraform", 'a = "${‸}"\n', 'var.b}"', ['a = "${var.b}"\n']),
    ("nix", 'a = "${‸}";\n', 'b}";', ['a = "${b}";\n']),
    ("nix", "a = ''‸'';\n", "b'';", ["a = ''b'';\n"]),
    ("powershell", 'Write-Host "$(‸)"\n', '$a)"', ['Write-Host "$($a)"\n']),
    ("powershell", "$a = @{‸}\n", "b = 1}", ["$a = @{b = 1}\n"]),
    ("groovy", 'def s = "${‸}"\n', 'a}"', ['def s = "${a}"\n']),
    ("zig", 'const a = "‸";\n', 'b";', ['const a = "b";\n']),
    ("markdown", "It's `‸` here\n", "a` here", ["It's `a` here\n"]),
    ("markdown", "[a](‸)\n", "http://b)", ["[a](http://b)\n"]),
    ("latex", "\\emph{‸}\n", "a}", ["\\emph{a}\n"]),
    ("fsharp", 'let s = $"a {‸}"\n', 'b}"', ['let s = $"a {b}"\n']),
    ("coffeescript", 'x = "a #{‸}"\n', 'b}"', ['x = "a #{b}"\n']),
    ("vb", 'Dim s = "‸"\n', 'a"', ['Dim s = "a"\n']),
    ("matlab", "y = A'; f(‸)\n", "y)", ["y = A'; f(y)\n"]),
    ("matlab", "s = '‸';\n", "a';", ["s = 'a';\n"]),
    ("verilog", "a = 4'b0 + f(‸);\n", "x);", ["a = 4'b0 + f(x);\n"]),
    ("ada", "X := F'(‸);\n", "Y);", ["X := F'(Y);\n"]),
    ("erlang", 'f("‸").\n', 'a").', ['f("a").\n']),
    ("nim", 'echo "‸"\n', 'a"', ['echo "a"\n']),
    ("prolog", "f('‸').\n", "a').", ["f('a').\n"]),
    ("graphql", 'a(b: "‸")\n', 'c")', ['a(b: "c")\n']),
    ("makefile", "x := $(‸)\n", "shell ls)", ["x := $(shell ls)\n"]),
    ("cmake", 'set(A "${‸}")\n', 'B}")', ['set(A "${B}")\n']),
    ("dockerfile", 'CMD ["‸"]\n', 'a", "b"]', ['CMD ["a", "b"]\n']),
    ("python", "print(tot‸al_weight)\n", "al_weight)", ["print(total_weight)\n"]),
    ("python", "x = fo‸o + 1\n", "o + 1", ["x = foo + 1\n"]),
    ("javascript", "const na‸me = 1;\n", "me = 1;", ["const name = 1;\n"]),
    ("go", "fmt.Pri‸ntln(a)\n", "ntln(a)", ["fmt.Println(a)\n"]),
    ("python", "self.‸count += 1\n", "count += 1", ["self.count += 1\n"]),
    ("rust", "let x = ve‸c.len();\n", "c.len();", ["let x = vec.len();\n"]),
    ("python", "from os import pa‸th\n", "th", ["from os import path\n"]),
    ("python", "x = größ‸er\n", "er", ["x = größer\n"]),
]


@pytest.mark.parametrize(("language", "marked", "reply", "expected"), STRINGS)
async def test_a_string_that_the_editor_closed_is_closed_once(
    language: str, marked: str, reply: str, expected: list[str]
) -> None:
    for invoked in (False, True):
        typed, _ = pipeline(reply)
        query = asked(marked, language, invoked=invoked)
        got = accepted(query, await typed.complete(query, CONFIG))
        inside_word = marked[marked.index("‸") + 1].isalnum()
        assert got in ([*expected, marked.replace("‸", "")] if inside_word else expected)


PLACES = [
    ("haskell", "f x -- c", Place.COMMENT),
    ("haskell", "{- a\nb", Place.COMMENT),
    ("haskell", "a --> b", Place.CODE),
    ("lua", "x = 'a -- b", Place.STRING),
    ("ada", "x -- c", Place.COMMENT),
    ("cobol", "x", Place.CODE),
    ("fortran", "x ! c", Place.COMMENT),
    ("julia", "#= a\nb", Place.COMMENT),
    ("nim", "#[ a\nb", Place.COMMENT),
    ("perl", "=pod\n\na", Place.COMMENT),
    ("python", "x = '#' + a", Place.CODE),
    ("shellscript", "echo a#b", Place.CODE),
    ("shellscript", 'echo "a # b', Place.STRING),
    ("php", "#[Attr] x", Place.CODE),
    ("sql", "a -- b", Place.COMMENT),
    ("sql", "a - -b", Place.CODE),
    ("mysql", "a # b", Place.COMMENT),
    ("dart", "/// a", Place.COMMENT),
    ("rust", "/* a /* b */ c", Place.COMMENT),
    ("swift", "/* a", Place.COMMENT),
    ("kotlin", "// a", Place.COMMENT),
    ("scala", "/* a", Place.COMMENT),
    ("jinja", "{# a", Place.COMMENT),
    ("jinja-html", "{# a", Place.COMMENT),
    ("twig", "{# a", Place.COMMENT),
    ("django-html", "{# a", Place.COMMENT),
    ("erb", "<%# a", Place.COMMENT),
    ("handlebars", "{{!-- a", Place.COMMENT),
    ("pug", "// a", Place.COMMENT),
    ("haml", "-# a", Place.COMMENT),
    ("stylus", "// a", Place.COMMENT),
    ("blade", "{{-- a", Place.COMMENT),
    ("ejs", "<%# a", Place.COMMENT),
    ("razor", "@* a", Place.COMMENT),
    ("aspnetcorerazor", "@* a", Place.COMMENT),
    ("lean", "-- a", Place.COMMENT),
    ("coq", "(* a", Place.COMMENT),
    ("agda", "-- a", Place.COMMENT),
    ("idris", "-- a", Place.COMMENT),
    ("sml", "(* a", Place.COMMENT),
    ("purescript", "-- a", Place.COMMENT),
    ("reason", "// a", Place.COMMENT),
    ("rescript", "// a", Place.COMMENT),
    ("elm", "{- a\nb", Place.COMMENT),
    ("gleam", "// a", Place.COMMENT),
    ("odin", "// a", Place.COMMENT),
    ("vala", "// a", Place.COMMENT),
    ("cue", "// a", Place.COMMENT),
    ("dhall", "-- a", Place.COMMENT),
    ("jsonnet", "// a", Place.COMMENT),
    ("rego", "# a", Place.COMMENT),
    ("sas", "/* a", Place.COMMENT),
    ("mathematica", "(* a", Place.COMMENT),
    ("wolfram", "(* a", Place.COMMENT),
    ("cuda", "// a", Place.COMMENT),
    ("opencl", "// a", Place.COMMENT),
    ("metal", "// a", Place.COMMENT),
    ("move", "// a", Place.COMMENT),
    ("cairo", "// a", Place.COMMENT),
    ("actionscript", "// a", Place.COMMENT),
    ("smarty", "{* a", Place.COMMENT),
    ("qml", "// a", Place.COMMENT),
    ("nginx", "# a", Place.COMMENT),
    ("apacheconf", "# a", Place.COMMENT),
    ("caddyfile", "# a", Place.COMMENT),
    ("ssh_config", "# a", Place.COMMENT),
    ("pip-requirements", "# a", Place.COMMENT),
    ("requirements", "# a", Place.COMMENT),
    ("snippets", "// a", Place.COMMENT),
    ("bicep", "// a", Place.COMMENT),
    ("cypher", "// a", Place.COMMENT),
    ("sparql", "# a", Place.COMMENT),
    ("turtle", "# a", Place.COMMENT),
    ("kusto", "// a", Place.COMMENT),
    ("powerquery", "// a", Place.COMMENT),
    ("autohotkey", "; a", Place.COMMENT),
    ("ahk", "; a", Place.COMMENT),
    ("nsis", "; a", Place.COMMENT),
    ("hy", "; a", Place.COMMENT),
    ("fennel", "; a", Place.COMMENT),
    ("janet", "# a", Place.COMMENT),
    ("http", "# a", Place.COMMENT),
    ("rest", "# a", Place.COMMENT),
    ("dotenv", "A=b # c", Place.COMMENT),
    ("gnuplot", "# a", Place.COMMENT),
    ("beancount", "; a", Place.COMMENT),
    ("plantuml", "' a", Place.COMMENT),
    ("dot", "// a", Place.COMMENT),
    ("asciidoc", "// a", Place.COMMENT),
    ("typst", "// a", Place.COMMENT),
    ("gomod", "// a", Place.COMMENT),
    ("go.mod", "// a", Place.COMMENT),
    ("jsonl", "// a", Place.CODE),
    ("proto", "// a", Place.COMMENT),
    ("crystal", "# a", Place.COMMENT),
    ("objective-c", "// a", Place.COMMENT),
    ("pkl", "// a", Place.COMMENT),
    ("kdl", "// a", Place.COMMENT),
    ("ron", "// a", Place.COMMENT),
    ("wit", "// a", Place.COMMENT),
    ("earthfile", "# a", Place.COMMENT),
    ("snakemake", "# a", Place.COMMENT),
    ("nextflow", "// a", Place.COMMENT),
    ("cython", "# a", Place.COMMENT),
    ("pyrex", "# a", Place.COMMENT),
    ("ql", "// a", Place.COMMENT),
    ("raku", "# a", Place.COMMENT),
    ("sass", "// a", Place.COMMENT),
    ("verilog", "// a", Place.COMMENT),
    ("vhdl", "-- a", Place.COMMENT),
    ("tcl", "# a", Place.COMMENT),
    ("applescript", "-- a", Place.COMMENT),
    ("vb", "' a", Place.COMMENT),
    ("vbscript", "' a", Place.COMMENT),
    ("bat", "REM a", Place.COMMENT),
    ("bat", "echo rem a", Place.CODE),
]


@pytest.mark.parametrize(("language", "before", "place"), PLACES)
def test_comments_of_languages_without_a_grammar(language: str, before: str, place: Place) -> None:
    document = Document("file:///a", before, language=language)
    assert where(document, len(before), Trees().parse(document)) is place


# What a model has read is no code of the language, so nothing else tells that the quote is closed.
@pytest.mark.parametrize(
    ("language", "marked", "reply", "expected"),
    [
        ("shellscript", "grep '‸'\n", "a\\'", "grep 'a\\'\n"),
        ("toml", "path = '‸'\n", "c:\\'", "path = 'c:\\'\n"),
        ("sql", "LIKE '‸'\n", "\\'", "LIKE '\\'\n"),
        ("powershell", "$a = '‸'\n", "c:\\'", "$a = 'c:\\'\n"),
    ],
)
async def test_a_backslash_is_none_in_such_quotes(language: str, marked: str, reply: str, expected: str) -> None:
    typed, _ = pipeline(reply)
    query = asked(marked, language)
    assert accepted(query, await typed.complete(query, CONFIG)) == expected


OPEN_COMMENTS = [
    ("typescript", "/**\n * The user's na‸\n\n\nexport function f(a) {\n  return a;\n}\n"),
    ("javascript", "import a from 'b';\n\n/**\n * @return {Str‸\n\n\nexport function f(a) {\n  return a;\n}\n"),
    ("typescriptreact", "const a = <b/>;\n/* The user's na‸\n\nconst c = <d>{e}</d>;\n"),
    ("java", "class A {\n  /**\n   * The user's na‸\n\n  int b() { return 1; }\n}\n"),
    ("c", "int a;\n/* The user's na‸\n\nint main() { return 1; }\n"),
    ("cpp", "class A {\n/* The user's na‸\n\n int b() { }\n};\n"),
    ("csharp", "class A {\n/* The user's na‸\n\n int b() { }\n}\n"),
    ("go", "package a\n/* The user's na‸\n\nfunc main() { }\n"),
    ("rust", "fn a() {}\n/* The user's na‸\n\nfn main() { let x = 1; }\n"),
    ("php", "<?php\nclass A {\n/** The user's na‸\n\nfunction b() { }\n}\n"),
    ("ruby", "a = 1\n=begin\nThe user's na‸\n\ndef b\nend\n"),
    ("lua", "local a = 1\n--[[ The user's na‸\n\nlocal b = 2\n"),
    ("kotlin", "class A {\n/* The user's na‸\n\n fun b() { }\n}\n"),
    ("css", "a { b: c }\n/* The user's na‸\n\nb { c: d }\n"),
    ("css", "a { b: c }\n/* as in a/* and\n na‸\n\nb { c: d }\n"),
    ("javascriptreact", "return (\n <div>\n {/* The user's na‸\n </div>\n)\n"),
    ("html", "<a>\n<!-- The user's na‸\n\n<b></b>\n"),
]


@pytest.mark.parametrize(("language", "marked"), OPEN_COMMENTS)
def test_a_comment_whose_end_is_not_written_yet(language: str, marked: str) -> None:
    """No grammar knows it as one; prose has to be surer than code."""
    offset = marked.index("‸")
    document = Document("file:///a", marked.replace("‸", ""), language=language)
    assert where(document, offset, Trees().parse(document)) is Place.COMMENT


@pytest.mark.parametrize(
    ("language", "marked"),
    [
        ("typescript", "const all = [\n  'src/**/*.ts',\n  na‸\n\nexport function f( {\n}\n"),
        ("javascript", 'find("src/*"\nna‸\n\nfunction f( {\n}\n'),
        ("go", 'package a\n\nfunc b() {\n\tc("/*"\n\tna‸\n}\n'),
        ("css", "a { b: url('/*'); c: na‸"),
        ("javascript", "const a = /[/*]/;\nb(na‸\n\nfunction f( {\n}\n"),
        ("typescript", "/* whole */ const all = [\n  na‸\n\nexport function f( {\n}\n"),
        ("typescript", "// of src/*\nconst all = [\n  na‸\n\nexport function f( {\n}\n"),
    ],
)
def test_what_begins_a_comment_in_a_string_is_none(language: str, marked: str) -> None:
    offset = marked.index("‸")
    document = Document("file:///a", marked.replace("‸", ""), language=language)
    assert where(document, offset, Trees().parse(document)) is Place.CODE
