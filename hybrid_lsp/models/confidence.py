"""How sure a suggestion is: what speaks for it, and the calibrated probability that it is exactly right.

Standard library only, so that the typing path can use it as it is. The numbers are fitted by `evaluate` on held-out
packages and shipped in confidence.json.
"""

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from attrs import asdict, define, field

from hybrid_lsp.models import copying

NEAR_CHARS = 4000  # of the prefix in which a suggestion's names are looked for
BY_ITSELF = 9  # the features of a suggestion that are not of another source's
UNLIKELY = -20.0  # the log-probability of no suggestion
SATURATION = 4.0  # standard deviations beyond which a feature says no more
STRONG = 0.6  # a line that the file itself makes so likely is not compared with other files'
# How likely a line of a docstring or a comment must be to be shown unasked: few of those that models of this size write
# there are what a person wants, and their probabilities were fitted on code. Where a file has gone on for a while, its
# own prose tells how it goes on: of lines that are 60 % likely there, nine of ten were right (seven kinds of code).
SURE_OF_PROSE, SURE_OF_LATER_PROSE = 0.9, 0.6
NEVER = 1.01  # a threshold that no probability reaches
# Characters of a file above the cursor below which the network decides alone: of the copied lines of code that would
# be shown there 15 of 25 were right, of those with more above 26 of 29 (six kinds of code, typed).
LITTLE = 700
BEGINNING = 1500  # characters of a file above the cursor up to which it has only begun: there fewer lines are likely
MORE_TOKENS = (0, 1, 2, 4, 8)  # that a line may still have, where it is asked how likely it may become
CHARS_A_TOKEN, USUAL_END = 3, -0.5
LENGTHS = (1, 2, 3, 5, 8, 12)  # of possible lines, in tokens
CERTAIN = 0.999  # a probability nearer to 0 or 1 says no more
HISTORY = "history"
ELSEWHERE = "elsewhere"
SURE_ELSEWHERE = 0.55  # a line in another language is shown from here on: 74 % of these were right, in 53 sources
# Least probability that all of a suggestion of several lines is exactly right; by `hybrid_lsp.training.blocks`, on
# validation packages: of the lines below the first that are this likely, more than half were right.
ALL_RIGHT = 0.4


@define
class Suggestion:
    """What a source would show at a position, and what speaks for it."""

    text: str = ""
    features: list[float] = field(factory=list)
    log_prob: float = UNLIKELY


def copied(found: copying.Copy) -> Suggestion:
    """The copy model's line."""
    return Suggestion(found.text, found.features(), found.log_prob) if found.text else Suggestion()


def copied_across(found: copying.Copy, own: Suggestion) -> Suggestion:
    """The copy model's line from other files, in the light of the one from the file itself."""
    return Suggestion(found.text, beside(copied(found), own), found.log_prob) if found.text else Suggestion()


def generated(text: str, log_probs: Sequence[float], finished: bool, prefix: str) -> Suggestion:
    """A network's line. log_probs: nats, one a token, with the token that ended the line; finished: whether one did."""
    text = text.rstrip(" \t\r")
    if not text or not log_probs:
        return Suggestion()
    names = [word for word in copying.lex(text) if word[0].isalpha() or word[0] == "_"]
    near = set(copying.lex(prefix[-NEAR_CHARS:]))
    share = sum(name in near for name in names) / len(names) if names else 1.0
    return Suggestion(text, _written(text, log_probs, finished, share), sum(log_probs))


def at_best(text: str, log_probs: Sequence[float]) -> Iterator[Suggestion]:
    """What may come at best of a network's line of which so much is written: it ends as it is, or after some more
    tokens that are certain but perhaps for the last one. What is still to come is letters."""
    if not text.strip() or not log_probs:
        return
    for more in MORE_TOKENS:
        for end in (0.0, USUAL_END) if more else (0.0,):
            tokens = [*log_probs, *[0.0] * (more - 1), *[end] * bool(more)]
            yield from finished(text + "x" * CHARS_A_TOKEN * more, tokens)


def possible(text: str, total: float) -> Iterator[Suggestion]:
    """The likeliest lines of a network whose tokens' log-probabilities, in nats, sum to so much: each has its share.
    text: one that it may have written; it may be empty."""
    for count in LENGTHS:
        for each in {text, "x" * CHARS_A_TOKEN * count} - {""}:
            yield from finished(each, [total / count] * count)


def finished(text: str, log_probs: Sequence[float]) -> Iterator[Suggestion]:
    """A network's line, whose names stand nearby or do not."""
    for near in (1.0, 0.0):
        yield Suggestion(text, _written(text, log_probs, True, near), sum(log_probs))


