"""What import statements name, and where that may be."""

from __future__ import annotations

from pathlib import Path

import pytest

from hybrid_lsp.context.imports import Import, imported, places


def every(names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, name) for name in names.split())


CASES = [
    (
        "python",
        "from .a import b, c as d",
        [Import(".a", (("b", "b"), ("d", "c"))), Import(".a.b", whole="b"), Import(".a.c", whole="d")],
    ),
    ("python", "from a.b import (  # why\n    c,\n)", [Import("a.b", every("c")), Import("a.b.c", whole="c")]),
    ("python", "from . import a", [Import(".", every("a")), Import(".a", whole="a")]),
    ("python", "from a import *", [Import("a", every("*"))]),
    ("python", "import a.b, c as d", [Import("a.b", whole="a.b"), Import("c", whole="d")]),
    (
        "typescript",
        'import { a, type b, c as d } from "./e";',
        [Import("./e", (("a", "a"), ("b", "b"), ("d", "c")))],
    ),
    ("javascript", "import A, { b } from '../c.js'", [Import("../c.js", every("b A"))]),
    ("javascript", 'import * as a from "./b"', [Import("./b", whole="a")]),
    ("javascript", 'import "./b.css"', []),
    ("rust", "use crate::a::b::{C, D as E};", [Import("crate::a::b", (("C", "C"), ("E", "D")))]),
    ("rust", "use super::c::d;", [Import("super::c", every("d"))]),
    ("rust", "use std::io;", []),
    ("c", '#include "a/b.h"', [Import("a/b.h", every("*"))]),
    ("c", "#include <stdio.h>", []),
    ("java", "import static a.b.C;", [Import("a.b.C", every("C"))]),
    ("java", "import a.b.*;", []),
    ("cobol", "import a", []),
]


@pytest.mark.parametrize(("language", "statement", "expected"), CASES, ids=[f"{c[0]}: {c[1]}" for c in CASES])
def test_what_is_imported(language: str, statement: str, expected: list[Import]) -> None:
    assert imported(language, [statement]) == expected


@pytest.mark.parametrize(
    ("found", "text", "wanted"),
    [
        (Import("a", (("b", "c"),)), "x = b()", {"c"}),
        (Import("a", every("b")), "x = c()", set()),
        (Import("a", whole="d"), "x = d.e() + d.f", {"e", "f"}),
        (Import("a.b", whole="a.b"), "x = a.b.c", {"c"}),
        (Import("a", every("*")), "b c", {"b", "c"}),
    ],
)
def test_what_of_it_is_used(found: Import, text: str, wanted: set[str]) -> None:
    used = frozenset(text.replace(".", " ").replace("(", " ").replace(")", " ").split())
    assert found.wanted(used, text) == wanted


@pytest.mark.parametrize(
    ("language", "module", "importing", "expected"),
    [
        ("python", "a.b", "/w/c/d.py", "/w/a/b.py"),
        ("python", "a.b", "/w/c/d.py", "/w/src/a/b.py"),
        ("python", "a", "/w/c/d.py", "/w/a/__init__.py"),
        ("python", ".a", "/w/c/d.py", "/w/c/a.py"),
        ("python", "..a", "/w/c/d.py", "/w/a.py"),
        ("python", ".", "/w/c/d.py", "/w/c/__init__.py"),
        ("typescript", "./a", "/w/c/d.ts", "/w/c/a.ts"),
        ("typescript", "../a.js", "/w/c/d.ts", "/w/a.ts"),
        ("javascript", "./a", "/w/c/d.js", "/w/c/a/index.js"),
        ("rust", "crate::a::b", "/w/src/c/d.rs", "/w/src/a/b.rs"),
        ("rust", "crate::a", "/w/src/main.rs", "/w/src/a/mod.rs"),
        ("rust", "crate::a::Kind", "/w/src/main.rs", "/w/src/a.rs"),
        ("rust", "super::a", "/w/src/c/d.rs", "/w/src/c/a.rs"),
        ("c", "b/a.h", "/w/src/c.c", "/w/include/b/a.h"),
        ("java", "a.b.C", "/w/src/main/java/d/E.java", "/w/src/main/java/a/b/C.java"),
    ],
)
def test_where_it_may_be(language: str, module: str, importing: str, expected: str) -> None:
    assert Path(expected) in list(places(language, module, Path(importing), [Path("/w")]))


def test_packages_of_others_are_not_looked_for() -> None:
    assert list(places("javascript", "react", Path("/w/a.js"), [Path("/w")])) == []
    assert list(places("cobol", "a", Path("/w/a"), [Path("/w")])) == []
    assert list(places("python", "....a", Path("/a.py"), [])) == []
