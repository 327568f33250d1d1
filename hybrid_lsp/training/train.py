"""Train a model from a corpus: `train(TrainOptions)`, or `python -m hybrid_lsp.training.train`.

The schedule is warm-up, constant, linear decay to 0 (WSD; Hu et al. 2024, "MiniCPM", and Hägele et al. 2024, "Scaling
Laws and Compute-Optimal Training Beyond Fixed Training Durations"), over wall-clock time: a run of 90 minutes ends
decayed after 90 minutes, on any machine. The layers' matrices learn by Muon (Jordan et al. 2024, "Muon: An optimizer
for hidden layers in neural networks"), embeddings and norms by AdamW.

    out/checkpoint.pt   all that a resumed run needs    out/hf/     weights and tokenizer, for transformers
    out/log.csv         one line a validation           out/loss.png
"""

import argparse
import importlib.util
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers.utils.logging import disable_progress_bar

from hybrid_lsp.errors import HybridLspError, TrainingError
from hybrid_lsp.models.store import EMBEDDED, embedded_dir
from hybrid_lsp.training import corpus, network, runlog
from hybrid_lsp.training import tokenizer as tok
from hybrid_lsp.training.run import Run, TrainOptions

ADAPTING_RATE = 0.2  # of the learning rates: what is known is to be kept
TOKENIZER_CHARS = 60_000_000  # of the corpus; more changes nothing


def train(options: TrainOptions, say: Callable[[str], None] = print) -> Path:
    """Train as the options say; returns the folder of the weights (out/hf)."""
    options.out.mkdir(parents=True, exist_ok=True)
    silence: Any = disable_progress_bar  # untyped
    silence()
    folder = prepare_corpus(options)
    run = Run(options, folder, prepare_tokenizer(options, folder), say)
    say(
        f"corpus: {len(run.batches.samples.stretches):,} stretches; precision {'bf16' if run.bf16 else 'fp32'}; "
        f"{run.remaining_seconds() / 60:.0f} minutes to go"
    )
    with stopped_by_signals(run), runlog.bar() as show:
        try:
            _loop(run, show)
        finally:
            run.batches.close()
    note(run)
    checkpoint(run)
    say(f"{'stopped' if run.stopping else 'done'} at step {run.progress.step}; {options.out / 'hf'} holds the weights")
    return options.out / "hf"


def _loop(run: Run, show: Callable[[float, str], None]) -> None:
    """Step until the clock, the steps or a signal ends it."""
    saved = noted = run.progress.seconds
    clock = time.monotonic()
    for batch in run.batches:
        if run.stopping or run.fraction() >= 1.0:
            return
        run.step(batch)
        now = time.monotonic()
        run.progress.seconds += now - clock
        clock = now
        show(run.fraction(), f"step {run.progress.step} loss {run.last_loss:.3f}")
        if run.progress.seconds - noted >= run.options.validate_minutes * 60:
            noted = run.progress.seconds
            note(run)
        if run.progress.seconds - saved >= run.options.checkpoint_minutes * 60:
            saved = run.progress.seconds
            checkpoint(run)


def note(run: Run) -> None:
    """Validate, and tell."""
    entry = run.validate()
    log = run.options.out / "log.csv"
    runlog.append(log, entry, anew=not (run.options.resume or run.noted))
    run.noted = True
    done = run.fraction()
    run.say(f"{datetime.now():%H:%M:%S} {done:4.0%} {entry} rate x{run.rate(done):.2f}")


def checkpoint(run: Run) -> None:
    """Save what a resumed run needs, and draw the losses."""
    run.save()
    log = run.options.out / "log.csv"
    if log.exists():
        runlog.plot(log, run.options.out / "loss.png")


def prepare_corpus(options: TrainOptions) -> Path:
    """The corpus folder: the one named, or built beside the model from folders of code or wheels."""
    if len(options.corpora) == 1 and (Path(options.corpora[0]) / f"train{corpus.SUFFIX}").exists():
        return Path(options.corpora[0])
    built = options.out / "corpus"
    if not (options.resume and (built / "corpus.json").exists()):
        if not options.corpora:
            raise TrainingError(
                "No corpus is named.", "Give --corpus a folder of Python files, of wheels, or a corpus."
            )
        corpus.build(options.corpora, built, options.threads)
    return built


