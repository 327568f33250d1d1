"""Token healing: a cursor in a word, or behind a blank, cuts the text into tokens that a model has hardly ever seen.

So what the cursor may have cut (the stem) is taken off the prompt, and the first tokens written are held to spell it:
of `re|` the model sees nothing, and chooses among `return`, `result`, `re` ... by what it knows. The idea is Lundberg's
(guidance, 2023, "Token healing"); here all of the text that one token may span is healed, not its last token.

How much that is the tokenizer itself says (`Healer.split`); our own network was trained with a rule (`split`).
"""

import bisect
import json
import re
from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt
from attrs import define, field
from tokenizers import Tokenizer

# As the embedded model's tokenizer splits a line, in the words of `re`.
PIECES = re.compile(r" ?[^\W\d]+|\d| ?[^\s\w]+|[^\S\r\n]+(?!\S)|\s")
LONGEST = 40  # characters of a stem; a longer one is not healed
_WINDOW = 200  # characters before the cursor in which a stem is looked for
_LINES = 3  # lines of them: some tokens hold a line's end and the next line's indentation
_TRIED = 8  # tokens that could go on with a text, of those that begin with it
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_KEPT = 4096  # stems whose tokens are remembered


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
    """Where a prompt ends well, and which tokens may be written while the rest of the prefix is being spelt.

    `trained`: the network has learnt to go on where `split` cuts, and nowhere else.
    """

    tokenizer: Tokenizer
    specials: frozenset[str]  # never written while spelling
    trained: bool = False
    pieces: dict[int, bytes] = field(init=False)  # what each token writes
    _sorted: list[tuple[bytes, int]] = field(init=False)  # sorted
    _ids: dict[bytes, list[int]] = field(init=False)
    _allowed: dict[bytes, npt.NDArray[np.int64]] = field(init=False, factory=dict)
    _spelt: dict[bytes, bool] = field(init=False, factory=lambda: {b"": True})

    def __attrs_post_init__(self) -> None:
        self.pieces = written(self.tokenizer, self.specials)
        self._sorted = sorted((piece, token) for token, piece in self.pieces.items())
        self._ids = {}
        for piece, token in self._sorted:
            self._ids.setdefault(piece, []).append(token)

    def split(self, prefix: str) -> tuple[str, str]:
        """A prefix up to where a token surely ends, and the stem: as much before the cursor as one token could hold
        that goes on beyond it, and more where the rest would be cut into other tokens without it."""
        if self.trained:
            return split(prefix)
        tail = _tail(prefix)
        tokens = self._encode(tail)
        reached, stem = self._unsettled(tail, tokens), ""
        for count, text, spelling in self._ends(tail, tokens):
            head, before = tail.removesuffix(text), tokens[: len(tokens) - count]
            if count <= reached or self._is_cut(head, before, spelling):
                stem = "" if self._encode(head) != before else text
                reached = max(reached, count + (not stem))
        return (prefix.removesuffix(stem), stem) if stem and self._spellable(self.spell(stem)) else (prefix, "")

    def _ends(self, tail: str, tokens: list[int]) -> Iterator[tuple[int, str, bytes]]:
        """The ends of a text that begin with a token, shortest first: how many tokens they have, as text, as bytes."""
        spelling = b""
        for count in range(1, len(tokens) + 1):
            piece = self.pieces.get(tokens[-count], b"")
            spelling = piece + spelling
            text = _text(spelling)
            # The tokenizer may change a text before it cuts it.
            if not piece or len(spelling) > LONGEST or not (text is None or tail.endswith(text)):
                return
            if text is not None:
                yield count, text, spelling

    def _unsettled(self, tail: str, tokens: list[int]) -> int:
        """How many of the last tokens a word behind white space makes others."""
        if not tail[-1:].isspace():
            return 0
        cut_otherwise = self._encode(f"{tail}a")
        same = next((at for at, (a, b) in enumerate(zip(tokens, cut_otherwise, strict=False)) if a != b), len(tokens))
        return len(tokens) - same

    def _is_cut(self, head: str, before: list[int], spelling: bytes) -> bool:
        """Whether one token may hold a text and more behind a head of such tokens."""
        return any(self._encode(head + more) == [*before, token] for token, more in self._going_on(spelling))

    def _going_on(self, spelling: bytes) -> Iterator[tuple[int, str]]:
        """Some tokens that begin with a text and are longer, from all over the vocabulary."""
        first, last = self._range(spelling)
        longer = range(first + len(self._ids.get(spelling, ())), last)
        for at in longer[:: max(1, len(longer) // _TRIED)]:
            piece, token = self._sorted[at]
            if (text := _text(piece)) is not None:
                yield token, text

    def _encode(self, text: str) -> list[int]:
        sound = text.encode("utf-8", "replace").decode()  # half a character, cut by an editor, is no text
        self.tokenizer.encode_special_tokens = True
        ids: list[int] = self.tokenizer.encode(sound, add_special_tokens=False).ids
        return ids

    def spell(self, stem: str) -> bytes:
        """A stem as the vocabulary is compared with it; `rest` below is in this form."""
        return stem.encode("utf-8", "replace")

    def allowed(self, rest: bytes) -> npt.NDArray[np.int64]:
        """The tokens that begin with the rest of a stem, or with which it begins."""
        if rest not in self._allowed:
            first, last = self._range(rest)
            ids = [token for _, token in self._sorted[first:last]]
            for size in range(1, len(rest)):
                ids += self._ids.get(rest[:size], []) if self._spellable(rest[size:]) else []
            self._allowed[rest] = np.array(ids, np.int64)
            if len(self._allowed) > _KEPT:
                self._allowed.pop(next(iter(self._allowed)))
        return self._allowed[rest]

    def _range(self, spelling: bytes) -> tuple[int, int]:
        """Where the tokens that begin so are among all."""
        return bisect.bisect_left(self._sorted, (spelling, -1)), bisect.bisect_left(
            self._sorted, (_after(spelling), -1)
        )

    def _spellable(self, rest: bytes) -> bool:
        """Whether tokens can spell a text to its end, the last perhaps going beyond it."""
        if rest not in self._spelt:
            first, last = self._range(rest)
            parts = (size for size in range(1, len(rest)) if rest[:size] in self._ids)
            self._spelt[rest] = last > first or any(self._spellable(rest[size:]) for size in parts)
            if len(self._spelt) > _KEPT:
                self._spelt.pop(next(iter(self._spelt)))
        return self._spelt[rest]

    def step(self, rest: bytes, scores: npt.NDArray[np.float32]) -> tuple[int, float, bytes]:
        """The likeliest token that goes on spelling: it, its log-probability among those allowed, what is left.

        scores: logits or log-probabilities of the whole vocabulary.
        """
        ids = self.allowed(rest)
        chosen = scores[ids].astype(np.float64)
        best = int(chosen.argmax())
        log_prob = -float(np.log(np.exp(chosen - chosen[best]).sum()))
        token = int(ids[best])
        return token, log_prob, rest[len(self.pieces[token]) :]


def written(tokenizer: Tokenizer, specials: frozenset[str] = frozenset()) -> dict[int, bytes]:
    """The bytes that each token writes; special ones write none, and are left out.

    Byte-level BPE spells a byte by a character of its own (Radford et al. 2019); SentencePiece writes `▁` for a blank,
    and a byte that is no character as `<0x0A>`. Empty for other kinds, which do not keep blanks.
    """
    decoder = _types(json.loads(tokenizer.decoder.__getstate__())) if tokenizer.decoder is not None else frozenset()
    added = tokenizer.get_added_tokens_decoder()
    found: dict[int, bytes] = {}
    for name, token in tokenizer.get_vocab(with_added_tokens=True).items():
        if name in specials or (token in added and added[token].special):
            continue
        piece = name.encode() if token in added else _piece(name, decoder)
        if piece:
            found[token] = piece
    return found


def _types(decoder: dict[str, object] | list[object] | object) -> frozenset[str]:
    """The kinds of all parts of a decoder, as tokenizer.json describes it."""
    if isinstance(decoder, list):
        return frozenset[str]().union(*map(_types, decoder))
    if not isinstance(decoder, dict):
        return frozenset()
    return frozenset({str(decoder.get("type"))}).union(_types(decoder.get("decoders")))


def _piece(name: str, decoder: frozenset[str]) -> bytes | None:
    if "ByteLevel" in decoder:
        try:
            return name.translate(_byte_table()).encode("latin-1")
        except UnicodeEncodeError:
            return None  # no byte-level spelling
    if not decoder & {"Metaspace", "Replace"}:
        return None
    if "ByteFallback" in decoder and (byte := _BYTE.fullmatch(name)):
        return bytes([int(byte[1], 16)])
    return name.replace("▁", " ").encode()


@cache
def _byte_table() -> dict[int, int]:
    """The byte that each character of a byte-level vocabulary stands for: itself where it can be printed.

    Characters that stand for none are left as they are; those below 0x100 that are no bytes here become none.
    """
    printed = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printed]
    return {byte: 0x100 + len(others) for byte in others} | {0x100 + at: byte for at, byte in enumerate(others)}


def _tail(prefix: str) -> str:
    """The last lines of a prefix, from a line's start where they are not too long."""
    tail = prefix[-_WINDOW:]
    lines = tail.splitlines(keepends=True)
    if len(lines) > _LINES:
        return "".join(lines[-_LINES:])
    return tail if len(tail) == len(prefix) or len(lines) < 2 else "".join(lines[1:])


def _text(piece: bytes) -> str | None:
    """None where it begins or ends inside a character."""
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return None


def _after(spelling: bytes) -> bytes:
    """The first text in order that does not begin so; no UTF-8 has the byte 0xFF."""
    return spelling + b"\xff"
