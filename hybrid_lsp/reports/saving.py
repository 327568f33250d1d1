"""What the models have cost, beside what all of it would have cost on the heaviest one: an estimate, told as one.

In money: the same tasks' tokens times the heaviest model's price. In processor seconds: the same tokens, less what was
known to the model already, times the seconds that the heaviest one was measured to take for one. A task that went
through several models counts once, with the tokens of the last of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import attrs

from hybrid_lsp.config import Config
from hybrid_lsp.metrics.models import RequestRecord
from hybrid_lsp.routing.policy import chain_of
from hybrid_lsp.routing.prices import price_of_tier
from hybrid_lsp.types import Tier, TierName

MONEY, SECONDS = "money", "CPU seconds"
_LEAST_REQUESTS = 3
"""Of the heaviest model, before its seconds a token are taken for known."""


@attrs.frozen
class Cost:
    """One day, or all: what it was, and what it would have been, in the saving's unit."""

    actual: float = 0.0
    heaviest: float = 0.0


@attrs.frozen
class Saving:
    """`unit` is `MONEY` or `SECONDS`; `days` are costs by day, `how` says in words how it was estimated.

    Without an estimate `unit` is empty, and `how` says why there is none.
    """

    unit: str
    how: str
    days: dict[str, Cost] = attrs.field(factory=dict)

    @property
    def whole(self) -> Cost:
        return Cost(sum(each.actual for each in self.days.values()), sum(each.heaviest for each in self.days.values()))

    @property
    def share(self) -> float | None:
        """How much less it cost, up to 1; None where nothing was to be paid."""
        whole = self.whole
        return 1 - whole.actual / whole.heaviest if whole.heaviest else None


def heaviest_tier(config: Config, asked: Iterable[TierName]) -> TierName | None:
    """The heaviest model for actions; None where there is none beside the small one.

    Where the settings that are at hand name none (they may stand in the editor's), it is told by who was `asked`.
    """
    seen = [tier for tier in dict.fromkeys(asked) if tier not in (Tier.SMALL, Tier.STATIC)]
    tiers = [tier for tier in config.models_by_tier if tier != Tier.SMALL] or sorted(seen, key=Tier.LARGE.__ne__)
    return next(reversed(chain_of(config.routing, tiers)), None)


def saving(asked: Sequence[RequestRecord], config: Config) -> Saving:
    """Compare what was paid with everything on the heaviest model."""
    heaviest = heaviest_tier(config, (each.tier for each in asked))
    if heaviest is None:
        return Saving("", "There is no large model to compare with (setting `large.backend`).")
    if not asked:
        return Saving("", "No model was asked yet.")
    price = price_of_tier(config.models_by_tier, heaviest)
    if price.read or price.written:
        how = (
            f"The tokens of the same tasks, at the price of the {heaviest} model ({price.read:g} for a million read, "
            f"{price.written:g} for a million written)."
        )
        days = _days(asked, [each.cost for each in asked], lambda each: price.of(each.tokens_in, each.tokens_out))
        return Saving(MONEY, how, days)
    return _in_seconds(asked, heaviest)


def _in_seconds(asked: Sequence[RequestRecord], heaviest: TierName) -> Saving:
    known = [each for each in asked if each.tier == heaviest and each.cpu_s is not None and each.worked]
    if len(known) < _LEAST_REQUESTS:
        why = f"The {heaviest} model has no price, and says too seldom what processor time it took to estimate with."
        return Saving("", why)
    each_token = sum(each.cpu_s or 0 for each in known) / sum(each.worked for each in known)
    how = (
        f"The tokens of the same tasks, less those known to the model already, at the {each_token * 1000:.3g} ms of "
        f"processor time a token that the {heaviest} model took in {len(known)} requests."
    )
    return Saving(SECONDS, how, _days(asked, [each.cpu_s or 0 for each in asked], lambda one: one.worked * each_token))


def _days(
    asked: Sequence[RequestRecord], actual: Iterable[float], estimate: Callable[[RequestRecord], float]
) -> dict[str, Cost]:
    last: dict[str, RequestRecord] = {each.run: each for each in asked if each.run}
    paid: defaultdict[str, float] = defaultdict(float)
    instead: defaultdict[str, float] = defaultdict(float)
    for each, cost in zip(asked, actual, strict=True):
        paid[each.day] += cost
        if each.run is None or last[each.run] is each:
            instead[each.day] += estimate(each)
    return {day: Cost(paid[day], instead[day]) for day in sorted(paid)}
