"""The window around a cursor that stands while one types: it grows by what is typed, and is cut anew only at times.

An engine goes on from what it has read already as long as a prompt begins the same. A window of a fixed size moves
with the cursor, if only in steps, and each move costs a whole prompt; so one that was cut may grow by a part of its
size before it is cut again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from hybrid_lsp.context.window import Window, cut
from hybrid_lsp.document import Document
from hybrid_lsp.types import Infill

if TYPE_CHECKING:  # loaded at first use: an editor window starts without it
    from tree_sitter import Tree

_GROWS = 3
"""One part in so many of its size is what a window may grow by."""
_MORE = 2
"""Where so many times as much may be read, it is cut anew; one that is larger than what may be read stands, for it has
been read."""
_LEAST = 2
"""Of what stood before the cursor when it was cut, one part in so many is still there, or it is cut anew."""


@attrs.frozen
class _Cut:
    """A window as it was cut: the text above it, the characters before the cursor, and the most that were wanted."""

    window: Window
    above: str = attrs.field(repr=False)
    before: int
    chars: int
    ends: bool
    """Whether the suffix is all that follows."""

    def stands(self, document: Document, offset: int, chars: int, most: int) -> bool:
        """Whether it still is a good window for the cursor."""
        window = self.window
        there = offset - window.start
        return (
            chars < self.chars * _MORE
            and there * _LEAST >= self.before
            and window.size(offset) <= min(most, self.chars + self.chars // _GROWS)
            and (not self.ends or len(document.text) == offset + len(window.suffix))
            and document.text.startswith(window.suffix, offset)
            and document.text.startswith(self.above)
        )


@attrs.define
class Windows:
    """The windows that one model reads, by document; `anew` says whether the last one was cut anew."""

    anew: bool = True
    _cuts: dict[str, _Cut] = attrs.field(factory=dict)

    def read(self, document: Document, offset: int, chars: int, most: int, tree: Tree | None = None) -> Infill:
        """What is read at an offset: about so many characters, and never more than `most`."""
        fresh = min(chars, most - most // (_GROWS + 1))
        kept = self._cuts.get(document.uri)
        if kept is not None and not kept.stands(document, offset, fresh, most):
            kept = None
        self.anew = kept is None
        if kept is None:
            window = cut(document, offset, fresh, tree)
            ends = len(document.text) == offset + len(window.suffix)
            kept = _Cut(window, document.text[: window.start], offset - window.start, fresh, ends)
            self._cuts[document.uri] = kept
        return kept.window.read(document, offset)

    def slow(self, uri: str, chars: int) -> None:
        """What should have been read already was not (another document came between, or nothing is kept at all): from
        now on about so many characters are read, if those are fewer."""
        if (kept := self._cuts.get(uri)) is not None and kept.chars > chars:
            self.forget(uri)

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._cuts.pop(uri, None)
