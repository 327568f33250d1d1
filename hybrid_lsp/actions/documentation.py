"""What documents code in a reply, put into the code as it was: models that are asked for comments touch code as well.

Comments and docstrings that fill whole lines are found by the grammar, and go where the line that they belong to stands
in the old code: a comment above it, a docstring below the head of what it documents.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import attrs

from hybrid_lsp.actions.fitting import indent_of
from hybrid_lsp.context import grammars, symbols
from hybrid_lsp.document import Document, line_diff

_NAMED = re.compile(
    r"\b(?:def|class|fn|func|function|sub|struct|enum|trait|interface|type|module|namespace)\s+(\w+)|(\w+)\s*\("
)
"""What tells a line of code whose head was changed: the name that it defines, or calls."""


@attrs.frozen
class _Block:
    """Lines that document: `below` those of a docstring, and `place` is the line of code that they belong to, counted
    among lines of code."""

    lines: tuple[int, ...]
    below: bool
    place: int


@attrs.frozen
class _Text:
    """Code by lines: which of them hold code, and the blocks that document."""

    lines: list[str]
    code: list[int]
    blocks: list[_Block]

    @classmethod
    def of(cls, document: Document) -> _Text:
        lines = document.text.split("\n")
        documents = _documenting(document, lines)
        code = [number for number, line in enumerate(lines) if line.strip() and number not in documents]
        return cls(lines, code, list(_blocks(documents, code)))

    def text_of(self, block: _Block) -> list[str]:
        return [self.lines[number].strip() for number in block.lines]

    def stripped(self) -> list[str]:
        return [self.lines[number].strip() for number in self.code]


def put_into(old: Document, new: Document) -> str | None:
    """The old code with the documentation of the new; None where nothing of it finds its place.

    Both have LF line ends and begin without indentation.
    """
    if not grammars.known(old.language):
        return None
    before, after = _Text.of(old), _Text.of(new)
    places = _places(before.stripped(), after.stripped())
    there = [before.text_of(each) for each in before.blocks]
    new_blocks = [each for each in after.blocks if each.place in places and after.text_of(each) not in there]
    found = {(each.below, places[each.place]): each for each in new_blocks}
    if not found:
        return None
    replaced = {line for each in before.blocks if (each.below, each.place) in found for line in each.lines}
    return "\n".join(_woven(before, after, found, replaced))


def _woven(before: _Text, after: _Text, found: dict[tuple[bool, int], _Block], replaced: set[int]) -> Iterator[str]:
    place = 0
    for number, line in enumerate(before.lines):
        if number in replaced:
            continue
        is_code = place < len(before.code) and before.code[place] == number
        if is_code and (above := found.get((False, place))):
            yield from _moved(above, after, line)
        yield line
        if is_code:
            if below := found.get((True, place)):
                yield from _moved(below, after, line)
            place += 1


def _moved(block: _Block, after: _Text, beside: str) -> Iterator[str]:
    """The lines of a block as far from the line that they belong to as in the reply."""
    was, now = indent_of(after.lines[after.code[block.place]]), indent_of(beside)
    for number in block.lines:
        line = after.lines[number]
        yield now + line.removeprefix(was) if line.strip() else ""


def _places(old: Sequence[str], new: Sequence[str]) -> dict[int, int]:
    """Where lines of new code stand among those of the old: the same lines, or else ones about the same name."""
    found: dict[int, int] = {}
    for kind, a, b, c, d in line_diff(list(old), list(new)).get_opcodes():
        if kind == "equal":
            found |= zip(range(c, d), range(a, b), strict=True)
            continue
        left = {name: number for number in reversed(range(a, b)) if (name := _name(old[number]))}
        for number in range(c, d):
            if (name := _name(new[number])) in left:
                found[number] = left.pop(name)
    return found


def _name(line: str) -> str | None:
    return next(filter(None, match.groups()), None) if (match := _NAMED.search(line)) else None


def _documenting(document: Document, lines: Sequence[str]) -> dict[int, bool]:
    """The lines that hold nothing but a comment or a docstring, and whether it is a docstring."""
    tree = symbols.tree(document)
    found: dict[int, bool] = {}
    for node in grammars.walk(tree.root_node) if tree else ():
        is_docstring = document.language == "python" and symbols.is_docstring(node)
        if is_docstring or "comment" in node.type:
            # Comments of some grammars take their line's end along.
            text = symbols.text_of(document, node).rstrip()
            first, last = (document.position(node.start_byte + at)[0] for at in (0, max(0, len(text) - 1)))
            head = lines[first][: node.start_byte - document.line_starts[first]]
            if not head.strip() and lines[last].rstrip().endswith(text.split("\n")[-1].strip()):
                found |= dict.fromkeys(range(first, last + 1), is_docstring)
    return found


def _blocks(documents: Mapping[int, bool], code: Sequence[int]) -> Iterator[_Block]:
    """Lines of one kind with no code between. A docstring belongs to the line above, a comment to the one below; what
    stands alone belongs to none."""
    for (below, before), group in groupby(sorted(documents), lambda line: (documents[line], bisect(code, line))):
        lines, place = list(group), before - below
        if 0 <= place < len(code):
            yield _Block(tuple(range(lines[0], lines[-1] + 1)), below, place)
