"""What a model reads around the cursor: exact text near it, what it must know above, and the same while one types."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.context import grammars
from hybrid_lsp.context.grammars import Trees
from hybrid_lsp.context.window import around
from hybrid_lsp.document import Document
from hybrid_lsp.types import Infill


def method(number: int) -> str:
    return "".join(
        [
            f"    def method_{number}(self, first, second):\n",
            f'        """Does thing {number}.\n\n        At length.\n        """\n',
            f"        if first > {number}:\n            return second + {number}\n",
            *(f"        value_{line} = first + {number} * {line}\n" for line in range(6)),
            f"        return value_1 + {number}\n\n",
        ]
    )


HEAD = """\
import os
from typing import (
    Any,
    List,
)

LIMIT = 3


@final
class Shape(Base):
    '''A shape.'''

"""
LONG = HEAD + "".join(method(number) for number in range(40))
METHOD = (
    "  method{}(first, second) {{\n    if (first) {{\n      return second * {};\n    }}\n    return first;\n  }}\n\n"
)
BRACES = 'import {{ a }} from "./a";\n\nexport class Shape extends Base {{\n{}}}\n'.format(
    "".join(METHOD.format(number, number) for number in range(60))
)


def window(text: str, offset: int, limit: int, language: str = "python") -> Infill:
    document = Document("file:///a", text, language=language)
    return around(document, offset, limit, Trees().parse(document))


def nearest(infill: Infill, text: str, offset: int) -> int:
    """How many characters of the prefix are the very text before the cursor."""
    size = len(infill.prefix)
    length = next(n for n in range(size, -1, -1) if text[:offset].endswith(infill.prefix[size - n :]))
    # A line of the head may end as the line above the nearest text does.
    join = infill.prefix.find("\n", size - length) + 1
    return length if length == size or not join else size - join


@given(st.text(alphabet="ab (){}:\n", max_size=300), st.integers(0, 300), st.integers(4, 400), st.booleans())
def test_a_window_is_what_stands_around_the_cursor(text: str, offset: int, limit: int, parsed: bool) -> None:
    offset = min(offset, len(text))
    document = Document("file:///a", text, language="python")
    found = around(document, offset, limit, Trees().parse(document) if parsed else None)
    assert text[:offset].endswith(found.prefix)  # too little room for more than the nearest text
    assert text[offset:].startswith(found.suffix)
    assert len(found.prefix) + len(found.suffix) <= limit
    if len(text) <= limit:
        assert found.prefix + found.suffix == text


@given(st.integers(0, len(LONG)), st.integers(1700, 9000), st.booleans())
def test_a_long_file_is_cut_at_lines_and_keeps_its_end_exact(offset: int, limit: int, parsed: bool) -> None:
    document = Document("file:///a", LONG, language="python")
    found = around(document, offset, limit, Trees().parse(document) if parsed else None)
    assert len(found.prefix) + len(found.suffix) <= limit
    assert LONG[offset:].startswith(found.suffix)
    kept = nearest(found, LONG, offset)
    assert kept >= min(offset, 900)
    # What stands above the nearest text are whole lines of the file.
    above = found.prefix[: len(found.prefix) - kept]
    assert set(above.splitlines(keepends=True)) <= set(LONG.splitlines(keepends=True))


@pytest.mark.parametrize("parsed", [True, False])
def test_imports_and_the_heads_of_what_encloses_the_cut_are_kept(parsed: bool) -> None:
    offset = LONG.index("value_5", LONG.index("def method_30"))
    document = Document("file:///a", LONG, language="python")
    found = around(document, offset, 4000, Trees().parse(document) if parsed else None)
    assert "import os\n" in found.prefix
    assert "@final\nclass Shape(Base):\n" in found.prefix
    assert "LIMIT" not in found.prefix
    if parsed:
        assert "from typing import (\n    Any,\n    List,\n)\n" in found.prefix


def test_braces_are_read_as_well() -> None:
    offset = BRACES.index("return second * 50;")
    found = window(BRACES, offset, 3000, "javascript")
    assert found.prefix.startswith('import { a } from "./a";\nexport class Shape extends Base {\n')


def test_the_cut_is_not_inside_of_a_docstring() -> None:
    """Or code would be read as text."""
    for offset in range(6000, 9000, 97):
        found = window(LONG, offset, 2500)
        above = found.prefix[: len(found.prefix) - nearest(found, LONG, offset)]
        assert found.prefix[len(above) :].lstrip().startswith(("def ", "if ", "return ", "value_", "A"))


@pytest.mark.parametrize("limit", [1500, 2500, 6000])
@pytest.mark.parametrize(
    ("text", "language", "typed"),
    [
        (LONG, "python", "        total = [each for each in self.values if each > 3]\n"),
        (BRACES, "javascript", "    const total = this.values.filter((each) => { return each; });\n"),
    ],
    ids=["python", "javascript"],
)
def test_typing_keeps_where_the_window_begins_and_all_that_follows(
    limit: int, text: str, language: str, typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that an engine goes on from what it has read."""
    monkeypatch.setattr(grammars, "PARSE_S", 60.0)  # on a busy machine a tree that came too late would move it
    moved = 0
    trees = Trees()
    for start in range(2000, len(text) - 500, 1777):
        at = text.index("\n", start) + 1
        seen: Infill | None = None
        for length in range(50):
            document = Document("file:///a", text[:at] + typed[:length] + "\n" + text[at:], language=language)
            found = around(document, at + length, limit, trees.parse(document))
            if seen is not None:
                moved += not found.prefix.startswith(seen.prefix)
                assert found.suffix == seen.suffix
            seen = found
    places = len(range(2000, len(text) - 500, 1777))
    assert moved <= places * 50 / (limit / 8) + 1


def test_the_suffix_ends_where_a_scope_does() -> None:
    offset = LONG.index("value_2", LONG.index("def method_10"))
    found = window(LONG, offset, 4000)
    following = LONG[offset + len(found.suffix) :]
    assert following.startswith("    def method_")


def test_the_prefix_begins_at_a_line_and_gets_most_of_the_room() -> None:
    text = "".join(f"line {n}\n" for n in range(100))
    found = around(Document("file:///a", text), 400, 100)
    assert found.prefix.startswith("line")
    assert found.suffix.endswith("\n")
    assert len(found.prefix) > len(found.suffix)


def test_one_endless_line_is_cut_where_it_must_be() -> None:
    text = "x" * 10_000
    found = around(Document("file:///a", text), 5000, 1000)
    assert len(found.prefix) > 500
    assert len(found.suffix) == 250
