"""The place that a suggestion is made for, in the text as it would be with what the editor's own list has selected."""

from __future__ import annotations

from functools import cached_property

import attrs

from hybrid_lsp.completion.query import Answer, Query, Selected
from hybrid_lsp.document import Document, Span


@attrs.define(frozen=True, slots=False)
class Cursor:
    """`selected` is what the editor's list would put there: it is as good as typed."""

    document: Document
    offset: int
    invoked: bool = False
    selected: Selected | None = None

    @classmethod
    def of(cls, query: Query) -> Cursor:
        document, offset = query.document, query.offset
        if (selected := query.selected) is not None:
            document = document.replace(selected.span, selected.text)
            offset = selected.span.start + len(selected.text)
        return cls(document, offset, query.invoked, query.selected)

    @cached_property
    def prefix(self) -> str:
        return self.document.text[: self.offset]

    @cached_property
    def suffix(self) -> str:
        return self.document.text[self.offset :]

    @property
    def uri(self) -> str:
        return self.document.uri

    def after(self, text: str) -> Cursor:
        """The cursor once `text` has been accepted here."""
        document = self.document.replace(Span(self.offset, self.offset), text)
        return Cursor(document, self.offset + len(text))

    def placed(self, answer: Answer) -> Answer:
        """The answer in the document as it is: what the editor's list has selected is replaced along with it."""
        if (selected := self.selected) is None:
            return answer
        shown = (attrs.evolve(each, span=selected.span, text=selected.text + each.text) for each in answer.suggestions)
        return attrs.evolve(answer, suggestions=tuple(shown))
