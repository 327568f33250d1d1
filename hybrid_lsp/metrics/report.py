"""What the metrics say of ghost text, as plain numbers."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import attrs

# A suggestion that is typed into is answered again and again: it is shown once, and taken once at most.
_SHOWN = """
    SELECT suggestion, language, tier, model, MIN(at) FROM inline_answered
    WHERE suggestion IS NOT NULL GROUP BY suggestion
"""
_TAKEN = "SELECT DISTINCT suggestion FROM inline_accepted WHERE kind <> 'typed'"
_TYPED = f"SELECT suggestion FROM inline_accepted WHERE kind = 'typed' EXCEPT {_TAKEN}"  # noqa: S608 (a constant)
_KEPT = """
    SELECT suggestion, MAX(CASE after_s WHEN 30 THEN share END) AS soon,
        MAX(CASE after_s WHEN 120 THEN share END) AS late
    FROM inline_kept GROUP BY suggestion
"""


@attrs.frozen
class InlineReport:
    """Ghost text over all kept days: counts, latencies of shown suggestions in milliseconds, and why there was none.

    `requests` counts those that were answered with suggestions or a reason, `reused` those of them that were answered
    without asking a model again.
    """

    requests: int
    shown: int
    accepted: int
    p50_ms: float | None
    p95_ms: float | None
    reasons: dict[str, int]
    reused: int = 0
    tokens: int = 0

    @property
    def acceptance(self) -> float | None:
        """Share of the shown suggestions that were accepted, 0 to 1."""
        return _share(self.accepted, self.shown)


@attrs.frozen
class SourceReport:
    """What one model did in one language: suggestions shown, accepted (in whole or in part), and typed out by hand.

    `kept_soon` and `kept_late` are the shares of the accepted text that stood 30 and 120 seconds later; latencies are
    in milliseconds; `tokens` were decoded for what was shown; `reused` is the share of answers known already.
    """

    language: str
    tier: str | None
    model: str | None
    shown: int
    accepted: int
    typed: int
    kept_soon: float | None
    kept_late: float | None
    p50_ms: float
    p95_ms: float
    tokens: int
    reused: float

    @property
    def acceptance(self) -> float | None:
        """Share of the shown suggestions that were accepted, 0 to 1."""
        return _share(self.accepted, self.shown)


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
    shown = connection.execute("SELECT COUNT(DISTINCT suggestion) FROM inline_answered").fetchone()[0]
    accepted = connection.execute(f"SELECT COUNT(*) FROM ({_TAKEN})").fetchone()[0]  # noqa: S608 (a constant)
    reused, tokens = connection.execute(
        "SELECT COALESCE(SUM(reused), 0), COALESCE(SUM(tokens), 0) FROM inline_answered"
    ).fetchone()
    return InlineReport(
        requests=len(latencies) + sum(reasons.values()),
        shown=shown,
        accepted=accepted,
        p50_ms=percentile(latencies, 0.50),
        p95_ms=percentile(latencies, 0.95),
        reasons=reasons,
        reused=reused,
        tokens=tokens,
    )


def source_reports(connection: sqlite3.Connection) -> list[SourceReport]:
    """By language, tier and model, the most shown first."""
    rows = connection.execute(
        f"""
        SELECT s.language, s.tier, s.model, COUNT(*), COUNT(a.suggestion), COUNT(t.suggestion), AVG(k.soon), AVG(k.late)
        FROM ({_SHOWN}) s LEFT JOIN ({_TAKEN}) a USING (suggestion) LEFT JOIN ({_TYPED}) t USING (suggestion)
        LEFT JOIN ({_KEPT}) k USING (suggestion) GROUP BY 1, 2, 3 ORDER BY 4 DESC
        """  # noqa: S608 (constants)
    ).fetchall()
    return [SourceReport(*row, **_answers(connection, row[:3])) for row in rows]


def _answers(connection: sqlite3.Connection, source: Sequence[str | None]) -> dict[str, Any]:
    """The figures of one source's answers, of which there are some."""
    answers = connection.execute(
        """
        SELECT latency_ms, COALESCE(tokens, 0), COALESCE(reused, 0) FROM inline_answered
        WHERE suggestion IS NOT NULL AND language IS ? AND tier IS ? AND model IS ? ORDER BY latency_ms
        """,
        source,
    ).fetchall()
    latencies, tokens, reused = zip(*answers, strict=True)
    return {
        "p50_ms": percentile(latencies, 0.50),
        "p95_ms": percentile(latencies, 0.95),
        "tokens": sum(tokens),
        "reused": sum(reused) / len(reused),
    }


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Nearest-rank percentile of a sorted sequence; None when it is empty."""
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
