"""Models that are known by name, as data (`known.json`): where they are on the hub, and what one should know first.

Sizes are those of the hub's files, rounded; what is exact is asked before a download.
"""

from __future__ import annotations

import difflib
import json
from functools import cache
from pathlib import Path

import attrs

_FILE = Path(__file__).parent / "known.json"


@attrs.frozen
class Known:
    """One entry: `repo` is its name on the hub, `tier` the one it is made for ("": for trying things), `revision` the
    commit that is fetched ("": the newest; `tools/pin_models.py` writes it).

    `computed_m`: parameters, in millions, that each token is computed with (an embedding is only looked up);
    `download_mb`, `served_mb`: of what is fetched, and of what is made of it, in megabytes.
    """

    name: str
    title: str
    repo: str
    parameters_m: int
    computed_m: int
    download_mb: int
    served_mb: int
    licence: str
    languages: str
    fills_in: bool
    chats: bool
    tier: str
    revision: str = ""

    @property
    def place(self) -> str:
        """Its name on the hub, at its commit."""
        return f"{self.repo}@{self.revision}" if self.revision else self.repo


@cache
def models() -> tuple[Known, ...]:
    """The whole catalogue, smallest first within a tier."""
    return tuple(Known(**each) for each in json.loads(_FILE.read_text(encoding="utf-8"))["models"])


def named(name: str) -> Known | None:
    """The entry of that name, or of that name on the hub; upper and lower case are one."""
    wanted = name.casefold()
    return next((each for each in models() if wanted in (each.name.casefold(), each.repo.casefold())), None)


def near(name: str, others: tuple[str, ...] = ()) -> list[str]:
    """Names that may have been meant, the likeliest first."""
    names = {each.casefold(): each for each in (*(known.name for known in models()), *others)}
    found = difflib.get_close_matches(name.casefold(), names, n=3, cutoff=0.5)
    begun = [each for each in names if name and each.startswith(name.casefold())]
    return [names[each] for each in dict.fromkeys([*begun, *found])][:3]
