"""All that the metrics say since some time, gathered once for whoever shows it."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import attrs

from hybrid_lsp.config import Config
from hybrid_lsp.metrics.actions import (
    ActionReport,
    RunRecord,
    StepsReport,
    action_reports,
    run_records,
    steps_reports,
)
from hybrid_lsp.metrics.models import ModelReport, RequestRecord, model_reports, request_records
from hybrid_lsp.metrics.report import InlineReport, SourceReport, inline_report, percentile, source_reports
from hybrid_lsp.metrics.store import damaged_name, reading
from hybrid_lsp.paths import metrics_file
from hybrid_lsp.reports.saving import Saving, saving

MOST_DAYS = 90
"""So many days are shown one by one, the latest ones."""
_DAY = "date(at, 'unixepoch', 'localtime')"


@attrs.frozen
class Day:
    """One day of the user's own time; latencies of ghost text that was shown and of actions, in milliseconds."""

    day: str
    shown: int = 0
    accepted: int = 0
    actions: int = 0
    escalations: int = 0
    fallbacks: int = 0
    tokens: int = 0
    cost: float = 0.0
    p50_ms: float | None = None
    p95_ms: float | None = None
    action_p50_ms: float | None = None
    action_p95_ms: float | None = None


@attrs.frozen
class Stats:
    """`since` is a Unix time, `tiers` counts answers by what they are (`ghost text` or an action) and tier."""

    since: float
    inline: InlineReport
    sources: list[SourceReport]
    actions: list[ActionReport]
    models: list[ModelReport]
    steps: list[StepsReport]
    saving: Saving
    days: list[Day]
    tiers: dict[str, dict[str, int]]

    @property
    def empty(self) -> bool:
        return not (self.inline.requests or self.actions or self.models)

    def plain(self) -> dict[str, Any]:
        """As JSON has it, with the shares that are worked out from the counts."""
        values = attrs.asdict(self)
        values["inline"]["acceptance"] = self.inline.acceptance
        values["saving"]["share"] = self.saving.share
        for each, source in zip(values["sources"], self.sources, strict=True):
            each["acceptance"] = source.acceptance
        return values


def put_aside() -> Path | None:
    """Where an earlier damaged database is, if there was one."""
    aside = damaged_name(metrics_file())
    return aside if aside.exists() else None


def gather(config: Config, since: float = 0.0) -> Stats:
    """Read the metrics. Raises MetricsUnreadable."""
    with reading(metrics_file(), since) as connection:
        return _gathered(connection, config, since)


def _gathered(connection: sqlite3.Connection, config: Config, since: float) -> Stats:
    runs, asked = run_records(connection), request_records(connection)
    actions, sources = action_reports(runs), source_reports(connection)
    return Stats(
        since=since,
        inline=inline_report(connection),
        sources=sources,
        actions=actions,
        models=model_reports(asked),
        steps=steps_reports(runs),
        saving=saving(asked, config),
        days=_days(connection, runs, asked),
        tiers=_tiers(sources, actions),
    )


def _tiers(sources: Iterable[SourceReport], actions: Iterable[ActionReport]) -> dict[str, dict[str, int]]:
    ghost: Counter[str] = Counter()
    for each in sources:
        ghost[each.tier or "-"] += each.shown
    found = {"ghost text": dict(ghost)} if ghost else {}
    return found | {each.action: each.tiers for each in actions if each.tiers}


def _days(connection: sqlite3.Connection, runs: list[RunRecord], asked: list[RequestRecord]) -> list[Day]:
    shown: defaultdict[str, list[float]] = defaultdict(list)
    for day, latency in connection.execute(
        f"SELECT {_DAY}, latency_ms FROM inline_answered WHERE reason IS NULL ORDER BY latency_ms"  # noqa: S608
    ):
        shown[day].append(latency)
    first = f"SELECT {_DAY} AS day, COUNT(DISTINCT suggestion) FROM"
    seen = dict(connection.execute(f"{first} inline_answered WHERE suggestion IS NOT NULL GROUP BY day"))
    taken = dict(connection.execute(f"{first} inline_accepted WHERE kind <> 'typed' GROUP BY day"))
    ran: defaultdict[str | None, list[RunRecord]] = defaultdict(list)
    for run in runs:
        ran[run.day].append(run)
    paid: defaultdict[str, list[RequestRecord]] = defaultdict(list)
    for request in asked:
        paid[request.day].append(request)
    days = _in_a_row({day for day in (*shown, *seen, *taken, *ran, *paid) if day})
    return [_day(day, shown[day], seen.get(day, 0), taken.get(day, 0), ran[day], paid[day]) for day in days]


def _in_a_row(days: set[str]) -> list[str]:
    """The days from the first to the last, also those without anything; the latest of very many."""
    if not days:
        return []
    last = date.fromisoformat(max(days))
    count = min((last - date.fromisoformat(min(days))).days + 1, MOST_DAYS)
    return [str(last - timedelta(number)) for number in reversed(range(count))]


def _day(day: str, shown: list[float], seen: int, taken: int, ran: list[RunRecord], paid: list[RequestRecord]) -> Day:
    actions = sorted(each.latency_ms for each in ran)
    return Day(
        day=day,
        shown=seen,
        accepted=taken,
        actions=len(ran),
        escalations=sum(each.escalations for each in ran),
        fallbacks=sum(each.fallbacks for each in ran),
        tokens=sum(each.tokens_in + each.tokens_out for each in paid),
        cost=sum(each.cost for each in paid),
        p50_ms=percentile(shown, 0.50),
        p95_ms=percentile(shown, 0.95),
        action_p50_ms=percentile(actions, 0.50),
        action_p95_ms=percentile(actions, 0.95),
    )
