"""A model on CTranslate2: quantised, on the CPU."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil  # type: ignore[import-untyped]

from hybrid_lsp.engine.base import Sampling, Sink
from hybrid_lsp.errors import ModelBroken

_MOST_THREADS = 8
"""Decoding is bound by memory: more threads than this make a small model slower."""


def default_threads() -> int:
    """Physical cores that this process may use, within reason."""
    physical = psutil.cpu_count(logical=False) or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else physical
    return max(1, min(physical, allowed, _MOST_THREADS))


class Ct2Model:
    """One CTranslate2 generator."""

    library = "ctranslate2"

    def __init__(self, folder: Path, compute_type: str = "auto", threads: int = 0) -> None:
        """Load; `threads` 0 chooses. Raises ModelBroken."""
        import ctranslate2

        self.threads = threads or default_threads()
        self._names = _vocabulary(folder)
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

    def decode(self, prompt: Sequence[int], sampling: Sampling, ends: Sequence[int], sink: Sink) -> None:
        """Generate; the sink is asked after each token. The prefill is one step that nothing interrupts."""

        def on_token(step: Any) -> bool:
            logprob = step.log_prob
            return sink.token(step.token_id, math.nan if logprob is None else logprob)

        greedy = sampling.temperature <= 0
        self._generator.generate_batch(
            [[self._names[token] for token in prompt]],
            max_length=sampling.max_tokens,
            end_token=list(ends),
            include_prompt_in_result=False,
            return_scores=True,  # without it a step carries no log-probability
            sampling_topk=1 if greedy else sampling.top_k,
            sampling_topp=1.0 if greedy else sampling.top_p,
            sampling_temperature=1.0 if greedy else sampling.temperature,
            callback=on_token,
        )

    def scores(self, prompt: Sequence[int]) -> npt.NDArray[np.float32]:
        """See `Model.scores`."""
        (result,) = self._generator.generate_batch(
            [[self._names[token] for token in prompt]],
            max_length=1,
            return_logits_vocab=True,
            include_prompt_in_result=False,
        )
        return np.array(result.logits[0][0], dtype=np.float32)

    def close(self) -> None:
        # Its threads must end before the interpreter does, or C++ aborts the process.
        self._generator.unload_model()
        del self._generator


def _vocabulary(folder: Path) -> list[str]:
    """The names of the tokens by id, as CTranslate2 wants a prompt."""
    try:
        if (folder / "vocabulary.json").is_file():
            names = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
            return [str(name) for name in names]
        return (folder / "vocabulary.txt").read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError, TypeError) as error:
        raise ModelBroken(f"The vocabulary in {folder} cannot be read: {error}.", "Copy the file again.") from error
