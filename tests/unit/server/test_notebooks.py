"""A cell as a part of its notebook."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types as lsp

from hybrid_lsp.completion.query import Answer, Query, Selected
from hybrid_lsp.document import Document, Span
from hybrid_lsp.server.notebooks import BETWEEN, Notebooks
from hybrid_lsp.types import Suggestion, Tier

BOOK = "file:///work/a.ipynb"
CODE, PROSE = lsp.NotebookCellKind.Code, lsp.NotebookCellKind.Markup


def cell(name: str, kind: lsp.NotebookCellKind = CODE) -> lsp.NotebookCell:
    return lsp.NotebookCell(kind=kind, document=uri(name))


def uri(name: str) -> str:
    return f"vscode-notebook-cell:/work/a.ipynb#{name}"


def book(texts: dict[str, str], *cells: lsp.NotebookCell, language: str = "python") -> Notebooks:
    documents = {uri(name): Document(uri(name), text, language=language) for name, text in texts.items()}
    made = Notebooks(documents.get)
    if cells:
        made.opened(BOOK, cells)
    return made


def seen(made: Notebooks, name: str, **changes: Any) -> str:
    document = made.document(uri(name))
    assert document is not None
    return made.seen(attrs.evolve(document, **changes)).text


def test_the_code_above_and_below_is_read_in_order() -> None:
    made = book({"a": "x = 1\n", "b": "y = 2", "c": "z = 3"}, cell("a"), cell("b"), cell("c"))
    assert seen(made, "b") == "x = 1\n\ny = 2\n\nz = 3"
    assert seen(made, "c") == "x = 1\n\ny = 2\n\nz = 3"


def test_prose_empty_cells_and_other_languages_are_left_out() -> None:
    texts = {"a": "# Title", "b": "x = 1", "c": " \n", "d": "%%bash\nls", "e": "y"}
    made = book(texts, cell("a", PROSE), cell("b"), cell("c"), cell("d"), cell("e"))
    assert seen(made, "e") == "x = 1\n\ny"
    assert seen(made, "a") == "# Title"
    assert seen(made, "e", language="r") == "y"


def test_lines_for_the_kernel_are_read_as_comments() -> None:
    made = book({"a": "%matplotlib inline\n!ls\nx = 7 % 2", "b": "y", "c": "%%time\nz = 1"}, *map(cell, "abc"))
    assert seen(made, "b") == "#matplotlib inline\n#ls\nx = 7 % 2\n\ny\n\n#%time\nz = 1"


def test_cells_come_go_move_and_change_their_kind() -> None:
    made = book({"a": "x", "b": "y", "c": "z"}, cell("a"), cell("b"))
    made.spliced(BOOK, 0, 1, [])
    assert seen(made, "b") == "y"
    made.spliced(BOOK, 1, 0, [cell("a"), cell("c")])
    assert seen(made, "b") == "y\n\nx\n\nz"
    made.told([cell("a", PROSE)])
    assert seen(made, "c") == "y\n\nz"
    assert made.closed(BOOK) == [uri("b"), uri("a"), uri("c")]
    assert seen(made, "c") == "z"


def test_cells_of_a_client_that_says_nothing_of_notebooks_belong_together() -> None:
    made = book({"a": "x", "b": "y"})
    made.cell_opened(uri("a"))
    made.cell_opened(uri("b"))
    made.cell_opened("file:///work/other.py#a")
    made.cell_opened("VSCODE-NOTEBOOK-CELL:/work/c.ipynb#a")
    assert seen(made, "b") == "x\n\ny"
    made.cell_closed(uri("a"))
    assert seen(made, "b") == "y"
    made.cell_closed(uri("b"))
    made.cell_closed(uri("b"))
    assert made.closed("vscode-notebook-cell:/work/a.ipynb") == []


def test_of_a_long_notebook_the_nearest_cells_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hybrid_lsp.server.notebooks._MOST_ABOVE", 3)
    made = book({"a": "xx", "b": "yy", "c": "z"}, *map(cell, "abc"))
    assert seen(made, "c") == "yy\n\nz"


@given(st.lists(st.text(max_size=9), min_size=1, max_size=5), st.data())
def test_there_and_back_again(texts: list[str], data: st.DataObject) -> None:
    names = [f"c{number}" for number in range(len(texts))]
    made = book(dict(zip(names, texts, strict=True)), *map(cell, names))
    name = data.draw(st.sampled_from(names))
    document = made.document(uri(name))
    assert document is not None
    start, offset, end = sorted(data.draw(st.integers(0, len(document.text))) for _ in range(3))
    query = made.entered(Query(document, offset, selected=Selected(Span(start, end), "s")))
    assert query.document.text[query.offset :].startswith(document.text[offset:])
    assert query.document.text[: query.offset].endswith(document.text[:offset])
    assert query.selected is not None
    assert query.document.slice(query.selected.span) == document.text[start:end]
    suggestion = Suggestion("1", "t", Span(query.offset, query.offset), Tier.SMALL, "m")
    (back,) = made.left(Answer((suggestion,)), document).suggestions
    assert back.span == Span(offset, offset)
    assert query.document.text.count(BETWEEN) <= len(texts) + "".join(texts).count(BETWEEN) + sum(map(len, texts))
