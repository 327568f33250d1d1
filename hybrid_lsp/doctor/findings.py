"""What the doctor finds."""

from __future__ import annotations

from enum import StrEnum

import attrs


class State(StrEnum):
    """How it stands with a thing: `warning` works, but not as well as it could."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@attrs.frozen
class Finding:
    """One thing that was looked at: the area, how it stands, and what mends it ("" where nothing is wrong)."""

    area: str
    state: State
    message: str
    remedy: str = ""


def fine(area: str, message: str) -> Finding:
    """All is well."""
    return Finding(area, State.OK, message)


def doubtful(area: str, message: str, remedy: str) -> Finding:
    """It works, but not as well as it could."""
    return Finding(area, State.WARNING, message, remedy)


def wrong(area: str, message: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(area, State.ERROR, message, remedy)
