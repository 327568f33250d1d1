"""Figures in words, the same in the terminal and on the page."""

from __future__ import annotations

from hybrid_lsp.reports.saving import MONEY, Saving


def saving_line(saving: Saving) -> str:
    """What routing has saved, in a sentence or two."""
    if not saving.unit or saving.share is None:
        return f"Cost beside everything on the large model: no estimate. {saving.how}".rstrip()
    whole, word = saving.whole, "less" if saving.share >= 0 else "more"
    unit = "" if saving.unit == MONEY else " CPU seconds"
    return (
        f"Cost: {whole.actual:.4g}{unit}, everything on the large model about {whole.heaviest:.4g}{unit}: "
        f"{abs(saving.share):.0%} {word}. {saving.how}"
    )


def percent(share: float | None) -> str:
    """A share from 0 to 1."""
    return "-" if share is None else f"{share:.0%}"


def number(value: float | None) -> str:
    """A count, or a figure to four digits; `-` where it is not known."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
