"""Which source is believed, and whether it is sure enough to be shown.

The numbers come from the evaluation on held-out packages: a calibrated probability that a line is exactly right, for
the copy model, the embedded network, and each in the light of the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import attrs

from hybrid_lsp.completion.lines import Line
from hybrid_lsp.config import Config
from hybrid_lsp.document import Document
from hybrid_lsp.models import calibrations
from hybrid_lsp.models.confidence import (
    ALL_RIGHT,
    BEGINNING,
    SURE_ELSEWHERE,
    Confidence,
    Spot,
    Suggestion,
    at_best,
    copied,
    copied_across,
    generated,
    possible,
    with_line,
)
from hybrid_lsp.models.copying import CopyIndex

SURE = 0.85
"""A copied line that is so likely right is shown at once: no debounce, no model."""
_ELSEWHERE = 0.15
"""How much surer one must be in a language that the numbers were not fitted on, where there are none for others."""
_FOREIGN = 0.1
"""How much less likely a network's line is there than its numbers say."""
_PATIENCE, _MOST_IGNORED, _BACK_OFF = 5, 15, 0.03
"""From the sixth ignored suggestion on, each one makes the next need so much more; at most ten times."""
_MOST_ASKED = 0.95
"""A threshold that no suggestion has to exceed."""
_GOES_ON = 0.6
"""Least mean probability of a token in each further line, of a network whose numbers are not known."""


@attrs.frozen
class Judgement:
    """A line and the probability that it is exactly right; NaN where the backend does not say."""

    text: str
    probability: float
    from_copy: bool


@attrs.frozen
class Copies:
    """How the file itself continues the cursor's line, and how other files do, where that is worth knowing."""

    own: Suggestion = attrs.field(factory=Suggestion)
    across: Suggestion = attrs.field(factory=Suggestion)


