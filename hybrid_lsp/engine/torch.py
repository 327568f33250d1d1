"""A model on transformers and torch: for architectures that CTranslate2 has no converter for."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from hybrid_lsp.engine import torch_loading
from hybrid_lsp.engine.base import Chore, Guide, Sampling, Sink
from hybrid_lsp.engine.latest import Latest
from hybrid_lsp.errors import ModelBroken

_PREFILL_STEP = 256
"""Tokens of prefill between two looks at whether anybody still waits."""


class _Waited(Protocol):
    @property
    def cancelled(self) -> bool: ...


class _Patient:
    """Who waits for all of it."""

    cancelled = False


class TorchModel:
    """One causal language model of transformers."""

    library = "torch"

    def __init__(self, folder: Path, compute_type: str = "auto", threads: int = 0, device: str = "auto") -> None:
        """Load; `threads` 0 leaves torch's own choice. Raises what `torch_loading.load` does."""
        torch_loading.check(compute_type)
        self._torch, _ = torch_loading.libraries()
        if threads:
            self._torch.set_num_threads(threads)
        self.reuse = Latest()
        self._cache: Any = None
        self._model: Any = torch_loading.load(folder, compute_type, device)
        self._last_logits_only = "logits_to_keep" in inspect.signature(self._model.forward).parameters
        self.threads: int = self._torch.get_num_threads()
        quantised = compute_type in torch_loading.QUANTISED
        self.compute_type = compute_type if quantised else str(self._model.dtype).removeprefix("torch.")

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
        """Generate; stops within one token, and between the steps of the prefill, when the sink is cancelled."""
        with self._torch.no_grad():  # not inference_mode, which quanto's weights refuse
            known = self._known(prompt)
            logits = self._prefill(prompt, known, sink)
            for _ in range(sampling.max_tokens):
                if logits is None:
                    break
                choice = guide(logits.cpu().numpy()) if guide is not None else None
                guide = None if choice is None else guide
                token, logprob = choice or self._choose(logits, sampling)
                if sink.token(token, logprob) or token in ends:
                    break
                logits = self._step([token])
        return known

    def prefill(self, prompt: Sequence[int], shared: int) -> int:
        """See `Model.prefill`."""
        if not shared or not self.reuse.budget:
            return 0
        with self._torch.no_grad():
            known = self._known(prompt[:shared])
            self._prefill(prompt[:shared], known, _Patient())
        return known

    def chore(self) -> Chore | None:
        """See `Model.chore`."""
        return None

    def close(self) -> None:
        del self._model, self._cache

    def _known(self, prompt: Sequence[int]) -> int:
        """Cut the state to what it shares with the prompt; how much that is."""
        held = len(self.reuse.tokens)
        known = self.reuse.take(prompt)
        try:
            if known < held and self._cache is not None:
                self._cache.crop(known - held)  # by how much: to a length it is not cut any more
        except (AttributeError, RuntimeError, ValueError, NotImplementedError):
            known = 0  # a state that cannot be cut: of a sliding window, say
        if not known:
            self.reuse.tokens, self._cache = [], None
        return known

    def _prefill(self, prompt: Sequence[int], known: int, sink: _Waited) -> Any:
        logits = None
        for start in range(known, len(prompt), _PREFILL_STEP):
            if sink.cancelled:
                return None
            logits = self._step(prompt[start : start + _PREFILL_STEP])
        return logits

    def _step(self, tokens: Sequence[int]) -> Any:
        """The logits after the last of the tokens, whose state is kept."""
        # Logits of every position of a long prefill times a large vocabulary would be gigabytes.
        only_last = {"logits_to_keep": 1} if self._last_logits_only else {}
        ids = self._torch.tensor([list(tokens)], device=self._model.device)
        output = self._model(input_ids=ids, past_key_values=self._cache, use_cache=True, **only_last)
        self._cache = output.past_key_values
        self.reuse.tokens += tokens
        return output.logits[0, -1].float()

    def _choose(self, logits: Any, sampling: Sampling) -> tuple[int, float]:
        """A token and its natural log-probability in the model's own distribution."""
        logprobs = self._torch.log_softmax(logits, dim=-1)
        if sampling.temperature <= 0:
            token = int(logprobs.argmax())
        else:
            token = self._sample(logits / sampling.temperature, sampling)
        return token, float(logprobs[token])

    def _sample(self, logits: Any, sampling: Sampling) -> int:
        size = min(sampling.top_k or logits.numel(), logits.numel())
        values, indices = self._torch.topk(logits, size)
        probabilities = self._torch.softmax(values, dim=-1)
        before = self._torch.cumsum(probabilities, dim=-1) - probabilities
        kept = self._torch.where(before < sampling.top_p, probabilities, self._torch.zeros_like(probabilities))
        kept[0] = probabilities[0]  # a top_p of 0 still leaves the likeliest
        return int(indices[self._torch.multinomial(kept, 1)])


def describe_tokenizer(folder: Path) -> dict[str, Any]:
    """A tokenizer.json made from an older tokenizer's files. Raises ModelError or ModelBroken."""
    _, transformers = torch_loading.libraries()
    try:
        fast = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        return dict(json.loads(fast.backend_tokenizer.to_str()))
    except Exception as error:  # each tokenizer class raises its own
        raise ModelBroken(f"The tokenizer in {folder} does not load: {error}", "Copy its files again.") from error
