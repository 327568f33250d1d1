"""One generation: the tokens of a model become text, and everything that may end it is looked at after each token."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from enum import StrEnum

import attrs

from hybrid_lsp.engine.base import Model, Sampling
from hybrid_lsp.engine.tokenizer import Detokenizer, Tokenizer
from hybrid_lsp.models.healing import Healer
from hybrid_lsp.models.stops import StopFinder


class StopType(StrEnum):
    """Why a generation ended. The first three are llama.cpp's words."""

    EOS = "eos"
    WORD = "word"
    LIMIT = "limit"
    TIME = "time"
    CANCELLED = "cancelled"


@attrs.frozen
class Token:
    """One generated token; `text` is what became readable with it, possibly nothing; `logprob` may be NaN."""

    id: int
    text: str = attrs.field(repr=False)
    logprob: float


@attrs.frozen
class Chunk:
    """Text that is certain, and the tokens that it took."""

    text: str = attrs.field(repr=False)
    tokens: tuple[Token, ...]


@attrs.frozen
class Summary:
    """How a generation went; times in milliseconds, `first_ms` until the first token (the prefill)."""

    stop_type: StopType
    stop_word: str
    prompt_tokens: int
    tokens: int
    first_ms: float
    decode_ms: float


@attrs.define
class Counters:
    """What the engine did since it was started. Only the generating thread writes the first five."""

    generations_started: int = 0
    generations_cancelled: int = 0
    prompt_tokens: int = 0
    tokens_decoded: int = 0
    tokens_after_cancel: int = 0
    requests_dropped: int = 0
    """Requests whose connection was closed while they waited: they never started."""
    seconds_generating: float = 0.0


@attrs.frozen
class Limits:
    """What ends a generation beside the model itself; `budget_ms` counts from the first token (None: no limit)."""

    stop: tuple[str, ...] = ()
    budget_ms: float | None = None


@attrs.frozen
class Stem:
    """The piece before the cursor that the first tokens are held to spell; it is not part of the reply."""

    text: str = attrs.field(repr=False)
    healer: Healer


@attrs.define(eq=False)
class Generation:
    """The sink of one generation. Lives on the generating thread; only `cancel` may come from another."""

    tokenizer: Tokenizer
    prompt: Sequence[int]
    limits: Limits
    ends: frozenset[int]
    emit: Callable[[Chunk], None]
    cancel: threading.Event
    counters: Counters
    stem: Stem | None = None
    clock: Callable[[], float] = time.perf_counter
    stop_type: StopType = StopType.LIMIT
    count: int = 0
    _detokenizer: Detokenizer = attrs.field(init=False)
    _finder: StopFinder = attrs.field(init=False)
    _held: list[Token] = attrs.field(factory=list)
    _unspelt: int = 0
    _started: float = 0.0
    _first: float | None = None

    def __attrs_post_init__(self) -> None:
        self._detokenizer = Detokenizer(self.tokenizer, self.prompt[-8:])
        self._finder = StopFinder(self.limits.stop)

    @property
    def cancelled(self) -> bool:
        return self.cancel.is_set()

    def run(self, model: Model, sampling: Sampling) -> Summary:
        """Generate. Blocks until the end; chunks go to `emit` meanwhile."""
        self.counters.generations_started += 1
        self.counters.prompt_tokens += len(self.prompt)
        self._started = self.clock()
        spelt = self._spell(model, self.stem) if self.stem else []
        left = sampling.max_tokens - len(spelt)
        if left > 0 and self.stop_type is StopType.LIMIT and not self.cancelled:
            model.decode([*self.prompt, *spelt], attrs.evolve(sampling, max_tokens=left), sorted(self.ends), self)
        return self._finish()

    def _spell(self, model: Model, stem: Stem) -> list[int]:
        """Take the likeliest tokens that spell the stem; the last may go beyond it."""
        self._unspelt = len(stem.text)
        spelt: list[int] = []
        rest = stem.healer.spell(stem.text)
        while rest and not self.cancelled:
            token, logprob, rest = stem.healer.step(rest, model.scores([*self.prompt, *spelt]))
            spelt.append(token)
            if self.token(token, logprob):
                break
        return spelt

    def token(self, token_id: int, logprob: float) -> bool:
        now = self.clock()
        self._first = now if self._first is None else self._first
        self.count += 1
        self.counters.tokens_decoded += 1
        if self.cancelled:
            self.counters.tokens_after_cancel += 1
            return self._end(StopType.CANCELLED)
        if token_id in self.ends:
            # Without text, but how sure the model was of ending is part of how sure it was of the line.
            self._held.append(Token(token_id, "", logprob))
            return self._end(StopType.EOS)
        self._take(token_id, logprob)
        if self._finder.found is not None:
            return self._end(StopType.WORD)
        return self._is_late(now) and self._end(StopType.TIME)

    def _take(self, token_id: int, logprob: float) -> None:
        text = self._detokenizer.feed(token_id)
        known = min(self._unspelt, len(text))
        self._unspelt, text = self._unspelt - known, text[known:]
        self._held.append(Token(token_id, text, logprob))
        safe = self._finder.feed(text)
        if safe:
            self._emit(safe)

    def _emit(self, text: str) -> None:
        self.emit(Chunk(text, tuple(self._held)))
        self._held.clear()

    def _is_late(self, now: float) -> bool:
        budget = self.limits.budget_ms
        return budget is not None and self._first is not None and (now - self._first) * 1000 >= budget

    def _end(self, stop_type: StopType) -> bool:
        self.stop_type = stop_type
        return True

    def _finish(self) -> Summary:
        if self.cancelled and self.stop_type is StopType.LIMIT:
            self.stop_type = StopType.CANCELLED
        if self.stop_type is StopType.CANCELLED:
            self.counters.generations_cancelled += 1
        else:
            rest = self._finder.flush()
            if rest or self._held:
                self._emit(rest)
        end = self.clock()
        first = end if self._first is None else self._first
        self.counters.seconds_generating += end - self._started
        return Summary(
            stop_type=self.stop_type,
            stop_word=self._finder.found or "",
            prompt_tokens=len(self.prompt),
            tokens=self.count,
            first_ms=(first - self._started) * 1000,
            decode_ms=(end - first) * 1000,
        )
