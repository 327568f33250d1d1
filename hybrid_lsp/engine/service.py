"""The engine without HTTP: a loaded model, its tokenizer and prompt format, and the one way to ask it."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs

from hybrid_lsp.engine import memory, prompts
from hybrid_lsp.engine import tokenizer as tokens
from hybrid_lsp.engine.base import Guide, Model, Sampling
from hybrid_lsp.engine.chat import ChatFormat, TemplateRefused
from hybrid_lsp.engine.ct2 import Ct2Model
from hybrid_lsp.engine.generation import Chunk, Counters, Generation, Limits, Stem, Summary
from hybrid_lsp.engine.idle import Idle
from hybrid_lsp.engine.prompts import Prompt
from hybrid_lsp.engine.scheduler import Rank, Scheduler
from hybrid_lsp.engine.schema import SchemaRefused, Schemas
from hybrid_lsp.engine.tokenizer import Tokenizer
from hybrid_lsp.errors import ConfigError, ModelBroken
from hybrid_lsp.models import families, store, windows
from hybrid_lsp.models.families import Family
from hybrid_lsp.models.folders import Kind
from hybrid_lsp.models.healing import Healer
from hybrid_lsp.types import Infill, Message

Library = Literal["auto", "ctranslate2", "onnxruntime", "torch"]
_LOG = logging.getLogger(__name__)
_BENCHMARK_PROMPTS = (32, 64, 128, 256, 256)
_BENCHMARK_MS = 100
_BENCHMARK_TOKENS = 8
_TELLING_PROMPT, _TELLING_TOKENS = 128, 4
"""Shorter prompts and replies say little about how fast the model is."""
_LATEST_SHARE = 0.2
"""Weight of the latest request in the rates."""
REUSE_MB = -1.0
"""Default of the memory for kept beginnings of prompts: what suits the model and the machine."""
_LIGHT_BYTES = 64_000_000
"""Weights of lighter models run on CTranslate2, which starts faster; heavier ones on ONNX Runtime where it can."""
_LIGHT_THREADS = 1
"""Theirs would wait for each other longer than they compute: on two cores a second one makes the embedded model's
suggestions take twice as long (57 against 125 to 220 ms) for twice the processor's time."""
_PATIENCE_S = 0.15
"""A prompt that takes longer to compute goes on from any beginning that is kept; see `prefix.py`."""


