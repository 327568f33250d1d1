"""Which parts of other files are chosen, in which order, and what never is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.context.neighbours import MOST_CHARS, MOST_DOCUMENTS, Neighbours, read_text
from hybrid_lsp.document import Document, Span
from hybrid_lsp.types import ContextFile

SHAPES = '''"""Shapes."""


class Square:
    """A square."""

    def area(self, unit):
        total = 1
        return total


def unused():
    return 2
'''
USE = "from shapes import Square\n\n\ndef total(shapes):\n    found = Square()\n    \n"


def always(document: Document) -> bool:
    return True


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "shapes.py").write_text(SHAPES)
    return tmp_path


def document(root: Path, name: str, text: str, language: str = "python") -> Document:
    path = root / name
    return Document(path.as_uri(), text, 1, language, path)


def filler(words: str, lines: int = 60) -> str:
    return "".join(f"call({words.split()[n % len(words.split())]}, {n})\n" for n in range(lines))


def names(found: tuple[ContextFile, ...]) -> list[str]:
    return [file.filename for file in found]


def test_the_heads_of_what_is_imported_and_used_are_read_from_disk(root: Path) -> None:
    neighbours = Neighbours(lambda: [root])
    use = document(root, "use.py", USE)
    neighbours.opened(use)
    assert neighbours.relevant(use, len(USE) - 1, 2000, always) == (
        ContextFile("shapes.py", 'class Square:\n    """A square."""\n    def area(self, unit):\n'),
    )


def test_an_open_document_is_newer_than_its_file(root: Path) -> None:
    neighbours = Neighbours(lambda: [root])
    use = document(root, "use.py", USE)
    neighbours.opened(document(root, "shapes.py", "class Square:\n    def perimeter(self): ...\n"))
    (found,) = neighbours.relevant(use, len(USE) - 1, 2000, always)
    assert "perimeter" in found.text


def test_a_file_is_read_again_when_it_changes(root: Path) -> None:
    read: list[Path] = []

    def reading(path: Path) -> str | None:
        read.append(path)
        return read_text(path)

    neighbours = Neighbours(lambda: [root], reading)
    use = document(root, "use.py", USE)
    for _ in range(3):
        neighbours.relevant(use, len(USE) - 1, 2000, always)
    assert read == [root / "shapes.py"]
    (root / "shapes.py").write_text("class Square:\n    def side(self): ...\n")
    (found,) = neighbours.relevant(use, len(USE) - 1, 2000, always)
    assert "side" in found.text


def test_what_may_not_be_read_is_not_even_when_it_was_known(root: Path) -> None:
    """Asked each time: a file may come to be ignored."""
    neighbours = Neighbours(lambda: [root])
    use = document(root, "use.py", USE)
    other = document(root, "other.py", USE.replace("from shapes import Square", ""))
    neighbours.opened(other)
    assert len(neighbours.relevant(use, len(USE) - 1, 2000, always)) == 2
    assert neighbours.relevant(use, len(USE) - 1, 2000, lambda document: False) == ()


def test_nothing_outside_of_the_workspace_is_read(tmp_path: Path) -> None:
    root = tmp_path / "workspace"
    root.mkdir()
    (tmp_path / "shapes.py").write_text(SHAPES)
    (root / "linked.py").symlink_to(tmp_path / "shapes.py")
    neighbours = Neighbours(lambda: [root])
    for line in ("from ..shapes import Square", "from linked import Square", "from .linked import Square"):
        use = document(root, "package/use.py" if ".." in line else "use.py", USE.replace(USE.split("\n")[0], line))
        assert neighbours.relevant(use, len(use.text) - 1, 2000, always) == ()


def test_files_that_are_no_text_are_passed_over(root: Path) -> None:
    (root / "shapes.py").write_bytes(b"class Square: \xff\xfe")
    use = document(root, "use.py", USE)
    assert Neighbours(lambda: [root]).relevant(use, len(USE) - 1, 2000, always) == ()
    (root / "shapes.py").write_text("x = 1\n" * MOST_CHARS)
    assert Neighbours(lambda: [root]).relevant(use, len(USE) - 1, 2000, always) == ()


def test_names_are_relative_to_the_workspace(root: Path) -> None:
    neighbours = Neighbours(lambda: [root])
    assert neighbours.name(document(root, "a/b.py", "")) == "a/b.py"
    assert neighbours.name(document(Path("/elsewhere"), "a/b.py", "")) == "b.py"
    assert neighbours.name(Document("untitled:Untitled-1", "")) == "Untitled-1"


def test_definitions_stand_last_then_edits_then_what_is_similar(root: Path) -> None:
    neighbours = Neighbours(lambda: [root])
    edited = document(root, "edited.py", "alpha\n" * 60)
    similar = document(root, "similar.py", filler("shapes found total square unused area"))
    use = document(root, "use.py", USE + filler("shapes found total square", 20))
    for each in (edited, similar, use):
        neighbours.opened(each)
    neighbours.changed(edited, edited.replace(Span(300, 300), "beta = 1\n"))
    found = neighbours.relevant(use, len(USE) - 1, 10_000, always)
    assert names(found) == ["similar.py", "edited.py", "shapes.py"]
    assert "beta = 1" in found[1].text


def test_an_unimported_definition_of_an_open_file_counts_too(root: Path) -> None:
    neighbours = Neighbours(lambda: [root])
    neighbours.opened(document(root, "other.py", "def gather(first, second):\n    return 1\n"))
    use = document(root, "use.py", "x = gather(")
    assert ContextFile("other.py", "def gather(first, second):\n") in neighbours.relevant(use, 11, 500, always)
    mine = document(root, "mine.py", "def gather(): ...\n\nx = gather(")
    assert ContextFile("other.py", "def gather(first, second):\n") not in neighbours.relevant(mine, 30, 60, always)


def test_other_languages_are_no_neighbours(root: Path) -> None:
    neighbours = Neighbours(lambda: [root])
    neighbours.opened(document(root, "a.ts", filler("shapes found total"), "typescript"))
    neighbours.opened(document(root, "a.py", filler("shapes found total")))
    use = document(root, "use.js", filler("shapes found total"), "javascript")
    assert names(neighbours.relevant(use, 100, 5000, always)) == ["a.ts"]


def test_the_choice_stays_while_one_types_in_one_place(root: Path) -> None:
    neighbours = Neighbours(lambda: [root])
    for name in "abcdef":
        neighbours.opened(document(root, f"{name}.py", filler(f"shapes {name} found total", 200)))
    use = document(root, "use.py", USE)
    neighbours.opened(use)
    first = neighbours.relevant(use, len(use.text) - 1, 6000, always)
    assert len(first) == 4
    for character in "found = shapes_value + total":
        typed = use.replace(Span(len(use.text) - 1, len(use.text) - 1), character)
        neighbours.changed(use, typed)
        use = typed
        assert neighbours.relevant(use, len(use.text) - 1, 6000, always) == first


def test_edits_in_one_place_are_one_and_move_with_the_text(root: Path) -> None:
    neighbours = Neighbours(lambda: [root])
    edited = document(root, "edited.py", filler("alpha", 400))
    neighbours.opened(edited)

    def edit(line: int, text: str) -> None:
        nonlocal edited
        start = edited.line_starts[line]
        newer = edited.replace(Span(start, start), text)
        neighbours.changed(edited, newer)
        edited = newer

    edit(300, "late = 1\n")
    edit(302, "later = 1\n")
    edit(10, "\n" * 60)
    use = document(root, "use.py", "x = 1\n")
    found = neighbours.relevant(use, 5, 10_000, always)
    assert names(found) == ["edited.py", "edited.py"]
    assert "late = 1\n" in found[0].text  # the older place, which has moved by 60 lines
    assert "later = 1\n" in found[0].text


def test_what_is_closed_is_forgotten(root: Path) -> None:
    neighbours = Neighbours(lambda: [root])
    other = document(root, "other.py", filler("shapes found total"))
    neighbours.opened(other)
    neighbours.changed(other, other.replace(Span(0, 0), "new = 1\n"))
    neighbours.closed(other.uri)
    use = document(root, "use.py", filler("shapes found total"))
    assert neighbours.relevant(use, 10, 5000, always) == ()


def test_memory_is_bounded(root: Path) -> None:
    neighbours = Neighbours(lambda: [root])
    for number in range(MOST_DOCUMENTS + 5):
        each = document(root, f"{number}.py", "alpha = 1\n")
        neighbours.opened(each)
        neighbours.changed(each, each.replace(Span(0, 0), "x"))
    huge = document(root, "huge.py", "x = 1\n" * MOST_CHARS)
    neighbours.changed(document(root, "huge.py", ""), huge)
    use = document(root, "use.py", "alpha = 1\n")
    found = names(neighbours.relevant(use, 5, 1_000_000, always))
    assert "0.py" not in found
    assert "huge.py" not in found
    assert len(found) <= MOST_DOCUMENTS


def test_few_new_files_are_read_at_once(root: Path) -> None:
    """So that no keystroke waits for many; the next call reads on."""
    for name in "abcde":
        (root / f"mod_{name}.py").write_text(f"def use_{name}(): ...\n" + "# long\n" * 4000)
    text = (
        "".join(f"from mod_{name} import use_{name}\n" for name in "abcde")
        + "x = [use_a, use_b, use_c, use_d, use_e]\n"
    )
    neighbours = Neighbours(lambda: [root])
    use = document(root, "use.py", text)
    counts = [len(neighbours.relevant(use, len(text), 2000, always)) for _ in range(4)]
    assert counts == [2, 4, 5, 5]


@given(st.integers(0, 3000), st.integers(0, 60))
def test_no_more_than_there_is_room_for(limit: int, at: int) -> None:
    root = Path("/workspace")
    neighbours = Neighbours(lambda: [root])
    for name in "abc":
        neighbours.opened(document(root, f"{name}.py", SHAPES + filler("shapes found total", 100)))
    use = document(root, "use.py", USE + "Square unused\n")
    found = neighbours.relevant(use, min(at, len(use.text)), limit, always)
    assert sum(len(file.filename) + len(file.text) for file in found) <= limit
