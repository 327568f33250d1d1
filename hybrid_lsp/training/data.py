"""Batches from a corpus, drawn anew in each epoch and prepared in a thread, so that the network never waits."""

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from attrs import define, field
from tokenizers import Tokenizer

from hybrid_lsp.training import corpus, fim

CHUNK = 2048  # samples drawn, packed and shuffled together
AHEAD = 3  # chunks prepared before they are needed


class Rows(NamedTuple):
    """Rows to learn from: (n, context + 1) each."""

    tokens: npt.NDArray[np.uint16]
    weights: npt.NDArray[np.float32]  # of each token as a target; 0: none

    def part(self, start: int, count: int) -> "Rows":
        """Some of the rows."""
        return Rows(self.tokens[start : start + count], self.weights[start : start + count])


@define
class Samples:
    """The samples of a split, by chunk: chunk n is always the same, so a run resumes where it stopped."""

    texts: list[str]
    tokenizer: Tokenizer
    context: int
    seed: int
    layout: fim.Layout = field(init=False)
    stretches: npt.NDArray[np.int32] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.layout = fim.Layout.of(self.tokenizer)
        self.stretches = fim.segments(self.texts)

    @classmethod
    def of(cls, folder: Path, split: str, tokenizer: Tokenizer, context: int, seed: int) -> "Samples":
        """The samples of a corpus folder's split."""
        return cls([file.text for file in corpus.load(folder, split)], tokenizer, context, seed)

    @property
    def chunks_an_epoch(self) -> int:
        """How many chunks see every stretch once."""
        return max(1, -(-len(self.stretches) // CHUNK))

    def chunk(self, number: int) -> Rows:
        """The rows of a chunk, in random order."""
        epoch, part = divmod(number, self.chunks_an_epoch)
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.stretches))
        chosen = self.stretches[order[part * CHUNK : (part + 1) * CHUNK]]
        draw = np.random.default_rng([self.seed, epoch, part + 1])
        drawn = list(fim.samples(self.texts, chosen, self.tokenizer, self.layout, self.context, draw))
        tokens, weights = fim.pack(drawn, self.context, self.layout.pad)
        mixed = draw.permutation(len(tokens))
        return Rows(tokens[mixed], weights[mixed])


@define
class Position:
    """How far a run has read: the chunk, and the rows of it that are used up."""

    chunk: int = 0
    row: int = 0


@define
class Batches:
    """An endless source of batches, from a position on; `position` is where the next batch starts."""

    samples: Samples
    rows: int
    position: Position
    _ready: "queue.Queue[tuple[int, Rows | Exception]]" = field(init=False, factory=lambda: queue.Queue(AHEAD))
    _stop: threading.Event = field(init=False, factory=threading.Event)

    def __iter__(self) -> Iterator[Rows]:
        threading.Thread(target=self._prepare, args=(self.position.chunk,), daemon=True, name="batches").start()
        while True:
            number, found = self._ready.get()
            if isinstance(found, BaseException):
                raise found
            start = self.position.row if number == self.position.chunk else 0
            # The odd rows at a chunk's end are left out: another shape would be compiled anew.
            for row in range(start, max(1, len(found.tokens) - self.rows + 1), self.rows):
                self.position = Position(number, row + self.rows)
                yield found.part(row, self.rows)

    def close(self) -> None:
        """Stop preparing."""
        self._stop.set()

    def _prepare(self, number: int) -> None:
        try:
            while not self._stop.is_set():
                self._put(number, self.samples.chunk(number))
                number += 1
        except Exception as error:  # told to the reader, who would wait for ever otherwise
            self._put(number, error)

    def _put(self, number: int, rows: Rows | Exception) -> None:
        while not self._stop.is_set():
            try:
                self._ready.put((number, rows), timeout=0.5)
            except queue.Full:
                continue
            return
