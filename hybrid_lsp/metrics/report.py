"""What the metrics say, as plain numbers."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import attrs


@attrs.frozen
class InlineReport:
    """Ghost text over all kept days: counts, latencies of shown suggestions in milliseconds, and why there was none."""

    requests: int
    shown: int
    accepted: int
    p50_ms: float | None
    p95_ms: float | None
    reasons: dict[str, int]

    @property
    def acceptance(self) -> float | None:
        """Share of the shown suggestions that were accepted, 0 to 1."""
        return self.accepted / self.shown if self.shown else None


def inline_report(connection: sqlite3.Connection) -> InlineReport:
    latencies = [
        row[0]
        for row in connection.execute("SELECT latency_ms FROM inline_answered WHERE reason IS NULL ORDER BY latency_ms")
    ]
    reasons = dict(
        connection.execute(
            "SELECT reason, COUNT(*) FROM inline_answered WHERE reason IS NOT NULL GROUP BY reason ORDER BY 2 DESC"
        ).fetchall()
    )
    accepted = connection.execute("SELECT COUNT(DISTINCT suggestion) FROM inline_accepted").fetchone()[0]
    return InlineReport(
        requests=len(latencies) + sum(reasons.values()),
        shown=len(latencies),
        accepted=accepted,
        p50_ms=percentile(latencies, 0.50),
        p95_ms=percentile(latencies, 0.95),
        reasons=reasons,
    )


def action_rows(connection: sqlite3.Connection) -> list[tuple[str, str | None, str, int, float]]:
    """(action, tier, end, count, mean latency in milliseconds), most frequent first."""
    return connection.execute(
        "SELECT action, tier, ending, COUNT(*), AVG(latency_ms) FROM action_ended GROUP BY 1, 2, 3 ORDER BY 4 DESC"
    ).fetchall()


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Nearest-rank percentile of a sorted sequence; None when it is empty."""
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
