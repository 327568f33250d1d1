"""How much the long runs of random cases do: all of it in CI, less where somebody waits for `make test`."""

from __future__ import annotations

import os

_SHARE = 1.0 if os.environ.get("CI") else 0.3


def often(count: int) -> int:
    """So many cases in CI, and three of ten of them elsewhere."""
    return round(_SHARE * count)
