"""Which beginnings of prompts a model keeps computed, so that the next keystroke only costs what is new.

A prompt is computed in two parts that its length alone decides on: a head that ends at a coarse boundary some tokens
before the text that changes, and the rest. The state after a head (its keys and values) is kept, and every prompt
that begins with the same tokens goes on from there. Because the parts are the same whether the head was kept or not,
reuse changes nothing of what is written: quantised arithmetic is sensitive to how a prompt is cut, by some 0.01 in a
log-probability. Only where a whole prompt would take long (`patience`) a shorter head that happens to be kept is
preferred to computing the proper one.

The next boundary's head is computed in an idle moment, as soon as its tokens are settled. Kept heads are counted, and
dropped all at once, in an idle moment too, when there is no room for another: the library can do nothing finer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import attrs

STEP = 64
"""Tokens between two boundaries: so many keystrokes share a head, and so much is computed again for each at most."""
MARGIN = 16
"""Tokens that a head keeps clear of the cursor: what is typed changes the last tokens, and healing takes some off.
Also the stretch in which the next head can be computed ahead of its use."""
SETTLED = 4
"""Tokens before the cursor that the next keystroke may still change."""


def boundary(shared: int) -> int:
    """Length of the head of a prompt whose first `shared` tokens will stay; 0: it is too short for one."""
    return max(0, shared - MARGIN) // STEP * STEP


@attrs.frozen
class Plan:
    """How a prompt is computed: the length of its head (0: in one part), whether that is known, and is kept."""

    head: int = 0
    known: bool = False
    keep: bool = False

    @property
    def reused(self) -> int:
        """Tokens that are not computed again."""
        return self.head if self.known else 0


@attrs.define(eq=False)
class Reuse:
    """The heads that a model keeps, and how well that goes. Used by one thread at a time.

    `patience` counts tokens: a longer prompt goes on from any head that is kept, rather than being computed whole.
    """

    bytes_a_token: int = 0
    budget: int = 0
    """Bytes; 0: nothing is kept, and prompts are computed in one part."""
    patience: float = math.inf
    hits: int = 0
    misses: int = 0
    reused_tokens: int = 0
    resets: int = 0
    """Times that everything kept was dropped."""
    _kept: set[tuple[int, ...]] = attrs.field(factory=set)
    _latest: tuple[int, ...] = ()
    """The tokens of the latest prompt that later ones will share."""

    @property
    def entries(self) -> int:
        """Heads that are kept."""
        return len(self._kept)

    @property
    def bytes(self) -> int:
        """Memory that they take, by estimate."""
        return sum(len(head) for head in self._kept) * self.bytes_a_token

    def plan(self, prompt: Sequence[int], shared: int) -> Plan:
        """How to compute a prompt whose first `shared` tokens later ones will begin with (0: none will).

        A head that is to be kept counts as kept from now on.
        """
        size = boundary(shared) if self.budget else 0
        if not size:
            return Plan()
        self._latest = tuple(prompt[:shared])
        if self._latest[:size] in self._kept:
            return self._hit(size)
        if len(prompt) > self.patience and (shorter := self._longest(size)):
            return self._hit(shorter)
        self.misses += 1
        return Plan(size, keep=self.add(size))

    def _hit(self, size: int) -> Plan:
        self.hits += 1
        self.reused_tokens += size
        return Plan(size, known=True)

    def _longest(self, size: int) -> int:
        """The longest kept head that is shorter than this, but not by half; else 0."""
        fitting = (len(head) for head in self._kept if len(head) < size and self._latest[: len(head)] == head)
        longest = max(fitting, default=0)
        return longest if longest * 2 >= size else 0

    def add(self, size: int) -> bool:
        """Count the latest prompt's head of this size as kept, if there is room for it."""
        if not self._has_room(size):
            return False
        self._kept.add(self._latest[:size])
        return True

    def _has_room(self, size: int) -> bool:
        """One head is always kept, or each keystroke would cost a whole prompt, which no memory is worth."""
        if not self._kept:
            return self.budget > 0
        return self.bytes + size * self.bytes_a_token <= self.budget

    def ahead(self) -> Sequence[int]:
        """A head that the next keystrokes will want and that is not kept, with one token more; empty: none is."""
        for size in self._wanted():
            if self._latest[:size] not in self._kept and self._has_room(size):
                return self._latest[: size + 1]
        return ()

    def _wanted(self) -> Iterator[int]:
        """Sizes of the heads of the latest prompt and, once its tokens are settled, of those after it."""
        sizes = {boundary(len(self._latest)), max(0, len(self._latest) - SETTLED) // STEP * STEP}
        return iter(sorted(sizes - {0}))

    def is_full(self) -> bool:
        """Whether the next head has no room, and dropping what nobody asks for any more would make some."""
        wanted = {self._latest[:size] for size in self._wanted()}
        stale = self._kept - wanted
        return bool(stale) and not self._has_room(len(self._latest) + STEP)

    def clear(self) -> None:
        """All heads were dropped."""
        self._kept.clear()
        self.resets += 1
