"""A model on CTranslate2: quantised, on the CPU."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from hybrid_lsp.engine import memory
from hybrid_lsp.engine.base import Chore, Guide, Sampling, Sink
from hybrid_lsp.engine.prefix import Plan, Reuse
from hybrid_lsp.engine.threads import default_threads
from hybrid_lsp.errors import ModelBroken

_LOG = logging.getLogger(__name__)
_RESET_TOKENS = 64
"""A reset takes about as long as the prefill of so many tokens (measured on models of 6 to 46 million parameters)."""
_SETTLING_S = 1.0
_POLL_S = 0.0005


class Ct2Model:
    """One CTranslate2 generator.

    The states of prompts' heads are kept by CTranslate2 itself (`static_prompt`): it finds one by exactly its tokens,
    and drops them only all together, with the model.
    """

    library = "ctranslate2"

    def __init__(self, folder: Path, compute_type: str = "auto", threads: int = 0) -> None:
        """Load; `threads` 0 chooses. Nothing is kept until `reuse` has a budget. Raises ModelBroken."""
        import ctranslate2

        self.threads = threads or default_threads()
        self.reuse = Reuse(memory.bytes_a_token(folder))
        self._names = _vocabulary(folder)
        self._weights = folder / "model.bin"
        self._written = self._weights_written()
        try:
            # `auto` is the fastest format that this CPU has instructions for.
            self._generator: Any = ctranslate2.Generator(
                str(folder), device="cpu", compute_type=compute_type, inter_threads=1, intra_threads=self.threads
            )
        except (RuntimeError, ValueError) as error:
            raise ModelBroken(
                f"The model in {folder} does not load: {str(error).strip() or type(error).__name__}.",
                "Copy or make its files again, or set `compute_type` to `auto`.",
            ) from error
        self.compute_type: str = self._generator.compute_type

    def decode(
        self,
        prompt: Sequence[int],
        sampling: Sampling,
        ends: Sequence[int],
        sink: Sink,
        guide: Guide | None = None,
        shared: int = 0,
        expected: Sequence[int] = (),
    ) -> int:
        """Generate; the sink is asked after each token. The prefill is one step that nothing interrupts.

        Where the guide wants another token than the model, the generation starts again after it.
        """
        plan = self.reuse.plan(prompt, shared)
        run = _Run(sink, guide)
        diverted = True
        while diverted and run.count < sampling.max_tokens and not sink.cancelled:
            left = attrs.evolve(sampling, max_tokens=sampling.max_tokens - run.count)
            diverted = self._run([*prompt, *run.guided], plan, left, ends, run)
        return plan.reused

    def prefill(self, prompt: Sequence[int], shared: int) -> int:
        """See `Model.prefill`."""
        plan = self.reuse.plan(prompt, shared)
        if plan.keep:
            self._generate(prompt[: plan.head + 1], plan, max_length=1)
        return plan.reused

    def chore(self) -> Chore | None:
        """Make room, or compute the head that comes next."""
        if self.reuse.is_full() and self._weights_written() == self._written:
            return Chore(_RESET_TOKENS, self._reset)
        ahead = self.reuse.ahead()
        return Chore(len(ahead), lambda: self._compute(ahead)) if ahead else None

    def close(self) -> None:
        # Its threads must end before the interpreter does, or C++ aborts the process.
        self._generator.unload_model()
        del self._generator

    def _run(self, prompt: Sequence[int], plan: Plan, sampling: Sampling, ends: Sequence[int], run: _Run) -> bool:
        """One generation; whether the guide has left it."""
        run.diverted = False
        # A guide does its own sampling; where it agrees with the likeliest token, the generation goes on.
        greedy = sampling.temperature <= 0 or run.guide is not None
        self._generate(
            prompt,
            plan,
            max_length=sampling.max_tokens,
            end_token=list(ends),
            return_scores=True,  # without it a step carries no log-probability
            return_logits_vocab=run.guide is not None,
            sampling_topk=1 if greedy else sampling.top_k,
            sampling_topp=1.0 if greedy else sampling.top_p,
            sampling_temperature=1.0 if greedy else sampling.temperature,
            callback=run.take,
        )
        return run.diverted

    def _generate(self, prompt: Sequence[int], plan: Plan, **options: Any) -> None:
        names = [self._names[token] for token in prompt]
        if plan.head:
            options |= {
                "static_prompt": names[: plan.head],
                "cache_static_prompt": plan.known or plan.keep,  # else it is computed as a head all the same
            }
        if not self._generator.model_is_loaded:
            self._generator.load_model()  # a reset could not
        self._generator.generate_batch([names[plan.head :]], include_prompt_in_result=False, **options)

    def _compute(self, head: Sequence[int]) -> None:
        """Compute a head and keep it; the last token is only what CTranslate2 needs to go on from."""
        size = len(head) - 1
        if self.reuse.add(size):
            self._generate(head, Plan(size, keep=True), max_length=1)

    def _reset(self) -> None:
        """Load the model again, which is the one way to drop what is kept."""
        deadline = time.monotonic() + _SETTLING_S
        while self._generator.num_active_batches and time.monotonic() < deadline:
            time.sleep(_POLL_S)  # the last generation is over, but not yet counted so; nothing would be unloaded
        self._generator.unload_model()
        if not self._generator.model_is_loaded:
            self._generator.load_model()
            self.reuse.clear()
            memory.give_back()

    def _weights_written(self) -> int:
        """When the weights were written: those of another model must not be loaded under this one's tokenizer."""
        try:
            return self._weights.stat().st_mtime_ns
        except OSError:
            return -1


class _Run:
    """Hands the tokens of one request from CTranslate2 to the sink, as the guide wants them."""

    def __init__(self, sink: Sink, guide: Guide | None) -> None:
        self.guide = guide
        self.guided: list[int] = []
        self.count = 0
        self.diverted = False
        self._sink = sink

    def take(self, step: Any) -> bool:
        """CTranslate2's callback; True stops it."""
        self.count += 1
        choice = self.guide(np.array(step.logits, dtype=np.float32)[0]) if self.guide is not None else None
        if choice is None:
            self.guide = None
            return self._sink.token(step.token_id, math.nan if step.log_prob is None else step.log_prob)
        token, logprob = choice
        self.guided.append(token)
        stop = self._sink.token(token, logprob)
        self.diverted = not stop and token != step.token_id
        return stop or self.diverted


def _vocabulary(folder: Path) -> list[str]:
    """The names of the tokens by id, as CTranslate2 wants a prompt."""
    try:
        if (folder / "vocabulary.json").is_file():
            names = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
            return [str(name) for name in names]
        return (folder / "vocabulary.txt").read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError, TypeError) as error:
        raise ModelBroken(f"The vocabulary in {folder} cannot be read: {error}.", "Copy the file again.") from error
