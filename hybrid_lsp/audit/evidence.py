"""What was recorded of the tasks that the router had a choice in, by action."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import attrs

from hybrid_lsp.config import Config
from hybrid_lsp.metrics.actions import RunRecord, Verdict, run_records
from hybrid_lsp.metrics.models import RequestRecord, request_records
from hybrid_lsp.metrics.store import reading
from hybrid_lsp.paths import metrics_file
from hybrid_lsp.reports.saving import MONEY, SECONDS, heaviest_tier
from hybrid_lsp.routing.prices import price_of_tier
from hybrid_lsp.types import Tier, TierName


@attrs.frozen
class Case:
    """One task: how likely the router thought that a lighter model would do, who was asked first, what came of it.

    `good` is whether the first answer did, None where nobody knows; `doubted` how likely it would have, as a share
    of the heaviest model's, where it was not taken for doubt; `heavy_good` whether the user took the answer of the
    heaviest model. Costs are in the evidence's unit, None where nothing was recorded.
    """

    sufficient: float
    light: bool
    escalated: bool
    good: bool | None
    heavy_good: bool | None
    latency_ms: float
    light_cost: float | None
    heavy_cost: float | None
    doubted: float | None = None

    def success(self, heaviest: float) -> float | None:
        """1 for an answer that did, 0 for one that did not, a likelihood for one that was not taken for doubt, by the
        share of good answers of the heaviest model; None where nobody knows."""
        if self.doubted is not None:
            return self.doubted * heaviest
        return None if self.good is None else float(self.good)


@attrs.frozen
class Evidence:
    """One action's tasks. `unclear` counts runs that say nothing: those that failed or were cancelled, and those that
    the router had no choice in. `edits`: it makes edits, which are taken or not; of a text nobody says so.
    """

    action: str
    cases: tuple[Case, ...]
    unclear: int
    unit: str
    edits: bool = True

    @property
    def judged(self) -> list[Case]:
        """Tasks that a lighter model was asked first, and whose outcome is known."""
        return [each for each in self.cases if each.light and each.success(1.0) is not None]


def gather(config: Config, since: float, now: float) -> list[Evidence]:
    """By action, the most frequent first. Raises MetricsUnreadable."""
    with reading(metrics_file(), since) as connection:
        runs, asked = run_records(connection), request_records(connection)
    return list(_by_action(runs, asked, config, now))


def _by_action(
    runs: Sequence[RunRecord], asked: Sequence[RequestRecord], config: Config, now: float
) -> Iterator[Evidence]:
    heaviest = heaviest_tier(config, (tier for run in runs for tier in (run.chosen, run.tier) if tier))
    priced = heaviest is not None and any(attrs.astuple(price_of_tier(config.models_by_tier, heaviest)))
    costs = _costs(asked, priced=priced)
    groups: defaultdict[str, list[RunRecord]] = defaultdict(list)
    for run in runs:
        groups[run.action].append(run)
    for action, group in sorted(groups.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        edits = any(each.verified for each in group)
        cases = [_case(each, heaviest, costs, now) for each in group if edits and _had_a_choice(each)]
        told = sum(each.success(1.0) is not None or each.heavy_good is not None for each in cases)
        yield Evidence(action, tuple(cases), len(group) - told, MONEY if priced else SECONDS, edits)


def _had_a_choice(run: RunRecord) -> bool:
    """A model was put first, by its likelihood to do; what static analysis knew says nothing of models."""
    return run.run is not None and run.sufficient is not None and run.chosen not in (None, Tier.STATIC)


def _case(run: RunRecord, heaviest: TierName | None, costs: dict[tuple[str, str], float], now: float) -> Case:
    assert run.run is not None
    assert run.sufficient is not None
    light = run.chosen != heaviest
    first, taken = run.verdict(now), run.taken(now)
    by_heaviest = run.tier == heaviest and taken is not Verdict.UNKNOWN
    return Case(
        sufficient=run.sufficient,
        light=light,
        escalated=run.escalations > 0,
        good=None if first is Verdict.UNKNOWN else first is Verdict.GOOD,
        heavy_good=taken is Verdict.GOOD if by_heaviest else None,
        latency_ms=run.latency_ms,
        light_cost=costs.get((run.run, str(run.chosen))) if light else None,
        heavy_cost=costs.get((run.run, str(heaviest))),
        doubted=run.doubted,
    )


def _costs(asked: Sequence[RequestRecord], *, priced: bool) -> dict[tuple[str, str], float]:
    """What each tier cost in each run."""
    found: defaultdict[tuple[str, str], float] = defaultdict(float)
    for each in asked:
        cost = each.cost if priced else each.cpu_s
        if each.run is not None and cost is not None:
            found[each.run, each.tier] += cost
    return dict(found)
