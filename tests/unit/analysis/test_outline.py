"""What is told about code in languages other than Python, from their grammars alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.analysis import outline
from hybrid_lsp.analysis.syntax import Facts
from hybrid_lsp.context import grammars, scope
from hybrid_lsp.document import Document, Span


def facts(language: str, text: str, at: str | None = None) -> Facts | None:
    document = Document("file:///x", text, 1, language)
    tree = grammars.Parsed.of(language, text).tree
    start = text.index(at) if at else 0
    span = Span(start, start) if at else Span(0, len(text))
    return outline.describe(document, tree.root_node, span, scope.SCOPES)


RUST = """\
struct Shop { items: Vec<Item> }

impl Shop {
    pub fn sell(
        &mut self, n: usize,
    ) -> Result<Item, Error> {
        if n > 3 && self.open {
            return Err(Error::new("😀"));
        }
        match n { 0 => println!("a"), 1 => helper(n), _ => self.log(n) }
        for größe in 0..n { helper(größe); }
        Ok(self.items.pop().unwrap())
    }
}

fn main() {
    Shop::new().sell(3);
}
"""


def test_everything_about_one_function() -> None:
    found = facts("rust", RUST, "for größe")
    assert found == Facts(
        kind="function",
        name="sell",
        signature="pub fn sell( &mut self, n: usize, ) -> Result<Item, Error>",
        first_line=4,
        last_line=13,
        complexity=6,
        calls=(
            *("Err", "Error::new", "println", "helper", "self.log", "Ok"),
            *("self.items.pop().unwrap", "self.items.pop"),
        ),
        called_from=("main",),
    )


def test_a_file_and_what_it_defines() -> None:
    found = facts("rust", RUST)
    assert found is not None
    assert (found.kind, found.name, found.first_line, found.last_line) == ("statements", "", 1, 18)
    assert [(each.kind, each.name) for each in found.members] == [
        ("struct", "Shop"),
        ("implementation", "Shop"),
        ("function", "main"),
    ]
    assert [each.name for each in found.members[1].members] == ["sell"]


CASES = {
    "go": (
        (
            'package a\nfunc (s *Shop) Sell(n int) error {\n\tif n > 3 || n < 0 { return fmt.Errorf("x") }\n'
            "\tswitch n {\n\tcase 1: s.log(n)\n\tdefault: other(n)\n\t}\n\tfor range n { helper() }\n\treturn nil\n}\n"
        ),
        ("method", "Sell", "func (s *Shop) Sell(n int) error", 5, ("fmt.Errorf", "s.log", "other", "helper")),
    ),
    "javascript": (
        (
            "async function sell(n = 3) {\n  for (const i of n) { if (i ?? 1) await this.log(i); }\n"
            "  try { helper(n) } catch (e) { throw new Error('x') }\n  return n ? 1 : 2;\n}\n"
        ),
        ("function", "sell", "async function sell(n = 3)", 6, ("this.log", "helper", "Error")),
    ),
    "typescript": (
        "function sell<T>(n?: T): Promise<T> { while (n) { a.b(n!) } return c<T>(n) }\n",
        ("function", "sell", "function sell<T>(n?: T): Promise<T>", 2, ("a.b", "c")),
    ),
    "typescriptreact": (
        "function App({n}: P) { return <b>{n && f(n)}</b> }\n",
        ("function", "App", "function App({n}: P)", 2, ("f",)),
    ),
    "java": (
        (
            "class A { int sell(int n) throws E { if (n > 3) this.log(n);\n"
            "switch (n) { case 1: a(); break; default: b(); }\n"
            "for (int i : s) c(i); return new Foo(1).bar(); } }\n"
        ),
        ("class", "A", "class A", 4, ("this.log", "a", "b", "c", "new Foo(1).bar", "Foo")),
    ),
    "c": (
        (
            "static int *sell(struct shop *s, int n)\n{\n"
            "  if (n > 3 && s->open) return log_it(n);\n  while (n--) helper(n);\n"
            "  switch (n) { case 1: a(); break; case 2: b(); default: c(); }\n  return s->f(n);\n}\n"
        ),
        ("function", "sell", "static int *sell(struct shop *s, int n)", 6, ("log_it", "helper", "a", "b", "c", "s->f")),
    ),
    "cpp": (
        "int Shop::other(int n) {\n  for (auto x : xs) f(x);\n  return new Foo(std::max(1, n));\n}\n",
        ("function", "Shop::other", "int Shop::other(int n)", 2, ("f", "Foo", "std::max")),
    ),
    "csharp": (
        (
            "class S { int Sell(int n) { if (n > 1) Log(n); foreach (var x in xs) this.Add(x);\n"
            "return n switch { 1 => A(), _ => B() }; } }\n"
        ),
        ("class", "S", "class S", 4, ("Log", "this.Add", "A", "B")),
    ),
    "shellscript": (
        'sell() {\n  if [ -n "$1" ]; then helper "$1"; fi\n  case $1 in a) echo a;; *) echo b;; esac\n}\n',
        ("function", "sell", "sell()", 3, ("helper", "echo")),
    ),
    "lua": (
        "local function sell(n)\n  if n > 1 and n < 3 then log(n) end\n  for i = 1, n do self:add(i) end\nend\n",
        ("function", "sell", "local function sell(n)", 4, ("log", "self:add")),
    ),
    "ruby": (
        "def sell(n)\n  log(n) if n > 1 && open\n  items.each { |i| helper(i) }\nrescue Bad => e\n  fail e\nend\n",
        ("method", "sell", "def sell(n)", 4, ("log", "items.each", "helper", "fail")),
    ),
    "php": (
        "<?php\nfunction sell(int $n): int { if ($n > 1) { $this->log($n); } return Foo::bar($n); }\n",
        ("function", "sell", "function sell(int $n): int", 2, ("$this->log", "Foo::bar")),
    ),
}


@pytest.mark.parametrize(("language", "text", "expected"), [(name, *case) for name, case in CASES.items()], ids=CASES)
def test_each_language(language: str, text: str, expected: tuple[object, ...]) -> None:
    found = facts(language, text)
    assert found is not None
    assert (found.kind, found.name, found.signature, found.complexity, found.calls) == expected


def test_every_language_with_code_is_tried_here() -> None:
    assert set(CASES) | {"rust", "python", "javascriptreact", "json", "jsonc"} == set(grammars.LANGUAGES)


def test_where_nothing_is_defined() -> None:
    assert facts("go", "package a\n") is None
    assert facts("rust", RUST, "\nfn main") is None
    assert facts("json", '{"a": [1]}') is None


def test_who_calls_whom() -> None:
    text = "function a() { b(); x.b(); a() }\nfunction b() { a() }\na()\n"
    found = facts("javascript", text)
    assert found is not None
    assert [each.called_from for each in found.members] == [("b", "outside of all"), ("a",)]


def test_definitions_are_listed_so_deep_and_no_deeper() -> None:
    text = "".join(f"function f{n}() {{ " for n in range(400)) + "}" * 400
    found = facts("javascript", text)
    depth = 0
    while found is not None and found.members:
        found, depth = found.members[0], depth + 1
    assert depth == 3


def test_long_names_are_cut() -> None:
    found = facts("go", f"package a\nfunc f({'a' * 300} int) {{ {'b' * 100}() }}\n")
    assert found is not None
    assert found.signature.endswith("...")
    assert len(found.signature) == 200
    assert found.calls == ("b" * 57 + "...",)


@given(
    st.sampled_from(sorted(grammars.LANGUAGES)), st.text(alphabet="fn func(a){if;}\n :=class\"'é😀<>&|", max_size=60)
)
def test_any_text_is_read(language: str, text: str) -> None:
    found = facts(language, text)
    assert found is None or found.complexity >= 1
