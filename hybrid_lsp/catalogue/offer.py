"""The one question of the first run: whether to get a real model. It is asked once on a machine, and never again."""

from __future__ import annotations

import json
import time
from pathlib import Path

import attrs

from hybrid_lsp.catalogue import listing, machine
from hybrid_lsp.catalogue.choose import in_use
from hybrid_lsp.catalogue.known import Known
from hybrid_lsp.catalogue.work import megabytes
from hybrid_lsp.models import store
from hybrid_lsp.paths import state_dir
from hybrid_lsp.types import Tier


@attrs.frozen
class Offer:
    """What is offered, in words."""

    model: str
    question: str


def file() -> Path:
    """What remembers that it was asked."""
    return state_dir() / "offer.json"


def take() -> Offer | None:
    """The question, for whoever is the first to ask it here; None where it was asked, or there is nothing to offer.

    From then on it counts as asked, whatever becomes of it. Where that cannot be remembered nothing is asked.
    """
    if file().exists() or in_use().get(Tier.SMALL) != store.EMBEDDED:
        return None
    here = machine.this_machine()
    best = listing.recommended(here).get("small")
    if best is None or not _claim(best.name):
        return None
    return Offer(best.name, question(best, here))


def question(best: Known, here: machine.Machine) -> str:
    """What the embedded model does, what this machine could do, and what that costs."""
    return (
        f"The embedded model finishes lines. This machine can run {best.title} in about "
        f"{_rounded(here.rates(best.computed_m).suggestion_ms)} ms a suggestion: {megabytes(best.served_mb * 1e6)}, "
        f"licence {best.licence}. Get it?"
    )


def _claim(model: str) -> bool:
    """Whether we are the first: of several windows that open at once, one asks."""
    try:
        file().parent.mkdir(parents=True, exist_ok=True)
        with file().open("x", encoding="utf-8") as stream:
            json.dump({"offered": model, "asked": time.strftime("%Y-%m-%d")}, stream)
    except OSError:
        return False
    return True


def _rounded(milliseconds: float) -> int:
    step = 10 if milliseconds < 200 else 50
    return max(step, int(round(milliseconds / step) * step))
