"""The texts that are copied from: the current file, and those that were opened or edited of late, in memory only.

Which files those are is the caller's to decide: an ignored or secret one must never be given.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable

from attrs import define, field

from hybrid_lsp.document import Document
from hybrid_lsp.models.copying.across import continue_across
from hybrid_lsp.models.copying.predict import Copy, continue_line
from hybrid_lsp.models.copying.text import Text

MOST_FILES = 20
MOST_CHARACTERS = 2_000_000  # of all files together; about 11 bytes of memory each, once ready to be copied from
MOST_S = 0.005  # seconds of computing after which the rest of them waits: a block may be all signs
PREPARED = 4  # blocks made ready on the way to an answer: about a millisecond's work


@define(frozen=True)
class _File:
    """A file that others may copy from."""

    language: str
    text: Text


@define
class CopyIndex:
    """Answers how a line goes on by what stands elsewhere; a change costs no more than the lines around it."""

    alike: Callable[[str], Collection[str]] = lambda language: (language,)  # whose files are copied from
    _open: OrderedDict[str, _File] = field(factory=OrderedDict)  # by URI, the one that changed last is last
    _closed: OrderedDict[str, _File] = field(factory=OrderedDict)
    _asked: tuple[str, Text] = ("", Text.of(""))  # the document of the last question, which may be in neither

    @property
    def files(self) -> int:
        """How many files are held, open or closed."""
        return len(self._open) + len(self._closed)

    @property
    def characters(self) -> int:
        """How many characters these files have."""
        return sum(len(file.text.text) for file in self._all())

    def changed(self, document: Document) -> None:
        """A document was opened or edited: others may copy from it."""
        text = self._read(document)
        self.forget(document.uri)
        self._open[document.uri] = _File(document.language, text)
        while self.files > MOST_FILES or self.characters > MOST_CHARACTERS:
            (self._closed or self._open).popitem(last=False)

    def closed(self, uri: str) -> None:
        """A document was closed: it is still copied from, until there is no more room."""
        if (file := self._open.pop(uri, None)) is not None:
            self._closed[uri] = file

    def forget(self, uri: str) -> None:
        """A document must not be copied from any more."""
        self._open.pop(uri, None)
        self._closed.pop(uri, None)

    def complete(self, document: Document, offset: int) -> Copy:
        """The most probable rest of the line at an offset, from the document itself."""
        self._asked = (document.uri, self._read(document))
        return continue_line(self._asked[1], offset)

    def across(self, document: Document, offset: int) -> Copy:
        """The most probable rest of the line at an offset, from other files of the language and those alike, the last
        edited first."""
        alike = self.alike(document.language)
        others = [
            file.text
            for uri, file in (*reversed(self._open.items()), *reversed(self._closed.items()))
            if file.language in alike and uri != document.uri
        ]
        _prepare(others, PREPARED)
        return continue_across(document.text, offset, others)

    def prepare(self, most: int = PREPARED) -> bool:
        """For idle time: make so many blocks ready to be copied from; whether more are waiting."""
        return _prepare([file.text for file in reversed(list(self._all()))], most)

    def _all(self) -> Iterable[_File]:
        return (*self._closed.values(), *self._open.values())

    def _read(self, document: Document) -> Text:
        """A document's text, made from what is known of it."""
        if (file := self._open.get(document.uri) or self._closed.get(document.uri)) is not None:
            return file.text.changed(document.text)
        uri, text = self._asked
        return text.changed(document.text) if uri == document.uri else Text.of(document.text)


def _prepare(texts: Iterable[Text], most: int) -> bool:
    """Make the first blocks ready; whether more are waiting."""
    waiting = (block for text in texts for block in text.blocks if not block.ready)
    until = time.thread_time() + MOST_S
    for count, block in enumerate(waiting):
        if count == most or (count and time.thread_time() > until):
            return True
        _ = block.keys
    return False
