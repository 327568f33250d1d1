"""What each request to a model costs, what it may cost a day, and when the user is warned."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import attrs

from hybrid_lsp.config import ModelConfig
from hybrid_lsp.metrics.events import Ask, ModelAsked
from hybrid_lsp.metrics.ledger import Ledger, Spent
from hybrid_lsp.routing.features import CHARS_A_TOKEN
from hybrid_lsp.routing.prices import price_of_tier
from hybrid_lsp.types import Chat, Infill, Request, TierName, Usage

WARN_AT = 0.8
_LATEST_SHARE = 0.2
"""Of the newest measurement among earlier ones."""


@attrs.frozen
class Asked:
    """One request to one model, as a router has seen it: `written` tokens came, and the server's own bill if any."""

    run: str | None
    task: str
    tier: TierName
    model: str
    ending: Ask
    request: Request
    first_s: float | None
    latency_s: float
    written: int
    usage: Usage | None


@attrs.define
class _Habits:
    """What is learnt of one model from its bills, to tell what a stream that was closed early has cost."""

    chars_a_token: float = CHARS_A_TOKEN
    cpu_share: float = math.nan
    """Processors busy while it answers."""

    def learn(self, asked: Asked, usage: Usage) -> None:
        if usage.read:
            self.chars_a_token = _mixed(self.chars_a_token, _chars(asked.request) / usage.read)
        if not math.isnan(usage.cpu_s) and asked.latency_s > 0:
            self.cpu_share = _mixed(self.cpu_share, usage.cpu_s / asked.latency_s)


@attrs.define
class Accounts:
    """The costs of all backends of a window. `models` are their settings by tier, `record` takes each event."""

    models: Mapping[TierName, ModelConfig]
    record: Callable[[ModelAsked], None] = lambda event: None
    ledger: Ledger = attrs.field(factory=lambda: Ledger(None))
    warn: Callable[[str], None] = lambda message: None
    _habits: dict[str, _Habits] = attrs.field(factory=dict)

    def charge(self, asked: Asked) -> None:
        """Write down what a request has cost."""
        event = self._event(asked)
        self.record(event)
        spent = Spent(event.tokens_in + event.tokens_out, event.cost)
        if asked.tier not in self.models or spent == Spent():
            return
        before = self._share(asked.tier)
        self.ledger.add(asked.tier, spent)
        if before < WARN_AT <= (now := self._share(asked.tier)) < 1:
            self.warn(f"Backend `{asked.tier}` has used {now:.0%} of its budget for today ({self._state(asked.tier)}).")

    def refusal(self, tier: TierName) -> str:
        """Why a backend may not be asked any more today, in words; empty where it may."""
        if self._share(tier) < 1:
            return ""
        return f"the budget of the {tier} model for today is spent ({self._state(tier)})"

    def _event(self, asked: Asked) -> ModelAsked:
        habits = self._habits.setdefault(asked.model, _Habits())
        usage, counted = asked.usage, asked.usage is not None
        if usage is None:
            read = 0 if asked.ending is Ask.FAILED else round(_chars(asked.request) / habits.chars_a_token)
            usage = Usage(read, asked.written, cpu_s=asked.latency_s * habits.cpu_share)
        else:
            habits.learn(asked, usage)
        return ModelAsked(
            run=asked.run,
            task=asked.task,
            tier=str(asked.tier),
            model=asked.model,
            ending=asked.ending,
            first_ms=None if asked.first_s is None else asked.first_s * 1000,
            latency_ms=asked.latency_s * 1000,
            tokens_in=usage.read,
            cached=usage.cached,
            tokens_out=usage.written,
            counted=counted,
            cost=price_of_tier(self.models, asked.tier).of(usage.read, usage.written),
            cpu_s=None if math.isnan(usage.cpu_s) else usage.cpu_s,
        )

    def _share(self, tier: TierName) -> float:
        """How much of a day's budget is used; 1 is all of it."""
        if (model := self.models.get(tier)) is None or not (model.tokens_a_day or model.money_a_day):
            return 0.0
        spent = self.ledger.spent(tier)
        tokens = spent.tokens / model.tokens_a_day if model.tokens_a_day else 0.0
        return max(tokens, spent.money / model.money_a_day if model.money_a_day else 0.0)

    def _state(self, tier: TierName) -> str:
        model, spent = self.models[tier], self.ledger.spent(tier)
        parts = [f"{spent.tokens:,} of {model.tokens_a_day:,} tokens"] if model.tokens_a_day else []
        parts += [f"{spent.money:.2f} of {model.money_a_day:.2f} in money"] if model.money_a_day else []
        return ", ".join(parts)


def _chars(request: Request) -> int:
    prompt = request.prompt
    if isinstance(prompt, Chat):
        return sum(len(each.content) for each in prompt.messages)
    assert isinstance(prompt, Infill)
    return len(prompt.prefix) + len(prompt.suffix) + sum(len(each.text) for each in prompt.extra)


def _mixed(old: float, new: float) -> float:
    return new if math.isnan(old) else old + (new - old) * _LATEST_SHARE