@attrs.frozen
class Judge:
    """Compares what the copy model and the network suggest.

    `confidence` is None where no calibration is to be had; `knows_network` tells whether it has numbers for a network
    like this one, and `languages` where they hold, beside those that were measured one by one; `foreign`: it is for a
    language of neither. `spot` tells where it judges then, of a model that has numbers for other languages; it is asked
    only where there is a line to judge, for it is looked up in the syntax tree.
    """

    confidence: Confidence | None = None
    knows_network: bool = False
    languages: frozenset[str] = frozenset({"python"})
    foreign: bool = False
    spot: Callable[[], Spot] | None = None

    def of(self, language: str, spot: Callable[[], Spot] | None = None) -> Judge:
        """The judge of a language: what was measured of files holds for those of the measured languages."""
        if language in self.languages or self.confidence is None:
            return self
        foreign = language not in self.confidence.languages
        spot = spot if foreign and self.confidence.knows_elsewhere else None
        return attrs.evolve(self, confidence=self.confidence.by_itself, foreign=foreign, spot=spot)

    def needs_network(self, above: int) -> bool:
        """Whether a copied line is not believed with so few characters of its file above."""
        return self.confidence is not None and self.confidence.network_decides(above)

    def copies(self, index: CopyIndex, document: Document, offset: int) -> Copies:
        """What can be copied at an offset."""
        own = copied(index.complete(document, offset))
        if self.confidence is None or not self.confidence.looks_across(own):
            return Copies(own)
        return Copies(own, copied_across(index.across(document, offset), own))

    def copy_alone(self, copies: Copies) -> Judgement:
        """The likelier copied line, with no network's to compare it with."""
        if self.confidence is None:
            return Judgement(copies.own.text, 0.0, from_copy=True)
        if self.spot is not None:
            own = self.elsewhere("copy", copies.own)
            return max(own, self.elsewhere("copy", copies.across, across=True), key=_probability)
        chosen, sure = self.confidence.copy(copies.own, copies.across)
        return Judgement(chosen.text, sure, from_copy=True)

    def elsewhere(self, source: str, suggestion: Suggestion, *, across: bool = False) -> Judgement:
        """A source's line in another language than those fitted, of a model that has numbers for those."""
        if not suggestion.text:
            return Judgement("", 0.0, from_copy=source == "copy")
        assert self.confidence is not None
        assert self.spot is not None
        sure = self.confidence.elsewhere(source, suggestion, self.spot(), across=across)
        return Judgement(suggestion.text, sure, from_copy=source == "copy")

    def best(self, copies: Copies, line: Line, prefix: str) -> Judgement:
        """The likelier of the copied lines and the network's."""
        if self.confidence is None or not self.knows_network or math.isnan(line.mean):
            return Judgement(line.text, line.mean, from_copy=False) if line.text.strip() else self.copy_alone(copies)
        if self.foreign:
            return max(self._network(line, prefix), self.copy_alone(copies), key=_probability)
        network = generated(line.text, line.log_probs, line.finished, prefix)
        chosen, sure = self.confidence.best(copies.own, network, copies.across, len(prefix))
        return Judgement(chosen.text, sure, from_copy=chosen is not network)

    def _network(self, line: Line, prefix: str) -> Judgement:
        """The network's line by itself."""
        if self.confidence is None or not self.knows_network:
            return Judgement(line.text, line.mean, from_copy=False)
        network = generated(line.text, line.log_probs, line.finished, prefix)
        return Judgement(network.text, self._of_network(network, Suggestion()), from_copy=False)

    def _of_network(self, network: Suggestion, copy: Suggestion) -> float:
        """How likely the network's line is right, in the light of a copied one where the numbers know of it."""
        assert self.confidence is not None
        if self.spot is not None:
            return self.elsewhere("network", network).probability
        if not self.foreign:
            return self.confidence.network(network, copy)
        return max(0.0, self.confidence.network(network, Suggestion()) - _FOREIGN)

    def within_reach(self, copies: Copies, line: Line) -> Iterator[Judgement]:
        """What may come at best of a network's line of which so much is there; a certain one where its numbers are not
        known, and where a copied line goes on from it: two who say the same are oftener right."""
        goes_on = any(each.text.startswith(line.text) for each in (copies.own, copies.across))
        if self.confidence is None or not self.knows_network or math.isnan(line.mean) or goes_on:
            yield Judgement(line.text, 1.0, from_copy=False)
            return
        for each in at_best(line.text, line.log_probs):
            yield Judgement(each.text, self._of_network(each, copies.own), from_copy=False)

    def possible(self, copies: Copies, total: float) -> Iterator[Judgement]:
        """Lines that a network may write at best whose tokens' log-probabilities, in nats, sum to so much; a certain
        one where its numbers are not known."""
        if self.confidence is None or not self.knows_network:
            yield Judgement("", 1.0, from_copy=False)
            return
        for each in possible(copies.own.text, total):
            yield Judgement(each.text, self._of_network(each, copies.own), from_copy=False)

    def ranked(self, copies: Copies, line: Line, prefix: str) -> list[Judgement]:
        """What there is for who asks by hand, in the order in which it is tried: what would be shown unasked, then the
        network's line, then what is copied all the same. At least one, which may be empty."""
        best = self.best(copies, line, prefix)
        own = self._network(line, prefix)
        copied_line = self.copy_alone(copies)
        least = self._needed(len(prefix))
        first = [best] if not best.from_copy or best.probability >= least else []
        found = [each for each in (*first, own, best, copied_line) if each.text.strip()]
        return found or [best]

    def in_file(self, judged: Judgement, above: int) -> float:
        """How likely a line is right with so many characters of its file above it."""
        if self.confidence is None:
            return judged.probability
        return self.confidence.in_file(judged.probability, judged.text, above)

    def further(self, below: Sequence[Line], sure: float, *, freely: bool = False) -> list[Line]:
        """The lines below the first that are worth showing, the last perhaps unfinished.

        `sure` is the probability of the first; `freely` is for who asks by hand.
        """
        kept: list[Line] = []
        for line in below:
            if not self.knows_network or freely or math.isnan(sure):
                goes_on = not line.finished or math.isnan(line.mean) or line.mean >= _GOES_ON
            else:
                sure = with_line(sure, line.log_probs)
                goes_on = sure >= ALL_RIGHT
            if not goes_on:
                break
            kept.append(line)
        return kept

    def threshold(self, language: str, above: int = BEGINNING, ignored: int = 0, *, prose: bool = False) -> float:
        """The least probability that is shown with so many characters of the file above, in code or in prose, after so
        many suggestions in a row that were ignored."""
        if self.confidence is None:
            return 0.0
        least = self._needed(above) + (0.0 if language in self.languages or self.spot is not None else _ELSEWHERE)
        if (measured := self.confidence.languages.get(language)) is not None:
            least = measured.threshold
        backed_off = _BACK_OFF * max(0, min(ignored, _MOST_IGNORED) - _PATIENCE)
        least = min(_MOST_ASKED, least + backed_off)
        return max(least, self._needed(above, prose=True)) if prose else least

    def _needed(self, above: int, *, prose: bool = False) -> float:
        """The probability from which a line is worth showing to everybody."""
        if self.spot is not None:
            return SURE_ELSEWHERE  # prose is known by the spot
        return self.confidence.needed(above, prose=prose) if self.confidence is not None else 0.0

    @property
    def measured_languages(self) -> frozenset[str]:
        """Where the numbers hold."""
        return self.languages | (self.confidence.languages.keys() if self.confidence else frozenset())


def _probability(judged: Judgement) -> float:
    return judged.probability


def sure_enough(probability: float, threshold: float) -> bool:
    """A backend that gives no probabilities is not held back: its user chose it."""
    return math.isnan(probability) or probability >= threshold


def judge_for(config: Config) -> Judge:
    """The judge for the configured small model."""
    return judge_of(config.small.model, knows_network=config.small.backend != "none")


def judge_of(model: str, *, knows_network: bool = True) -> Judge:
    """The judge for a model: by its own numbers, or by those assumed of one that is not known."""
    found = calibrations.find(model)
    return Judge(found.confidence, knows_network) if found is not None else Judge()
