"""One generation: the tokens of a model become text, and everything that may end it is looked at after each token."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from enum import StrEnum

import attrs
import numpy as np
import numpy.typing as npt

from hybrid_lsp.engine.base import Guide, Model, Sampling
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
    PREEMPTED = "preempted"
    """It was asked ahead of need, and somebody asked who waits."""
    UNLIKELY = "unlikely"
    """Its first line has become less likely than is wanted."""


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
    """How a generation went; times in milliseconds, `first_ms` until the first token (the prefill).

    `reused_tokens` of the prompt's tokens were known from an earlier one. `cpu_ms` is the processors' time, of all
    threads.
    """

    stop_type: StopType
    stop_word: str
    prompt_tokens: int
    reused_tokens: int
    tokens: int
    first_ms: float
    decode_ms: float
    cpu_ms: float = 0.0

    @property
    def is_whole(self) -> bool:
        """Whether the model ended it, or a stop string."""
        return self.stop_type in (StopType.EOS, StopType.WORD)


@attrs.define
class Counters:
    """What the engine did since it was started. Only the generating thread writes the first six."""

    generations_started: int = 0
    generations_cancelled: int = 0
    generations_preempted: int = 0
    prompt_tokens: int = 0
    tokens_decoded: int = 0
    tokens_after_cancel: int = 0
    requests_dropped: int = 0
    """Requests whose connection was closed while they waited: they never started."""
    seconds_generating: float = 0.0


@attrs.frozen
class Limits:
    """What ends a generation beside the model itself; `budget_ms` counts from the first token (None: no limit).

    `least` is the sum of the log-probabilities of a first line's tokens, in nats, below which it is not wanted.
    """

    stop: tuple[str, ...] = ()
    budget_ms: float | None = None
    least: float = -math.inf


@attrs.frozen
class Stem:
    """The piece before the cursor that the first tokens are held to spell; it is not part of the reply."""

    text: str = attrs.field(repr=False)
    healer: Healer

    def guide(self) -> Guide:
        """Chooses the likeliest tokens that spell the stem; the last may go beyond it."""
        rest = self.healer.spell(self.text)

        def choose(logits: npt.NDArray[np.float32]) -> tuple[int, float] | None:
            nonlocal rest
            if not rest:
                return None
            token, logprob, rest = self.healer.step(rest, logits)
            return token, logprob

        return choose


@attrs.define(eq=False)
class Generation:
    """The sink of one generation. Lives on the generating thread; only the two events may come from another.

    `shared` of the prompt's first tokens are likely to be those of prompts to come. `guide` holds the reply to a form;
    a stem has a guide of its own. `expected` are the tokens that the client thinks will be generated.
    """

    tokenizer: Tokenizer
    prompt: Sequence[int]
    limits: Limits
    ends: frozenset[int]
    emit: Callable[[Chunk], None]
    cancel: threading.Event
    counters: Counters
    make_way: threading.Event = attrs.field(factory=threading.Event)
    shared: int = 0
    stem: Stem | None = None
    guide: Guide | None = None
    expected: Sequence[int] = ()
    clock: Callable[[], float] = time.perf_counter
    stop_type: StopType = StopType.LIMIT
    count: int = 0
    _detokenizer: Detokenizer = attrs.field(init=False)
    _finder: StopFinder = attrs.field(init=False)
    _held: list[Token] = attrs.field(factory=list)
    _unspelt: int = 0
    _likely: float = 0.0
    _in_first_line: bool = True
    _reused: int = 0
    _started: float = 0.0
    _cpu_started: float = 0.0
    _first: float | None = None

    def __attrs_post_init__(self) -> None:
        self._detokenizer = Detokenizer(self.tokenizer, self.prompt[-8:])
        self._finder = StopFinder(self.limits.stop)

    @property
    def cancelled(self) -> bool:
        return self.cancel.is_set() or self.make_way.is_set()

    def run(self, model: Model, sampling: Sampling) -> Summary:
        """Generate. Blocks until the end; chunks go to `emit` meanwhile."""
        self.counters.generations_started += 1
        self.counters.prompt_tokens += len(self.prompt)
        self._started, self._cpu_started = self.clock(), time.process_time()
        guide = self.guide
        if self.stem is not None:
            self._unspelt, guide = len(self.stem.text), self.stem.guide()
        if self.make_way.is_set():
            self._end(StopType.PREEMPTED)
        elif self.cancel.is_set():
            self._end(StopType.CANCELLED)
        elif sampling.max_tokens > 0:
            self._reused = model.decode(
                self.prompt, sampling, sorted(self.ends), self, guide, self.shared, self.expected
            )
        else:
            self._reused = model.prefill(self.prompt, self.shared)
        return self._finish()

    def token(self, token_id: int, logprob: float) -> bool:
        now = self.clock()
        self._first = now if self._first is None else self._first
        self.count += 1
        self.counters.tokens_decoded += 1
        if self.cancel.is_set():
            self.counters.tokens_after_cancel += 1
            return self._end(StopType.CANCELLED)
        if token_id in self.ends:
            # Without text, but how sure the model was of ending is part of how sure it was of the line.
            self._held.append(Token(token_id, "", logprob))
            return self._end(StopType.EOS)
        self._take(token_id, logprob)
        if self._finder.found is not None:
            return self._end(StopType.WORD)
        if self.make_way.is_set():
            return self._end(StopType.PREEMPTED)
        if self._in_first_line and self._likely < self.limits.least:
            return self._end(StopType.UNLIKELY)
        return self._is_late(now) and self._end(StopType.TIME)

    def _take(self, token_id: int, logprob: float) -> None:
        text = self._detokenizer.feed(token_id)
        known = min(self._unspelt, len(text))
        self._unspelt, text = self._unspelt - known, text[known:]
        self._likely += logprob
        self._in_first_line = self._in_first_line and "\n" not in text
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
            self.stop_type = StopType.CANCELLED if self.cancel.is_set() else StopType.PREEMPTED
        if self.stop_type is StopType.CANCELLED:
            self.counters.generations_cancelled += 1
        else:
            self.counters.generations_preempted += self.stop_type is StopType.PREEMPTED
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
            reused_tokens=self._reused,
            tokens=self.count,
            first_ms=(first - self._started) * 1000,
            decode_ms=(end - first) * 1000,
            cpu_ms=(time.process_time() - self._cpu_started) * 1000,
        )
