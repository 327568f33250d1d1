"""Whether this cursor gets a suggestion at all: cheap checks before any work."""

from __future__ import annotations

from collections.abc import Callable

from hybrid_lsp.completion.query import Answer, Query, nothing
from hybrid_lsp.config import Config
from hybrid_lsp.document import Document
from hybrid_lsp.types import Reason

FileCheck = Callable[[Document], Reason | None]
"""Says why a file must be left alone (ignored, secret), or None."""


def check(query: Query, config: Config, file_check: FileCheck) -> Answer | None:
    """The answer that ends this request, or None where it goes on."""
    if not config.completion.enabled:
        return nothing(Reason.DISABLED, "Inline completion is switched off: set completion.enabled to true.")
    language = query.document.language
    if language in config.completion.disabled_languages:
        return nothing(Reason.LANGUAGE_DISABLED, f"`{language}` is in completion.disabled_languages.")
    if "\0" in query.document.text[:4096]:
        return nothing(Reason.BINARY, "The text holds NUL characters: this is not a text file.")
    if reason := file_check(query.document):
        return nothing(reason, "This file is left alone: git ignores it, or its name says that it holds secrets.")
    if not query.invoked and _mid_word(query):
        return nothing(Reason.MID_WORD, "A word continues right of the cursor.")
    return None


def _mid_word(query: Query) -> bool:
    following = query.document.text[query.offset : query.offset + 1]
    return following.isalnum() or following == "_"
