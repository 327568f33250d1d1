"""The engine without HTTP: a loaded model, its tokenizer and prompt format, and the one way to ask it."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Literal

import attrs

from hybrid_lsp.engine import prompts
from hybrid_lsp.engine import tokenizer as tokens
from hybrid_lsp.engine.base import Model, Sampling
from hybrid_lsp.engine.chat import ChatFormat, TemplateRefused
from hybrid_lsp.engine.ct2 import Ct2Model
from hybrid_lsp.engine.generation import Chunk, Counters, Generation, Limits, Stem, Summary
from hybrid_lsp.engine.scheduler import Scheduler
from hybrid_lsp.engine.tokenizer import Tokenizer
from hybrid_lsp.errors import ConfigError, ModelBroken
from hybrid_lsp.models import families, healing, store
from hybrid_lsp.models.families import Family
from hybrid_lsp.models.healing import Healer
from hybrid_lsp.types import Infill, Message

Library = Literal["auto", "ctranslate2", "torch"]
_LOG = logging.getLogger(__name__)
_BENCHMARK_PROMPTS = (32, 64, 128, 256, 256)
_BENCHMARK_MS = 100
_BENCHMARK_TOKENS = 8


class BadRequest(Exception):
    """A request that cannot be served as it is; `kind` is the error's type on the wire."""

    def __init__(self, message: str, kind: str = "invalid_request_error", status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.status = status


@attrs.frozen
class Rates:
    """Tokens a second that this model reaches on this machine."""

    prefill: float
    decode: float


@attrs.define(eq=False)
class Job:
    """One request to the model.

    An Infill is the user's text and is trimmed to the window; messages and a raw text are not, and in a raw text
    control tokens are meant. `max_tokens` None: until the window is full.
    """

    prompt: Infill | str | tuple[Message, ...]
    max_tokens: int | None = None
    temperature: float = 0.0
    top_k: int = 40
    top_p: float = 0.95
    limits: Limits = attrs.field(factory=Limits)
    interactive: bool = True
    cancel: threading.Event = attrs.field(factory=threading.Event)


@attrs.define(eq=False)
class Engine:
    """One model that is ready."""

    name: str
    family: Family
    context: int
    model: Model
    tokenizer: Tokenizer
    chat: ChatFormat
    healer: Healer | None = None
    """Set for models that were trained for token healing."""
    rates: Rates = Rates(math.nan, math.nan)
    counters: Counters = attrs.field(factory=Counters)
    scheduler: Scheduler = attrs.field(factory=Scheduler)
    _cancels: set[threading.Event] = attrs.field(factory=set)

    async def stream(self, job: Job) -> AsyncGenerator[Chunk | Summary, None]:
        """Chunks as they become certain, then the summary. Closing it, or `job.cancel`, stops the model.

        Raises BadRequest where the prompt does not fit the window or the chat template refuses it.
        """
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Chunk | Summary | None] = asyncio.Queue()

        def emit(item: Chunk | Summary) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, item)

        self._cancels.add(job.cancel)
        task = asyncio.create_task(self.scheduler.run(lambda: self._work(job, emit), interactive=job.interactive))
        task.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (item := await queue.get()) is not None:
                yield item
            task.result()
        finally:
            job.cancel.set()
            self._cancels.discard(job.cancel)
            task.cancel()

    def cancel_all(self) -> None:
        """Stop what runs and what waits."""
        for cancel in list(self._cancels):
            cancel.set()

    def close(self) -> None:
        """Stop, wait for the thread, and give the memory back."""
        self.cancel_all()
        self.scheduler.close()
        self.model.close()

    def measure(self) -> None:
        """Fill `rates` with what this machine reaches, on a short prompt."""
        text = self.tokenizer.encode("def value(self):\n    return self._value\n\n")
        self._timed(text[:8], 1)  # the first run pays for memory and threads
        self.rates = Rates(self._prefill_rate(text * max(_BENCHMARK_PROMPTS)), self._decode_rate(text[:8]))

    def _prefill_rate(self, text: Sequence[int]) -> float:
        """The best rate of growing prompts: short ones do not fill the processor. A slow model is not asked long."""
        best = 0.0
        for size in (size for size in _BENCHMARK_PROMPTS if size <= self.context // 2):
            first_ms, _ = self._timed(text[:size], 1)
            best = max(best, size / max(first_ms, 1e-3) * 1000)
            if first_ms > _BENCHMARK_MS:
                break
        return best

    def _decode_rate(self, prompt: Sequence[int]) -> float:
        runs = [self._timed(prompt, _BENCHMARK_TOKENS + 1)[1] for _ in range(2)]
        return max(max(count, 1) / max(decode_ms, 1e-3) * 1000 for count, decode_ms in runs)

    def _timed(self, prompt: Sequence[int], max_tokens: int) -> tuple[float, tuple[int, float]]:
        """(milliseconds to the first token, (tokens after it, milliseconds for them))."""
        run = self._generation(prompt, Limits(), (), lambda _: None, threading.Event(), Counters())
        summary = run.run(self.model, Sampling(max_tokens))
        return summary.first_ms, (summary.tokens - 1, summary.decode_ms)

    def _work(self, job: Job, emit: Callable[[Chunk | Summary], None]) -> None:
        if job.cancel.is_set():
            self.counters.requests_dropped += 1
            return
        stem, job = self._healed(job)
        prompt, max_tokens = self._prompt(job)
        run = self._generation(prompt, job.limits, self.tokenizer.ends, emit, job.cancel, self.counters)
        run.stem = stem
        emit(run.run(self.model, Sampling(max_tokens, job.temperature, job.top_k, job.top_p)))

    def _healed(self, job: Job) -> tuple[Stem | None, Job]:
        """The piece before the cursor, and the job without it."""
        if self.healer is None or not isinstance(job.prompt, Infill):
            return None, job
        head, stem = healing.split(job.prompt.prefix)
        if not stem:
            return None, job
        return Stem(stem, self.healer), attrs.evolve(job, prompt=attrs.evolve(job.prompt, prefix=head))

    def _generation(
        self,
        prompt: Sequence[int],
        limits: Limits,
        ends: Sequence[int],
        emit: Callable[[Chunk], None],
        cancel: threading.Event,
        counters: Counters,
    ) -> Generation:
        return Generation(self.tokenizer, prompt, limits, frozenset(ends), emit, cancel, counters)

    def _prompt(self, job: Job) -> tuple[list[int], int]:
        """The prompt's tokens, and how many may follow."""
        if isinstance(job.prompt, Infill):
            # At least half of the window stays for the text around the cursor.
            wanted = self.context // 2 if job.max_tokens is None else min(job.max_tokens, self.context // 2)
            return self._never_empty(
                prompts.infill(self.tokenizer, self.family, job.prompt, self.context - wanted)
            ), wanted
        prompt = self._never_empty(self._encode(job.prompt))
        room = self.context - len(prompt)
        if room < min(1, self.context if job.max_tokens is None else job.max_tokens):
            raise BadRequest(
                f"The prompt has {len(prompt)} tokens, the model's window {self.context}: shorten it.",
                "exceed_context_size_error",
            )
        return prompt, room if job.max_tokens is None else min(job.max_tokens, room)

    def _encode(self, prompt: str | tuple[Message, ...]) -> list[int]:
        if isinstance(prompt, str):
            # As on every server, a raw prompt may be a client's own format; with a suffix it is the user's text.
            begun = prompt.startswith(self.family.start) or self.family.start not in self.tokenizer.vocabulary
            return self.tokenizer.encode_format(prompt if begun else self.family.start + prompt)
        try:
            return self.chat.encode(prompt, self.tokenizer)
        except TemplateRefused as error:
            raise BadRequest(f"The model's chat template refuses these messages: {error}") from error

    def _never_empty(self, prompt: list[int]) -> list[int]:
        """A model needs a token to go on from; an empty text begins as a document does, after an end."""
        return prompt or self.tokenizer.ends[:1] or [0]


def load(
    model: str, family: str = "auto", compute_type: str = "auto", threads: int = 0, library: Library = "auto"
) -> Engine:
    """Load a model as the settings name it, and measure it. Blocks for as long as that takes.

    Raises ModelMissing, ModelBroken, ModelError (a package is missing), ConfigError (no such family).
    """
    started = time.perf_counter()
    stored = store.resolve(model)
    description = _description(stored)
    chosen = _family(family, stored, description)
    tokenizer = Tokenizer.from_description(description, chosen, stored.folder)
    loaded = _load_model(stored, compute_type, threads, library)
    engine = Engine(
        name=stored.name,
        family=chosen,
        context=stored.context,
        model=loaded,
        tokenizer=tokenizer,
        chat=ChatFormat.load(stored.folder),
        healer=tokenizer.healer(chosen) if stored.heals else None,
    )
    try:
        engine.measure()
    except (RuntimeError, ValueError, IndexError) as error:
        engine.close()
        raise ModelBroken(
            f"The model in {stored.folder} loads but does not generate: {error}.",
            "Its tokenizer and its weights may not belong together: copy its files again.",
        ) from error
    _log_loaded(engine, time.perf_counter() - started)
    return engine


def _family(setting: str, stored: store.StoredModel, description: dict[str, object]) -> Family:
    if setting not in ("", "auto") and families.named(setting) is None:
        known = ", ".join(family.name for family in families.FAMILIES)
        raise ConfigError(f"There is no model family `{setting}`.", f"Known are: {known}.")
    wanted = stored.family if setting in ("", "auto") and families.named(stored.family) else setting
    return families.detect(wanted, stored.name, tokens.vocabulary_of(description))


def _load_model(stored: store.StoredModel, compute_type: str, threads: int, library: Library) -> Model:
    ours = "ctranslate2" if stored.kind is store.Kind.CT2 else "torch"
    if library not in ("auto", ours):
        raise ConfigError(f"{stored.folder} holds a model for {ours}, not for {library}.", "Leave the library at auto.")
    if ours == "ctranslate2":
        return Ct2Model(stored.folder, compute_type, threads)
    from hybrid_lsp.engine.torch import TorchModel

    return TorchModel(stored.folder, compute_type, threads)


def _description(stored: store.StoredModel) -> dict[str, object]:
    if (stored.folder / "tokenizer.json").is_file() or stored.kind is store.Kind.CT2:
        return tokens.read_description(stored.folder)
    from hybrid_lsp.engine.torch import describe_tokenizer

    return describe_tokenizer(stored.folder)


def _log_loaded(engine: Engine, seconds: float) -> None:
    _LOG.info(
        "loaded %s (%s, family %s, window %d, %s, %d threads) in %.1f s: prefill %.0f, decode %.0f tokens/s",
        engine.name,
        engine.model.library,
        engine.family.name,
        engine.context,
        engine.model.compute_type,
        engine.model.threads,
        seconds,
        engine.rates.prefill,
        engine.rates.decode,
    )
