"""From what a model wrote to what is worth showing. Each rule is a small pure function of text."""

from __future__ import annotations

import re

_CLOSERS = {")": "(", "]": "[", "}": "{"}
_FENCE = re.compile(r"^\s*```[\w-]*\n?|\n?```\s*$")


def trim(text: str, prefix: str, suffix: str) -> str:
    """All rules in order; an empty result means that nothing is worth showing."""
    text = without_fences(text)
    text = without_repeated_lines(text, prefix)
    text = without_suffix(text, suffix)
    text = balanced(text, suffix)
    return text.rstrip()


def without_fences(text: str) -> str:
    """Chat-tuned models wrap code in Markdown."""
    return _FENCE.sub("", text)


def without_suffix(text: str, suffix: str) -> str:
    """Without an end that repeats what already stands right of the cursor.

    Compared up to white space with the rest of the cursor's line, and by whole lines with what is below.
    """
    rest_of_line, _, below = suffix.partition("\n")
    text = _without_rest_of_line(text, rest_of_line.strip())
    return _without_lines_below(text, below)


def _without_rest_of_line(text: str, rest: str) -> str:
    first, newline, others = text.partition("\n")
    first = first.rstrip()
    for length in range(len(rest), 0, -1):
        end = rest[:length]
        # A part of the rest counts only where it ends at a word's end: "r" does not begin "return".
        if not first.endswith(end) or (length < len(rest) and end[-1].isalnum()):
            continue
        cut = first[: len(first) - length]
        # A bracket that closes one of the text's own is no repetition.
        if _unclosed(cut) <= _unclosed(first):
            return cut + newline + others if length < len(rest) else cut
    return text


def _unclosed(text: str) -> int:
    """How many brackets a text opens and does not close."""
    depth = 0
    for character in text:
        if character in "([{":
            depth += 1
        elif character in _CLOSERS and depth:
            depth -= 1
    return depth


def _without_lines_below(text: str, below: str) -> str:
    following = next((line.strip() for line in below.splitlines() if line.strip()), "")
    lines = text.split("\n")
    for number, line in enumerate(lines[1:], start=1):
        if following and line.strip() == following:
            return "\n".join(lines[:number])
    return text


def without_repeated_lines(text: str, prefix: str) -> str:
    """Cut where the model starts to repeat the line above the cursor, or its own lines."""
    seen = [line.strip() for line in prefix.splitlines()[-2:] if line.strip()]
    kept: list[str] = []
    for number, line in enumerate(text.split("\n")):
        word = line.strip()
        # The first line continues the cursor's own line, so only a whole line can repeat one.
        if number and len(word) > 3 and word in seen:
            break
        if word:
            seen.append(word)
        kept.append(line)
    return "\n".join(kept)


def balanced(text: str, suffix: str) -> str:
    """Cut before the first bracket that closes what is already closed right of the cursor."""
    closers_right = _leading_closers(suffix)
    depth: list[str] = []
    for index, character in enumerate(text):
        if character in "([{":
            depth.append(character)
        elif character in _CLOSERS:
            if depth and depth[-1] == _CLOSERS[character]:
                depth.pop()
            elif not depth and closers_right and closers_right[0] == character:
                return text[:index]
    return text


def _leading_closers(suffix: str) -> str:
    match = re.match(r"[\s\)\]\}]*", suffix.partition("\n")[0])
    return re.sub(r"\s", "", match.group()) if match else ""
