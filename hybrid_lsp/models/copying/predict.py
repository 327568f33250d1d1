"""Prediction by partial matching (Cleary and Witten 1984; escape method C of Moffat 1990) over a file's words.

The probability of the next word blends what followed the same 8 words, the same 7, ... the same one. A greedy line is
the most probable word each time; the product of the probabilities is its confidence, calibrated by `calibration.py`.
"""

import math
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from attrs import define, field

from hybrid_lsp.models.copying.text import Block, Text
from hybrid_lsp.models.copying.words import LONG_LINE, LONG_STEM, LONG_WORD, lex, stem_of

ORDER = 8  # words of context at most; longer ones hardly occur twice
BEFORE, AFTER = 30_000, 10_000  # characters read around the cursor: more takes longer and says little more
DENSE, NEXT = 0.6, 2000  # words a character, of so many before the cursor: where there are more, less is read
MOST_S = 0.03  # seconds of computing for one line: text that is all signs has candidates everywhere
MAX_WORDS = 40  # of a line predicted
MAX_CANDIDATES = 400  # occurrences of the last word looked at, the nearest first
NEAR = 1500.0  # words: an occurrence at this distance from the cursor counts half of one beside it
CIRCLES = 4  # times that the same few words follow each other: a prediction that runs in circles is none
MIN_STEP = 0.05  # a word less probable ends the prediction

# How much probability a context leaves to shorter ones, for each different word seen after it (method C: 1).
# With no more than one occurrence behind a context, trust grows with the context's length.
_ESCAPE = (1.0, 1.0, 0.8, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2)


@define(frozen=True)
class Copy:
    """A predicted rest of a line, and what speaks for it."""

    text: str = ""
    log_prob: float = 0.0  # of the whole, with the line's end; nats
    words: int = 0
    matched: int = 0  # words of context that matched at the first step
    weakest: float = 0.0  # the smallest log-probability of a step
    first: float = 0.0  # the log-probability of the first step
    support: float = 0.0  # how many occurrences, weighted by nearness, voted for the first word
    distance: int = 0  # words (in other files: files) between the cursor and the nearest of them

    def features(self) -> list[float]:
        """For the calibration: about 0 to 1 each."""
        words = max(1, self.words)
        return [
            self.log_prob / 4,
            self.log_prob / words,
            self.weakest,
            self.first,
            self.matched / ORDER,
            math.log1p(self.support),
            math.log1p(self.distance) / 8,
            math.log1p(words) / 3,
            math.log1p(len(self.text)) / 4,
        ]


@define(frozen=True)
class Step:
    """The next word and its probability."""

    word: str
    probability: float
    matched: int
    support: float
    distance: int


def complete(prefix: str, suffix: str, order: int = ORDER) -> Copy:
    """The most probable rest of the cursor's line, from this text alone; empty where nothing matches."""
    return continue_line(Text.of(prefix + suffix), len(prefix), order)


def continue_line(text: Text, offset: int, order: int = ORDER) -> Copy:
    """Word by word until the line ends, nothing matches, or a word is too improbable."""
    window = Window.around(text, offset)
    history = window.before(order)

    def steps() -> Iterator[Step | None]:
        stem = window.stem
        while True:
            step = window.next(history[-order:], stem, order)
            yield step
            history.append(step.word if step else "")
            stem = ""

    return collect(steps(), window.stem)


def collect(steps: Iterable[Step | None], stem: str) -> Copy:
    """The line that the steps make; empty where it runs in circles."""
    predicted: list[str] = []
    log_probs: list[float] = []
    first: Step | None = None
    until = math.inf
    for step in steps:
        if time.thread_time() > until:
            return Copy()
        if first is None:  # with the first one, words are read that are known from then on
            until = time.thread_time() + MOST_S
        if step is None or step.probability < MIN_STEP or len(step.word) > LONG_WORD:
            break
        first = first or step
        log_probs.append(math.log(step.probability))
        if step.word.startswith("\n"):
            break
        predicted.append(step.word)
        if _circles(predicted):
            return Copy()
        if len(predicted) == MAX_WORDS:
            break
    text = "".join(predicted)[len(stem) :].rstrip(" \t")
    if first is None or not text:
        return Copy()
    count, total, weakest = len(log_probs), sum(log_probs), min(log_probs)
    return Copy(text, total, count, first.matched, weakest, log_probs[0], first.support, first.distance)


