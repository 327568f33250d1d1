"""A network in training: its optimizers, its data, its clock, its checkpoints."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from attrs import define, field
from safetensors import SafetensorError
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from hybrid_lsp.errors import TrainingError
from hybrid_lsp.training import data, fim, network, runlog, speed
from hybrid_lsp.training.network import Preset

WARM_UP_STEPS = 100
CLIP = 1.0  # of the gradient's norm
VALIDATION_ROWS = 64
VALIDATION_SEED = 12345  # the same rows in every run, so that runs compare
SHARD = "15MB"  # a file of weights at most; the cpu preset's are one


@define
class TrainOptions:
    """What to train, on what, where to, and for how long."""

    out: Path
    corpora: list[str] = field(factory=list)  # a corpus folder, or folders of wheels or code, or `stdlib`
    preset: str = "cpu"
    minutes: float | None = None
    deadline: datetime | None = None  # stops by then, decayed; overrides minutes
    steps: int | None = None  # stops after so many, decayed (rehearsals)
    resume: bool = False
    init_from: Path | None = None  # a folder of weights and tokenizer.json to adapt
    seed: int = 0
    threads: int = 2
    precision: str = "auto"  # auto, bf16 or fp32
    compile: bool | None = None  # torch.compile; None: where it pays
    checkpoint_minutes: float = 5.0
    validate_minutes: float = 4.0
    convert: bool = True  # make out/model afterwards, for CTranslate2
    rate: float = 1.0  # multiplies the preset's learning rates; adapting wants 0.1 to 0.3


@define
class Progress:
    """How far a run is; all of it is in the checkpoint."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0


