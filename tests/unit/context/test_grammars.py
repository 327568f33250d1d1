"""Trees of every language, the same after any edits as when parsed afresh."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.context import grammars, symbols
from hybrid_lsp.context.grammars import Parsed, Trees
from hybrid_lsp.document import Document

SOURCES = {
    "python": "def f(a):\n    return a\n",
    "javascript": "function f(a) { return `${a}`; }\n",
    "javascriptreact": "const a = () => <b>{1}</b>;\n",
    "typescript": "function f(a: number): number { return a; }\n",
    "typescriptreact": "const a = (b: string) => <b>{b}</b>;\n",
    "go": "package a\n\nfunc f(a int) int { return a }\n",
    "rust": "fn f(a: &'static str) -> u8 { 1 }\n",
    "java": "class A { int f(int a) { return a; } }\n",
    "c": '#include "a.h"\nint f(int a) { return a; }\n',
    "cpp": "template <class T> T f(T a) { return a; }\n",
    "csharp": "class A { int F(int a) => a; }\n",
    "shellscript": 'f() { echo "$1"; }\n',
    "lua": "local function f(a) return a end\n",
    "ruby": "def f(a)\n  a\nend\n",
    "php": "<?php\nfunction f($a) { return $a; }\n",
    "json": '{"a": [1, true]}\n',
    "jsonc": '{"a": [1, true]}\n',
}


@pytest.mark.parametrize("language", sorted(SOURCES))
def test_every_grammar_loads_and_reads_its_language(language: str) -> None:
    tree = Trees().parse(Document("file:///a", SOURCES[language], language=language))
    assert tree is not None
    assert list(grammars.errors(tree)) == []


@pytest.mark.parametrize("language", sorted(SOURCES))
def test_errors_are_found(language: str) -> None:
    text = SOURCES[language] + "\n)]} = ((\n"
    tree = Trees().parse(Document("file:///a", text, language=language))
    assert tree is not None
    assert list(grammars.errors(tree))


def test_every_language_is_tried() -> None:
    assert set(SOURCES) == grammars.LANGUAGES


def test_a_language_without_a_grammar_has_no_tree() -> None:
    assert Trees().parse(Document("file:///a", "x", language="cobol")) is None


parts = st.sampled_from([*"ab(){}:'\"#?,=.", "\n", "\n    ", "\r", "😀", "é", "def ", "\x1a"])
texts = st.lists(parts, max_size=40).map("".join)


@given(st.lists(texts, min_size=1, max_size=5), st.sampled_from(["python", "javascript", "rust"]))
def test_offsets_hold_in_every_version(versions: list[str], language: str) -> None:
    """Parsing what changed gives a tree of the whole new text, whatever the edits were."""
    trees = Trees()
    for text in versions:
        tree = trees.parse(Document("file:///a", text, language=language))
        assert tree is not None
        assert tree.root_node.end_byte <= len(text)
        leaves = [node for node in grammars.walk(tree.root_node) if not node.children and not node.is_missing]
        for node in leaves:
            assert 0 <= node.start_byte <= node.end_byte <= len(text)


def test_a_text_is_parsed_once_whoever_wants_its_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    monkeypatch.setattr(grammars, "_recent", grammars._Recent(2))
    before, afresh = Parsed.changed, Parsed.of
    monkeypatch.setattr(Parsed, "changed", lambda self, text, until=0.0: parsed.append(text) or before(self, text))
    monkeypatch.setattr(Parsed, "of", lambda language, text, until=0.0: parsed.append(text) or afresh(language, text))
    first, typed = (Document("file:///a", text, language="python") for text in ("a = 1\n", "a = 12\n"))
    trees = Trees()
    assert symbols.tree(first) is trees.parse(first)
    assert trees.parse(typed) is symbols.tree(typed)
    assert trees.parse(typed) is symbols.tree(typed)
    assert parsed == [first.text, typed.text]
    # Only the last few are kept.
    symbols.tree(Document("file:///b", "b\n", language="python"))
    symbols.tree(first)
    assert parsed[2:] == ["b\n", first.text]


def test_typing_gives_the_tree_that_parsing_afresh_gives() -> None:
    text = "".join(f"def f{n}(a, b):\n    '''é {n}'''\n    return a + {n}\n\n\n" for n in range(50))
    at = text.index("    return a + 25")
    typed = "    if a:\n        b = [x for x in a]\n"
    trees = Trees()
    for length in range(len(typed) + 1):
        now = text[:at] + typed[:length] + text[at:]
        tree = trees.parse(Document("file:///a", now, language="python"))
    assert tree is not None
    assert str(tree.root_node) == str(Parsed.of("python", now).tree.root_node)
    assert not tree.root_node.has_error


def test_an_older_tree_stays_as_it_was() -> None:
    before = Parsed.of("python", "a = 1\nb = 2\n")
    shown = [(node.type, node.start_byte, node.end_byte) for node in grammars.walk(before.tree.root_node)]
    after = before.changed("x = 0\na = 1\nb = 2\n")
    assert [(node.type, node.start_byte, node.end_byte) for node in grammars.walk(before.tree.root_node)] == shown
    assert after.tree.root_node.end_byte == 18
    assert after.changed("x = 0\na = 1\nb = 2\n") is after


def test_few_trees_are_kept() -> None:
    trees = Trees(most=2)
    for name in "abc":
        trees.parse(Document(f"file:///{name}", "x = 1\n", language="python"))
    assert len(trees) == 2
    trees.forget("file:///c")
    trees.forget("file:///none")
    assert len(trees) == 1


def test_another_language_under_the_same_name_is_parsed_afresh() -> None:
    trees = Trees()
    trees.parse(Document("file:///a", "x = 1\n", language="python"))
    tree = trees.parse(Document("file:///a", "let x = 1;\n", language="javascript"))
    assert tree is not None
    assert tree.root_node.type == "program"


@given(st.text(max_size=40))
def test_the_text_for_the_parser_is_as_long_as_the_text(text: str) -> None:
    shown = grammars.as_ascii(text)
    assert len(shown) == len(text)
    assert shown.isascii()
    assert [c for c in text if c.isascii() and c not in "\r\x1a"] == [
        s for c, s in zip(text, shown, strict=True) if c.isascii() and c not in "\r\x1a"
    ]


@pytest.mark.parametrize(
    ("one", "other", "same"), [("c", "cpp", True), ("rust", "go", False), ("python", "python", True)]
)
def test_files_of_relatives_belong_together(one: str, other: str, same: bool) -> None:
    assert (other in grammars.relatives(one)) is same
