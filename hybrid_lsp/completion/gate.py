"""Whether this cursor gets a suggestion at all: cheap checks before any work.

`check` is asked first, and what it refuses is refused. `worth_a_model` is asked when nothing is known yet: what was
typed and deleted again is shown without it.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import attrs

from hybrid_lsp.completion.place import Place
from hybrid_lsp.completion.query import Answer, Query, nothing
from hybrid_lsp.config import CompletionConfig
from hybrid_lsp.document import Document
from hybrid_lsp.types import Reason

FileCheck = Callable[[Document], Reason | None]
"""Says why a file must be left alone (ignored, secret, switched off by a glob), or None."""

_READ_ONLY_SCHEMES = {"git", "gitlens", "gitlab", "output", "review", "vscode-local-history", "jdt", "zipfile", "man"}
_FILE_REASONS = {
    Reason.GLOB_DISABLED: "A pattern in completion.disabled_globs names this file.",
    Reason.SECRET_FILE: "This file is left alone: its name says that it holds secrets.",
    Reason.IGNORED_FILE: "This file is left alone: git or privacy.exclude_globs ignores it.",
}


@attrs.define
class Pause:
    """What the user has paused for this window: everything, or some languages."""

    everything: bool = False
    languages: set[str] = attrs.field(factory=set)

    def covers(self, language: str) -> bool:
        return self.everything or language in self.languages

    def set(self, *, paused: bool, language: str | None = None) -> None:
        """Pause, or go on; for one language, or (None) for all."""
        if language is not None:
            (self.languages.add if paused else self.languages.discard)(language)
        else:
            self.everything = paused
            if not paused:
                self.languages.clear()


def check(query: Query, config: CompletionConfig, pause: Pause, file_check: FileCheck) -> Answer | None:
    """The answer that ends this request, or None where it goes on."""
    document = query.document
    if not config.enabled:
        return nothing(Reason.DISABLED, "Inline completion is switched off: set completion.enabled to true.")
    if pause.covers(document.language) and not query.invoked:
        return nothing(Reason.PAUSED, "You have paused inline completion: resume it, or ask for one by hand.")
    if document.language in config.disabled_languages:
        return nothing(Reason.LANGUAGE_DISABLED, f"`{document.language}` is in completion.disabled_languages.")
    if "\0" in document.text[:4096]:
        return nothing(Reason.BINARY, "The text holds NUL characters: this is not a text file.")
    if reason := file_check(document):
        return nothing(reason, _FILE_REASONS.get(reason, ""))
    if read_only(document):
        return nothing(Reason.READ_ONLY, "This file cannot be written.")
    return None


def worth_a_model(
    query: Query, config: CompletionConfig, *, deleted: bool, place: Callable[[], Place]
) -> Answer | None:
    """The answer to a request that is not worth working for, or None; who asks by hand is always served.

    `deleted`: the last change only took text away. `place` is asked only where it counts.
    """
    if query.invoked:
        return None
    if _mid_word(query):
        return nothing(Reason.MID_WORD, "A word continues right of the cursor.")
    if deleted:
        return nothing(Reason.AFTER_DELETION, "You have just deleted text: type, or ask for a suggestion by hand.")
    if not config.comments and place() is Place.COMMENT:
        return nothing(Reason.IN_COMMENT, "The cursor is in a comment, and completion.comments is false.")
    if not config.strings and place() is Place.STRING:
        return nothing(Reason.IN_STRING, "The cursor is in a text, and completion.strings is false.")
    return None


def read_only(document: Document) -> bool:
    """Whether the document is one that the editor only shows."""
    scheme = document.uri.partition(":")[0]
    path = document.path
    return scheme in _READ_ONLY_SCHEMES or (path is not None and path.exists() and not os.access(path, os.W_OK))


def _mid_word(query: Query) -> bool:
    following = query.document.text[query.offset : query.offset + 1]
    return following.isalnum() or following == "_"
