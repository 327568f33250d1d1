"""Notebooks: which cells there are, in which order, and a cell as the typing path sees it, with the others around it.

A cell is an open document like any other. For a suggestion it is read as a part of one text: the code cells above it,
itself, the code cells below. Clients that know `notebookDocument/*` say what the cells are; of others the cells of one
notebook are those documents whose URIs differ in nothing but the fragment, in the order in which they were opened.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import urldefrag

import attrs
from lsprotocol import types as lsp

from hybrid_lsp.completion.query import Answer, Query
from hybrid_lsp.document import Document, Span

CELL_SCHEME = "vscode-notebook-cell"
"""URIs of cells: the notebook's path, and a fragment that names the cell."""
ALL_CELLS = lsp.NotebookDocumentSyncOptions([lsp.NotebookDocumentFilterWithNotebook(notebook="*")], save=False)
BETWEEN = "\n\n"
"""What stands between two cells in the text that they are read as."""
_MAGIC = re.compile(r"^[%!](?=\S)", re.MULTILINE)
"""A line for the notebook's kernel, which is read as a comment."""
_OTHER_LANGUAGE = re.compile(r"%%(?!time\b|timeit\b|capture\b|prun\b)")
"""The beginning of a cell that is code of something else."""
_MOST_ABOVE, _MOST_BELOW = 100_000, 20_000
"""Characters of other cells; of a long notebook the nearest are read."""


@attrs.define
class Notebooks:
    """The open notebooks; `document` gives an open cell by its URI."""

    document: Callable[[str], Document | None]
    _cells: dict[str, list[str]] = attrs.field(factory=dict)
    _prose: set[str] = attrs.field(factory=set)
    _notebook_of: dict[str, str] = attrs.field(factory=dict)

    def opened(self, uri: str, cells: Iterable[lsp.NotebookCell]) -> None:
        """A notebook was opened."""
        self._cells[uri] = []
        self.spliced(uri, 0, 0, cells)

    def spliced(self, uri: str, start: int, deleted: int, cells: Iterable[lsp.NotebookCell]) -> None:
        """Cells were put in the place of others."""
        kept, new = self._cells.setdefault(uri, []), list(cells)
        for cell in kept[start : start + deleted]:
            self._forget(cell)
        kept[start : start + deleted] = [str(cell.document) for cell in new]
        self.told(new)
        self._notebook_of |= {str(cell.document): uri for cell in new}

    def told(self, cells: Iterable[lsp.NotebookCell]) -> None:
        """What kinds cells are of now."""
        for cell in cells:
            (self._prose.add if cell.kind is lsp.NotebookCellKind.Markup else self._prose.discard)(str(cell.document))

    def closed(self, uri: str) -> list[str]:
        """A notebook was closed; the URIs of its cells."""
        cells = self._cells.pop(uri, [])
        for cell in cells:
            self._forget(cell)
        return cells

    def cell_opened(self, uri: str) -> None:
        """A document was opened that may be a cell of a client that does not say so."""
        notebook, fragment = urldefrag(uri)
        if fragment and uri.partition(":")[0].casefold() == CELL_SCHEME and uri not in self._notebook_of:
            self._cells.setdefault(notebook, []).append(uri)
            self._notebook_of[uri] = notebook

    def cell_closed(self, uri: str) -> None:
        """A document was closed."""
        if (notebook := self._notebook_of.get(uri)) is None:
            return
        self._forget(uri)
        self._cells[notebook] = [cell for cell in self._cells[notebook] if cell != uri]
        if not self._cells[notebook]:
            del self._cells[notebook]

    def entered(self, query: Query) -> Query:
        """A question about a cell as one about the text that the notebook is read as."""
        view, shift = self._view(query.document)
        if not shift and view is query.document:
            return query
        selected = query.selected and attrs.evolve(query.selected, span=_moved(query.selected.span, shift))
        return attrs.evolve(query, document=view, offset=query.offset + shift, selected=selected)

    def left(self, answer: Answer, document: Document) -> Answer:
        """The answer in the cell's own positions."""
        _, shift = self._view(document)
        if not shift:
            return answer
        moved = (attrs.evolve(each, span=_moved(each.span, -shift)) for each in answer.suggestions)
        return attrs.evolve(answer, suggestions=tuple(moved))

    def seen(self, document: Document) -> Document:
        """A version of a cell as a part of its notebook; of any other document the document itself."""
        return self._view(document)[0]

    def _view(self, document: Document) -> tuple[Document, int]:
        """The text that a cell is read in, and where it begins there."""
        cells = self._cells.get(self._notebook_of.get(document.uri, ""), [])
        if document.uri not in cells or document.uri in self._prose:
            return document, 0
        at = cells.index(document.uri)
        above = [text + BETWEEN for text in self._code(reversed(cells[:at]), document.language, _MOST_ABOVE)]
        below = [BETWEEN + text for text in self._code(cells[at + 1 :], document.language, _MOST_BELOW)]
        head = "".join(reversed(above))
        if not head and not below:
            return document, 0
        return attrs.evolve(document, text="".join([head, document.text, *below])), len(head)

    def _code(self, cells: Iterable[str], language: str, most: int) -> Iterator[str]:
        """The texts of the code cells of a language, as many of the first as there is room for."""
        for uri in cells:
            other = self.document(uri)
            if uri in self._prose or other is None or other.language != language or not other.text.strip():
                continue
            if _OTHER_LANGUAGE.match(other.text):
                continue
            most -= len(other.text)
            if most < 0:
                return
            yield _MAGIC.sub("#", other.text.rstrip())

    def _forget(self, cell: str) -> None:
        self._notebook_of.pop(cell, None)
        self._prose.discard(cell)


def _moved(span: Span, by: int) -> Span:
    return Span(span.start + by, span.end + by)
