"""Token healing: a cursor inside a word cuts it into tokens that the network has hardly ever seen.

So the word's part before the cursor (the stem) is taken off the prompt, and the first tokens written are held to
spell it: of `re|` the network sees nothing, and chooses among `return`, `result`, `re` ... by what it knows. The idea
is Lundberg's (guidance, 2023, "Token healing"); here the whole piece before the cursor is healed, not its last token.
"""

import bisect
import re

import numpy as np
import numpy.typing as npt
from attrs import define, field
from tokenizers import Tokenizer, pre_tokenizers

# As the embedded model's tokenizer splits a line, in the words of `re`.
PIECES = re.compile(r" ?[^\W\d]+|\d| ?[^\s\w]+|[^\S\r\n]+(?!\S)|\s")
LONGEST = 40  # characters of a stem; a longer one is not healed
_BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)


def piece_starts(line: str) -> list[int]:
    """Where a new token may begin in a line without its indentation, and whether the cursor stands there or not."""
    return [match.start() for match in PIECES.finditer(line)]


def split(prefix: str) -> tuple[str, str]:
    """A prefix without the piece the cursor may stand in, and that piece (empty after a digit or an indentation)."""
    start = prefix.rfind("\n") + 1
    start += len(prefix) - start - len(prefix[start:].lstrip(" \t"))
    starts = piece_starts(prefix[start:])
    if not starts:
        return prefix, ""
    cut = start + starts[-1]
    stem = prefix[cut:]
    return (prefix, "") if stem.isdigit() or len(stem) > LONGEST else (prefix[:cut], stem)


@define
class Healer:
    """Which tokens may be written while a stem is being spelt."""

    tokenizer: Tokenizer
    specials: frozenset[str]  # never written while spelling
    _names: list[str] = field(init=False)  # sorted; as ByteLevel writes bytes
    _ids: dict[str, int] = field(init=False)
    _cache: dict[str, npt.NDArray[np.int64]] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        vocabulary = self.tokenizer.get_vocab()
        self._ids = {name: index for name, index in vocabulary.items() if name not in self.specials}
        self._names = sorted(self._ids)

    def spell(self, stem: str) -> str:
        """A stem as the vocabulary writes it; `rest` below is in this form."""
        return _BYTES.pre_tokenize_str(stem)[0][0] if stem else ""

    def allowed(self, rest: str) -> npt.NDArray[np.int64]:
        """The tokens that begin with the rest of a stem, or with which it begins."""
        if rest not in self._cache:
            first = bisect.bisect_left(self._names, rest)
            last = bisect.bisect_left(self._names, rest + "\U0010ffff")
            names = self._names[first:last] + [rest[:size] for size in range(1, len(rest)) if rest[:size] in self._ids]
            self._cache[rest] = np.array([self._ids[name] for name in names], np.int64)
            if len(self._cache) > 4096:
                self._cache.pop(next(iter(self._cache)))
        return self._cache[rest]

    def step(self, rest: str, scores: npt.NDArray[np.float32]) -> tuple[int, float, str]:
        """The likeliest token that goes on spelling: it, its log-probability among those allowed, what is left.

        scores: logits or log-probabilities of the whole vocabulary.
        """
        ids = self.allowed(rest)
        chosen = scores[ids].astype(np.float64)
        best = int(chosen.argmax())
        log_prob = -float(np.log(np.exp(chosen - chosen[best]).sum()))
        token = int(ids[best])
        return token, log_prob, rest[len(self.tokenizer.id_to_token(token) or "") :]
