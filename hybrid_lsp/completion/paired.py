"""Brackets and quotes that are closed right of the cursor already, as editors do when one opens them.

`print("‸")` stands where `print("‸` was typed. Models, parsers and the copy index know text as it is typed by hand, so
the closers are taken out before they are asked; the answer then takes the place of as many of them as it closes itself.
"""

from __future__ import annotations

import attrs

from hybrid_lsp.completion.place import LONGEST_LINE, scanned
from hybrid_lsp.context.lexical import Scanner
from hybrid_lsp.document import Document

CLOSERS = frozenset(")]}\"'`")


@attrs.frozen
class Closed:
    """What stands closed right of a cursor: the closers, innermost first, and up to where in `rest` each one reaches.

    `scanner` has read the line up to the cursor.
    """

    rest: str = ""
    closers: tuple[str, ...] = ()
    ends: tuple[int, ...] = ()
    scanner: Scanner = attrs.field(factory=lambda: Scanner(""), repr=False, eq=False)

    def fitted(self, text: str) -> tuple[str, int]:
        """A text that was made for a place without closers, and how many characters right of it it takes the place of.

        Where a text ends with closers that stand there, they stay and are not written again; those that it closes in
        its middle are replaced along with it; those that it leaves open are left to it.
        """
        if not self.closers:
            return text, 0
        opened = len(self.scanner.open)
        after = self.scanner.copy()
        after.lowest, after.floor = opened, opened
        after.read(text)
        closed = self._count(opened - after.lowest)
        left = tuple(each.closer for each in reversed(after.open[after.lowest :]))
        replaced = self.closers[:closed]
        if left == replaced:
            return text, 0
        kept, rest = _without_end(text, replaced), self.rest[: self.ends[closed - 1]] if closed else ""
        if not left and kept is not None:
            return (kept.rstrip(" \t") if rest[:1].isspace() else kept), 0
        return text, len(rest)

    def _count(self, popped: int) -> int:
        """How many of the closers close so many of what is open: brackets in text may not have been among them."""
        innermost = self.scanner.open[len(self.scanner.open) - popped :] if popped else []
        firm = sum(not each.loose for each in innermost)
        loosely = self.closers == tuple(self.scanner.closers(loose=True))[: len(self.closers)]
        return min(len(self.closers), popped if loosely else firm)


def closed_right(document: Document, offset: int) -> Closed:
    """What is closed right of a cursor; nothing where its line goes on with anything else."""
    number, column = document.position(offset)
    line = document.line(number)
    before, rest = line[:column], line[column:]
    written = rest.rstrip()
    if not written or written[0] not in CLOSERS | {" "} or len(before) > LONGEST_LINE or len(written) > LONGEST_LINE:
        return Closed()
    scanner = scanned(document, offset)
    for loose in (True, False):
        closers = scanner.closers(loose=loose)
        if ends := _ends(written, closers):
            return Closed(rest, tuple(closers[: len(ends)]), ends, scanner)
    return Closed()


def _ends(rest: str, closers: list[str]) -> tuple[int, ...]:
    """Where the first closers end that make up all of a text but blanks; none where they do not."""
    ends: list[int] = []
    at = 0
    for closer in closers:
        at += len(rest) - at - len(rest[at:].lstrip(" \t"))
        if not rest.startswith(closer, at):
            break
        at += len(closer)
        ends.append(at)
    return tuple(ends) if at == len(rest) else ()


def _without_end(text: str, closers: tuple[str, ...]) -> str | None:
    """A text without the closers that it ends with; None where it does not end with all of them."""
    for closer in reversed(closers):
        text = text.rstrip(" \t")
        if not text.endswith(closer):
            return None
        text = text[: -len(closer)]
    return text
