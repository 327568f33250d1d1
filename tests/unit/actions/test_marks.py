"""Decorators, attributes, annotations, fields: what is part of a definition beside its name and signature."""

from __future__ import annotations

import pytest
from action_bench import Bench, block, place

from hybrid_lsp.actions import names
from hybrid_lsp.actions.base import EditOutcome
from hybrid_lsp.document import Document
from hybrid_lsp.types import Finding, Severity, Tier

PYTHON = """\
import x


@x.dataclass(frozen=True)
class A:
    n: int = 1

    @property
    def m(self) -> int:
        return self.n
"""
LOST = {
    "decorator": ("python", PYTHON, "@x.dataclass(frozen=True)\n", ""),
    "arguments": ("python", PYTHON, "(frozen=True)", ""),
    "abstract": ("python", "class A:\n    @abc.abstractmethod\n    def f(self):\n        return 1\n", "    @abc.abstractmethod\n", ""),
    "setter": ("python", "class A:\n    @x.setter\n    def x(self, v):\n        self.v = 1\n", "    @x.setter\n", ""),
    "cache": ("python", "@cache\ndef f(x):\n    return 1 + x\n", "@cache\n", ""),
    "derive": ("rust", "#[derive(Debug, Clone)]\npub struct A {\n    pub x: i32,\n}\n", "#[derive(Debug, Clone)]\n", ""),
    "one derive": ("rust", "#[derive(Debug, Clone)]\npub struct A {\n    pub x: i32,\n}\n", ", Clone", ""),
    "inline": ("rust", "impl A {\n    /// Doc.\n    #[inline]\n    fn f(&self) -> i32 {\n        1\n    }\n}\n", "    #[inline]\n", ""),
    "component": ("typescript", "@Component({ a: 1 })\nexport class A {\n  x = 1;\n}\n", "@Component({ a: 1 })\n", ""),
    "method decorator": ("typescript", "class A {\n  @Get('a')\n  a() {\n    return 1;\n  }\n}\n", "  @Get('a')\n", ""),
    "abstract method": ("typescript", "abstract class A {\n  abstract f(): void;\n  g() {\n    return 1;\n  }\n}\n", "  abstract f(): void;\n", ""),
    "interface member": ("typescript", "interface A {\n  f(): void;\n  g: 1;\n}\n", "  f(): void;\n", ""),
    "getter": ("javascript", "class A {\n  get x() {\n    return 1;\n  }\n  set x(v) {\n    this.v = v;\n  }\n}\n", "  set x(v) {\n    this.v = v;\n  }\n", ""),
    "field": ("javascript", "class A {\n  x = 1;\n  y = 2;\n}\n", "  y = 2;\n", ""),
    "override": ("java", "class A {\n    @Override\n    public int f() {\n        return 1;\n    }\n}\n", "    @Override\n", ""),
    "java field": ("java", "class A {\n    int x = 1;\n    int y = 2;\n}\n", "    int y = 2;\n", ""),
    "enum": ("java", "enum A {\n    X,\n    Y1\n}\n", "    X,\n", ""),
    "struct field": ("go", "type A struct {\n\tX int\n\tY1 int\n}\n", "\tX int\n", ""),
    "trait method": ("rust", "trait A {\n    fn f(&self);\n    fn g(&self) -> i32 {\n        1\n    }\n}\n", "    fn f(&self);\n", ""),
    "variant": ("rust", "enum A {\n    X,\n    Y1,\n}\n", "    X,\n", ""),
    "csharp attribute": ("csharp", "class A {\n    [HttpGet]\n    public int F() {\n        return 1;\n    }\n}\n", "    [HttpGet]\n", ""),
    "script": ("vue", "<template>\n  1\n</template>\n<script>\nx\n</script>\n", "<script>\nx\n</script>\n", ""),
}  # fmt: skip


@pytest.mark.parametrize("action", ["optimize", "simplify", "document"])
@pytest.mark.parametrize(("language", "old", "lost", "by"), LOST.values(), ids=LOST)
async def test_what_is_lost_is_refused(action: str, language: str, old: str, lost: str, by: str) -> None:
    file = Document("file:///x", old, 1, language)
    new = old.replace(lost, by).replace("1", "2")
    bench = Bench()
    assert bench.backend is not None
    bench.backend.enqueue([block(new.strip(), language)] * 2)
    done = await bench.pipeline().run(action, file, place(file, old.strip()))
    assert done.tier is Tier.STATIC
    assert "refused twice" in done.label


@pytest.mark.parametrize("case", ["decorator", "setter", "derive", "component", "method decorator", "one derive"])
async def test_an_edit_names_the_decorators_that_it_loses(case: str) -> None:
    language, old, lost, by = LOST[case]
    file = Document("file:///x", old, 1, language)
    bench = Bench()
    assert bench.backend is not None
    bench.backend.enqueue([block(old.replace(lost, by).strip(), language)])
    done = await bench.pipeline().run("edit", file, place(file, old.strip()), instruction="Go on.")
    assert isinstance(done, EditOutcome)
    assert any(each.startswith("Lost decorators or attributes: ") for each in done.notes), done.notes
    assert any(each in done.edit.description for each in done.notes)