def _written(text: str, log_probs: Sequence[float], finished: bool, near: float) -> list[float]:
    """The features of a network's line; near: the share of its names that stand nearby."""
    total = sum(log_probs)
    return [
        total / 4,
        total / len(log_probs),
        min(log_probs),
        log_probs[0],
        log_probs[-1],
        math.log1p(len(log_probs)) / 3,
        math.log1p(len(text)) / 4,
        float(finished),
        near,
    ]


def with_line(sure: float, log_probs: Sequence[float]) -> float:
    """The probability that a suggestion and one more line below it are right; log_probs: nats, of the line's tokens."""
    return sure * math.exp(sum(log_probs))


@define(frozen=True)
class Spot:
    """Where a line would stand in a language that a model was not trained on."""

    prefix: str
    in_string: bool = False
    in_comment: bool = False


def elsewhere(suggestion: Suggestion, spot: Spot, *, across: bool = False) -> list[float]:
    """What speaks for a line of either source in such a language. `across`: it is copied from another file."""
    begun = spot.prefix[spot.prefix.rfind("\n") + 1 :].strip()
    in_word = all(part.isalnum() or part == "_" for part in (spot.prefix[-1:], suggestion.text[:1]))
    return [
        *suggestion.features[:BY_ITSELF],
        math.log1p(len(spot.prefix)) / 8,
        math.log1p(len(begun)) / 4,
        float(spot.in_string),
        float(spot.in_comment),
        float(in_word),
        float(not any(map(str.isalnum, suggestion.text))),
        float(across),
    ]


def log_odds(probability: float) -> float:
    """The logarithm of the odds, of a probability that is nowhere certain."""
    probability = min(CERTAIN, max(1 - CERTAIN, probability))
    return math.log(probability / (1 - probability))


def in_file(sure: float, text: str, above: int) -> list[float]:
    """What is known of a suggestion in its file: how likely it is right by itself, the characters above it, length."""
    return [log_odds(sure), math.log1p(above) / 8, math.log1p(len(text)) / 4]


def beside(own: Suggestion, other: Suggestion) -> list[float]:
    """A suggestion's features in the light of the other source's."""
    return [
        *own.features,
        float(own.text == other.text),
        shared(own.text, other.text) / max(1, len(own.text)),
        float(copying.first_word(own.text) == copying.first_word(other.text)),
        float(bool(other.text)),
        max(UNLIKELY, other.log_prob) / 4,
    ]


