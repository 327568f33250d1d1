"""Who holds which beginning of a prompt: the next keystroke goes to the replica that has computed the last.

A prompt is known by marks: one for the user, then one for each block of its text together with all before it. A
replica that was given a prompt holds its marks until another is given them. Nothing is asked of the replicas, and a
mark that is wrong (a replica has dropped what it kept) costs one prompt's computing and no more.
"""

from __future__ import annotations

import hashlib
import zlib
from collections import Counter, OrderedDict
from collections.abc import Hashable, Mapping
from typing import Any, TypeVar

import attrs

BLOCK = 256
"""Characters of text for one mark."""
_MOST_BLOCKS = 256
_MOST_MARKS = 200_000
BUSIER = 2
"""So many requests more than the least busy replica has, and a prompt's holder is passed over. By the simulation of
`benchmarks.scaling` less loses most of what is kept, and more is the same."""

R = TypeVar("R", bound=Hashable)
Marks = tuple[bytes, ...]


def marks(user: str, text: str) -> Marks:
    """The marks of a user's prompt, shortest beginning first."""
    digest = hashlib.blake2b(user.encode("utf-8", "replace"), digest_size=8)
    found = [digest.digest()]
    for end in range(BLOCK, min(len(text), _MOST_BLOCKS * BLOCK) + 1, BLOCK):
        digest.update(text[end - BLOCK : end].encode("utf-8", "replace"))
        found.append(digest.digest())
    return tuple(found)


def text_of(body: Mapping[str, Any]) -> str:
    """What a request's body asks to go on from: the beginning of what the model will be given."""
    if isinstance(messages := body.get("messages"), list):
        return "\n".join(str(each.get("content", "")) for each in messages if isinstance(each, dict))
    return "".join(str(body.get(name) or "") for name in ("input_prefix", "prompt"))


@attrs.define(eq=False)
class Holders:
    """The replica that was last given each mark; those longest unused are forgotten."""

    most: int = _MOST_MARKS
    _holders: OrderedDict[bytes, Hashable] = attrs.field(factory=OrderedDict)
    _counts: Counter[Hashable] = attrs.field(factory=Counter)
    """Marks that each holds."""

    def give(self, wanted: Marks, replica: Hashable) -> None:
        """A replica has been given a prompt."""
        for mark in wanted:
            if mark in self._holders:
                self._counts[self._holders.pop(mark)] -= 1
            self._holders[mark] = replica
            self._counts[replica] += 1
        while len(self._holders) > self.most:
            self._counts[self._holders.popitem(last=False)[1]] -= 1

    def ranked(self, wanted: Marks, load: Mapping[R, int]) -> list[R]:
        """The replicas, the one to ask first; `load` says how many requests each has.

        The holder of the longest beginning, unless it is much busier than others; then the least busy, and of these
        the one that holds least: whoever is new goes where the fewest people are.
        """
        least = min(load.values(), default=0)
        held = Counter(self._holders.get(mark) for mark in wanted)

        def order(replica: R) -> tuple[bool, int, int, int, int]:
            passed_over = load[replica] - least > BUSIER
            return passed_over, -held[replica], load[replica], self._counts[replica], _lot(wanted, replica)

        return sorted(load, key=order)


def _lot(wanted: Marks, replica: Hashable) -> int:
    """Draws among those that are equal in all."""
    return zlib.crc32(str(replica).encode(), zlib.crc32(wanted[0] if wanted else b""))