async def test_a_fix_names_them_too_and_keeps_signatures() -> None:
    file = Document("file:///x", PYTHON, 1, "python")
    problem = Finding(place(file, "class A"), "Unneeded decorator", Severity.WARNING, "X1", "checker")
    new = PYTHON[PYTHON.index("class A") :].strip()
    done = await Bench().run("fix", block(new), document=file, diagnostic=problem)
    assert isinstance(done, EditOutcome)
    assert "Lost decorators or attributes: `@x.dataclass(frozen=True)` of `A`." in done.notes


async def test_changed_annotations_are_named() -> None:
    old = "def f(a: int, *b: str, c: int = 1) -> int:\n    return a + 1\n"
    new = "def f(a: float, *b: str, c=1) -> int:\n    return 1 + a"
    done = await Bench().run("optimize", block(new), document=Document("file:///x", old, 1, "python"), at="return")
    assert isinstance(done, EditOutcome)
    assert "Changed annotations: `f`." in done.notes
    field = Document("", "class A:\n    n: int = 1\n", language="python")
    assert names.changed_annotations(field, Document("", "class A:\n    n = 1\n", language="python"))
    assert names.changed_annotations(field, field) == ()


async def test_a_decorator_may_be_added() -> None:
    old = "def f(a):\n    return a + 1\n"
    new = "@functools.cache\ndef f(a):\n    return a + 1"
    done = await Bench().run("optimize", block(new), document=Document("file:///x", old, 1, "python"), at="return")
    assert isinstance(done, EditOutcome)


@pytest.mark.parametrize("action", ["optimize", "simplify"])
@pytest.mark.parametrize(
    ("language", "old", "new"),
    [
        ("c", "/* Adds. */\nint add(int a)\n{\n    return a + 1;\n}\n", "int add(int a)\n{\n    return 1 + a;\n}"),
        ("rust", "/// Adds.\n#[inline]\nfn add() -> i32 {\n    1 + 2\n}\n", "#[inline]\nfn add() -> i32 {\n    3\n}"),
        ("go", "package a\n\n// Add adds.\nfunc Add() int {\n\treturn 1 + 2\n}\n", "func Add() int {\n\treturn 3\n}"),
    ],
)
async def test_a_comment_that_a_model_forgot_stays(action: str, language: str, old: str, new: str) -> None:
    file = Document("file:///x", old, 1, language)
    done = await Bench().run(action, block(new, language), document=file, at="1")
    assert isinstance(done, EditOutcome)
    kept = old[: old.index("\n", old.index("dd")) + 1]
    assert done.edit.apply() == kept + new + "\n"


async def test_no_second_doc_comment() -> None:
    """The comment is part of what a model is asked to document, and of what it replaces."""
    old = "/// Adds.\n#[derive(Debug)]\nstruct A {\n    x: i32,\n}\n"
    new = "/// Adds one.\n#[derive(Debug)]\nstruct A {\n    /// One.\n    x: i32,\n}"
    file = Document("file:///x", old, 1, "rust")
    done = await Bench().run("document", block(new, "rust"), document=file, at="x: i32")
    assert isinstance(done, EditOutcome)
    assert done.edit.apply() == new + "\n"


C = "/* Adds. */\nint add(int a)\n{\n    return a + 1;\n}\n"
BARE = C[C.index("int") :].replace("a + 1", "1 + a")


@pytest.mark.parametrize(("instruction", "kept"), [("Turn it around.", True), ("Remove the comment.", False)])
async def test_an_edit_keeps_comments_unless_it_is_about_them(instruction: str, kept: bool) -> None:
    file = Document("file:///x", "\ufeff" + C, 1, "c")
    done = await Bench().run("edit", block(BARE, "c"), document=file, at="return", instruction=instruction)
    assert isinstance(done, EditOutcome)
    assert done.edit.apply() == "\ufeff" + ("/* Adds. */\n" if kept else "") + BARE


@pytest.mark.parametrize(("where", "kept"), [(C[C.index("int") :].strip(), True), (C.strip(), False)])
async def test_a_fix_keeps_comments_unless_the_problem_is_one(where: str, kept: bool) -> None:
    file = Document("file:///x", C, 1, "c")
    problem = Finding(place(file, where), "Bad.", Severity.WARNING, "X1", "checker")
    done = await Bench().run("fix", block(BARE, "c"), document=file, diagnostic=problem)
    assert isinstance(done, EditOutcome)
    assert done.edit.apply() == ("/* Adds. */\n" if kept else "") + BARE
