"""Answers that are known already: typed into, typed and deleted again, or asked for twice.

An answer holds for the very text around the cursor that it was made for, before and after. While the user types what a
suggestion says, the rest of it is the answer; what was deleted leads back to an older entry. Neither asks a model.
"""

from __future__ import annotations

from collections import OrderedDict

import attrs

from hybrid_lsp.completion.query import Answer
from hybrid_lsp.document import Span
from hybrid_lsp.types import Reason

MOST_ENTRIES = 100
MOST_CHARACTERS = 20_000_000
"""Of text around cursors that is kept, over all entries."""
_PASSING = {Reason.NO_BACKEND, Reason.BACKEND_FAILED, Reason.TIMEOUT}
"""Reasons that say nothing about the text: the next request may fare better."""
_Key = tuple[int, int, int, int, str | None]


@attrs.frozen
class _Entry:
    prefix: str = attrs.field(repr=False)
    suffix: str = attrs.field(repr=False)
    answer: Answer
    by_hand: str | None = None

    @property
    def size(self) -> int:
        return len(self.prefix) + len(self.suffix)


@attrs.define
class Reuse:
    """The last answers, most recently used last. One of these serves one model with one set of settings."""

    _entries: OrderedDict[_Key, _Entry] = attrs.field(factory=OrderedDict)
    _size: int = 0

    def keep(self, prefix: str, suffix: str, answer: Answer, *, by_hand: str | None = None) -> None:
        """Remember an answer, unless it is one that the next request may better; `by_hand`: where it was asked for."""
        # A suggestion with a detail is the copy's, while the model failed.
        if answer.reason in _PASSING or (answer.suggestions and answer.detail):
            return
        key = _key(prefix, suffix, by_hand)
        self._drop(key)
        self._entries[key] = entry = _Entry(prefix, suffix, answer, by_hand)
        self._size += entry.size
        while len(self._entries) > MOST_ENTRIES or self._size > MOST_CHARACTERS:
            self._drop(next(iter(self._entries)))

    def find(self, prefix: str, suffix: str, *, uri: str = "", invoked: bool = False) -> Answer | None:
        """What is known about this cursor, newest first; who asks by hand is not put off with an old "nothing"."""
        for key, entry in reversed(self._entries.items()):
            if key[1] != len(suffix) or key[0] > len(prefix) or entry.suffix != suffix:
                continue
            if entry.by_hand is not None and not invoked and (entry.by_hand != uri or key[0] == len(prefix)):
                continue
            if (answer := continued(entry.answer, entry.prefix, prefix)) and not (invoked and not answer.suggestions):
                self._entries.move_to_end(key)
                return answer
        return None

    def knows(self, prefix: str, suffix: str) -> bool:
        """Whether an answer for just this cursor is remembered."""
        return _key(prefix, suffix) in self._entries

    def _drop(self, key: _Key) -> None:
        if (entry := self._entries.pop(key, None)) is not None:
            self._size -= entry.size


def _key(prefix: str, suffix: str, by_hand: str | None = None) -> _Key:
    return len(prefix), len(suffix), hash(prefix), hash(suffix), by_hand


def continued(answer: Answer, asked: str, prefix: str) -> Answer | None:
    """The answer for the text `asked`, after what was typed since; None where the user went another way."""
    if not prefix.startswith(asked):
        return None
    typed = prefix[len(asked) :]
    free = attrs.evolve(answer, model_ms=0.0, tokens=0, reused=True)
    if not typed:
        return free
    for suggestion in answer.suggestions:
        rest = suggestion.text[len(typed) :]
        if suggestion.text.startswith(typed) and rest.strip():
            here = Span(len(prefix), len(prefix))
            return attrs.evolve(free, suggestions=(attrs.evolve(suggestion, text=rest, span=here),))
    return None