class BadRequest(Exception):
    """A request that cannot be served as it is; `kind` is the error's type on the wire."""

    def __init__(self, message: str, kind: str = "invalid_request_error", status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.status = status


@attrs.frozen
class Rates:
    """Tokens a second that this model reaches on this machine: measured at load, and followed since."""

    prefill: float
    decode: float


@attrs.define(eq=False)
class Job:
    """One request to the model.

    An Infill is the user's text and is trimmed to the window; messages and a raw text are not, and in a raw text
    control tokens are meant. `max_tokens` None: until the window is full; 0: only what prepares for the next request.
    `schema` is the JSON schema that the reply is held to. `draft` is what the client thinks will be replied: where it
    is right the reply comes faster, and it is the same in any case.
    """

    prompt: Infill | str | tuple[Message, ...]
    max_tokens: int | None = None
    temperature: float = 0.0
    top_k: int = 40
    top_p: float = 0.95
    limits: Limits = attrs.field(factory=Limits)
    schema: Mapping[str, Any] | None = None
    draft: str = attrs.field(default="", repr=False)
    rank: Rank = Rank.INTERACTIVE
    cancel: threading.Event = attrs.field(factory=threading.Event)
    make_way: threading.Event = attrs.field(factory=threading.Event)
    """Set when the model is wanted by somebody who goes before."""


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
    """What heals the end of a prefix; None: prompts end where the cursor stands."""
    rates: Rates = Rates(math.nan, math.nan)
    counters: Counters = attrs.field(factory=Counters)
    scheduler: Scheduler = attrs.field(factory=Scheduler)
    idle: Idle = attrs.field(init=False)
    schemas: Schemas = attrs.field(init=False)
    _cancels: set[threading.Event] = attrs.field(factory=set)

    def __attrs_post_init__(self) -> None:
        self.idle = Idle(self.scheduler, self.model.chore)
        self.schemas = Schemas(self.tokenizer)

    async def stream(self, job: Job) -> AsyncGenerator[Chunk | Summary, None]:
        """Chunks as they become certain, then the summary. Closing it, or `job.cancel`, stops the model.

        Raises BadRequest where the prompt does not fit the window or the chat template refuses it.
        """
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Chunk | Summary | None] = asyncio.Queue()

        def emit(item: Chunk | Summary) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, item)

        self._cancels.add(job.cancel)
        self.idle.stop()
        task = asyncio.create_task(self.scheduler.run(lambda: self._work(job, emit), job.rank, job.make_way.set))
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
        self.idle.close()
        self.cancel_all()
        self.scheduler.close()
        self.model.close()

    def measure(self) -> None:
        """Fill `rates` with what this machine reaches, on short prompts; a slow model is not asked for long."""
        text = self.tokenizer.encode("def value(self):\n    return self._value\n\n")
        self._timed(text[:8], 1)  # the first run pays for memory and threads
        self._go_by(Rates(self._prefill_rate(text * max(_BENCHMARK_PROMPTS)), self._decode_rate(text[:8])))

    def _learn(self, summary: Summary) -> None:
        """Follow the machine, which other programs make slower and leave faster again."""
        prefill, decode = self.rates.prefill, self.rates.decode
        if summary.tokens and summary.prompt_tokens >= _TELLING_PROMPT and not summary.reused_tokens:
            prefill = _blend(prefill, summary.prompt_tokens, summary.first_ms)
        if summary.tokens > _TELLING_TOKENS:
            decode = _blend(decode, summary.tokens - 1, summary.decode_ms)
        self._go_by(Rates(prefill, decode))

    def _go_by(self, rates: Rates) -> None:
        self.rates = rates
        self.idle.tokens_a_second = 0.0 if math.isnan(rates.prefill) else rates.prefill
        self.model.reuse.patience = math.inf if math.isnan(rates.prefill) else rates.prefill * _PATIENCE_S

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
        runs = [self._timed(prompt, _BENCHMARK_TOKENS + 1)[1]]
        if runs[0][1] < _BENCHMARK_MS:
            runs.append(self._timed(prompt, _BENCHMARK_TOKENS + 1)[1])
        return max(max(count, 1) / max(decode_ms, 1e-3) * 1000 for count, decode_ms in runs)

    def _timed(self, prompt: Sequence[int], max_tokens: int) -> tuple[float, tuple[int, float]]:
        """(milliseconds to the first token, (tokens after it, milliseconds for them))."""
        unheard = Job("", limits=Limits(budget_ms=_BENCHMARK_MS))
        run = self._generation(Prompt(list(prompt)), unheard, (), lambda _: None, Counters())
        summary = run.run(self.model, Sampling(max_tokens))
        return summary.first_ms, (summary.tokens - 1, summary.decode_ms)

    def _work(self, job: Job, emit: Callable[[Chunk | Summary], None]) -> None:
        if job.cancel.is_set():
            self.counters.requests_dropped += 1
            return
        stem, job = self._healed(job)
        prompt, max_tokens = self._prompt(job)
        sampling = Sampling(max_tokens, job.temperature, job.top_k, job.top_p)
        run = self._generation(prompt, job, self.tokenizer.ends, emit, self.counters)
        run.stem = stem
        # Mostly the stem is spelt as the tokenizer would: then it and what follows it come of one pass.
        expected = (stem.text if stem else "") + job.draft
        run.expected = self.tokenizer.encode(expected) if expected else ()
        if job.schema is not None:
            # Where the model wants to leave the form, the generation begins again behind this same prompt.
            run.guide, run.shared = self._held(job.schema, sampling), len(prompt.tokens)
        summary = run.run(self.model, sampling)
        self._learn(summary)
        emit(summary)

    def _held(self, schema: Mapping[str, Any], sampling: Sampling) -> Guide:
        try:
            return self.schemas.guide(schema, sampling)
        except SchemaRefused as error:
            raise BadRequest(f"Replies cannot be held to this `response_format`: {error}.") from error

    def _healed(self, job: Job) -> tuple[Stem | None, Job]:
        """The piece before the cursor, and the job without it."""
        if self.healer is None or not isinstance(job.prompt, Infill):
            return None, job
        head, stem = self.healer.split(job.prompt.prefix)
        if not stem:
            return None, job
        return Stem(stem, self.healer), attrs.evolve(job, prompt=attrs.evolve(job.prompt, prefix=head))

    def _generation(
        self, prompt: Prompt, job: Job, ends: Sequence[int], emit: Callable[[Chunk], None], counters: Counters
    ) -> Generation:
        return Generation(
            tokenizer=self.tokenizer,
            prompt=prompt.tokens,
            limits=job.limits,
            ends=frozenset(ends),
            emit=emit,
            cancel=job.cancel,
            counters=counters,
            make_way=job.make_way,
            shared=prompt.shared,
        )

    def _prompt(self, job: Job) -> tuple[Prompt, int]:
        """The prompt's tokens, and how many may follow."""
        if isinstance(job.prompt, Infill):
            wanted = self.context if job.max_tokens is None else job.max_tokens
            room = windows.room(self.context, wanted)
            prompt = self._never_empty(prompts.infill(self.tokenizer, self.family, job.prompt, room))
            return prompt, min(wanted, self.context - len(prompt.tokens))
        prompt = self._never_empty(self._encode(job.prompt))
        size = len(prompt.tokens)
        room = self.context - size
        if room < min(1, self.context if job.max_tokens is None else job.max_tokens):
            raise BadRequest(
                f"The prompt has {size} tokens, the model's window {self.context}: shorten it.",
                "exceed_context_size_error",
            )
        return prompt, room if job.max_tokens is None else min(job.max_tokens, room)

    def _encode(self, prompt: str | tuple[Message, ...]) -> Prompt:
        if isinstance(prompt, str):
            # As on every server, a raw prompt may be a client's own format; with a suffix it is the user's text.
            begun = prompt.startswith(self.family.start) or self.family.start not in self.tokenizer.vocabulary
            tokens = self.tokenizer.encode_format(prompt if begun else self.family.start + prompt)
            return Prompt(tokens, len(tokens))
        try:
            # The next chat will be about something else.
            return Prompt(self.chat.encode(prompt, self.tokenizer))
        except TemplateRefused as error:
            raise BadRequest(f"The model's chat template refuses these messages: {error}") from error

    def _never_empty(self, prompt: Prompt) -> Prompt:
        """A model needs a token to go on from; an empty text begins as a document does, after an end."""
        return prompt if prompt.tokens else Prompt(self.tokenizer.ends[:1] or [0])