def _circles(words: Sequence[str]) -> bool:
    """Whether the last words are the same few, over and over."""
    return any(
        len(words) >= CIRCLES * size and list(words[-CIRCLES * size :]) == list(words[-size:]) * CIRCLES
        for size in range(1, 5)
    )


def likeliest(levels: Sequence[dict[str, float]], first_length: int) -> tuple[str, float]:
    """The most probable word and its probability, from the votes of each length of context, the shortest first.

    Each level refines the one before; a word of a longer context is one of all shorter ones.
    """
    share, shares = 1.0, []
    for length, votes in reversed(list(enumerate(levels, first_length))):
        escape = len(votes) * _ESCAPE[min(length, ORDER)]
        total = sum(votes.values()) + escape
        shares.append(share / total)
        share *= escape / total
    shares.reverse()
    # Only the likeliest of those that no longer context knows can win.
    words = [max(levels[0], key=levels[0].__getitem__), *(levels[1] if len(levels) > 1 else ())]
    probabilities = {
        word: sum(votes.get(word, 0.0) * part for votes, part in zip(levels, shares, strict=True)) for word in words
    }
    best = max(probabilities, key=probabilities.__getitem__)
    return best, probabilities[best]


@define(frozen=True)
class _Part:
    """Words of a block that stand in a window; word 0 of the block would be the window's word `base`."""

    block: Block
    low: int
    high: int
    base: int

    def find(self, word: str) -> list[int]:
        """Where in the window a word stands."""
        return self._placed(self.block.places.get(word, ()))

    def beginning(self, stem: str) -> Iterator[int]:
        """Where in the window words begin with a stem."""
        for word, places in self.block.places.items():
            if word.startswith(stem):
                yield from self._placed(places)

    def _placed(self, places: Sequence[int]) -> list[int]:
        low, high, base = self.low, self.high, self.base
        return [base + at for at in places if low <= at < high]


