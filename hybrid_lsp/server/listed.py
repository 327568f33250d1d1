"""The same suggestions in the editor's completion list, for editors that do not know inline completion.

Opt-in (`completion.in_list`), since other editors would show everything twice.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from hybrid_lsp.completion.query import Query
from hybrid_lsp.document import Document, Span
from hybrid_lsp.server.convert import offset_of, range_of
from hybrid_lsp.server.inline import accepting, ask
from hybrid_lsp.types import Suggestion

if TYPE_CHECKING:
    from hybrid_lsp.server.session import Session

OPTIONS = lsp.CompletionOptions(trigger_characters=[" ", "(", "[", "{", ".", "=", ",", ":", "\n"])
_WORD_END = re.compile(r"\w*\Z")
_LABEL_CHARS = 60


async def answer(session: Session, params: lsp.CompletionParams) -> lsp.CompletionList:
    """The reply to `textDocument/completion`: at most one item; incomplete, since the next keystroke may change it."""
    encoding = session.documents.encoding
    document, found = await ask(
        session,
        params.text_document.uri,
        lambda document: Query(document, offset_of(document, params.position, encoding)),
    )
    items = [_item(session, document, each) for each in found.suggestions] if document else []
    return lsp.CompletionList(is_incomplete=True, items=items)


def _item(session: Session, document: Document, suggestion: Suggestion) -> lsp.CompletionItem:
    # Editors filter by the word at the cursor, so the item begins with it.
    word = _word_before(document, suggestion.span.start)
    text = word + suggestion.text
    span = Span(suggestion.span.start - len(word), suggestion.span.end)
    first = next((line for line in text.split("\n") if line.strip()), text)
    more = text.rstrip() != first.rstrip()
    shown = lsp.MarkupContent(lsp.MarkupKind.Markdown, _fenced(text, document.language))
    return lsp.CompletionItem(
        label=_short(first.strip()) + (" …" if more else ""),
        kind=lsp.CompletionItemKind.Text,
        detail=f"hybrid-lsp ({suggestion.model})",
        documentation=shown if session.abilities.markdown_items else text,
        filter_text=first,
        # Before the names that other servers list: it continues the line, they complete a word.
        sort_text="!",
        text_edit=lsp.TextEdit(range_of(document, span, session.documents.encoding), text),
        # Its lines are indented already: many an editor would indent all but the first once more.
        insert_text_mode=lsp.InsertTextMode.AsIs if session.abilities.keeps_indentation else None,
        command=accepting(suggestion),
    )


def _word_before(document: Document, offset: int) -> str:
    line, column = document.position(offset)
    match = _WORD_END.search(document.line(line)[:column])
    return match.group() if match else ""


def _short(text: str) -> str:
    return text if len(text) <= _LABEL_CHARS else text[: _LABEL_CHARS - 1] + "…"


def _fenced(text: str, language: str) -> str:
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"
