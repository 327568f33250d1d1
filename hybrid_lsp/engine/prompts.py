"""From text to the tokens of a prompt that fits the model's window."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hybrid_lsp.engine.tokenizer import Tokenizer
from hybrid_lsp.models.families import FILENAME, FILES, PREFIX, SUFFIX, TEXT, Control, Family, Part, Slot
from hybrid_lsp.types import ContextFile, Infill

_SUFFIX_SHARE = 4
"""One part in so many of the window is the suffix's own (as in llama.cpp); the prefix may use what it leaves."""
_LINE_TOKENS = 48
"""Tokens at the cut in which a line's beginning is looked for."""
_CHARS_A_TOKEN = 32
"""No realistic text has more characters a token: what lies farther away is cut before it costs tokenizing."""


def infill(tokenizer: Tokenizer, family: Family, prompt: Infill, room: int) -> list[int]:
    """The FIM prompt in at most `room` tokens: what is nearest to the cursor is kept.

    The prefix is kept from its end, the suffix from its start; neighbouring files take what room is left, the last
    of them first. A family without FIM goes on from the prefix alone.
    """
    layout: tuple[Part, ...] = family.layout or (PREFIX,)
    start = [tokenizer.control(family.start)] if family.start in tokenizer.vocabulary else []
    fixed = len(start) + sum(isinstance(part, Control) for part in layout)
    free = max(0, room - fixed)
    prefix = tokenizer.encode(prompt.prefix[-free * _CHARS_A_TOKEN :]) if free else []
    suffix = tokenizer.encode(prompt.suffix[: free * _CHARS_A_TOKEN]) if SUFFIX in layout else []
    kept, suffix = shares(prefix, suffix[: family.most_suffix or None], free)
    prefix = kept if len(kept) == len(prefix) else _from_line_start(tokenizer, kept)
    files = _files(tokenizer, family, prompt.extra, free - len(prefix) - len(suffix))
    return start + _fill(tokenizer, layout, {PREFIX: prefix, SUFFIX: suffix, FILES: files})


def _from_line_start(tokenizer: Tokenizer, prefix: list[int]) -> list[int]:
    """A prefix that was cut begins at a line, where one begins near the cut: as models have seen files begin."""
    near = prefix[:_LINE_TOKENS]
    return prefix[next((at for at, token in enumerate(near) if tokenizer.decode([token]).startswith("\n")), 0) :]


def shares(prefix: Sequence[int], suffix: Sequence[int], room: int) -> tuple[list[int], list[int]]:
    """Both sides of the cursor in `room` tokens; each side's own share is safe from the other."""
    for_suffix = max(room // _SUFFIX_SHARE, room - len(prefix))
    kept_suffix = list(suffix[:for_suffix])
    kept_prefix = list(prefix[max(0, len(prefix) - (room - len(kept_suffix))) :])
    return kept_prefix, kept_suffix


def _files(tokenizer: Tokenizer, family: Family, files: Iterable[ContextFile], room: int) -> list[int]:
    """As many whole files as there is room for, the last ones first; they stand in the order given."""
    kept: list[int] = []
    for file in reversed(list(files) if family.file else []):
        if len(file.text) > room * _CHARS_A_TOKEN:
            break
        filled = {FILENAME: tokenizer.encode(file.filename), TEXT: tokenizer.encode(file.text)}
        tokens = _fill(tokenizer, family.file, filled)
        if len(kept) + len(tokens) > room:
            break
        kept = tokens + kept
    return kept


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
