"""A router from the settings: which models there are, how large, what they may cost, and the user's wishes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from hybrid_lsp.backends.base import Backend
from hybrid_lsp.config import Config, ModelConfig
from hybrid_lsp.metrics.events import ModelAsked
from hybrid_lsp.metrics.ledger import Ledger
from hybrid_lsp.routing.accounts import Accounts
from hybrid_lsp.routing.candidates import Patience
from hybrid_lsp.routing.policy import Policy
from hybrid_lsp.routing.router import Router
from hybrid_lsp.routing.sizes import billions
from hybrid_lsp.routing.taught import can_chat, can_fill_in
from hybrid_lsp.types import TierName


@attrs.frozen
class Told:
    """Who hears of costs: `record` of each, `warn` of budgets that come to their end; `ledger` adds them up."""

    record: Callable[[ModelAsked], None] = lambda event: None
    warn: Callable[[str], None] = lambda message: None
    ledger: Ledger = attrs.field(factory=lambda: Ledger(None))


def make_router(config: Config, backends: Mapping[TierName, Backend], told: Told) -> Router:
    """The router of one window; `backends` are those that could be made of the settings."""
    models = {tier: model for tier, model in config.models_by_tier.items() if tier in backends}
    accounts = Accounts(models, told.record, told.ledger, told.warn)
    longest_s = max((model.timeout_s for tier, model in models.items() if tier != "small"), default=0.0)
    return Router(
        backends,
        small_chats=can_chat(config.small),
        fillers=[tier for tier, model in models.items() if can_fill_in(model)],
        patience=Patience.beside(longest_s or config.large.timeout_s),
        policy=Policy(config.routing),
        sizes={tier: size for tier, model in models.items() if (size := size_of(model)) is not None},
        refusal=accounts.refusal,
        on_asked=accounts.charge,
    )


def size_of(model: ModelConfig) -> float | None:
    """Billions of parameters, as far as the model's name tells."""
    return billions(model.model, is_local=model.is_local)
