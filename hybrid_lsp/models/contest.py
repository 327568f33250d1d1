"""Two models for one place: when the lighter one's line is taken, and the heavier one is not asked.

A threshold on the lighter one's probability alone would be wrong at both ends: where the lighter one is unsure the
place is mostly hard, and the heavier one is no better; where it is sure the heavier one is mostly right as well. So
both are estimated from what is known once the lighter one has answered, and what waiting costs decides between them.
The idea of asking a larger model only where a smaller one is not sure enough is that of cascades (Viola and Jones 2001;
for language models Chen, Zaharia, Zou 2023, "FrugalGPT").
"""

import math
from typing import Any

from attrs import define, field

from hybrid_lsp.models.confidence import Calibrator, log_odds

WAITING = 0.12
"""How much less likely right a line may be that is there at once; `python -m benchmarks.cascade` shows the curve."""
LATE = 0.2
"""The same, where the heavier one has kept the user waiting already."""
HOPELESS = 0.2
"""Where the heavier one is right seldomer it is not asked: the next key tells more, and most of this is not shown."""


def place(sure: float, text: str, before: str) -> list[float]:
    """What is known once a lighter model has answered: how sure it is, its line, and the cursor's line so far."""
    return [log_odds(sure), math.log1p(len(text)) / 4, float(bool(before.strip()))]


def _believed() -> Calibrator:
    """The lighter model's own probability, as it is."""
    return Calibrator([0.0] * 3, [1.0] * 3, [0.0, 1.0, 0.0, 0.0])


def _assumed() -> Calibrator:
    """Of a heavier model that nobody has measured: right at half of the places, oftener where the lighter one is."""
    return Calibrator([0.0] * 3, [1.0] * 3, [0.6, 0.5, 0.0, 0.0])


@define(frozen=True)
class Contest:
    """The probability that each one's line is right, by `place`."""

    lighter: Calibrator = field(factory=_believed)
    heavier: Calibrator = field(factory=_assumed)

    def decided(self, features: list[float], *, late: bool = False) -> bool:
        """Whether the lighter one's line is the one to show."""
        cost = LATE if late else WAITING
        return self.lighter.probability(features) >= self.heavier.probability(features) - cost

    def hopeless(self, features: list[float]) -> bool:
        """Whether neither line would be worth waiting for."""
        return self.heavier.probability(features) < HOPELESS

    def as_dict(self) -> dict[str, Any]:
        """For confidence.json."""
        return {"lighter": self.lighter.as_dict(), "heavier": self.heavier.as_dict()}

    @classmethod
    def of(cls, content: dict[str, Any]) -> "Contest":
        """From confidence.json. Raises KeyError, TypeError."""
        return cls(Calibrator(**content["lighter"]), Calibrator(**content["heavier"]))
