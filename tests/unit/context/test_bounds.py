"""What takes too long to parse is left: the path knows less, and goes on."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from hybrid_lsp.context import grammars, scope, window
from hybrid_lsp.context.grammars import DEEPEST, MOST_CHILDREN, Parsed, TooSlow, Trees, errors, first_children, path_to
from hybrid_lsp.context.scope import imports, text_end
from hybrid_lsp.document import Document, Span


def test_a_parse_ends_when_its_time_is_over() -> None:
    with pytest.raises(TooSlow):
        Parsed.of("python", "x = 1\n" * 1000, until=-math.inf)
    tree = Parsed.of("python", "x = 1\n" * 1000)
    with pytest.raises(TooSlow):
        tree.changed("y = 1\n" + "x = 1\n" * 1000, until=-math.inf)
    # The parser is as good as new.
    assert not Parsed.of("python", "x = 1\n").tree.root_node.has_error


def test_what_was_too_slow_is_parsed_aside_and_known_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    trees = Trees()
    document = Document("file:///a.py", "def f():\n    return 2\n" * 50, language="python")
    monkeypatch.setattr(grammars, "PARSE_S", -1.0)
    assert trees.parsed(document) is None
    trees.settle()
    # The same text needs no parsing any more.
    monkeypatch.setattr(grammars, "PARSE_S", 10.0)
    newer = Document(document.uri, document.text + "\n", language="python")
    assert trees.parse(newer) is not None


def test_what_is_hopeless_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    trees = Trees()
    document = Document("file:///b.py", "def g():\n    return 3\n" * 50, language="python")
    monkeypatch.setattr(grammars, "PARSE_S", -1.0)
    monkeypatch.setattr(grammars, "PARSE_ASIDE_S", -1.0)
    assert trees.parsed(document) is None
    trees.settle()
    monkeypatch.setattr(grammars, "PARSE_S", 10.0)
    assert trees.parsed(Document(document.uri, document.text + "x", language="python")) is None
    trees.settle()
    trees.forget(document.uri)
    assert trees.parsed(document) is not None


def test_a_path_is_the_chain_of_parents() -> None:
    text = "def f(a):\n    return [a, (b, c)]\n"
    tree = Parsed.of("python", text).tree
    for offset in range(len(text)):
        node = tree.root_node.descendant_for_byte_range(offset, offset)
        chain = []
        while node is not None:
            chain.append(node)
            node = node.parent
        assert path_to(tree, offset, offset) == chain[::-1]


def test_no_path_is_longer_than_anybody_nests() -> None:
    text = "x = " + "(" * 4000 + "1" + ")" * 4000
    tree = Parsed.of("python", text).tree
    assert len(path_to(tree, 2000, 2000)) <= DEEPEST
    assert text_end(tree, 2000) == 2000


def test_errors_without_end_are_told_as_far_as_it_goes() -> None:
    tree = Parsed.of("python", "x = = ) (\n" * 20_000).tree
    assert len(list(errors(tree))) <= MOST_CHILDREN
    assert len(list(first_children(tree.root_node))) <= MOST_CHILDREN


def test_imports_are_looked_for_at_the_top() -> None:
    document = Document("file:///a.kt", "import a.b\n" + "val x = 1\n" * 50_000, language="kotlin")
    (found,) = imports(document, None, len(document.text))
    assert document.slice(found) == "import a.b\n"


def test_imports_below_other_lines_are_found_by_their_lines() -> None:
    text = "x\nimport a\n  import b\nimports = 1\nfrom c import d\r\nuse e;\n#include <f>\nx import g\n"
    document = Document("file:///a.kt", text, language="kotlin")
    lines = [document.slice(span).strip() for span in imports(document, None, len(text))]
    assert lines == ["import a", "from c import d", "use e;", "#include <f>"]


def test_a_cut_is_chosen_among_so_many_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []
    monkeypatch.setattr(window, "_depth", lambda document, line: looked_at.append(line) or 0)
    window.around(Document("file:///a.ini", "\n" * 100_000, language="ini"), 50_000, 20_000)
    assert len(looked_at) <= window._MOST_LINES


@pytest.mark.parametrize("text", ["x = " + "[" * 3000 + "]" * 3000, "x = [" + "1, " * 3000 + "]\n"])
def test_a_tree_that_no_edit_can_be_made_in_quickly_is_given_up(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grammars, "MOST_NODES", 5000)
    monkeypatch.setattr(grammars, "LARGE", 1000)
    monkeypatch.setattr(grammars, "PARSE_ASIDE_S", 1000.0)
    trees, document = Trees(), Document("file:///deep.py", text, language="python")
    trees.prepare(document)
    trees.settle()
    assert trees.gave_up(document)
    monkeypatch.setattr(grammars, "parser", lambda language: pytest.fail("it is parsed again"))
    assert trees.parsed(document.replace(Span(9, 9), "[")) is None


def test_a_head_is_looked_for_without_the_indentation(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    declares = scope._DECLARES
    monkeypatch.setattr(
        scope, "_DECLARES", SimpleNamespace(match=lambda text: read.append(text) or declares.match(text))
    )
    text = "".join(" " * depth + "def f(): " + "x" * 2000 + "\n" for depth in range(0, 90, 3)) + " " * 90 + "x"
    found = scope.enclosing(Document("file:///a.nim", text, language="nim"), 30, None)
    assert len(found) == 30
    assert max(map(len, read)) <= scope._MOST_LINE_CHARS
