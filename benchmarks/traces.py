"""What is typed in the benchmarks: recorded editing, and the rhythm of a person.

The recordings are those of ../shared/data (see its README): `rustcode` says what is typed, `json-crdt-patch`, whose
times are exact to the millisecond, how fast.
"""

from __future__ import annotations

import gzip
import itertools
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path

import attrs

from hybrid_lsp.document import Span

DATA = Path(__file__).parent.parent.parent / "shared" / "data"
_CODE_FROM = 3860
"""Of `rustcode`: from here on code is typed for a while, before it mostly comments."""
LONGEST_GAP_S = 5.0
"""A longer pause is no typing."""
# An editor that indents inserts a line end and the indentation in one change.
_KEYS = re.compile(r"\n[ \t]*|.", re.DOTALL)


@attrs.frozen
class Edit:
    """A span of the text so far, and what stands there afterwards."""

    span: Span
    text: str = attrs.field(repr=False)


@attrs.frozen
class Keystroke:
    """Edits that arrive at once (several with several cursors), `gap_s` after the last ones."""

    edits: tuple[Edit, ...]
    gap_s: float

    @property
    def cursor(self) -> int:
        """Where the cursor is left."""
        return self.edits[-1].span.start + len(self.edits[-1].text)


@attrs.frozen
class Recording:
    """A file that is opened with `opening`, and what is typed into it."""

    name: str
    language: str
    opening: str = attrs.field(repr=False)
    keystrokes: tuple[Keystroke, ...] = attrs.field(repr=False)

    def texts(self) -> Iterator[str]:
        """The text after each keystroke."""
        text = self.opening
        for keystroke in self.keystrokes:
            for edit in keystroke.edits:
                text = text[: edit.span.start] + edit.text + text[edit.span.end :]
            yield text


@attrs.frozen
class Trace:
    """A recorded editing session: the edits of each transaction, their times, and the text that came of them."""

    start: str = attrs.field(repr=False)
    end: str = attrs.field(repr=False)
    transactions: tuple[tuple[Edit, ...], ...] = attrs.field(repr=False)
    times: tuple[datetime, ...] = attrs.field(repr=False)


@cache
def load(name: str) -> Trace:
    """A trace by its file's name; positions in it are code points."""
    with gzip.open(DATA / "editing-traces" / f"{name}.json.gz", "rt", encoding="utf-8") as stream:
        content = json.load(stream)
    return Trace(
        start=content["startContent"],
        end=content["endContent"],
        transactions=tuple(_edits(each["patches"]) for each in content["txns"]),
        times=tuple(datetime.fromisoformat(each["time"]) for each in content["txns"]),
    )


def _edits(patches: Iterable[tuple[int, int, str]]) -> tuple[Edit, ...]:
    return tuple(Edit(Span(at, at + deleted), text) for at, deleted, text in patches)


@cache
def gaps() -> tuple[float, ...]:
    """Seconds before each single character of `json-crdt-patch`, in order; pauses are left out."""
    trace = load("json-crdt-patch")
    timed = zip(trace.transactions, trace.times, strict=True)
    pairs = itertools.pairwise(timed)
    found = ((now - before).total_seconds() for (_, before), (edits, now) in pairs if _is_a_character(edits))
    return tuple(gap for gap in found if gap <= LONGEST_GAP_S)


def _is_a_character(edits: Sequence[Edit]) -> bool:
    return len(edits) == 1 and edits[0].span.empty and len(edits[0].text) == 1


def rust(count: int) -> Recording:
    """`rustcode` from where code is typed: it begins with one large paste, is tidied, and then explained in prose."""
    transactions = load("rustcode").transactions
    opening = _last(Recording("", "", "", _timed(transactions[:_CODE_FROM])).texts())
    return Recording("rustcode", "rust", opening, _timed(transactions[_CODE_FROM : _CODE_FROM + count]))


def _last(texts: Iterable[str]) -> str:
    return deque(texts, maxlen=1)[0]


def python(count: int) -> Recording:
    """The second half of a module of ours, typed to the end of the first."""
    path = Path(__file__).parent.parent / "hybrid_lsp" / "backends" / "http.py"
    text = path.read_text(encoding="utf-8")
    opening = text[: text.index("\n", len(text) // 2) + 1]
    found = itertools.islice(_KEYS.finditer(text, len(opening)), count)
    keys = [(Edit(Span(key.start(), key.start()), key.group()),) for key in found]
    return Recording("http.py", "python", opening, _timed(keys))


def _timed(keys: Sequence[tuple[Edit, ...]]) -> tuple[Keystroke, ...]:
    return tuple(Keystroke(edits, gap) for edits, gap in zip(keys, itertools.cycle(gaps()), strict=False))
