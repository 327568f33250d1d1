"""Continue a line as other files of the same language do.

The places found are followed, and dropped when they go another way than the likeliest word: what is copied stands in
one of them, word for word. Prompt-lookup decoding (Saxena 2023) finds its drafts so; here the places vote.
"""

from collections.abc import Iterator, Sequence

from attrs import define

from hybrid_lsp.models.copying.predict import Copy, Step, collect, likeliest
from hybrid_lsp.models.copying.text import DEEP, WIDE, Text, key_of
from hybrid_lsp.models.copying.words import lex, stem_of

ORDER_ACROSS = 16  # words of context that are compared
CONTEXT = 400  # characters in which they are looked for, from the start of a line on
MAX_FOUND = 100  # places followed; those where more words match first, then those of the nearer files
MAX_LOOKED = 2000  # places looked at, of those where few words match
NEAR_FILES = 4.0  # the file that so many others are nearer than counts half of the nearest


@define
class _Place:
    """Where a line may go on: a block's words from `at` on, after so many that match; `rank` 0 is the nearest file."""

    words: Sequence[str]
    at: int
    rank: int
    matched: int

    @property
    def word(self) -> str:
        """What stands there; after a block's end comes another line."""
        return self.words[self.at] if self.at < len(self.words) else "\n"


def continue_across(text: str, offset: int, others: Sequence[Text]) -> Copy:
    """The most probable rest of the cursor's line from other files, the nearest first."""
    start = max(0, text.rfind("\n", 0, max(0, offset - CONTEXT)), offset - 2 * CONTEXT)
    before = text[start:offset]
    stem = stem_of(before)
    context = lex(before[: len(before) - len(stem)])[-ORDER_ACROSS:]
    return collect(_steps(_find(context, stem, others)), stem)


def _find(context: Sequence[str], stem: str, others: Sequence[Text]) -> list[_Place]:
    """Where the context's last words stand, in what has been made ready of the other files."""
    if len(context) < DEEP:
        return []
    key, looked = key_of(context), 0
    well: list[_Place] = []
    less: list[_Place] = []
    for rank, text in enumerate(others):
        for block in text.blocks:
            if not block.ready:
                continue
            deep, wide = block.after(key)
            if deep and len(well) < MAX_FOUND:
                well += _agreeing(block.words, deep, rank, context, stem)
            if wide and len(less) < MAX_FOUND and looked < MAX_LOOKED:
                looked += len(wide)
                less += _agreeing(block.words, wide, rank, context, stem)
    return [*well, *less][:MAX_FOUND]


def _agreeing(
    words: Sequence[str], places: Sequence[int], rank: int, context: Sequence[str], stem: str
) -> Iterator[_Place]:
    """Those places that a line can go on from: keys may be alike by chance."""
    for at in places:
        if stem and not (at < len(words) and words[at].startswith(stem)):
            continue
        if (matched := _matched(words, at, context)) >= WIDE:
            yield _Place(words, at, rank, matched)


def _matched(words: Sequence[str], at: int, context: Sequence[str]) -> int:
    """How many words before a place equal the context's last ones."""
    length = 0
    while length < min(len(context), at) and words[at - 1 - length] == context[-1 - length]:
        length += 1
    return length


def _steps(places: list[_Place]) -> Iterator[Step]:
    """The likeliest words, one after the other, as long as a place is left. The places move on."""
    while places:
        levels = _levels(places)
        best, probability = likeliest(levels, WIDE)
        places = [place for place in places if place.word == best]
        matched, nearest = max(place.matched for place in places), min(place.rank for place in places)
        yield Step(best, probability, matched, levels[0][best], nearest)
        for place in places:
            place.at += 1
            place.matched += 1


def _levels(places: Sequence[_Place]) -> list[dict[str, float]]:
    """The votes of each length of context from WIDE on."""
    longest = max(place.matched for place in places)
    levels: list[dict[str, float]] = [{} for _ in range(WIDE, longest + 1)]
    for place in places:
        votes, word = levels[place.matched - WIDE], place.word
        votes[word] = votes.get(word, 0.0) + NEAR_FILES / (NEAR_FILES + place.rank)
    for shorter, votes in zip(reversed(levels[:-1]), reversed(levels[1:]), strict=True):
        for word, vote in votes.items():  # what follows a long context follows all shorter ones
            shorter[word] = shorter.get(word, 0.0) + vote
    return levels
