"""How large a model is, as far as its name tells: the one thing about strength that is known of any model."""

from __future__ import annotations

import re

UNKNOWN_REMOTE = 200.0
"""Billions of parameters of another machine's model whose name does not tell: what a cloud offers."""
EMBEDDED = 0.0065
# `8x7b`, `30B-A3B` (the whole counts: it is what the model knows), `0.5b`, `135M`, `1_5b`.
_SIZE = re.compile(r"(?i)(?<![a-z0-9.])(?:(\d+)x)?(\d+(?:[._]\d+)?)([bm])(?![a-z0-9])")


def billions(model: str, *, is_local: bool) -> float | None:
    """Billions of parameters; where the name does not say, a guess for another machine's, and None for this one's."""
    if model == "embedded":
        return EMBEDDED
    found = _SIZE.search(model.replace("-", " ").replace(":", " ").replace("/", " "))
    if found is None:
        return None if is_local else UNKNOWN_REMOTE
    many, number, unit = found.groups()
    size = float(number.replace("_", ".")) * int(many or 1)
    return max(size / (1000 if unit.lower() == "m" else 1), 0.001)
