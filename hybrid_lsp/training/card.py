"""The model card: what a shipped model is made of, how well it does, and where it ends. Written from the files beside
it, so that no figure is typed by hand.

    python -m hybrid_lsp.training.card MODEL --corpus CORPUS   ->   MODEL/CARD.md
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from hybrid_lsp.errors import HybridLspError, TrainingError
from hybrid_lsp.training import fim

INTRODUCTION = """\
A {parameters:.1f}M-parameter Llama-shaped network for Python, {size:.1f} MB in int8, trained from nothing by
`hybrid-lsp train` for ghost text on an ordinary CPU. MIT licence, as the program."""

TASK = """\
{positions:,} cursor positions (half mid-line, half at a line's start; docstrings and comments included) of packages
that were never in training: {packages}. The task: the rest of the line, greedy, from what stands above and
below{healed}. Confidence and its threshold ({threshold:.2f}) were fitted on other held-out packages: {fitted}.
Bits per byte of held-out text: {bits:.3f}."""

COLUMNS = (
    "below the cursor",
    "source",
    "exact [95 %]",
    "of 12 characters and more",
    "first word",
    "edit similarity",
    "exact at 10 / 20 / 30 / 50 % coverage",
    "shown",
    "exact of shown",
)

LIMITS = """\
- It is a very small network. It knows Python's syntax, the idioms of popular packages and the names in the text around
  the cursor; it does not reason, and it does not know an API that it has not seen nearby.
- Python only. In other languages the copy model does most of the work, and lines are judged by numbers of their own.
- One line at a time is what was measured. It was trained on a few blocks of up to four lines as well.
- Its suggestions are shown only above a calibrated confidence; below it, silence is the better suggestion.
- Licences: only packages under permissive licences were read (table below). The network may repeat short idioms."""

SHOWN = ("copy, 5-gram", "copy", "network", "together", "copy, other files", "together, other files")
WORDS = {"finished": "finished file", "unfinished": "file being written", "no suffix": "nothing below"}


def read(path: Path) -> Any:
    """A JSON file that must be there."""
    if not path.exists():
        raise TrainingError(f"{path} is missing.", "Convert and evaluate the model first: see training/README.md.")
    return json.loads(path.read_text())


def card(model: Path, corpus: Path, notes: str = "") -> str:
    """The text of CARD.md; `notes` is Markdown about this very run, by who made it."""
    config = read(model / "weights" / "config.json")
    evaluation = read(model / "evaluation.json")
    manifest = read(corpus / "corpus.json")
    facts = read(model / "weights" / "training.json")
    size = (model / "model.bin").stat().st_size
    sections = {
        "# The embedded model": INTRODUCTION.format(parameters=parameters(config) / 1e6, size=size / 1e6),
        "## How well it does": "\n\n".join((task(evaluation, manifest), scores_table(evaluation), aims(evaluation))),
        "## What it is": facts_table(config, facts, manifest),
        **({"## About this run": notes.strip()} if notes else {}),
        "## Limits": LIMITS,
        "## What it was made of": corpus_table(manifest),
    }
    return "\n\n".join(f"{title}\n\n{text}" for title, text in sections.items()) + "\n"


def parameters(config: dict[str, Any]) -> int:
    """Of a Llama-shaped network with tied embeddings."""
    hidden, ffn, heads = config["hidden_size"], config["intermediate_size"], config["num_attention_heads"]
    kv = hidden // heads * config["num_key_value_heads"]
    layer = 2 * hidden * hidden + 2 * hidden * kv + 3 * hidden * ffn + 2 * hidden
    return int(config["vocab_size"] * hidden + config["num_hidden_layers"] * layer + hidden)


def task(evaluation: dict[str, Any], manifest: dict[str, Any]) -> str:
    """What was asked, and on what."""
    fitted = sorted(p["name"] for p in manifest["packages"] if p["split"] == "validation" and p["files"])
    return TASK.format(
        positions=evaluation["positions"],
        packages=", ".join(evaluation["packages"]),
        threshold=evaluation["threshold"],
        fitted=", ".join(fitted) or "a tenth of the corpus",
        bits=evaluation["bits_per_byte"],
        healed=", the piece before the cursor healed" if evaluation["healed"] else "",
    )


def scores_table(evaluation: dict[str, Any]) -> str:
    """One row a source and condition."""
    rows = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    for condition, figures in evaluation["conditions"].items():
        rows += [f"| {WORDS[condition]} | {name} | {_row(figures[name])} |" for name in SHOWN]
    return "\n".join(rows)


def _row(one: dict[str, Any]) -> str:
    at = " / ".join(_percent(one["precision_at"][str(coverage)], 0) for coverage in (10, 20, 30, 50))
    return " | ".join(
        (
            f"{_percent(one['exact'])} [{_percent(one['exact_low'])}, {_percent(one['exact_high'])}]",
            _percent(one["exact_of"]["12 characters and more"]),
            _percent(one["first_word"]),
            f"{one['edit_similarity']:.2f}",
            at,
            _percent(one["shown"], 0),
            _percent(one["shown_exact"], 0),
        )
    )


def _percent(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:.{digits}%}"


def aims(evaluation: dict[str, Any]) -> str:
    """Each aim of the project with its figure, met or missed."""
    conditions = evaluation["conditions"]
    lines = [line for name in ("finished", "unfinished") for line in _together(WORDS[name], conditions[name])]
    alone, without = conditions["finished"]["network"]["exact"], conditions["no suffix"]["network"]["exact"]
    lines.append(_aim("the network alone: 25 % exact (asked of the GPU preset)", alone >= 0.25, _percent(alone)))
    figure = f"{_percent(alone)} with, {_percent(without)} without"
    lines.append(_aim("the network is better with the suffix than without", alone > without, figure))
    return "Aims, met or missed:\n\n" + "\n".join(lines)


def _together(label: str, figures: dict[str, Any]) -> list[str]:
    """The aims of both sources together."""
    together, gain = figures["together"], figures["together over copy"]
    full = f"{gain['gain'][-1]:+.1%} [{gain['low'][-1]:+.1%}, {gain['high'][-1]:+.1%}]"
    worst = min(gain["gain"])
    enough = (together["shown_exact"] or 0) >= 0.5 and together["shown"] >= 0.2
    shown = f"{_percent(together['shown_exact'])} of {_percent(together['shown'])}"
    return [
        _aim(f"{label}: together better than copy alone at full coverage, paired", gain["low"][-1] > 0, full),
        _aim(f"{label}: together never worse at any coverage from 5 to 100 %", worst >= 0, f"worst {worst:+.1%}"),
        _aim(f"{label}: at least half of what is shown exactly right, at 20 % of positions or more", enough, shown),
    ]


def _aim(text: str, met: bool, figure: str) -> str:
    return f"- {'met' if met else '**missed**'}: {text}: {figure}"


def facts_table(config: dict[str, Any], facts: dict[str, Any], manifest: dict[str, Any]) -> str:
    """Architecture and hyper-parameters."""
    train = manifest["splits"]["train"]
    shape = (
        f"Llama: hidden {config['hidden_size']}, {config['num_hidden_layers']} layers, "
        f"{config['num_attention_heads']} heads with {config['num_key_value_heads']} KV heads, "
        f"FFN {config['intermediate_size']}, tied embeddings"
    )
    seen = (
        f"{facts['tokens'] / 1e6:.1f}M tokens in {facts['step']:,} steps of {facts['batch_rows']} rows, "
        f"{facts['seconds'] / 60:.0f} minutes on {facts['device']} in {facts['precision']}"
    )
    samples = (
        f"90 % fill-in-the-middle ({fim.SPM_SHARE:.0%} of it suffix first), holes drawn anew in each epoch; "
        f"middles weigh {fim.MIDDLE_WEIGHT:.0f}-fold"
    )
    rates = (
        f"Muon {facts['muon_rate']} for matrices, AdamW {facts['adam_rate']} for the rest; warm-up, constant, "
        f"linear decay over the last {facts['decay']:.0%}"
    )
    rows = {
        "architecture": shape,
        "vocabulary": f"{config['vocab_size']:,} byte-level BPE; a newline with its indentation is one token",
        "context": f"{facts['context']} tokens",
        "seen": seen,
        "corpus": f"{train['bytes'] / 1e6:.0f} MB of Python in {train['files']:,} files",
        "samples": samples,
        "optimizer": rates,
        "preset, seed": f"{facts['preset']}, {facts['seed']}",
        "prompt": "`<|fim_prefix|><|fim_suffix|>{suffix}<|fim_middle|>{prefix}`, ends with `<|endoftext|>`",
    }
    if facts.get("adapted_from"):
        rows["adapted from"] = facts["adapted_from"]
    return "| | |\n|---|---|\n" + "\n".join(f"| {name} | {value} |" for name, value in rows.items())


def corpus_table(manifest: dict[str, Any]) -> str:
    """Packages, versions, licences, shares."""
    rows = ["| package | version | licence | files | KB | used for |", "|---|---|---|---|---|---|"]
    for package in sorted(manifest["packages"], key=lambda p: (p["split"], p["name"].lower())):
        use = package["split"] if package["accepted"] else "nothing: licence not accepted"
        licence = package["license"] or "none declared"
        size = f"{package['files']} | {package['bytes'] // 1000}"
        rows.append(f"| {package['name']} | {package['version']} | {licence} | {size} | {use} |")
    return "\n".join(rows)


def main(argv: list[str] | None = None) -> int:
    """Write MODEL/CARD.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="the converted and evaluated folder")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--notes", type=Path, help="Markdown about this very run")
    options = parser.parse_args(argv)
    try:
        text = card(options.model, options.corpus, options.notes.read_text() if options.notes else "")
    except HybridLspError as error:
        print(error, file=sys.stderr)
        return 1
    (options.model / "CARD.md").write_text(text)
    print(f"wrote {options.model / 'CARD.md'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