def _blend(rate: float, tokens: int, milliseconds: float) -> float:
    latest = tokens / max(milliseconds, 1e-3) * 1000
    return latest if math.isnan(rate) else rate + (latest - rate) * _LATEST_SHARE


def load(
    model: str,
    family: str = "auto",
    compute_type: str = "auto",
    threads: int = 0,
    library: Library = "auto",
    reuse_mb: float = REUSE_MB,
    device: str = "auto",
) -> Engine:
    """Load a model as the settings name it, and measure it. Blocks for as long as that takes.

    `device` is where torch computes (`torch_loading.load`); the other libraries compute on the processor.
    `reuse_mb` is the most memory for what is kept of earlier prompts; 0: nothing is; -1: what suits both.
    Raises ModelMissing, ModelBroken, ModelError (a package is missing), ConfigError (no such family).
    """
    started = time.perf_counter()
    stored = store.resolve(model)
    description = _description(stored)
    chosen = _family(family, stored, description)
    tokenizer = Tokenizer.from_description(description, chosen, stored.folder)
    if not chosen.start:
        chosen = attrs.evolve(chosen, start=tokenizer.begins)
    loaded = _load_model(stored, compute_type, threads, library, device)
    engine = Engine(
        name=stored.name,
        family=chosen,
        context=stored.context,
        model=loaded,
        tokenizer=tokenizer,
        chat=ChatFormat.load(stored.folder),
        healer=tokenizer.healer(chosen, trained=stored.heals),
    )
    try:
        engine.measure()
    except (RuntimeError, ValueError, IndexError) as error:
        engine.close()
        raise ModelBroken(
            f"The model in {stored.folder} loads but does not generate: {error}.",
            "Its tokenizer and its weights may not belong together: copy its files again.",
        ) from error
    loaded.reuse.budget = _budget(
        reuse_mb, loaded, stored.context
    )  # only now: what is measured must not be known already
    _log_loaded(engine, time.perf_counter() - started)
    return engine


def _budget(reuse_mb: float, model: Model, context: int) -> int:
    """Bytes for kept prompts."""
    if reuse_mb >= 0:
        return int(reuse_mb * 1_000_000)
    return memory.suitable(model.reuse.bytes_a_token, context)


def _family(setting: str, stored: store.StoredModel, description: dict[str, object]) -> Family:
    if setting not in ("", "auto") and families.named(setting) is None:
        known = ", ".join(family.name for family in families.FAMILIES)
        raise ConfigError(f"There is no model family `{setting}`.", f"Known are: {known}.")
    wanted = stored.family if setting in ("", "auto") and families.named(stored.family) else setting
    return families.detect(wanted, stored.name, tokens.vocabulary_of(description))


def _load_model(stored: store.StoredModel, compute_type: str, threads: int, library: Library, device: str) -> Model:
    ours = ("ctranslate2", "onnxruntime") if stored.kind is Kind.CT2 else ("torch",)
    if library not in ("auto", *ours):
        raise ConfigError(
            f"{stored.folder} holds a model for {ours[0]}, not for {library}.", "Leave the library at auto."
        )
    if "torch" in ours:
        from hybrid_lsp.engine.torch import TorchModel

        return TorchModel(stored.folder, compute_type, threads, device)
    if _is_light(stored.folder) and library != "onnxruntime":
        return Ct2Model(stored.folder, compute_type, threads or _LIGHT_THREADS)
    if library == "ctranslate2":
        return Ct2Model(stored.folder, compute_type, threads)
    from hybrid_lsp.engine import ort

    if not (refusal := ort.refusal(stored.folder, compute_type)):
        return ort.OrtModel(stored.folder, stored.context, threads)
    if library == "onnxruntime":
        raise ConfigError(f"{stored.folder} does not run on onnxruntime: {refusal}.", "Leave the library at auto.")
    _LOG.info("%s runs on ctranslate2: %s", stored.name, refusal)
    return Ct2Model(stored.folder, compute_type, threads)


def _is_light(folder: Path) -> bool:
    """Whether a network is so small that what it keeps of prompts costs little as CTranslate2 keeps it."""
    try:
        return (folder / "model.bin").stat().st_size < _LIGHT_BYTES
    except OSError:
        return True


def _description(stored: store.StoredModel) -> dict[str, object]:
    if (stored.folder / "tokenizer.json").is_file() or stored.kind is Kind.CT2:
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
