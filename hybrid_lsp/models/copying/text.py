"""A text cut into blocks of whole lines, so that a change makes only the blocks that it touches anew.

Blocks never change and know nothing of each other; what is looked up in them is worked out when it is first needed.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate

from attrs import define, field

from hybrid_lsp.document import difference
from hybrid_lsp.models.copying.words import lex

BLOCK = 2000  # characters, up to the end of the line; about 60 lines
WIDE, DEEP = 2, 4  # words before a place by which it is found again: at least, and rather


@define(frozen=True, slots=False, eq=False)
class Block:
    """Some whole lines. Each line but a text's first begins with its newline."""

    text: str = field(repr=False)

    @cached_property
    def words(self) -> list[str]:
        """Its words; equal ones are one object."""
        known: dict[str, str] = {}
        return [known.setdefault(word, word) for word in lex(self.text)]

    @cached_property
    def places(self) -> dict[str, list[int]]:
        """Where each word stands."""
        places: dict[str, list[int]] = {}
        for at, word in enumerate(self.words):
            places.setdefault(word, []).append(at)
        return places

    def word_at(self, offset: int) -> int:
        """The number of the word that begins at an offset, or of the next."""
        return bisect_left(self._starts, offset)

    @cached_property
    def _starts(self) -> list[int]:
        return list(accumulate(map(len, self.words), initial=0))

    @cached_property
    def keys(self) -> tuple["array[int]", "array[int]"]:
        """(keys, places): each place that has enough words before it, by the key of these words, in the keys' order."""
        words = self.words
        runs = zip(words, words[1:], words[2:], words[3:], strict=False)
        pairs = sorted((key_of(run), at) for at, run in enumerate(runs, DEEP))
        return array("Q", (key for key, _ in pairs)), array("I", (at for _, at in pairs))

    @property
    def ready(self) -> bool:
        """Whether `keys` has been worked out."""
        return "keys" in self.__dict__

    def after(self, key: int) -> tuple[Sequence[int], Sequence[int]]:
        """The places (a word's, or the block's end) before which DEEP words of a key stand, and those of WIDE words."""
        keys, places = self.keys
        first = bisect_left(keys, key >> 32 << 32)
        if first == len(keys) or keys[first] >> 32 != key >> 32:
            return (), ()
        last = bisect_left(keys, ((key >> 32) + 1) << 32, first)
        deep = bisect_left(keys, key, first, last)
        end = bisect_left(keys, key + 1, deep, last)
        return places[deep:end], places[first:deep] + places[end:last]


def key_of(words: Sequence[str]) -> int:
    """A key of the last DEEP words; its upper half is that of the last WIDE of them."""
    return (hash(tuple(words[-WIDE:])) & 0xFFFFFFFF) << 32 | hash(tuple(words[-DEEP:-WIDE])) & 0xFFFFFFFF


@define(frozen=True, eq=False)
class Text:
    """A text and its blocks."""

    text: str = field(repr=False)
    blocks: tuple[Block, ...] = field(repr=False)

    @classmethod
    def of(cls, text: str) -> "Text":
        return cls(text, tuple(_cut(text)))

    def changed(self, text: str) -> "Text":
        """The next version: blocks that the change does not touch are the same ones."""
        if text == self.text:
            return self
        edit, new = difference(self.text, text)
        first, start = 0, 0
        while first < len(self.blocks) and (end := start + len(self.blocks[first].text)) < edit.start:
            first, start = first + 1, end
        last, stop = first, start
        while last < len(self.blocks) and stop <= edit.end:
            last, stop = last + 1, stop + len(self.blocks[last].text)
        made = _cut(text[start : stop + len(new) - (edit.end - edit.start)])
        blocks = (*self.blocks[:first], *made, *self.blocks[last:])
        # Many deletions leave many small blocks.
        return Text(text, blocks) if len(blocks) * BLOCK <= 4 * (len(text) + BLOCK) else Text.of(text)


def _cut(text: str) -> Iterator[Block]:
    """Blocks of about the same size; what is left over is part of the last."""
    start = 0
    while len(text) - start > 2 * BLOCK and (end := text.find("\n", start + BLOCK)) >= 0:
        yield Block(text[start:end])
        start = end
    if start < len(text):
        yield Block(text[start:])
