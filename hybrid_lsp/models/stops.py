"""Stop strings, found in a stream of fragments wherever the fragments happen to be cut."""

from __future__ import annotations

from collections.abc import Iterable

import attrs


@attrs.define
class StopFinder:
    """Takes fragments, hands out what certainly stands before the first stop string.

    `found` is the stop string that ended the text, or None; after that nothing more comes out.
    """

    stops: tuple[str, ...]
    found: str | None = None
    _held: str = ""

    def __attrs_post_init__(self) -> None:
        self.stops = tuple(stop for stop in self.stops if stop)

    def feed(self, fragment: str) -> str:
        """The text that is safe to show now; what may be the beginning of a stop string is held back."""
        if self.found is not None:
            return ""
        text = self._held + fragment
        position, stop = _first(text, self.stops)
        if stop is not None:
            self.found, self._held = stop, ""
            return text[:position]
        keep = _overlap(text, self.stops)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def flush(self) -> str:
        """What was held back, at the end of the stream."""
        held, self._held = self._held, ""
        return held


def _first(text: str, stops: Iterable[str]) -> tuple[int, str | None]:
    found = [(position, stop) for stop in stops if (position := text.find(stop)) >= 0]
    return min(found, key=lambda item: (item[0], -len(item[1])), default=(len(text), None))


def _overlap(text: str, stops: Iterable[str]) -> int:
    """Length of the longest end of the text with which a stop string begins."""
    longest = 0
    for stop in stops:
        for size in range(min(len(stop) - 1, len(text)), longest, -1):
            if text.endswith(stop[:size]):
                longest = size
                break
    return longest
