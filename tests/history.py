"""A recorded history for tests: events at times of their own, in the user's metrics."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from typing import Any

import attrs

from hybrid_lsp.metrics.events import (
    AcceptKind,
    ActionApplied,
    ActionEnd,
    ActionEnded,
    ActionKept,
    ActionUndone,
    Ask,
    Event,
    InlineAccepted,
    InlineAnswered,
    InlineKept,
    ModelAsked,
)
from hybrid_lsp.metrics.store import MetricsStore, open_database
from hybrid_lsp.paths import metrics_file

HOUR_S = 3600.0


def record(events: Iterable[tuple[float, Event]]) -> None:
    """Write events as the store does, each at its Unix time."""
    store = object.__new__(MetricsStore)
    with closing(open_database(metrics_file())) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        for at, event in events:
            store._write(connection, at, event)


def recorded(query: str) -> list[tuple[Any, ...]]:
    """The rows that a query finds in the metrics of this test's servers."""
    with closing(sqlite3.connect(metrics_file())) as connection:
        return connection.execute(query).fetchall()


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


def three_weeks() -> list[tuple[float, Event]]:
    """What a busy user leaves behind, the same each time but for the dates: for pictures."""
    draw, now, found = random.Random(4), time.time(), list[tuple[float, Event]]()
    for day in range(20, -1, -1):
        until = now - day * 24 * HOUR_S - HOUR_S
        for number in range(draw.randint(20, 60)):
            found += _suggestion(draw, f"s{day}-{number}", until - number * 60)
        for number in range(draw.randint(4, 12)):
            found += _action(draw, f"r{day}-{number}", until - number * 200)
    return found


_LANGUAGES = {"python": 0.42, "typescript": 0.36, "go": 0.3, "rust": 0.24}
_SMALL, _LARGE = "qwen2.5-coder-0.5b", "qwen2.5-coder-7b"


def _suggestion(draw: random.Random, name: str, at: float) -> list[tuple[float, Event]]:
    (language,) = draw.choices(list(_LANGUAGES), weights=[5, 3, 1, 1])
    latency_ms, reused = draw.lognormvariate(4.3, 0.5), draw.random() < 0.2
    answered = InlineAnswered(name, None, language, "small", _SMALL, latency_ms, latency_ms * 0.8, 12, 40, reused)
    found: list[tuple[float, Event]] = [(at, answered)]
    if not reused:
        cost = attrs.evolve(asked(None, "small", tokens=900, written=12, cpu_s=latency_ms / 500), model=_SMALL)
        found.append((at, attrs.evolve(cost, cached=820, first_ms=latency_ms / 2)))
    if draw.random() < _LANGUAGES[language]:
        found += [(at + 1, InlineAccepted(name, AcceptKind.FULL, 40)), (at + 31, InlineKept(name, 30, 0.9))]
    return found


def _action(draw: random.Random, run: str, at: float) -> list[tuple[float, Event]]:
    action = draw.choice(["explain", "optimize", "fix", "edit", "document", "tests"])
    light = draw.random() < 0.68
    escalated = light and draw.random() < 0.18
    found: list[tuple[float, Event]] = []
    if light:
        found.append((at, attrs.evolve(asked(run, "small", tokens=900, written=180, cpu_s=4.1), model=_SMALL)))
    if escalated or not light:
        heavy = asked(run, "large", tokens=900, written=220, cpu_s=61.0)
        found.append((at, attrs.evolve(heavy, model=_LARGE, first_ms=900.0)))
    latency_ms = 2300.0 * light + 9000.0 * (escalated or not light) + draw.random() * 900
    first, last = "small" if light else "large", "large" if escalated or not light else "small"
    if action == "explain":
        return [*found, (at, ended(run, action, first=first, last=last, verified=None, latency_ms=latency_ms))]
    undone, applied = draw.random() < 0.1, draw.random() < 0.8
    kept = None if not applied else 0.05 if undone else 0.7 + draw.random() * 0.3
    more = {"action": action, "first": first, "last": last, "latency_ms": latency_ms}
    return found + edit(run, at=at, kept=kept, undone=undone and applied, **more)
