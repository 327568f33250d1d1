"""What the metrics say of code actions, as plain numbers."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from enum import StrEnum

import attrs

from hybrid_lsp.metrics.events import ActionEnd
from hybrid_lsp.metrics.report import percentile
from hybrid_lsp.types import Tier, TierName

KEPT = 0.5
"""An edit of which so much stands ten minutes later was kept."""
DECIDED_S = 900.0
"""An offer that was not applied for so long was not wanted."""
_RUNS = """
    SELECT e.at, date(e.at, 'unixepoch', 'localtime'), e.action, e.language, e.tier, e.ending, e.latency_ms, e.run,
        e.chosen, COALESCE(e.escalations, 0), COALESCE(e.fallbacks, e.fallback, 0), e.verified, e.sufficient, e.assured,
        a.run IS NOT NULL, k.share, u.run IS NOT NULL
    FROM action_ended e LEFT JOIN (SELECT DISTINCT run FROM action_applied) a USING (run)
    LEFT JOIN (SELECT run, MAX(share) AS share FROM action_kept GROUP BY run) k USING (run)
    LEFT JOIN (SELECT DISTINCT run FROM action_undone) u USING (run) ORDER BY e.at
"""


class Verdict(StrEnum):
    """What the user and the checks made of the answer of the model that was asked first."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


@attrs.frozen
class RunRecord:
    """One run with what became of it: `at` is a Unix time, `day` that of the user's own time, `kept` the
    share of its edit that stood ten minutes later.

    What an older version recorded has no `run`, no `chosen` tier and no verdict.
    """

    at: float
    day: str | None
    action: str
    language: str
    tier: TierName | None
    ending: str
    latency_ms: float
    run: str | None = None
    chosen: TierName | None = None
    escalations: int = 0
    fallbacks: int = 0
    verified: bool | None = attrs.field(default=None, converter=attrs.converters.optional(bool))
    sufficient: float | None = None
    assured: float | None = None
    applied: bool = attrs.field(default=False, converter=bool)
    kept: float | None = None
    undone: bool = attrs.field(default=False, converter=bool)

    @property
    def doubted(self) -> float | None:
        """How likely an answer was right that had passed its checks and for doubt was not taken; None where it was."""
        return self.assured if self.escalations else None

    def verdict(self, now: float) -> Verdict:
        """Whether the first model's answer did, as far as that is known at a Unix time.

        It did not where it failed its checks; where it was doubted, nobody knows. An edit did if it was applied and
        kept; of a text nobody says whether it was right.
        """
        if self.run is None or self.chosen in (None, Tier.STATIC) or self.ending == ActionEnd.CANCELLED:
            return Verdict.UNKNOWN
        if self.doubted is not None:
            return Verdict.UNKNOWN
        if self.escalations or (self.verified is False and not self.fallbacks):
            return Verdict.BAD
        if self.fallbacks or self.tier != self.chosen or not self.verified:
            return Verdict.UNKNOWN
        return self.taken(now)

    def taken(self, now: float) -> Verdict:
        """Whether the user took the edit that was offered in the end, whoever made it."""
        if not self.verified:
            return Verdict.UNKNOWN
        if self.kept is not None:
            return Verdict.GOOD if self.kept >= KEPT else Verdict.BAD
        if self.undone:
            return Verdict.BAD
        if now - self.at < DECIDED_S:
            return Verdict.UNKNOWN
        return Verdict.GOOD if self.applied else Verdict.BAD


@attrs.frozen
class ActionReport:
    """One action: `tiers` counts its answers by tier, `endings` how its runs ended, latencies are in milliseconds.

    `verified` is the share of the edits of models that passed their checks, None where there were none; `kept` the mean
    share of applied edits that stood ten minutes later.
    """

    action: str
    runs: int
    tiers: dict[str, int]
    endings: dict[str, int]
    escalations: int
    fallbacks: int
    verified: float | None
    applied: int
    kept: float | None
    undone: int
    p50_ms: float
    p95_ms: float


@attrs.frozen
class StepsReport:
    """How often runs that began with one tier ended with the answer of another, and why."""

    chosen: TierName
    tier: TierName
    runs: int
    escalated: int
    fell_back: int


def run_records(connection: sqlite3.Connection) -> list[RunRecord]:
    """All runs, the oldest first."""
    return [RunRecord(*row) for row in connection.execute(_RUNS)]


def action_reports(records: list[RunRecord]) -> list[ActionReport]:
    """By action, the most frequent first."""
    return [_report(action, runs) for action, runs in _by_action(records)]


def steps_reports(records: list[RunRecord]) -> list[StepsReport]:
    """From tier to tier, the most frequent first."""
    groups: defaultdict[tuple[str, str], list[RunRecord]] = defaultdict(list)
    for each in records:
        if each.chosen and each.tier and (each.escalations or each.fallbacks):
            groups[each.chosen, each.tier].append(each)
    found = [
        StepsReport(*tiers, len(runs), sum(1 for r in runs if r.escalations), sum(1 for r in runs if r.fallbacks))
        for tiers, runs in groups.items()
    ]
    return sorted(found, key=lambda each: -each.runs)


def _by_action(records: list[RunRecord]) -> Iterator[tuple[str, list[RunRecord]]]:
    groups: defaultdict[str, list[RunRecord]] = defaultdict(list)
    for each in records:
        groups[each.action].append(each)
    return iter(sorted(groups.items(), key=lambda pair: (-len(pair[1]), pair[0])))


def _report(action: str, runs: list[RunRecord]) -> ActionReport:
    latencies = sorted(each.latency_ms for each in runs)
    checked = [each.verified for each in runs if each.verified is not None]
    kept = [each.kept for each in runs if each.kept is not None]
    return ActionReport(
        action=action,
        runs=len(runs),
        tiers=dict(Counter(each.tier for each in runs if each.tier).most_common()),
        endings=dict(Counter(str(each.ending) for each in runs).most_common()),
        escalations=sum(each.escalations for each in runs),
        fallbacks=sum(each.fallbacks for each in runs),
        verified=sum(checked) / len(checked) if checked else None,
        applied=sum(each.applied for each in runs),
        kept=sum(kept) / len(kept) if kept else None,
        undone=sum(each.undone for each in runs),
        p50_ms=percentile(latencies, 0.50) or 0.0,
        p95_ms=percentile(latencies, 0.95) or 0.0,
    )
