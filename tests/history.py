"""A recorded history for tests: events at times of their own, in the user's metrics."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing

from hybrid_lsp.metrics.events import (
    ActionApplied,
    ActionEnd,
    ActionEnded,
    ActionKept,
    ActionUndone,
    Ask,
    Event,
    ModelAsked,
)
from hybrid_lsp.metrics.store import MetricsStore, open_database
from hybrid_lsp.paths import state_dir

HOUR_S = 3600.0


def record(events: Iterable[tuple[float, Event]]) -> None:
    """Write events as the store does, each at its Unix time."""
    store = object.__new__(MetricsStore)
    with closing(open_database(state_dir() / "metrics.sqlite3")) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        for at, event in events:
            store._write(connection, at, event)


def asked(
    run: str | None, tier: str, *, tokens: int = 1000, written: int = 100, cost: float = 0.0, cpu_s: float | None = None
) -> ModelAsked:
    task = "action" if run else "completion"
    return ModelAsked(
        run, task, tier, f"{tier}-model", Ask.ANSWERED, 50.0, 900.0, tokens, 0, written, True, cost, cpu_s
    )


def ended(
    run: str,
    action: str = "optimize",
    *,
    first: str = "small",
    last: str | None = None,
    sufficient: float | None = 0.9,
    latency_ms: float = 1000.0,
    ending: ActionEnd = ActionEnd.DONE,
    verified: bool | None = True,
) -> ActionEnded:
    """A run whose first model was `first` and which another one, `last`, may have ended."""
    last = last or first
    return ActionEnded(
        action,
        "python",
        last,
        ending,
        False,
        latency_ms,
        100,
        run=run,
        chosen=first,
        reason="because",
        escalations=int(last not in (first, "static")),
        verified=verified,
        sufficient=sufficient,
    )


def edit(
    run: str, *, at: float | None = None, kept: float | None = 1.0, undone: bool = False, **more: object
) -> list[tuple[float, Event]]:
    """A run with an edit that was applied (unless `kept` is None) and what became of it."""
    when = time.time() - HOUR_S if at is None else at
    found: list[tuple[float, Event]] = [(when, ended(run, **more))]  # type: ignore[arg-type]
    if kept is not None:
        found += [(when + 5, ActionApplied(run, 5000.0)), (when + 605, ActionKept(run, 600, kept))]
    if undone:
        found.append((when + 60, ActionUndone(run, 60.0)))
    return found
