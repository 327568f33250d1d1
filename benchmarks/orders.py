"""In which order a family's prompt is best written: how many single lines of HumanEval come out exactly.

`python -m benchmarks.orders --model FOLDER` asks a CTranslate2 folder for the lines of the canonical solutions, one
missing at a time, with the parts of the prompt in each order, and prints the counts with their intervals.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import ctranslate2
from rich.console import Console
from rich.table import Table

from benchmarks import infilling
from hybrid_lsp.engine import prompts
from hybrid_lsp.engine.tokenizer import Tokenizer
from hybrid_lsp.models import families, store
from hybrid_lsp.models.families import PREFIX, SUFFIX, Control, Family, Part
from hybrid_lsp.training.scores import wilson
from hybrid_lsp.types import Infill

_BATCH = 8
_NEW_TOKENS = 32
_ROOM = 1024


@attrs.frozen
class Place:
    """A line that is missing: what stands above it, the line with its indentation, and what stands below it."""

    prefix: str = attrs.field(repr=False)
    line: str
    suffix: str = attrs.field(repr=False)


def places(count: int) -> list[Place]:
    """So many lines, the same at each call; those with little around them first."""
    return [
        Place(case.above, case.prefix[len(case.above) :] + case.solution, case.suffix)
        for case in infilling.single_lines(count)
    ]


def orders(family: Family) -> dict[str, tuple[Part, ...]]:
    """The layouts that are compared, by name."""
    begin, after, middle = (part for part in family.layout if isinstance(part, Control))
    return {
        "prefix, suffix, middle": (begin, PREFIX, after, SUFFIX, middle),
        "prefix mark, suffix, middle, prefix": (begin, after, SUFFIX, middle, PREFIX),
        "prefix alone": (PREFIX,),
    }


@attrs.frozen
class Writer:
    """A converted folder that writes one line at each place."""

    generator: Any
    tokenizer: Tokenizer
    family: Family
    threads: int
    ends: list[int]
    names: dict[int, str]

    @classmethod
    def load(cls, folder: Path, threads: int) -> Writer:
        stored = store.resolve(str(folder))
        family = families.detect(stored.family, stored.name)
        tokenizer = Tokenizer.load(stored.folder, family)
        newlines = [token for token, piece in tokenizer.healer(family, trained=False).pieces.items() if b"\n" in piece]
        names = {number: name for name, number in tokenizer.vocabulary.items()}
        generator = ctranslate2.Generator(str(stored.folder), intra_threads=threads)
        return cls(generator, tokenizer, family, threads, [*tokenizer.ends, *newlines], names)

    def lines(self, chosen: Sequence[Place], layout: tuple[Part, ...]) -> list[str]:
        """What is written at some places, up to a line's end, with the parts of the prompt in this order."""
        family = attrs.evolve(self.family, layout=layout)
        asked = [prompts.infill(self.tokenizer, family, Infill(each.prefix, each.suffix), _ROOM) for each in chosen]
        results = self.generator.generate_batch(
            [[self.names[token] for token in prompt.tokens] for prompt in asked],
            max_length=_NEW_TOKENS,
            end_token=self.ends,
            include_prompt_in_result=False,
        )
        return [self.tokenizer.decode(list(result.sequences_ids[0])) for result in results]


def measure(writer: Writer, chosen: Sequence[Place], names: Sequence[str], raw: Path) -> dict[str, list[bool]]:
    """Whether each line came out exactly, by order; `raw` keeps what was written, and where a run was stopped."""
    layouts = {name: layout for name, layout in orders(writer.family).items() if name in (names or [name])}
    known = json.loads(raw.read_text(encoding="utf-8")) if raw.exists() else {}
    known = {name: [] for name in layouts} | known
    for start in range(0, len(chosen), _BATCH):
        part = chosen[start : start + _BATCH]
        for name, layout in layouts.items():
            if len(known[name]) <= start:
                known[name] += writer.lines(part, layout)
        raw.parent.mkdir(parents=True, exist_ok=True)
        raw.write_text(json.dumps(known, indent=1), encoding="utf-8")
    return {
        name: [text.rstrip() == each.line.rstrip() for text, each in zip(texts, chosen, strict=False)]
        for name, texts in known.items()
    }


def table(exact: dict[str, list[bool]]) -> Table:
    shown = Table(title="exact lines (HumanEval, one line missing)")
    for heading in ("order", "exact", "95 % interval"):
        shown.add_column(heading, justify="left" if heading == "order" else "right")
    for name, found in exact.items():
        hits, count = sum(found), len(found)
        low, high = wilson(hits, count)
        shown.add_row(name, f"{hits} of {count} ({hits / count:.1%})", f"{low:.1%} to {high:.1%}")
    return shown


def main() -> int:
    options = _parser().parse_args()
    writer = Writer.load(options.model, options.threads)
    exact = measure(writer, places(options.places), options.orders, options.raw)
    Console().print(table(exact))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.orders", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="a CTranslate2 folder of a family that fills in")
    parser.add_argument("--places", type=int, default=320)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--orders", nargs="*", default=[], help="only these, by their names")
    parser.add_argument("--raw", type=Path, default=Path("build/orders.json"), help="where what was written is kept")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
