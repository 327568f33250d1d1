"""What a training run tells: a line of CSV and of text a validation, a picture of the losses, a bar on a terminal."""

import csv
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
from attrs import asdict, define, fields
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

mpl.use("agg")
from matplotlib import pyplot  # the backend is chosen first


@define(frozen=True)
class Entry:
    """One validation. Losses in nats a token."""

    seconds: int
    step: int
    tokens: int
    rate: int  # tokens a second, of the whole run
    train_loss: float  # weighted, a running mean
    val_loss: float
    val_middle: float  # of the middles alone
    bits_per_byte: float

    def __str__(self) -> str:
        return (
            f"step {self.step} {self.tokens / 1e6:.1f}M tokens {self.rate:,}/s train {self.train_loss:.3f} "
            f"val {self.val_loss:.3f} middle {self.val_middle:.3f} bits/byte {self.bits_per_byte:.3f}"
        )


def append(log: Path, entry: Entry, *, anew: bool) -> None:
    """Add an entry to the CSV; `anew` starts it over."""
    new = anew or not log.exists()
    with log.open("w" if new else "a", newline="") as stream:
        writer = csv.writer(stream)
        if new:
            writer.writerow([column.name for column in fields(Entry)])
        writer.writerow([f"{v:.4f}" if isinstance(v, float) else v for v in asdict(entry).values()])


def plot(log: Path, out: Path) -> None:
    """The losses over the run as a picture."""
    with log.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    figure, axes = pyplot.subplots(figsize=(7, 4))
    for name, label in (("val_loss", "all tokens"), ("val_middle", "middles")):
        axes.plot([float(row["tokens"]) / 1e6 for row in rows], [float(row[name]) for row in rows], label=label)
    axes.set(xlabel="million tokens", ylabel="nats a token", title="Loss on held-out packages")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(out, dpi=110, bbox_inches="tight")
    pyplot.close(figure)


@contextmanager
def bar() -> Iterator[Callable[[float, str], None]]:
    """Shows how much is done and a note, on a terminal; nothing elsewhere (the validations are the log)."""
    if not sys.stderr.isatty():
        yield lambda _done, _note: None
        return
    columns = (TextColumn("training"), BarColumn(), TextColumn("{task.fields[note]}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as shown:
        task = shown.add_task("training", total=1.0, note="")
        yield lambda done, note: shown.update(task, completed=done, note=note)
