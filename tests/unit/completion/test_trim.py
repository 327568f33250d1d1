"""What a model wrote, what stands around the cursor (¦), and what is worth showing of it."""

from __future__ import annotations

import gzip
import json
import random
import re
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.completion.length import shape
from hybrid_lsp.completion.trim import Site, Trimmed, trim, trimmed
from hybrid_lsp.context.grammars import Parsed
from hybrid_lsp.document import Document
from hybrid_lsp.types import Finish, Reason

# description, text with the cursor, reply, shown
PLAIN = [
    ("plain text passes", "x = ¦\n", "1 + 2", "1 + 2"),
    ("white space at the end goes", "x = ¦\n", "1  \n  ", "1"),
    ("white space alone is nothing", "x = ¦\n", " \n\n ", ""),
    ("nothing is nothing", "x = ¦\n", "", ""),
]
WRAPPED = [
    ("a fence is not code", "x = ¦\n", "```python\n1\n```", "1"),
    ("a fence without an end", "x = ¦\n", "```\n1\n", "1"),
    ("what is said after the fence", "x = ¦\n", "```python\n1\n```\nThis sets x.", "1"),
    ("an introduction and a fence", "x = ¦\n", "Here is the completed code:\n\n```python\n1\n```", "1"),
    ("a closing fence alone", "x = ¦\n", "1\n```\nSo it is.", "1"),
    ("an introduction alone", "¦\n", "Sure! Here's the code:\nx = 1", "x = 1"),
    ("a comment is no introduction", "# ¦\n", "Here is what it does", "Here is what it does"),
    ("control tokens", "x = ¦\n", "1<|endoftext|>2", "1"),
    ("an operator is no control token", "x = a ¦\n", "<| b |> c", "<| b |> c"),
    ("an empty string is no docstring's beginning", 'f(self, ""¦)\n', '"" %s: %s" % (section, msg))', ""),
    ("nor in other languages", "f(''¦);\n", "' + name);", ""),
    ("a string of three quotes that ends", 'x = ""¦\n', '"one"""', '"one"""'),
    ("a docstring", 'def f():\n    ""¦\n', '"One."""', '"One."""'),
    ("what follows an empty string", "f(''¦\n", ".join(names))", ".join(names))"),
    ("the line so far", "    result = foo(¦\n", "result = foo(bar)", "bar)"),
    ("the line so far, with its indentation", "    return a ¦\n", "    return a + b", "+ b"),
    ("a word of the line so far is none", "    return ¦\n", "returnitem", "returnitem"),
]
REPEATED = [
    ("the same line again", "¦\n", "a = foo()\na = foo()\na = foo()", "a = foo()"),
    ("the line above", "value = foo()\n¦\n", "value = foo()", ""),
    ("the line above, one later", "value = foo()\n¦\n", "x = 1\nvalue = foo()", "x = 1"),
    ("a cycle of two", "¦\n", "a = f()\nb = g()\na = f()\nb = g()\na = f()", "a = f()\nb = g()"),
    ("a cycle of three with blank lines", "¦\n", "aaaa\nbb\n\ncc\naaaa\nbb\n\ncc\n", "aaaa\nbb\n\ncc"),
    ("a cycle that begins above", "if a:\n    b()\n¦\n", "if a:\n    b()\n", ""),
    ("short lines may come twice", "{\n  {\n    {\n¦\n", "    }\n  }\n}", "    }\n  }\n}"),
    ("other lines of the same shape", "¦\n", "a.append(1)\na.append(2)", "a.append(1)\na.append(2)"),
    ("words in circles", "x = ¦\n", "foo, " * 12, ""),
    ("signs in circles", "x = ¦\n", "[[" + "0, " * 30, "[[0,"),
    ("nothing but a circle", "¦\n", "ab" * 30, ""),
    ("a rule in a comment", "# ¦\n", "-" * 70, "-" * 70),
    ("an endless rule", "# a ¦\n", "x" + "=" * 300, "x="),
]
AFTER = [
    ("the bracket right of the cursor", "print(¦)\n", "value)", "value"),
    ("the rest of the line", "foo(¦, b)\n", "a, b)", "a"),
    ("the rest of the line, spaced otherwise", "foo(¦, b=1)\n", "a,b = 1)", "a"),
    ("the rest and more lines", "foo(¦, b)\n", "a, b)\nbar()", "a"),
    ("nothing but the suffix", "foo(a¦)\n", ")", ""),
    ("an inner pair stays", "foo(¦)\n", "bar(x)", "bar(x)"),
    ("an inner pair before the closing one", "foo(¦)\n", "bar(x))", "bar(x)"),
    ("an inner pair before the closing one of a call above", "foo(\n    ¦)\n", "bar(x))", "bar(x)"),
    ("a pair that the rest closes", "foo¦)\n", "(a)", "(a"),
    ("a word that only begins like the suffix", "x¦return\n", "abc r", "abc r"),
    ("a unit of a cut-off circle", "x = ¦\n", "a = [" + "0, " * 30, "a = [0,"),
    ("some letters of the suffix", "x = ¦return_value\n", "abc retur", "abc"),
    ("the rest of a word", "x = na¦me + 1\n", "me", ""),
    ("a quote", 'x = "¦"\n', 'abc"', "abc"),
    ("a line below", "if x:\n    ¦\n    return y\n", "z = 1\n    return y", "z = 1"),
    ("part of the line below", "if x:\n    ¦\n    return y\n", "z = 1\n    ret", "z = 1"),
    ("many lines below", "¦\n\n\ndef g():\n    pass\n", "a = 1\n\n\ndef g():\n    pass\n", "a = 1"),
    ("lines below, and on from there", "¦\nb = foo()\nc = 3\n", "a = 1\nb = foo()\nc = 3\nd = 4", "a = 1"),
    ("a line like one below, deeper", "¦\nreturn y\n", "if a:\n    return y", "if a:\n    return y"),
    ("the line below, once, on another way", "¦\nfoo(y)\n", "a = 1\nfoo(y)\nbar()", "a = 1\nfoo(y)\nbar()"),
    ("white space of the suffix is nothing", "x = ¦\n\n\ny\n", "1", "1"),
]
BRACKETS = [
    ("what is closed right of the cursor", "foo(¦)\n", "a) + (b", "a"),
    ("a scope that is closed below", "fn f() {\n    ¦\n}\n\nfn g() {}\n", "a();\n}", "a();"),
    ("only what an editor has closed", "fn f() {\n¦\n}\n", "}", ""),
    ("a scope that is not", "fn f() {\n    ¦\n\nfn g() {}\n", "a();\n}", "a();\n}"),
    ("another scope in its stead", "if (a) {\n    ¦\n}\n", "b();\n} else {\n    c();", "b();\n} else {\n    c();"),
    ("a bracket left open", "print(¦)\n", "len(x", "len"),
    ("a bracket left open at the line's end", "x = ¦\n", "foo(", "foo("),
    ("brackets in strings", "foo(¦)\n", '")"', '")"'),
]
CASES = [
    (f"{name}: {case[0]}", *case[1:])
    for name, cases in (
        ("plain", PLAIN),
        ("wrapped", WRAPPED),
        ("repeated", REPEATED),
        ("after", AFTER),
        ("brackets", BRACKETS),
    )
    for case in cases
]


