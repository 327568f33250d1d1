"""From text to the tokens of a prompt that fits the model's window."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs

from hybrid_lsp.engine.tokenizer import Tokenizer
from hybrid_lsp.models import windows
from hybrid_lsp.models.families import CURRENT, FILENAME, FILES, PREFIX, SUFFIX, TEXT, Control, Family, Part, Slot
from hybrid_lsp.types import ContextFile, Infill

_CHARS_A_TOKEN = 32
"""No realistic text has more characters a token: what lies farther away is cut before it costs tokenizing."""
_USUAL_CHARS_A_TOKEN = 5
"""So much is tokenized at first; more only where it did not fill the window."""


@attrs.frozen
class Prompt:
    """The tokens, and how many of the first of them a prompt is likely to begin with that the user types next."""

    tokens: list[int]
    shared: int = 0


def infill(tokenizer: Tokenizer, family: Family, prompt: Infill, room: int) -> Prompt:
    """The FIM prompt in at most `room` tokens: what is nearest to the cursor is kept.

    The prefix is kept from its end, the suffix from its start; neighbouring files take what room is left, the last
    of them first. A family without FIM goes on from the prefix alone.
    """
    layout: tuple[Part, ...] = family.layout or (PREFIX,)
    start = [tokenizer.control(family.start)] if family.start in tokenizer.vocabulary else []
    fixed = len(start) + sum(isinstance(part, Control) for part in layout)
    free = max(0, room - fixed)
    whole = _encode(tokenizer, free, lambda chars: prompt.prefix[-chars:] if chars else "")
    most = min(free, family.most_suffix or free)
    below = _encode(tokenizer, most, lambda chars: prompt.suffix[:chars]) if SUFFIX in layout else []
    prefix, suffix = windows.fit(whole, below, free, family.most_suffix, _LineStarts(tokenizer, whole))
    files = _files(tokenizer, family, prompt.extra, free - len(prefix) - len(suffix))
    filled = {PREFIX: prefix, SUFFIX: suffix, FILES: files}
    shared = start + _fill(tokenizer, layout[: layout.index(PREFIX) + 1], filled)
    return Prompt(start + _fill(tokenizer, layout, filled), len(shared))


def _encode(tokenizer: Tokenizer, room: int, text: Callable[[int], str]) -> list[int]:
    """The tokens of a side of the cursor, `room` of them at least where it has so many; text: so many characters."""
    tokens = tokenizer.encode(text(room * _USUAL_CHARS_A_TOKEN))
    more = text(room * _CHARS_A_TOKEN)
    return tokens if len(tokens) >= room or len(more) <= room * _USUAL_CHARS_A_TOKEN else tokenizer.encode(more)


@attrs.frozen
class _LineStarts:
    """Whether a line begins at a token of a text."""

    tokenizer: Tokenizer
    tokens: list[int]

    def __call__(self, at: int) -> bool:
        text = self.tokenizer.decode([self.tokens[at]])
        if "\n" in text and not text.strip():
            return True  # a line's end and its indentation
        before = self.tokenizer.decode([self.tokens[at - 1]]) if at else ""
        return before.endswith("\n") and bool(before.strip())


def _files(tokenizer: Tokenizer, family: Family, files: Iterable[ContextFile], room: int) -> list[int]:
    """As many whole files as there is room for, the last ones first; they stand in the order given, in their frame."""
    here = {FILENAME: tokenizer.encode(CURRENT), TEXT: []}
    before, after = (_fill(tokenizer, row, here) for row in (family.before_files, family.after_files))
    room -= len(before) + len(after)
    kept: list[int] = []
    for file in reversed(list(files) if family.file else []):
        if len(file.text) > room * _CHARS_A_TOKEN:
            break
        filled = {FILENAME: tokenizer.encode(file.filename), TEXT: tokenizer.encode(file.text)}
        tokens = _fill(tokenizer, family.file, filled)
        if len(kept) + len(tokens) > room:
            break
        kept = tokens + kept
    return before + kept + after if kept else []


def _fill(tokenizer: Tokenizer, layout: Iterable[Part], filled: dict[Slot, list[int]]) -> list[int]:
    tokens: list[int] = []
    for part in layout:
        if isinstance(part, Slot):
            tokens += filled[part]
        elif isinstance(part, Control):
            tokens.append(tokenizer.control(part.token))
        else:
            tokens += tokenizer.encode(part)
    return tokens
