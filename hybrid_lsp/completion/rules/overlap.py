"""What a reply repeats of the text after the cursor: models that read the suffix like to write it once more."""

from __future__ import annotations

import re
from itertools import takewhile

from hybrid_lsp.completion.rules.brackets import OPENERS, unmatched
from hybrid_lsp.context.scope import CLOSER_LINE, indent_of

_WORD = re.compile(r"\w")
_FIRST_WORD = re.compile(r"\w+")
_LAST_WORD = re.compile(r"\w{1,200}\Z")
_ONLY_CLOSERS = re.compile(r"[)\]};,:]+")
_PREFIX_CHARS = 3000
"""Text above the cursor in which the bracket is looked for that one right of it closes."""
_BELOW_CHARS = 20_000
_LEAST_OF_WORD = 3
"""Characters of a word's beginning that are taken for the word."""
_LEAST_ELSEWHERE = 20
"""Characters that are recognised at another indentation."""
_LEAST_OF_NEXT = 6
"""Characters of a line that is not offered above itself."""
_LEAST_OF_LINE = 4
"""Characters of a line that is recognised by itself, wherever the reply goes from there."""


def without_suffix(text: str, suffix: str, prefix: str = "", *, cut_off: bool = False) -> str:
    """Without what already stands right of the cursor or below it; `cut_off`: the reply ended in the middle."""
    before = prefix[prefix.rfind("\n") + 1 :]
    text = without_overlap(text, suffix, prefix, cut_off=cut_off)
    text = without_line_below(without_rest_of_line(text, suffix), suffix, before)
    return "" if begins_again(text, suffix, before) else text


def begins_again(text: str, suffix: str, before: str) -> bool:
    """Whether a text begins as the rest of the cursor's line does: the rest would be written twice.

    Inside of a word it is enough that the one begins with the other.
    """
    rest = suffix.partition("\n")[0].lstrip()
    if not rest or not text.strip():
        return False
    inside = bool(_WORD.match(before[-1:]) and _WORD.match(suffix))
    ours, theirs = _first(text if inside else text.lstrip()), _first(rest)
    if not _WORD.match(theirs):
        return theirs == ours == "(" and bool(_WORD.match(before[-1:]))
    if inside and ours:
        whole = _LAST_WORD.search(before)
        return ours.startswith((theirs, (whole.group() if whole else "") + theirs)) or theirs.startswith(ours)
    return ours == theirs


def _first(text: str) -> str:
    """The word that a text begins with, else its first sign."""
    found = _FIRST_WORD.match(text)
    return found.group() if found else text[:1]


def without_overlap(text: str, suffix: str, prefix: str = "", *, cut_off: bool = False) -> str:
    """Without the longest end that the suffix begins with; white space is left out of the comparison."""
    before = prefix[prefix.rfind("\n") + 1 :]
    places = [at for at, character in enumerate(text) if not character.isspace()]
    end = "".join(text[at] for at in places)
    start, following = _start_of(suffix, len(end))
    for size in _overlaps(end, start):
        overlap, at = start[:size], places[-size]
        whole = cut_off or _ends_well(overlap, following[size - 1])
        if (
            whole
            and _begins_well(text, at, suffix, before, size)
            and not _closes_own(overlap, text, at, prefix, suffix)
        ):
            return text[:at]
    return text


def _closes_own(overlap: str, text: str, at: int, prefix: str, suffix: str) -> bool:
    """Whether the end is but brackets that close the reply's own, while those after the cursor close earlier ones."""
    if not _ONLY_CLOSERS.fullmatch(overlap) or len(unmatched(text[:at])[1]) <= len(unmatched(text)[1]):
        return False
    above = prefix[-_PREFIX_CHARS:]
    _, opened = unmatched(above)
    if not opened or OPENERS[opened[-1][1]] != overlap[0]:
        return False
    line_start = above.rfind("\n", 0, opened[-1][0]) + 1
    if rest := suffix.partition("\n")[0].strip():
        closed_right = sum(character == overlap[0] for _, character in unmatched(rest)[0])
        if closed_right > sum(OPENERS[character] == overlap[0] for _, character in opened):
            return False
        # A brace that closes a block of several lines does not stand at a line's end.
        return overlap[0] != "}" or "\n" not in above[line_start:] or not above[above.rfind("\n") + 1 :].strip()
    return indent_of(above[line_start:]) == _indent_below(suffix)