@define
class Window:
    """The words before and after a cursor, and where each occurs.

    What follows the cursor directly is another line's end and no part of it: an empty word stands in its place.
    """

    stem: str = ""  # the part of a word before the cursor, which the next word begins with
    words: list[str] = field(factory=list)
    cursor: int = 0  # words[:cursor] stand before it
    _above: list[_Part] = field(factory=list)
    _below: list[_Part] = field(factory=list)
    _known: dict[str, tuple[list[int], dict[str, float]]] = field(factory=dict)

    @classmethod
    def around(cls, text: Text, offset: int) -> "Window":
        """Of BEFORE and AFTER characters; lines cut by these bounds count as far as they are inside."""
        whole = text.text
        share = _share(whole[max(0, offset - NEXT) : offset])
        low, high = max(0, offset - int(share * BEFORE)), min(len(whole), offset + int(share * AFTER))
        window = cls(stem_of(whole[max(low, offset - LONG_STEM) : offset]))
        line = max(low, whole.rfind("\n", low, offset), offset - LONG_LINE)
        window._above = window._read(text, low, line)
        window._above += window._take(Block(whole[line : offset - len(window.stem)]))
        window.cursor = len(window.words)
        window.words.append("")
        below = whole.find("\n", offset, high)
        window._below = window._read(text, below, high) if below >= 0 else []
        return window

    def before(self, count: int) -> list[str]:
        """The last words before the cursor's."""
        return self.words[max(0, self.cursor - count) : self.cursor]

    def _read(self, text: Text, low: int, high: int) -> list[_Part]:
        """Take in a stretch of a text: whole lines from its blocks, and what the bounds cut."""
        whole = text.text
        first = low if low == 0 or whole.startswith("\n", low) else whole.find("\n", low, high)
        if first < 0:
            return self._take(Block(whole[low:high]))
        last = high if high == len(whole) or whole.startswith("\n", high) else max(first, whole.rfind("\n", low, high))
        parts = self._take(Block(whole[low:first]))
        start = 0
        for block in text.blocks:
            end = start + len(block.text)
            if end > first and start < last:
                parts += self._take(block, max(0, first - start), min(len(block.text), last - start))
            start = end
        return parts + self._take(Block(whole[last:high]))

    def _take(self, block: Block, low: int = 0, high: int | None = None) -> list[_Part]:
        """Take in a block, or what stands between two of its offsets."""
        first = block.word_at(low) if low else 0
        last = len(block.words) if high is None or high == len(block.text) else block.word_at(high)
        if first == last:
            return []
        part = _Part(block, first, last, len(self.words) - first)
        self.words += block.words[first:last]
        return [part]

    def next(self, context: Sequence[str], stem: str, order: int) -> Step | None:
        """The most probable word after a context; it starts with the stem (and may be no longer)."""
        if not stem and not context:
            return None
        places, votes = self._beginning(stem) if stem else self._following(context[-1])
        if not votes:
            return None
        levels, matching = [votes], places
        for length in range(0 if stem else 1, min(order, len(context))):
            matching = self._matching(matching, context[-1 - length], length + 1)
            if not matching:
                break
            levels.append(self._votes(matching))
        best, probability = likeliest(levels, 0 if stem else 1)
        matched = sum(best in level for level in levels) - (1 if stem else 0)
        distance = min(abs(self.cursor - at) for at in places if self.words[at] == best)
        return Step(best, probability, matched, votes[best], distance)

    def _matching(self, places: Sequence[int], word: str, before: int) -> list[int]:
        """Those places that have a word so many words before them."""
        words = self.words
        return [at for at in places if at >= before and words[at - before] == word]

    def _following(self, word: str) -> tuple[list[int], dict[str, float]]:
        """The places after the occurrences of a word, and what stands there."""
        if word not in self._known:
            above = _enough(part.find(word) for part in reversed(self._above))
            below = _enough(part.find(word) for part in self._below)
            found = [at + 1 for part in (*reversed(above), *below) for at in part]
            self._known[word] = self._counted([at for at in found if at < len(self.words) and at != self.cursor])
        return self._known[word]

    def _beginning(self, stem: str) -> tuple[list[int], dict[str, float]]:
        """The places of words that begin with a stem, and these words."""
        return self._counted(sorted(at for part in (*self._above, *self._below) for at in part.beginning(stem)))

    def _counted(self, places: list[int]) -> tuple[list[int], dict[str, float]]:
        places = _nearest(places, self.cursor)
        return places, self._votes(places)

    def _votes(self, places: Sequence[int]) -> dict[str, float]:
        """What the words at some places weigh: the more, the nearer."""
        words, cursor = self.words, self.cursor
        votes: dict[str, float] = {}
        for at in places:
            word = words[at]
            votes[word] = votes.get(word, 0.0) + NEAR / (NEAR + abs(cursor - at))
        return votes


def _share(text: str) -> float:
    """How much of the text around is read where a part of it is this one: of a text that is all signs, less."""
    return min(1.0, DENSE * len(text) / len(lex(text))) if len(text) == NEXT else 1.0


def _enough(found: Iterable[list[int]]) -> list[list[int]]:
    """As many of the lists as hold all candidates that can be looked at, and one more for the cursor's own place."""
    lists, count = [], 0
    for places in found:
        lists.append(places)
        count += len(places)
        if count > MAX_CANDIDATES:
            break
    return lists


def _nearest(places: list[int], cursor: int) -> list[int]:
    """The candidates nearest to the cursor, of places in order."""
    low, high = 0, len(places) - MAX_CANDIDATES
    if high <= 0:
        return places
    # The first run of places whose left neighbour on the outside is not nearer than its last.
    start = bisect_left(
        range(low, high), True, key=lambda at: cursor - places[at] <= places[at + MAX_CANDIDATES] - cursor
    )
    return places[start : start + MAX_CANDIDATES]
