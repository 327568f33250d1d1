"""The place that a suggestion is made for, in the text as it would have been typed by hand.

What the editor's own list has selected is as good as typed, lines end at LF and Python is indented by blanks, and what
the editor closed right of the cursor is not there. `placed` brings an answer back into the text as it is.
"""

from __future__ import annotations

import re
from functools import cached_property

import attrs

from hybrid_lsp.completion.paired import Closed, closed_right
from hybrid_lsp.completion.query import Answer, Query, nothing
from hybrid_lsp.document import TAB_BLANKS, Document, Span
from hybrid_lsp.types import Reason, Suggestion

_INDENT, _INDENT_AT_START = re.compile(r"(?<=\n) +"), re.compile(r"(?:(?<=\n)|\A) +")


@attrs.define(frozen=True, slots=False)
class Cursor:
    """`query` is what was asked, None for a cursor that is only thought of; `closed` what was taken out right of it."""

    document: Document
    offset: int
    invoked: bool = False
    query: Query | None = None
    closed: Closed = attrs.field(factory=Closed, repr=False)

    @classmethod
    def of(cls, query: Query) -> Cursor:
        document, offset = query.document, query.offset
        if (selected := query.selected) is not None:
            document = document.replace(selected.span, selected.text)
            offset = selected.span.start + len(selected.text)
        number, column = document.position(offset)
        before = document.line(number)[:column]
        tabs = len(before) - len(before.lstrip("\t")) if document.lf.tabbed else 0
        document = document.plain
        column += tabs * (len(TAB_BLANKS) - 1)
        offset = document.offset(number, column)
        closed = closed_right(document, offset)
        if closed.closers:
            document = document.replace(Span(offset, offset + len(closed.rest)), "", document.version)
        return cls(document, offset, query.invoked, query, closed)

    @cached_property
    def prefix(self) -> str:
        return self.document.text[: self.offset]

    @cached_property
    def suffix(self) -> str:
        return self.document.text[self.offset :]

    @property
    def uri(self) -> str:
        return self.document.uri

    @property
    def certain(self) -> bool:
        """Whether the user has put all of it there, nothing of it being selected in a list."""
        return self.query is None or self.query.selected is None

    def after(self, text: str) -> Cursor:
        """The cursor once `text` has been accepted here."""
        document = self.document.replace(Span(self.offset, self.offset), text)
        return Cursor(document, self.offset + len(text))

    def placed(self, answer: Answer) -> Answer:
        """The answer in the document as it is."""
        shown = tuple(each for one in answer.suggestions if (each := self._placed(one)).text)
        if answer.suggestions and not shown:
            return nothing(Reason.DUPLICATE_OF_SUFFIX, "It is closed already.")
        return attrs.evolve(answer, suggestions=shown)

    def _placed(self, suggestion: Suggestion) -> Suggestion:
        """With what the editor's list has selected and the closers that it takes along, in the file's line endings."""
        text, taken = self.closed.fitted(suggestion.text)
        if self.query is None or not text:
            return attrs.evolve(suggestion, text=text)
        document, selected = self.query.document, self.query.selected
        here = document.offset(*document.position(self.query.offset))  # not within a line's end
        if document.lf.tabbed:
            indent = _INDENT if self.prefix[self.prefix.rfind("\n") + 1 :].strip() else _INDENT_AT_START
            text = indent.sub(lambda match: match.group().replace(TAB_BLANKS, "\t"), text)
        text = text.replace("\n", document.line_end(here))
        if selected is None:
            return attrs.evolve(suggestion, text=text, span=Span(here, here + taken))
        span = Span(selected.span.start, selected.span.end + taken)
        return attrs.evolve(suggestion, text=selected.text + text, span=span)
