"""How long work tells what it does, and is told to end."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from hybrid_lsp.errors import ModelStopped

Progress = Callable[[float, str], None]
"""Told the share that is done, 0 to 1, and what is being done."""


@attrs.frozen
class Work:
    """What a piece of long work is given: whom to tell, and whom to ask whether to go on."""

    progress: Progress = lambda _share, _what: None
    cancelled: Callable[[], bool] = lambda: False

    def check(self) -> None:
        """Raises ModelStopped where the user wants no more of it."""
        if self.cancelled():
            raise ModelStopped("Cancelled.")

    def report(self, share: float, what: str) -> None:
        """Tell how far it is. Raises Cancelled."""
        self.check()
        self.progress(min(1.0, max(0.0, share)), what)

    def part(self, start: float, end: float) -> Work:
        """The work that fills the bar from `start` to `end`."""
        return Work(lambda share, what: self.progress(start + (end - start) * share, what), self.cancelled)


def megabytes(size: float) -> str:
    """`491 MB`, `1.12 GB`: a size as people read it."""
    return f"{size / 1e9:.2f} GB" if size >= 999.5e6 else f"{size / 1e6:.0f} MB"