def shared(a: str, b: str) -> int:
    """How many characters two texts start with alike."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


@define(frozen=True)
class Calibrator:
    """A logistic regression: weights[0] is the intercept; features are standardised by mean and scale."""

    mean: list[float]
    scale: list[float]
    weights: list[float]

    def probability(self, features: Sequence[float]) -> float:
        """That a suggestion with these features is exactly right."""
        score = self.weights[0]
        for value, mean, scale, weight in zip(features, self.mean, self.scale, self.weights[1:], strict=True):
            score += weight * max(-SATURATION, min(SATURATION, (value - mean) / scale))
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, score))))

    def as_dict(self) -> dict[str, list[float]]:
        """For confidence.json."""
        return {name: [round(v, 6) for v in getattr(self, name)] for name in ("mean", "scale", "weights")}


@define(frozen=True)
class Measured:
    """What was found in one language: from which probability on suggestions are shown, how often that is, how many of
    those are exactly right, and at how many positions that was measured."""

    threshold: float
    shown: float
    precision: float
    positions: int


@define
class Confidence:
    """The calibrators by name (`copy`, `network`: alone; `copy beside`, `network beside`: knowing the other's answer;
    `across`: lines of other files, knowing the file's own; `across beside`: knowing the network's too; `history`, which
    may be missing: any of them in its file; `copy elsewhere` and `network elsewhere`, which may be missing: in other
    languages than those fitted), and the probability from which a suggestion is worth showing, and a line
    of another file is worth considering. In a file that has only begun `early_threshold` is needed. In the `languages`
    that were measured one by one, the threshold is their own.
    """

    calibrators: dict[str, Calibrator]
    threshold: float = 0.5
    across_threshold: float = NEVER
    languages: dict[str, Measured] = field(factory=dict)
    early_threshold: float = 0.0

    def alone(self, source: str, suggestion: Suggestion) -> float:
        """The probability of one source's suggestion, the other being unknown."""
        return self.calibrators[source].probability(suggestion.features) if suggestion.text else 0.0

    @property
    def knows_elsewhere(self) -> bool:
        """Whether there are numbers for other languages than those fitted."""
        return all(f"{source} {ELSEWHERE}" in self.calibrators for source in ("copy", "network"))

    def elsewhere(self, source: str, suggestion: Suggestion, spot: Spot, *, across: bool = False) -> float:
        """The probability of one source's suggestion there."""
        if not suggestion.text:
            return 0.0
        return self.calibrators[f"{source} {ELSEWHERE}"].probability(elsewhere(suggestion, spot, across=across))

    def looks_across(self, copy: Suggestion) -> bool:
        """Whether other files have a say beside the file's own line."""
        return self.across_threshold < NEVER and self.alone("copy", copy) < STRONG

    def copy(self, copy: Suggestion, across: Suggestion) -> tuple[Suggestion, float]:
        """The likelier of the file's own line and other files', the network being unknown, and its probability."""
        own = self.alone("copy", copy)
        sure = self.alone("across", across) if self.looks_across(copy) else 0.0
        return (across, sure) if sure > own and sure >= self.across_threshold else (copy, own)

    def best(
        self, copy: Suggestion, network: Suggestion, across: Suggestion | None = None, above: int = LITTLE
    ) -> tuple[Suggestion, float]:
        """The likeliest of the sources' suggestions, with so many characters above, and its probability."""
        if self.network_decides(above):
            return network, self.network(network, copy)
        chosen, sure = max(
            ((own, self._beside(name, own, other)) for name, own, other in _pair(copy, network)),
            key=lambda pair: pair[1],
        )
        if across is None or not across.text or not self.looks_across(copy):
            return chosen, sure
        other = self._beside("across", across, network)
        return (across, other) if other > sure and other >= self.across_threshold else (chosen, sure)

    def network(self, network: Suggestion, copy: Suggestion) -> float:
        """The probability of the network's suggestion in the light of the copied one."""
        return self._beside("network", network, copy)

    def _beside(self, name: str, own: Suggestion, other: Suggestion) -> float:
        return self.calibrators[f"{name} beside"].probability(beside(own, other)) if own.text else 0.0

    def network_decides(self, above: int) -> bool:
        """Whether there are too few characters above for a copied line to be believed, of a network that was measured
        so."""
        return above < LITTLE and HISTORY in self.calibrators

    def needed(self, above: int, *, prose: bool = False) -> float:
        """The probability from which a line is worth showing, with so many characters above it, in code or in prose."""
        begun = above < BEGINNING
        if prose:
            least = SURE_OF_LATER_PROSE if HISTORY in self.calibrators and not begun else SURE_OF_PROSE
            return max(least, self.threshold)
        return max(self.threshold, self.early_threshold) if begun else self.threshold

    @property
    def by_itself(self) -> "Confidence":
        """The same without what was measured of files."""
        calibrators = {name: found for name, found in self.calibrators.items() if name != HISTORY}
        return Confidence(calibrators, self.threshold, self.across_threshold, self.languages)

    def in_file(self, sure: float, text: str, above: int) -> float:
        """The probability of a suggestion with so many characters above it: where there are few, little tells how this
        file goes on, and what is usual elsewhere is oftener wrong. It holds for code, not for prose. NaN stays."""
        history = self.calibrators.get(HISTORY)
        if history is None or math.isnan(sure) or not text:
            return sure
        return history.probability(in_file(sure, text, above))

    def as_dict(self) -> dict[str, Any]:
        """For confidence.json."""
        named = {name: calibrator.as_dict() for name, calibrator in self.calibrators.items()}
        content: dict[str, Any] = {
            "threshold": round(self.threshold, 4),
            "early_threshold": round(self.early_threshold, 4),
            "across_threshold": round(self.across_threshold, 4),
            "calibrators": named,
        }
        if self.languages:
            content["languages"] = {
                name: {key: round(value, 4) for key, value in asdict(found).items()}
                for name, found in self.languages.items()
            }
        return content

    @classmethod
    def load(cls, path: Path) -> "Confidence":
        """From confidence.json; an earlier one knows nothing of other files."""
        return cls.of(json.loads(path.read_text()))

    @classmethod
    def of(cls, content: dict[str, Any]) -> "Confidence":
        """From what confidence.json holds. Raises KeyError, TypeError."""
        calibrators = {name: Calibrator(**value) for name, value in content["calibrators"].items()}
        languages = {name: Measured(**value) for name, value in content.get("languages", {}).items()}
        across, early = content.get("across_threshold", NEVER), content.get("early_threshold", 0.0)
        return cls(calibrators, content["threshold"], across, languages, early)


def _pair(copy: Suggestion, network: Suggestion) -> tuple[tuple[str, Suggestion, Suggestion], ...]:
    """Each source's name and suggestion beside the other's."""
    return ("copy", copy, network), ("network", network, copy)
