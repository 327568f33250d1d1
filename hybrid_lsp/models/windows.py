"""How much of a prefix and a suffix a model reads, cut so that the next keystroke reads (almost) the same tokens.

What a model has computed for a prompt can only be used again for one that begins with the same tokens. So neither cut
may follow the cursor token by token. The suffix gets room in coarse steps. The prefix begins at a place that its own
text chooses: of the lines that begin in a zone, the one whose first tokens have the smallest digest. While the zone
moves with the cursor that line mostly stays the smallest. This needs no memory of earlier requests, nor to know where
in its file the text began (winnowing: Schleimer, Wilkerson, Aiken 2003, "Local Algorithms for Document
Fingerprinting").
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Callable, Sequence

_SUFFIX_SHARE = 4
"""One part in so many of the window is the suffix's own (as in llama.cpp); the prefix may use what it leaves."""
_SUFFIX_STEPS = 8
"""Steps in which the suffix gives room up to a growing prefix."""
_ZONE = 10
"""One part in so many of a prefix's room is the zone in which it may begin."""
_DIGESTED = 8
"""Tokens of a line that its digest is made of."""


def room(context: int, wanted: int) -> int:
    """Tokens of a prompt that `wanted` are to follow, in a window of `context`.

    It is the same for all usual lengths of a suggestion, or a prompt would be cut elsewhere where another length is
    asked for; so a long one may get no more than an eighth of the window. At least half is the prompt's.
    """
    return context - (context // 8 if wanted <= context // 4 else min(wanted, context // 2))


def fit(
    prefix: Sequence[int], suffix: Sequence[int], room: int, most_suffix: int, begins: Callable[[int], bool]
) -> tuple[list[int], list[int]]:
    """Both sides of the cursor in `room` tokens: the prefix's end and the suffix's start.

    `most_suffix`: most tokens of a suffix (0: as many as there is room for); `begins(i)`: whether a line begins at
    token i of the prefix.
    """
    suffix = suffix[: most_suffix or None]
    step = max(1, room // _SUFFIX_STEPS)
    left = max(0, room - len(prefix))
    kept = list(suffix[: max(room // _SUFFIX_SHARE, left - left % step)])
    return list(prefix[_start(prefix, room - len(kept), begins) :]), kept


def _start(prefix: Sequence[int], room: int, begins: Callable[[int], bool]) -> int:
    """Where a prefix begins that must fit into `room` tokens."""
    first = len(prefix) - room
    if first <= 0:
        return 0
    zone = range(first, min(len(prefix), first + room // _ZONE + 1))
    # As models have seen files begin, where a line begins at all.
    lines = [at for at in zone if begins(at)]
    return min(lines or zone, key=lambda at: _digest(prefix[at : at + _DIGESTED]), default=len(prefix))


def _digest(tokens: Sequence[int]) -> int:
    return zlib.crc32(array("I", tokens).tobytes())
