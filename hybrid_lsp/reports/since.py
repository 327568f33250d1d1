"""From when on metrics are looked at: `7d`, `24h`, `2w` or a date."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

from hybrid_lsp.errors import ConfigError

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_MOST = 99_999


def parse(text: str, now: datetime) -> float:
    """The Unix time that is meant, in the user's own time zone. Raises ConfigError for what cannot be read."""
    if (found := re.fullmatch(r"(\d{1,5})([hdw])", text.strip())) is not None:
        number = min(int(found[1]), _MOST)
        try:
            return max(0.0, (now - timedelta(**{_UNITS[found[2]]: number})).timestamp())
        except (OverflowError, OSError, ValueError):
            return 0.0  # before there was anything
    try:
        day = date.fromisoformat(text.strip())
        return datetime(day.year, day.month, day.day, tzinfo=now.tzinfo).timestamp()
    except (ValueError, OverflowError, OSError):
        raise ConfigError(f"`{text}` is no time.", "Write 7d, 24h, 2w, or a date such as 2026-11-01.") from None
