"""What the metrics say of the models that were asked: how much they read and wrote, how long that took, its cost."""

from __future__ import annotations

import sqlite3
from collections import defaultdict

import attrs

from hybrid_lsp.metrics.events import Ask
from hybrid_lsp.metrics.report import percentile
from hybrid_lsp.types import TierName

_REQUESTS = """
    SELECT date(at, 'unixepoch', 'localtime'), run, task, tier, model, ending, first_ms, latency_ms,
        COALESCE(tokens_in, 0), COALESCE(cached, 0), COALESCE(tokens_out, 0), COALESCE(cost, 0), cpu_s
    FROM model_asked ORDER BY at
"""


@attrs.frozen
class RequestRecord:
    """One request to one model, on a `day` of the user's own time."""

    day: str
    run: str | None
    task: str
    tier: TierName
    model: str
    ending: str
    first_ms: float | None
    latency_ms: float
    tokens_in: int
    cached: int
    tokens_out: int
    cost: float
    cpu_s: float | None

    @property
    def worked(self) -> int:
        """Tokens that took work: read anew, and written."""
        return max(0, self.tokens_in - self.cached) + self.tokens_out


@attrs.frozen
class ModelReport:
    """One model in one tier: tokens, of those it read `cached` were known to it already, time to the first token and
    to the last in milliseconds, `cost` in the user's currency, `cpu_s` of this machine (None: unknown)."""

    tier: TierName
    model: str
    requests: int
    failed: int
    tokens_in: int
    cached: int
    tokens_out: int
    first_p50_ms: float | None
    first_p95_ms: float | None
    p50_ms: float
    cost: float
    cpu_s: float | None


def request_records(connection: sqlite3.Connection) -> list[RequestRecord]:
    """All requests, the oldest first."""
    return [RequestRecord(*row) for row in connection.execute(_REQUESTS)]


def model_reports(records: list[RequestRecord]) -> list[ModelReport]:
    """By tier and model, the most asked first."""
    groups: defaultdict[tuple[str, str], list[RequestRecord]] = defaultdict(list)
    for each in records:
        groups[each.tier, each.model].append(each)
    return sorted((_report(*who, asked) for who, asked in groups.items()), key=lambda each: -each.requests)


def _report(tier: str, model: str, asked: list[RequestRecord]) -> ModelReport:
    firsts = sorted(each.first_ms for each in asked if each.first_ms is not None)
    latencies = sorted(each.latency_ms for each in asked)
    busy = [each.cpu_s for each in asked if each.cpu_s is not None]
    return ModelReport(
        tier=tier,
        model=model,
        requests=len(asked),
        failed=sum(each.ending == Ask.FAILED for each in asked),
        tokens_in=sum(each.tokens_in for each in asked),
        cached=sum(each.cached for each in asked),
        tokens_out=sum(each.tokens_out for each in asked),
        first_p50_ms=percentile(firsts, 0.50),
        first_p95_ms=percentile(firsts, 0.95),
        p50_ms=percentile(latencies, 0.50) or 0.0,
        cost=sum(each.cost for each in asked),
        cpu_s=sum(busy) if busy else None,
    )
