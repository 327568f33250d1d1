"""Brackets: none is closed that is closed right of the cursor or below already, and none is left open before one."""

from __future__ import annotations

import re

from hybrid_lsp.context.scope import CLOSER_LINE, indent_of

CLOSERS = {")": "(", "]": "[", "}": "{"}
OPENERS = {opener: closer for closer, opener in CLOSERS.items()}
_TOKENS = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|[()\[\]{}]")
"""Whole strings are passed over; a lone quote (a lifetime, an apostrophe) is a character like others."""


def brackets(text: str) -> list[tuple[int, str]]:
    """Offsets and characters of the brackets of a text, outside of whole strings."""
    return [(match.start(), match.group()) for match in _TOKENS.finditer(text) if len(match.group()) == 1]


def unmatched(text: str) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """The brackets that a text closes without having opened them, and those it opens without closing them."""
    closed: list[tuple[int, str]] = []
    opened: list[tuple[int, str]] = []
    for offset, character in brackets(text):
        if character in OPENERS:
            opened.append((offset, character))
        elif opened and opened[-1][1] == CLOSERS[character]:
            opened.pop()
        elif not opened:
            closed.append((offset, character))
    return closed, opened


def without_closed(text: str, suffix: str) -> str:
    """Cut before the first bracket that closes what is already closed on the cursor's line."""
    there = re.sub(r"\s", "", _leading_closers(suffix.partition("\n")[0]))
    closed, _ = unmatched(text)
    first = next((offset for offset, character in closed if there and character == there[0]), None)
    return text if first is None else text[:first]


def _leading_closers(rest: str) -> str:
    match = re.match(r"[\s)\]}]*", rest)
    return match.group() if match else ""


def without_closed_below(text: str, before: str, suffix: str) -> str:
    """Cut before a line that closes the cursor's scope where a line below the cursor does so already.

    A text that opens another scope in its stead (`} else {`) needs the bracket below for that one.
    """
    rest, _, below = suffix.partition("\n")
    lines = text.split("\n")
    for number, line in enumerate(lines if not rest.strip() else ()):
        whole = before + line if number == 0 else line
        if CLOSER_LINE.match(whole) and _closes_more(text, whole.strip()[0]) and _closed_below(whole, below):
            return "\n".join(lines[:number])
    return text


def _closes_more(text: str, closer: str) -> bool:
    """Whether a text closes more brackets of a kind than it opens, each counted where it has no partner."""
    closed, opened = unmatched(text)
    return sum(each == closer for _, each in closed) > sum(each == CLOSERS.get(closer) for _, each in opened)


def _closed_below(line: str, below: str) -> bool:
    """Whether the first line below that is indented no more begins with the same bracket at the same depth."""
    depth, bracket = indent_of(line), line.strip()[0]
    for other in below[:20_000].split("\n"):
        if other.strip() and indent_of(other) <= depth:
            return indent_of(other) == depth and other.strip()[0] == bracket
    return False


def without_opened(text: str, before: str, suffix: str) -> str:
    """Cut before a bracket that is left open where the brackets of the cursor's line were in balance."""
    rest = suffix.partition("\n")[0]
    closed, _ = unmatched(rest)
    _, opened = unmatched(text)
    if "\n" in text or not closed or not opened or len(unmatched(before)[1]) < len(closed):
        return text
    return text[: opened[0][0]]
