"""The copy model: continue a line as the file itself continues the longest matching context. No training, no torch.

Prediction by partial matching (Cleary and Witten 1984; escape method C of Moffat 1990) over a file's words: the
probability of the next word blends what followed the same 8 words, the same 7, ... the same one. A greedy line is the
most probable word each time; the product of the probabilities is its confidence, calibrated by `calibration.py`.

All functions are pure over text. `Index` of a document can be kept while it does not change.
"""

import math
import re
from collections import defaultdict
from collections.abc import Sequence

from attrs import define, field

LEXEMES = re.compile(r"\n[ \t]*|[ \t]+|[^\W\d]\w*|\d+|[^\w\s]|\s")
FIRST_WORD = re.compile(r"\s*(\w+|[^\w\s]+)")
WORD_END = re.compile(r"\w+\Z")

ORDER = 8  # words of context at most; longer ones hardly occur twice
MAX_WORDS = 40  # of a line predicted
MAX_CANDIDATES = 400  # occurrences of the last word looked at, the nearest first
NEAR = 1500.0  # words: an occurrence at this distance from the cursor counts half of one beside it
CIRCLES = 4  # times that the same few words follow each other: a prediction that runs in circles is none
MIN_STEP = 0.05  # a word less probable ends the prediction


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
    distance: int = 0  # words between the cursor and the nearest of them

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


def first_word(text: str) -> str:
    """The first word or run of signs, with the blanks before it."""
    match = FIRST_WORD.match(text)
    return match.group() if match else ""


def lex(text: str) -> list[str]:
    """A text as words: names, numbers, single signs, blanks, newlines with their indentation."""
    return LEXEMES.findall(text)


@define
class Index:
    """The words before and after a cursor, and where each occurs."""

    words: list[str]
    cursor: int  # words[:cursor] stand before it
    places: dict[str, list[int]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.places = defaultdict(list)
        for at, word in enumerate(self.words):
            self.places[word].append(at)

    @classmethod
    def of(cls, prefix: str, suffix: str) -> "Index":
        """Of the complete words of a prefix and of a suffix. What follows the cursor directly is another line's end."""
        before = lex(prefix)
        rest = suffix.partition("\n")
        return cls([*before, "", *lex(rest[1] + rest[2])], len(before))


def complete(prefix: str, suffix: str, order: int = ORDER) -> Copy:
    """The most probable rest of the cursor's line, from this text alone; empty where nothing matches."""
    part = WORD_END.search(prefix)
    stem = part.group() if part else ""
    index = Index.of(prefix[: len(prefix) - len(stem)], suffix)
    return continue_line(index, stem, order)


def continue_line(index: Index, stem: str, order: int = ORDER) -> Copy:
    """Word by word until the line ends, nothing matches, or a word is too improbable."""
    history = index.words[: index.cursor]
    predicted: list[str] = []
    steps: list[float] = []
    first: _Step | None = None
    while len(predicted) < MAX_WORDS:
        step = _next(index, history[-order:], stem if first is None else "", order)
        if step is None or step.probability < MIN_STEP:
            break
        first = first or step
        steps.append(math.log(step.probability))
        if step.word.startswith("\n"):
            break
        predicted.append(step.word)
        history.append(step.word)
        if _circles(predicted):
            return Copy()
    text = "".join(predicted)[len(stem) :].rstrip(" \t")
    if first is None or not text:
        return Copy()
    return Copy(
        text, sum(steps), len(steps), first.matched, min(steps), steps[0], first.support, first.distance
    )  # fmt: skip


def _circles(words: Sequence[str]) -> bool:
    """Whether the last words are the same few, over and over."""
    return any(
        len(words) >= CIRCLES * size and list(words[-CIRCLES * size :]) == list(words[-size:]) * CIRCLES
        for size in range(1, 5)
    )


@define(frozen=True)
class _Step:
    """The next word and its probability."""

    word: str
    probability: float
    matched: int
    support: float
    distance: int


def _next(index: Index, context: Sequence[str], stem: str, order: int) -> _Step | None:
    """The most probable word after a context; it starts with the stem (and may be no longer)."""
    found = _occurrences(index, context, stem, order)
    if not found:
        return None
    blend: dict[str, float] = {}
    for length in range(0 if stem else 1, order + 1):  # from the shortest context up: each refines the last
        votes: dict[str, float] = defaultdict(float)
        for matched, word, vote, _ in found:
            if matched >= length:
                votes[word] += vote
        if not votes:
            break
        total, kinds = sum(votes.values()), len(votes)
        # With no more than one occurrence behind a context, trust grows with the context's length.
        escape = kinds * _ESCAPE[min(length, ORDER)]
        keep = escape / (total + escape)
        blend = {word: value * keep for word, value in blend.items()}
        for word, value in votes.items():
            blend[word] = blend.get(word, 0.0) + value / (total + escape)
    if not blend:
        return None
    best = max(blend, key=blend.__getitem__)
    mine = [(matched, vote, distance) for matched, word, vote, distance in found if word == best]
    return _Step(best, blend[best], max(m for m, _, _ in mine), sum(v for _, v, _ in mine), min(d for _, _, d in mine))


# How much probability a context leaves to shorter ones, for each different word seen after it (method C: 1).
_ESCAPE = (1.0, 1.0, 0.8, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2)


def _occurrences(index: Index, context: Sequence[str], stem: str, order: int) -> list[tuple[int, str, float, int]]:
    """Places that continue the context: (words matched, next word, vote, distance in words)."""
    last = context[-1] if context else None
    found = []
    for at in _candidates(index, last, stem):
        word = index.words[at]
        if not word or not word.startswith(stem):
            continue
        distance = abs(index.cursor - at)
        found.append((_matched(index.words, at, context, order), word, NEAR / (NEAR + distance), distance))
    return found


def _candidates(index: Index, last: str | None, stem: str) -> list[int]:
    """Where the next word may be read: after the last word's occurrences, or each word that starts with the stem."""
    if stem:
        places = [at for word, found in index.places.items() if word.startswith(stem) for at in found]
    else:
        size = len(index.words)
        places = [at + 1 for at in index.places.get(last or "", ()) if at + 1 < size and at + 1 != index.cursor]
    if len(places) > MAX_CANDIDATES:
        places = sorted(places, key=lambda at: abs(index.cursor - at))[:MAX_CANDIDATES]
    return places


def _matched(words: Sequence[str], at: int, context: Sequence[str], order: int) -> int:
    """How many words before a place equal the context's last ones."""
    length = 0
    while length < min(order, len(context), at) and words[at - 1 - length] == context[-1 - length]:
        length += 1
    return length
