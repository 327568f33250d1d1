"""Where a model runs in circles: lines that were just written, cycles of lines, runs of the same characters."""

from __future__ import annotations

import re

_LEAST = 4
"""Characters of a line below which it may well come twice (`}`, `end`)."""
_LONG = 12
_LONGEST_CYCLE = 6
_ABOVE_CHARS = 4000
"""Text above the cursor in which a cycle is looked for."""
_RUN = re.compile(r"((?:[^\w\s]|\w+[^\w\s]*\s?){1,3}?|.{1,8}?)\1{7,}", re.DOTALL)
_LONGEST_RULE = 100
"""A row of one sign (`# -----`) may be as long as a line."""


def without_cycles(text: str, prefix: str) -> str:
    """Cut where lines begin to repeat the ones just above them, the cursor's included.

    The first line goes on where the cursor stands, so it counts as one only on an empty line.
    """
    above = prefix[-_ABOVE_CHARS:].split("\n")
    head = above.pop()
    lines = text.split("\n")
    whole = [head + lines[0], *lines[1:]]
    for number in range(len(lines)):
        if number == 0 and head.strip():
            continue
        if _begins_cycle(above + whole, len(above) + number):
            return "\n".join(lines[:number])
    return text


def _begins_cycle(lines: list[str], at: int) -> bool:
    """Whether the lines from `at` on repeat as many lines just above; blank lines between do not count.

    A long line is no chance repetition even when it comes back after another one.
    """
    if not lines[at].strip():
        return False
    below = [line.rstrip() for line in lines[at : at + 3 * _LONGEST_CYCLE] if line.strip()]
    above = [line.rstrip() for line in lines[max(0, at - 3 * _LONGEST_CYCLE) : at] if line.strip()]
    if len(below[0].strip()) >= _LONG and below[0] in above[-2:]:
        return True
    for size in range(1, min(_LONGEST_CYCLE, len(above)) + 1):
        cycle = above[-size:]
        # What the end of the text has cut short is believed to go on.
        if below[:size] == cycle[: len(below)] and max(len(line.strip()) for line in below[:size]) >= _LEAST:
            return len(below) >= size
    return False


def without_runs(text: str) -> str:
    """Cut a run of the same few characters down to its first; none is left where it is all there is."""
    match = _RUN.search(text)
    if match is None or not match.group().strip():
        return text
    unit = match.group(1)
    if len(set(unit)) == 1 and len(match.group()) <= _LONGEST_RULE:
        return text
    return text[: match.start()] + (unit if text[: match.start()].strip() else "")