class Run:
    """One run: `step` and `validate` over its data, `save` to its folder."""

    def __init__(
        self, options: TrainOptions, corpus: Path, tokenizer: Tokenizer, say: Callable[[str], None] = print
    ) -> None:
        self.options, self.tokenizer, self.say = options, tokenizer, say
        self.layout = fim.Layout.of(tokenizer)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self._prepare_torch()
        self.model, self.size = self._network()
        self.optimizers = optimizers(self.model, self.size, options.rate)
        self.progress, self.last_loss, self.stopping = Progress(), float("nan"), False
        self.noted = False  # whether this process has written to the log
        position = self._restore() if options.resume else data.Position()
        samples = data.Samples.of(corpus, "train", tokenizer, self.size.context, options.seed)
        self.batches = data.Batches(samples, self.size.batch, position)
        held_out = data.Samples.of(corpus, "validation", tokenizer, self.size.context, VALIDATION_SEED).chunk(0)
        self.validation = held_out.part(0, VALIDATION_ROWS)
        self.bf16, self.micro, self.loss = self._speed()

    def _prepare_torch(self) -> None:
        torch.set_num_threads(self.options.threads)
        torch.manual_seed(self.options.seed)
        torch.set_float32_matmul_precision("high" if self.device == "cuda" else "highest")

    def _network(self) -> tuple[Any, Preset]:
        """A new network, or one to adapt, which keeps its own shape."""
        size = network.preset(self.options.preset)
        if self.options.init_from is None:
            model = network.create(size, self.layout.end, self.layout.pad)
        else:
            model = load(self.options.init_from)
            size = network.sized_as(model, size)
        self.say(f"network: {sum(p.numel() for p in model.parameters()):,} parameters, on {self.device}")
        return model.to(self.device).train(), size

    def _speed(self) -> tuple[bool, int, speed.Loss]:
        """Whether to use bf16, how many rows at once, and the loss to step with."""
        most = self.size.micro if self.device == "cuda" else min(self.size.micro, speed.CPU_ROWS)
        rows = self._tensors(self.validation.part(0, most))
        given = self.options.precision
        bf16 = given == "bf16" if given != "auto" else speed.wants_bf16(self.model, rows, self.device, self.say)
        micro = speed.fitting(self.model, rows, self.device, bf16, self.say)
        rows = rows[0][:micro], rows[1][:micro]
        wanted = self.options.compile
        if wanted is None:
            wanted = self.remaining_seconds() > speed.WORTH_COMPILING
        if not wanted:
            return bf16, micro, network.weighted_loss
        return bf16, micro, speed.compiled(self.model, rows, self.device, bf16, self.say)

    def _tensors(self, rows: data.Rows) -> speed.Tensors:
        tokens, weights = torch.from_numpy(rows.tokens.astype(np.int64)), torch.from_numpy(rows.weights)
        return tokens.to(self.device, non_blocking=True), weights.to(self.device, non_blocking=True)

    def remaining_seconds(self) -> float:
        """Until the run is to stop by the clock."""
        if self.options.deadline:
            return (self.options.deadline - datetime.now()).total_seconds()
        minutes = self.options.minutes if self.options.minutes is not None else self.size.minutes
        return minutes * 60 - self.progress.seconds

    def fraction(self) -> float:
        """How much of the run is done, by the clock or by steps, whichever is further; 1 and more: stop."""
        left = max(0.0, self.remaining_seconds())
        by_clock = 1.0 if left == 0 else self.progress.seconds / (self.progress.seconds + left)
        return max(by_clock, self.progress.step / self.options.steps if self.options.steps else 0.0)

    def rate(self, fraction: float) -> float:
        """The factor on the learning rates: warm-up, constant, linear decay."""
        warm_up = min(WARM_UP_STEPS, self.options.steps // 4 + 1) if self.options.steps else WARM_UP_STEPS
        warm = min(1.0, (self.progress.step + 1) / warm_up)
        return warm * min(1.0, max(0.0, 1.0 - fraction) / self.size.decay)

    def step(self, batch: data.Rows) -> None:
        """One optimizer step."""
        factor = self.rate(self.fraction())
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["base_rate"] * factor
        loss = self._gradients(batch)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.last_loss = loss if not np.isfinite(self.last_loss) else 0.95 * self.last_loss + 0.05 * loss
        self.progress.step += 1
        self.progress.tokens += int((batch.tokens != self.layout.pad).sum())

    def _gradients(self, batch: data.Rows) -> float:
        """Of the weighted mean loss, which is returned; in pieces of `micro` rows."""
        total, loss = float(batch.weights[:, 1:].sum()), torch.zeros((), device=self.device)
        for at in range(0, len(batch.tokens), self.micro):
            rows = self._tensors(batch.part(at, self.micro))
            with speed.autocast(self.device, self.bf16):
                piece = self.loss(self.model, *rows) / total
            speed.backward(piece)
            loss += piece.detach()
        return float(loss)

    @torch.no_grad()
    def validate(self) -> runlog.Entry:
        """The losses on held-out packages."""
        self.model.eval()
        sums = np.zeros(4)  # nats and count of all tokens, nats and count of the middles
        for at in range(0, len(self.validation.tokens), self.micro):
            tokens, weights = self._tensors(self.validation.part(at, self.micro))
            with speed.autocast(self.device, self.bf16):
                losses = network.token_losses(self.model, tokens)
            for index, chosen in enumerate((weights[:, 1:] > 0, weights[:, 1:] > 1)):
                sums[2 * index] += float(losses[chosen].sum())
                sums[2 * index + 1] += float(chosen.sum())
        self.model.train()
        done = self.progress
        return runlog.Entry(
            round(done.seconds),
            done.step,
            done.tokens,
            round(done.tokens / max(1e-9, done.seconds)),
            self.last_loss,
            sums[0] / sums[1],
            sums[2] / max(1.0, sums[3]),
            sums[0] / np.log(2) / self._validation_bytes(),
        )

    def _validation_bytes(self) -> int:
        """The size of the text whose tokens count in the validation."""
        pairs = zip(*self.validation, strict=True)
        rows = [[int(token) for token, weight in zip(*pair, strict=True) if weight > 0] for pair in pairs]
        return sum(len(text.encode()) for text in self.tokenizer.decode_batch(rows, skip_special_tokens=False))

    def save(self) -> None:
        """Write a checkpoint, whole or not at all, and the weights beside it."""
        state = {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "progress": (self.progress.step, self.progress.tokens, self.progress.seconds),
            "position": (self.batches.position.chunk, self.batches.position.row),
            "preset": self.options.preset,
            "seed": self.options.seed,
            "random": (torch.get_rng_state(), self.last_loss),
        }
        partial = self.options.out / "checkpoint.pt.partial"
        torch.save(state, partial)
        partial.replace(self.options.out / "checkpoint.pt")
        self.export(self.options.out / "hf")

    def export(self, folder: Path) -> None:
        """The weights in bf16 and the tokenizer, for transformers and for adapting later."""
        folder.mkdir(parents=True, exist_ok=True)
        weights = {name: value.to(torch.bfloat16) for name, value in self.model.state_dict().items()}
        if self.model.config.tie_word_embeddings:
            weights.pop("lm_head.weight", None)  # the same matrix under a second name
        # What an earlier version left in other pieces would be read instead of what is written now.
        for old in (*folder.glob("*.safetensors"), *folder.glob("*.index.json")):
            old.unlink()
        self.model.save_pretrained(folder, state_dict=weights, max_shard_size=SHARD)
        config = json.loads((folder / "config.json").read_text()) | {"dtype": "bfloat16", "use_cache": True}
        (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
        self.tokenizer.save(str(folder / "tokenizer.json"))
        (folder / "training.json").write_text(json.dumps(self.facts(), indent=1) + "\n")

    def facts(self) -> dict[str, Any]:
        """For the model card."""
        return {
            "preset": self.options.preset,
            "seed": self.options.seed,
            "context": self.size.context,
            "step": self.progress.step,
            "tokens": self.progress.tokens,
            "seconds": round(self.progress.seconds),
            "batch_rows": self.size.batch,
            "muon_rate": self.size.muon_rate * self.options.rate,
            "adam_rate": self.size.adam_rate * self.options.rate,
            "decay": self.size.decay,
            "precision": "bf16" if self.bf16 else "fp32",
            "device": self.device,
            "adapted_from": str(self.options.init_from or ""),
        }

    def _restore(self) -> data.Position:
        """Everything as the checkpoint has it; returns where to read on."""
        path = self.options.out / "checkpoint.pt"
        if not path.exists():
            raise TrainingError(f"There is no checkpoint {path} to resume.", "Start without --resume.")
        state = torch.load(path, map_location=self.device, weights_only=True)
        if state["preset"] != self.options.preset:
            raise TrainingError(
                f"{path} is of the preset {state['preset']}.", f"Resume it with --preset {state['preset']}."
            )
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.progress = Progress(*state["progress"])
        torch.set_rng_state(state["random"][0].cpu())
        self.last_loss = state["random"][1]
        self.say(f"resumed at step {self.progress.step}, {self.progress.tokens:,} tokens")
        return data.Position(*state["position"])


def load(folder: Path) -> Any:
    """The network of a folder of weights, in fp32."""
    try:
        return LlamaForCausalLM.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True, use_safetensors=True
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise TrainingError(f"{folder} holds no weights to start from: {error}", "Name a run's hf folder.") from error


def optimizers(model: Any, size: Preset, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the layers' matrices, AdamW for the rest; each group remembers its base rate."""
    named = list(model.named_parameters())
    matrices = [value for name, value in named if value.ndim == 2 and ".layers." in name]
    rest = [value for name, value in named if value.ndim != 2 or ".layers." not in name]
    both = [
        torch.optim.Muon(matrices, lr=size.muon_rate * rate, weight_decay=size.weight_decay),
        torch.optim.AdamW(rest, lr=size.adam_rate * rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]
    for optimizer in both:
        for group in optimizer.param_groups:
            group["base_rate"] = group["lr"]
    return both
