"""What models of well-known services cost: list prices in US dollars for a million tokens, read and written.

Prices change: these are the published ones of the autumn of 2025, to be overruled by `price_in` and `price_out`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

from hybrid_lsp.config import ModelConfig
from hybrid_lsp.types import TierName


@attrs.frozen
class Price:
    """Money for a million tokens."""

    read: float = 0.0
    written: float = 0.0

    def of(self, read: int, written: int) -> float:
        """What so many tokens cost."""
        return (read * self.read + written * self.written) / 1_000_000


# The longest name that a model's begins with counts: `gpt-4.1-mini-2025-04-14` is a `gpt-4.1-mini`.
LISTED: dict[str, Price] = {
    "gpt-5": Price(1.25, 10),
    "gpt-5-mini": Price(0.25, 2),
    "gpt-5-nano": Price(0.05, 0.4),
    "gpt-4.1": Price(2, 8),
    "gpt-4.1-mini": Price(0.4, 1.6),
    "gpt-4.1-nano": Price(0.1, 0.4),
    "gpt-4o": Price(2.5, 10),
    "gpt-4o-mini": Price(0.15, 0.6),
    "o3": Price(2, 8),
    "o3-mini": Price(1.1, 4.4),
    "o4-mini": Price(1.1, 4.4),
    "claude-opus-4": Price(15, 75),
    "claude-sonnet-4": Price(3, 15),
    "claude-haiku-4": Price(1, 5),
    "claude-3-7-sonnet": Price(3, 15),
    "claude-3-5-sonnet": Price(3, 15),
    "claude-3-5-haiku": Price(0.8, 4),
    "gemini-2.5-pro": Price(1.25, 10),
    "gemini-2.5-flash": Price(0.3, 2.5),
    "gemini-2.5-flash-lite": Price(0.1, 0.4),
    "gemini-2.0-flash": Price(0.1, 0.4),
    "deepseek-chat": Price(0.28, 0.42),
    "deepseek-reasoner": Price(0.28, 0.42),
    "codestral": Price(0.3, 0.9),
    "devstral-small": Price(0.1, 0.3),
    "devstral-medium": Price(0.4, 2),
    "mistral-small": Price(0.1, 0.3),
    "mistral-medium": Price(0.4, 2),
    "mistral-large": Price(2, 6),
    "grok-code-fast": Price(0.2, 1.5),
}


def price_of(model: ModelConfig) -> Price:
    """The settings' prices, else the listed ones; nothing for a model on this machine, and one that is not known."""
    listed = Price() if model.is_local else listed_price(model.model)
    read = listed.read if model.price_in < 0 else model.price_in
    return Price(read, listed.written if model.price_out < 0 else model.price_out)


def price_of_tier(models: Mapping[TierName, ModelConfig], tier: TierName) -> Price:
    """What a tier's model costs; nothing where the settings at hand do not name it."""
    return price_of(models[tier]) if tier in models else Price()


def listed_price(model: str) -> Price:
    """The list price of a model by its name, with or without its maker's (`openai/gpt-4o`); nothing where unknown."""
    name = re.split(r"[/:]", model.lower())[-1]
    fits = [each for each in LISTED if name == each or re.match(re.escape(each) + r"[-@.]", name)]
    return LISTED[max(fits, key=len)] if fits else Price()