def prepare_tokenizer(options: TrainOptions, folder: Path) -> Tokenizer:
    """The tokenizer of the model adapted or resumed; otherwise one learnt from the corpus."""
    path = options.out / "tokenizer.json"
    if options.init_from:
        return tok.load(options.init_from)
    if options.resume and path.exists():
        return tok.load(path)
    texts = some([file.text for file in corpus.load(folder, "train")], options.seed)
    tokenizer = tok.train(texts, network.preset(options.preset).vocabulary)
    tokenizer.save(str(path))
    return tokenizer


def some(texts: list[str], seed: int) -> Iterator[str]:
    """Texts in random order, as many as a tokenizer needs."""
    left = TOKENIZER_CHARS
    for text in random.Random(seed).sample(texts, len(texts)):  # noqa: S311 # a sample, not a secret
        if left < 0:
            return
        left -= len(text)
        yield text


@contextmanager
def stopped_by_signals(run: Run) -> Iterator[None]:
    """SIGTERM and SIGINT end the run after the step, with a checkpoint."""

    def stop(*_: object) -> None:
        run.stopping = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def parse(argv: list[str] | None) -> TrainOptions:
    """Options from a command line."""
    parser = argparse.ArgumentParser(prog="hybrid-lsp train", description="Train or adapt the embedded model.")
    parser.add_argument("--preset", default="cpu", help=f"size of network: {', '.join(network.PRESETS)}")
    parser.add_argument("--corpus", nargs="+", default=[], metavar="DIR", help="folders of code or wheels, or a corpus")
    parser.add_argument("--out", type=Path, required=True, help="where checkpoints and weights go")
    parser.add_argument("--minutes", type=float, help="stop, decayed, after so many")
    parser.add_argument("--deadline", help="stop, decayed, at this time of day (HH:MM)")
    parser.add_argument("--steps", type=int, help="stop, decayed, after so many optimizer steps")
    parser.add_argument("--resume", action="store_true", help="go on from out/checkpoint.pt")
    parser.add_argument(
        "--from",
        dest="init_from",
        type=weights_of,
        metavar="MODEL",
        help="adapt these weights: `embedded`, or a folder with model.safetensors",
    )
    parser.add_argument("--rate", type=float, help="factor on the learning rates; default 1, adapting 0.2")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--precision", choices=("auto", "bf16", "fp32"), default="auto")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=None)
    parser.add_argument("--no-convert", dest="convert", action="store_false", help="leave out OUT/model")
    given = vars(parser.parse_args(argv))
    deadline = given.pop("deadline")
    if given["rate"] is None:
        given["rate"] = ADAPTING_RATE if given["init_from"] else 1.0
    return TrainOptions(corpora=given.pop("corpus"), deadline=time_of_day(deadline) if deadline else None, **given)


def weights_of(model: str) -> Path:
    """The folder of the weights to adapt."""
    return embedded_dir() / "weights" if model == EMBEDDED else Path(model)


def time_of_day(text: str) -> datetime:
    """The next moment at which a clock shows HH:MM."""
    now = datetime.now()
    try:
        wanted = datetime.strptime(text, "%H:%M").replace(year=now.year, month=now.month, day=now.day)
    except ValueError as error:
        raise TrainingError(f"{text!r} is not a time of day.", "Write it as HH:MM, for example 13:25.") from error
    return wanted if wanted > now else wanted + timedelta(days=1)


def main(argv: list[str] | None = None) -> int:
    """The command line; errors are told with their remedy."""
    try:
        options = parse(argv)
        weights = train(options, lambda text: print(text, flush=True))
        if options.convert:
            _convert(weights, options.out / "model")
    except HybridLspError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _convert(weights: Path, out: Path) -> None:
    """Make what an engine serves, where CTranslate2 is installed (on a rented GPU machine it need not be)."""
    if importlib.util.find_spec("ctranslate2") is None:
        print("not converted: ctranslate2 is not installed; run hybrid_lsp.training.convert elsewhere", flush=True)
        return
    from hybrid_lsp.training.convert import convert

    alike = convert(weights, out)
    print(f"{out} is ready to be served; {alike:.0%} of greedy tokens as in torch", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
