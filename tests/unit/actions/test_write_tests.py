"""Tests for code: a new file, never one that is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from action_bench import Bench, block, python

from hybrid_lsp.actions import write_tests
from hybrid_lsp.actions.base import FileOutcome, NothingOutcome
from hybrid_lsp.document import Document

SOURCE = "def add(a, b):\n    return a + b\n"
TESTS = "from pkg.sums import add\n\n\ndef test_adds():\n    assert add(1, 2) == 3"


async def test_tests_become_a_new_file_beside_the_projects_own(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").touch()
    bench = Bench()
    document = python(SOURCE, tmp_path / "pkg" / "sums.py")
    done = await bench.run("tests", block(TESTS), document=document)
    assert isinstance(done, FileOutcome)
    assert (done.path, done.content) == (tmp_path / "tests" / "test_sums.py", TESTS + "\n")
    assert "pkg.sums" in bench.prompt()
    assert "Use pytest." in bench.prompt()
    assert not done.path.exists()


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    document = python(SOURCE, tmp_path / "sums.py")
    (tmp_path / "test_sums.py").touch()
    (tmp_path / "test_sums_2.py").symlink_to(tmp_path / "nowhere")
    assert write_tests.place_for(document) == tmp_path / "test_sums_3.py"


def test_the_folder_of_another_project_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "inner" / ".git").mkdir(parents=True)
    assert write_tests.place_for(python(SOURCE, tmp_path / "inner" / "a.py")) == tmp_path / "inner" / "test_a.py"


@pytest.mark.parametrize(
    ("name", "language", "made"),
    [
        ("a.go", "go", "a_test.go"),
        ("a.tsx", "typescriptreact", "a.test.tsx"),
        ("A.java", "java", "ATest.java"),
        ("a.zig", "zig", "a_test.zig"),
    ],
)
def test_names_are_those_of_the_language(tmp_path: Path, name: str, language: str, made: str) -> None:
    document = Document("file:///a", "x", 1, language, tmp_path / name)
    assert write_tests.place_for(document) == tmp_path / made


def test_a_buffer_without_a_file_has_no_place() -> None:
    assert write_tests.place_for(python(SOURCE)) is None
    assert write_tests.module_of(python(SOURCE)) == ""


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (block("def test_a(:\n    pass"), "does not compile"),
        (block("x = 1"), "holds no test"),
        (block(""), "holds no code"),
        ("I would test it by hand.", "no fenced code block"),
    ],
)
async def test_what_is_no_test_file_is_refused(reply: str, reason: str) -> None:
    done = await Bench().run("tests", reply, reply, document=python(SOURCE))
    assert isinstance(done, NothingOutcome)
    assert reason in done.label
    assert done.by.raw == reply


async def test_a_test_file_of_another_language_must_parse() -> None:
    document = Document("file:///a.go", "package a\n\nfunc Add(a int) int {\n\treturn a\n}\n", 1, "go")
    bad = "```go\npackage a\n\nfunc TestAdd( {\n```"
    done = await Bench().run("tests", bad, bad, document=document, at="return")
    assert isinstance(done, NothingOutcome)
    assert "syntax error" in done.label