def _start_of(suffix: str, size: int) -> tuple[str, list[str]]:
    """The first characters of a suffix that are no white space, and for each the character right after it."""
    found: list[str] = []
    following: list[str] = []
    for at, character in enumerate(suffix):
        if len(found) >= size:
            break
        if not character.isspace():
            found.append(character)
            following.append(suffix[at + 1 : at + 2])
    return "".join(found), following


def _overlaps(end: str, start: str) -> list[int]:
    """All sizes, the greatest first, at which one text ends as the other starts (Knuth, Morris and Pratt's links)."""
    joined = start + "\0" + end
    links = [0] * len(joined)
    for at in range(1, len(joined)):
        size = links[at - 1]
        while size and joined[at] != joined[size]:
            size = links[size - 1]
        links[at] = size + (joined[at] == joined[size])
    sizes = []
    size = links[-1] if start and end else 0
    while size:
        sizes.append(size)
        size = links[size - 1]
    return sizes


def _ends_well(overlap: str, following: str) -> bool:
    """Whether the repetition is more than the first letters of a word."""
    inside_word = _WORD.match(overlap[-1]) and _WORD.match(following)
    return not inside_word or len(overlap) >= _LEAST_OF_WORD


def _begins_well(text: str, at: int, suffix: str, before: str, size: int) -> bool:
    """Whether the repetition begins where a word does, or the line that it repeats if that is below the cursor."""
    if suffix.partition("\n")[0].strip():
        # Where a word goes on right of the cursor, the repetition begins inside of that word.
        inside_word = at and _WORD.match(text[at - 1]) and _WORD.match(text[at])
        return not inside_word or bool(_WORD.match(suffix))
    line = (before if "\n" not in text[:at] else "") + text[:at].rpartition("\n")[2]
    return not line.strip() and (size >= _LEAST_ELSEWHERE or indent_of(line) == _indent_below(suffix))


def _indent_below(suffix: str) -> int:
    start = len(suffix) - len(suffix.lstrip())
    return indent_of(suffix[suffix.rfind("\n", 0, start) + 1 :])


def without_rest_of_line(text: str, suffix: str) -> str:
    """Cut where the reply has written the rest of the cursor's line and goes on with other lines."""
    rest = suffix.partition("\n")[0].strip()
    lines = text.split("\n")
    for number, line in enumerate(lines[:-1]):
        line = line.rstrip()
        if not rest or not line.endswith(rest) or (number and len(rest) < _LEAST_OF_LINE):
            continue
        cut = "\n".join([*lines[:number], line[: len(line) - len(rest)]])
        if len(unmatched(cut)[1]) <= len(unmatched(cut + rest)[1]):
            return cut
    return text


def without_line_below(text: str, suffix: str, before: str = "") -> str:
    """Cut before two lines that stand right below the cursor already, wherever the reply goes on from there."""
    rest, _, below = suffix.partition("\n")
    following = _written(below[:_BELOW_CHARS].split("\n"))[:2]
    if rest.strip() or sum(len(line.strip()) for line in following) < _LEAST_OF_LINE:
        return text
    lines = text.split("\n")
    if _stands_below(before + lines[0], following):
        return ""
    for number in range(1 if before.strip() else 0, len(lines)):
        here = [before + lines[0], *lines[1:]] if number == 0 else lines
        if lines[number].strip() and _written(here[number:])[:2] == following:
            return "\n".join(lines[:number])
    return text


def _stands_below(line: str, following: list[str]) -> bool:
    """Whether a whole line is one of the next two, as it is and in the same block."""
    line = line.rstrip()
    block = takewhile(lambda other: indent_of(other) >= indent_of(line), following)
    return len(line.strip()) >= _LEAST_OF_NEXT and not CLOSER_LINE.match(line) and line in block


def _written(lines: list[str]) -> list[str]:
    """The lines that are not blank, without white space at their ends."""
    return [line.rstrip() for line in lines if line.strip()]
