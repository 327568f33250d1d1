"""A CTranslate2 model's int8 weights on ONNX Runtime: prompts are kept token by token, and guesses confirmed at once.

CTranslate2 keeps the state of a whole prompt only, each head's keys and values on its own; a network with shared
heads then takes some 200 kB a token, and each keystroke costs what it shares with no kept state. Here the caller owns
the keys and values (`slots.py`): 25 kB a token for the same network, and a keystroke costs its own tokens.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from hybrid_lsp.engine import shape as shapes
from hybrid_lsp.engine.base import Chore, Guide, Sampling, Sink
from hybrid_lsp.engine.choosing import Chooser, Logits
from hybrid_lsp.engine.drafts import Drafter
from hybrid_lsp.engine.shape import Shape, Unsupported
from hybrid_lsp.engine.slots import Slot, Slots
from hybrid_lsp.engine.threads import default_threads
from hybrid_lsp.errors import ModelBroken
from hybrid_lsp.models.weights.ct2 import Weights

_CHUNK = 128
"""Tokens of a prompt between two looks at whether anybody still waits."""
_POSITIONS = 32_768
"""Longest text in tokens; the angles for it take 8 MB."""
COMPUTE_TYPES = ("auto", "default", "int8", "int8_float32")


def refusal(folder: Path, compute_type: str) -> str:
    """Why a model does not run here, in words; "" where it does. Raises ModelBroken for unreadable weights."""
    missing = [name for name in ("onnxruntime", "onnx") if importlib.util.find_spec(name) is None]
    if missing:
        return f"{missing[0]} is not installed"
    if compute_type not in COMPUTE_TYPES:
        return f"it computes in int8, not in {compute_type}"
    try:
        shapes.read(folder, Weights(folder / "model.bin"))
    except Unsupported as error:
        return str(error)
    return ""


class OrtModel:
    """One decoder. Its window is `context` tokens."""

    library = "onnxruntime"
    compute_type = "int8"

    def __init__(self, folder: Path, context: int, threads: int = 0) -> None:
        """Load; `threads` 0 chooses. Nothing is kept until `reuse` has a budget. Raises ModelBroken."""
        self.threads = threads or default_threads()
        weights = Weights(folder / "model.bin")
        try:
            self._shape = shapes.read(folder, weights)
            self._context = min(context, _POSITIONS)
            self._session = _Session(weights, self._shape, self._context, self.threads)
        except (Unsupported, KeyError, ValueError) as error:
            raise ModelBroken(
                f"The model in {folder} does not load: {error}.", "Make or copy its files again."
            ) from error
        self.reuse = Slots(self._shape.layers, self._shape.kv_heads, self._shape.head_size, self._context)

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
        """Generate; stops within one token, and between the steps of the prefill, when the sink is cancelled.

        `shared` does not matter here: whatever the next prompt begins with is known.
        """
        run = _Run(self._session, self.reuse.take(prompt), Chooser(sampling, guide), sink, frozenset(ends))
        known = len(run.slot.tokens)
        run.write(prompt, sampling.max_tokens, Drafter(prompt, expected))
        return known

    def prefill(self, prompt: Sequence[int], shared: int) -> int:
        """See `Model.prefill`."""
        if not shared or not self.reuse.budget:
            return 0
        slot = self.reuse.take(prompt[:shared])
        known = len(slot.tokens)
        for start in range(known, shared, _CHUNK):
            self._session.run(slot, prompt[start : min(start + _CHUNK, shared)], 1)
        return known

    def chore(self) -> Chore | None:
        """See `Model.chore`: there is nothing that could be done ahead."""
        return None

    def close(self) -> None:
        del self._session


@attrs.define(eq=False)
class _Run:
    """One generation."""

    session: _Session
    slot: Slot
    chooser: Chooser
    sink: Sink
    ends: frozenset[int]
    stopped: bool = False

    def write(self, prompt: Sequence[int], left: int, drafter: Drafter) -> None:
        """Compute the prompt, then guess, confirm and hand over until there is an end."""
        known = len(self.slot.tokens)
        chunks = [prompt[start : start + _CHUNK] for start in range(known, len(prompt), _CHUNK)]
        for chunk in chunks[:-1]:
            if self.sink.cancelled:
                return
            self.session.run(self.slot, chunk, 1)
        new = list(chunks[-1])
        while left > 0 and not self.sink.cancelled:
            guess = drafter.guess(min(left - 1, self.session.positions - len(self.slot.tokens) - len(new)))
            rows = self.session.run(self.slot, [*new, *guess], len(guess) + 1)
            taken = self._confirm(rows, guess, drafter)
            self.slot.cut(len(self.slot.tokens) - len(guess) + max(0, len(taken) - 1))
            drafter.told(len(guess), max(0, len(taken) - 1))
            left -= len(taken)
            if not taken or self.stopped:
                return
            new = taken[-1:]

    def _confirm(self, rows: Iterator[Logits], guess: Sequence[int], drafter: Drafter) -> list[int]:
        """The tokens chosen after what is known and after each guess, as long as the guesses are right."""
        taken: list[int] = []
        for logits, guessed in zip(rows, [*guess, None], strict=True):
            token, logprob = self.chooser.choose(logits)
            taken.append(token)
            drafter.written(token)
            self.stopped = self.sink.token(token, logprob) or token in self.ends
            if self.stopped or token != guessed:
                break
        return taken


class _Session:
    """ONNX Runtime's session, the embeddings, and the binding of a slot's buffers."""

    def __init__(self, weights: Weights, shape: Shape, positions: int, threads: int) -> None:
        import onnxruntime

        from hybrid_lsp.engine import graph

        self.positions = positions
        self._runtime: Any = onnxruntime
        self._shape = shape
        self._embeddings = weights["decoder/embeddings/weight"]
        self._scales = np.array(weights["decoder/embeddings/weight_scale"])
        built = graph.build(weights, shape, positions)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # Threads that spin while they wait take the processor from the editor.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in built.arrays.values()]
        options.add_external_initializers(list(built.arrays), values)
        self._session: Any = onnxruntime.InferenceSession(built.model, options, providers=["CPUExecutionProvider"])
        weights.let_go()
        self._binding: Any = self._session.io_binding()
        self._binding.bind_output("logits")
        self._bound: npt.NDArray[np.float32] | None = None

    def run(self, slot: Slot, tokens: Sequence[int], wanted: int) -> Iterator[Logits]:
        """Compute tokens after those of the slot, which then holds them too; the logits of the last `wanted`."""
        count, total = len(tokens), len(slot.tokens) + len(tokens)
        slot.make_room(total, self.positions)
        self._bind(slot)
        ids = np.array(tokens)
        hidden = self._embeddings[ids].astype(np.float32) / self._scales[ids][:, None]
        self._binding.bind_cpu_input("hidden", hidden[None])
        self._binding.bind_cpu_input("last", np.array([total - 1], np.int32))
        self._binding.bind_cpu_input("total", np.array([total], np.int32))
        self._binding.bind_cpu_input("rows", np.arange(count - wanted, count, dtype=np.int64))
        self._binding.bind_output("logits")
        self._session.run_with_iobinding(self._binding)
        slot.tokens += tokens
        logits: npt.NDArray[np.float32] = self._binding.get_outputs()[0].numpy()[0]
        return iter(logits)

    def _bind(self, slot: Slot) -> None:
        if self._bound is slot.state:
            return
        for layer in range(self._shape.layers):
            for at, kind in enumerate(("key", "value")):
                value = self._runtime.OrtValue.ortvalue_from_numpy(slot.state[layer, at])
                self._binding.bind_ortvalue_input(f"{kind}_{layer}", value)
                self._binding.bind_ortvalue_output(f"new_{kind}_{layer}", value)
        self._bound = slot.state