@pytest.mark.parametrize(("marked", "reply", "shown"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_what_is_shown(marked: str, reply: str, shown: str) -> None:
    prefix, suffix = marked.split("¦")
    assert trim(reply, prefix, suffix) == shown


CUT_OFF = [
    ("the last of several lines", "¦\n", "a = 1\nb = 2\nc =", "a = 1\nb = 2"),
    ("the last word of a line", "x = ¦\n", "foo.ba", "foo"),
    ("the last word after a space", "x = ¦\n", "foo + ba", "foo +"),
    ("a line that ends with a sign", "x = ¦\n", "foo(ba)", "foo(ba)"),
    ("a single word", "x = ¦\n", "foo", ""),
    ("letters of the suffix", "x = ¦return\n", "abc r", "abc"),
    ("what was cut anyway", "foo(¦, b)\n", "a, b)\nba", "a"),
]


@pytest.mark.parametrize(("marked", "reply", "shown"), [case[1:] for case in CUT_OFF], ids=[c[0] for c in CUT_OFF])
@pytest.mark.parametrize("finish", [Finish.LENGTH, Finish.TIME])
def test_a_reply_that_was_cut_off(marked: str, reply: str, shown: str, finish: Finish) -> None:
    prefix, suffix = marked.split("¦")
    assert trimmed(reply, Site(prefix, suffix, finish=finish)).text == shown


SYNTAX = [
    ("an expression", "python", "x = ¦\n", "foo(a)", "foo(a)"),
    ("an open bracket may follow", "python", "x = ¦\n", "foo(a,", "foo(a,"),
    ("a block may follow", "python", "¦\n", "if a:", "if a:"),
    ("a handler may follow", "python", "def f():\n    ¦\n", "try:", "try:"),
    ("a function may follow", "python", "¦\n", "@property", "@property"),
    ("a colon may follow", "python", "¦\n", "for a in b", "for a in b"),
    ("nonsense", "python", "x = ¦\ny = 1\n", "= ) (", ""),
    ("nonsense after a sound line", "python", "¦\ny = 1\n", "a = 1\nb = = 2", "a = 1"),
    ("an open string", "python", "x = ¦\ny = 1\n", "'abc", ""),
    ("an error elsewhere", "python", "def = 3\n\n\nx = ¦\n", "1", "1"),
    ("a whole statement", "rust", "fn f() {\n    ¦\n}\n", "let a = 1;", "let a = 1;"),
    ("a semicolon may follow", "rust", "fn f() {\n    ¦\n}\n", "let a = 1", "let a = 1"),
    ("a body may follow", "c", "int f() {\n    ¦\n}\n", "if (a)", "if (a)"),
    ("a brace may follow", "javascript", "¦\n", "function f() {", "function f() {"),
    ("nonsense in braces", "javascript", "function f() {\n    ¦\n}\n", "let let = = ;", ""),
    ("an end may follow", "lua", "¦\n", "if a then", "if a then"),
    ("an end may follow a method", "ruby", "¦\n", "def f(a)", "def f(a)"),
    ("done may follow", "shellscript", "¦\n", "for a in b; do", "for a in b; do"),
    ("fi may follow", "shellscript", "¦\n", "if a; then", "if a; then"),
    ("no grammar", "kotlin", "val x = ¦\n", "= ) (", "= ) ("),
]


@pytest.mark.parametrize(
    ("language", "marked", "reply", "shown"), [case[1:] for case in SYNTAX], ids=[case[0] for case in SYNTAX]
)
def test_no_new_syntax_error_is_shown(language: str, marked: str, reply: str, shown: str) -> None:
    prefix, suffix = marked.split("¦")
    parsed = None if language == "kotlin" else Parsed.of(language, prefix + suffix)
    assert trimmed(reply, Site(prefix, suffix, parsed=parsed)).text == shown


def test_a_file_full_of_errors_is_no_measure() -> None:
    prefix = "= = ) (\n\n" * 200
    parsed = Parsed.of("python", prefix)
    assert trimmed("x = = 1", Site(prefix, "", parsed=parsed)).text == "x = = 1"


@pytest.mark.parametrize(
    ("marked", "reply", "reason"),
    [
        ("x = ¦\n", " \n", Reason.EMPTY_REPLY),
        ("x = ¦\n", "```\n```", Reason.EMPTY_REPLY),
        ("x = ¦\n", "\nfoo", Reason.EMPTY_REPLY),
        ("value = foo()\n¦\n", "value = foo()", Reason.REPETITION),
        ("foo(a¦)\n", ")", Reason.DUPLICATE_OF_SUFFIX),
        ("fn f() {\n¦\n}\n", "}", Reason.DUPLICATE_OF_SUFFIX),
        ("x = ¦\n", "= ) (", Reason.SYNTAX_ERROR),
    ],
)
def test_the_rule_that_left_nothing_is_named(marked: str, reply: str, reason: Reason) -> None:
    prefix, suffix = marked.split("¦")
    document = Document("file:///a", prefix + suffix, language="python")
    parsed = Parsed.of("python", document.text)
    wanted = shape(document, len(prefix), parsed.tree, True, 4)
    assert trimmed(reply, Site(prefix, suffix, wanted, parsed=parsed)) == Trimmed("", reason)


def test_an_unfinished_word_alone_is_an_empty_reply() -> None:
    assert trimmed("foo", Site("x = ", "\n", finish=Finish.LENGTH)).reason is Reason.EMPTY_REPLY


def test_a_reply_beyond_its_scope_was_not_cut_off() -> None:
    """What ended in the middle is gone with what left the scope."""
    text = "def f():\n    \n"
    document = Document("file:///a", text, language="python")
    site = Site(text[:-1], "\n", shape(document, len(text) - 1, None, True, 6), Finish.LENGTH)
    assert trimmed("a = 1\n    return a\n\n\ndef g(x", site).text == "a = 1\n    return a"


pieces = st.text(alphabet=st.sampled_from(list("ab()[]{}\n \"'=`")), max_size=30)


@given(pieces, pieces, pieces, st.sampled_from([None, Finish.LENGTH]))
def test_only_cuts(reply: str, prefix: str, suffix: str, finish: Finish | None) -> None:
    """Trimming removes text; it never writes any, and what is left ends without white space."""
    shown = trimmed(reply, Site(prefix, suffix, finish=finish, parsed=Parsed.of("python", prefix + suffix)))
    remaining = iter(reply)
    assert all(character in remaining for character in shown.text)
    assert shown.text == shown.text.rstrip()
    assert bool(shown.text) is (shown.reason is None)


def repeating(text: str, dice: random.Random) -> tuple[str, str, str, int] | None:
    """(prefix, middle, suffix, size): a cursor, what belongs there, how much of the suffix a model writes after it."""
    at = dice.randrange(len(text))
    if dice.random() < 0.4:
        start = text.rfind("\n", 0, at) + 1
        at = start + len(text[start:]) - len(text[start:].lstrip(" \t"))
    end = at
    for _ in range(dice.choice([1, 1, 1, 2, 4])):
        end = text.find("\n", end + 1)
    if dice.random() < 0.3:
        end = at + dice.randrange(30)
    prefix, middle, suffix = text[:at], text[at:end], text[end:]
    size = min(len(suffix), dice.randrange(1, 1 + dice.choice([3, 20, 80, 300])))
    return (prefix, middle, suffix, size) if at <= end and suffix[:size].strip() else None


@pytest.mark.shared_data
@pytest.mark.parametrize("language", ["rust", "python"])
def test_nothing_is_ever_doubled(language: str, shared_data: Path) -> None:
    """In 1,000 seeded places, a model that goes on into the suffix doubles none of it."""
    if language == "rust":
        with gzip.open(shared_data / "editing-traces" / "rustcode.json.gz", "rt", encoding="utf-8") as stream:
            texts = [json.load(stream)["endContent"]]
    else:
        library = Path(sysconfig.get_path("stdlib"))
        names = ("argparse", "ast", "csv", "dataclasses", "heapq", "shutil", "string", "tarfile", "typing", "zipfile")
        texts = [(library / f"{name}.py").read_text(encoding="utf-8") for name in names]
    dice = random.Random(7)
    tried, short, doubled = 0, 0, []
    while tried < 500:
        if (case := repeating(dice.choice(texts), dice)) is None:
            continue
        tried += 1
        prefix, middle, suffix, size = case
        inside_word = bool(re.fullmatch(r"\w\w", suffix[size - 1 : size + 1]))
        site = Site(prefix, suffix, finish=Finish.LENGTH if inside_word else None)
        shown = trimmed(middle + suffix[:size], site).text
        short += shown != middle.rstrip()
        if not middle.rstrip().startswith(shown):
            doubled.append((prefix[-60:], middle, suffix[:size], shown))
    assert doubled == []
    assert short <= 10


@pytest.mark.parametrize(("before", "after"), [(3, 0), (3, 2), (2000, 0), (3, 2000)])
def test_the_syntax_of_endless_lines_is_not_checked(before: int, after: int) -> None:
    """On either side of the cursor; one that may be checked loses its error."""
    prefix, suffix = f"x = [{'1, ' * (before // 3)}", f"{'2, ' * (after // 3)}]\ny = 2\n"
    site = Site(prefix, suffix, parsed=Parsed.of("python", prefix + suffix), language="python")
    checked = before + after < 1000
    assert trimmed("for (", site).text == ("" if checked else "for (")
