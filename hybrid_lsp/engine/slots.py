"""The keys and values of earlier prompts, kept token by token, so that a prompt costs only what is new in it.

A slot holds one sequence of tokens. A prompt goes on from the slot that begins most like it: from the end of what
both share. Where little is lost by it the slot is cut there and goes on itself; else what is shared is copied, so that
going back and forth between two places computes neither again. The slots that were used longest ago give way when
the budget is spent; the one in use is always kept, however small the budget.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import attrs
import numpy as np
import numpy.typing as npt

LOST = 48
"""Tokens at the end of a slot that may be given up without a copy: what was written after an earlier prompt, and
what was typed differently since."""
SMALLEST_ROOM = 512
"""Tokens that a slot has room for at first; it doubles."""
_MOST_SLOTS = 16


@attrs.define(eq=False)
class Slot:
    """One sequence: its tokens, and their keys and values, (layers, 2, 1, kv heads, room, head size)."""

    tokens: list[int]
    state: npt.NDArray[np.float32]
    used: int = 0

    @property
    def room(self) -> int:
        return int(self.state.shape[4])

    def cut(self, size: int) -> None:
        """Forget all after the first `size` tokens."""
        del self.tokens[size:]

    def make_room(self, size: int, most: int) -> None:
        """Let `size` tokens have room, and more, but not more than `most`."""
        if size <= self.room:
            return
        room = min(max(size, 2 * self.room), max(size, most))
        grown = np.empty((*self.state.shape[:4], room, self.state.shape[5]), np.float32)
        known = len(self.tokens)
        grown[..., :known, :] = self.state[..., :known, :]
        self.state = grown


@attrs.define(eq=False)
class Slots:
    """The slots of one model, and how well they serve. Used by one thread at a time.

    `layers`, `kv_heads`, `head_size` are the model's; `most` is its window in tokens; `budget` is in bytes (0: nothing
    is kept). `patience` is for models whose states cannot be cut, and not used here.
    """

    layers: int
    kv_heads: int
    head_size: int
    most: int
    budget: int = 0
    patience: float = math.inf
    hits: int = 0
    misses: int = 0
    reused_tokens: int = 0
    resets: int = 0
    """Slots that gave way to others."""
    _slots: list[Slot] = attrs.field(factory=list)
    _uses: Iterator[int] = attrs.field(factory=lambda: itertools.count(1))

    @property
    def bytes_a_token(self) -> int:
        return self.layers * 2 * self.kv_heads * self.head_size * np.dtype(np.float32).itemsize

    @property
    def entries(self) -> int:
        """Sequences that are kept."""
        return len(self._slots)

    @property
    def bytes(self) -> int:
        """Memory that they take."""
        return sum(len(slot.tokens) for slot in self._slots) * self.bytes_a_token

    def take(self, prompt: Sequence[int]) -> Slot:
        """A slot that holds a beginning of the prompt, all but its last token at most; the rest is to be computed."""
        slot = self._fitting(prompt)
        slot.used = next(self._uses)
        slot.make_room(len(prompt) + 1, self.most)
        known = len(slot.tokens)
        self.hits += bool(known)
        self.misses += not known
        self.reused_tokens += known
        self._give_way(slot, len(prompt))
        return slot

    def _fitting(self, prompt: Sequence[int]) -> Slot:
        if not self.budget:
            self._slots = [self._new()]
            return self._slots[0]
        found = [(shared(slot.tokens, prompt), slot) for slot in self._slots]
        known, best = max(found, key=lambda item: item[0], default=(0, None))
        if best is None or not known:
            slot = self._new()
            self._slots.append(slot)
            return slot
        if len(best.tokens) - known <= LOST:
            best.cut(known)
            return best
        copy = self._new(known)
        copy.tokens = best.tokens[:known]
        copy.state[..., :known, :] = best.state[..., :known, :]
        self._slots.append(copy)
        return copy

    def _new(self, size: int = 0) -> Slot:
        room = min(max(size, SMALLEST_ROOM), max(size, self.most))
        return Slot([], np.empty((self.layers, 2, 1, self.kv_heads, room, self.head_size), np.float32))

    def _give_way(self, mine: Slot, size: int) -> None:
        """Drop what was used longest ago until a prompt of `size` tokens fits beside the rest."""
        others = sorted((slot for slot in self._slots if slot is not mine), key=lambda slot: -slot.used)
        kept, left = [mine], self.budget - size * self.bytes_a_token
        for slot in others[: _MOST_SLOTS - 1]:
            left -= len(slot.tokens) * self.bytes_a_token
            if left >= 0:
                kept.append(slot)
        self.resets += len(self._slots) - len(kept)
        self._slots = kept


def shared(known: Sequence[int], prompt: Sequence[int]) -> int:
    """Length of the common beginning, which leaves the prompt a token to compute."""
    most = min(len(known), len(prompt) - 1)
    return next((at for at in range(most) if known[at] != prompt[at]), most)
