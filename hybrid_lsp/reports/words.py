"""Figures in words, the same in the terminal and on the page."""

from __future__ import annotations

from hybrid_lsp.reports.saving import MONEY, Saving

_WHOLE = 100
"""From here on a figure is told without decimals."""


def saving_line(saving: Saving) -> str:
    """What routing has saved, in a sentence or two."""
    if not saving.unit or saving.share is None:
        return f"Cost beside everything on the large model: no estimate. {saving.how}".rstrip()
    whole, word = saving.whole, "less" if saving.share >= 0 else "more"
    unit = "" if saving.unit == MONEY else " CPU seconds"
    return (
        f"Cost: {number(whole.actual)}{unit}, everything on the large model about {number(whole.heaviest)}{unit}: "
        f"{abs(saving.share):.0%} {word}. {saving.how}"
    )


def percent(share: float | None) -> str:
    """A share from 0 to 1."""
    return "-" if share is None else f"{share:.0%}"


def number(value: float | None) -> str:
    """A count, or a figure to three digits; `-` where it is not known."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if isinstance(value, int) or abs(value) >= _WHOLE else f"{value:.3g}"
