"""What healing the end of a prompt is worth: single lines of HumanEval, with the cursor behind their indentation.

`python -m benchmarks.healing --model FOLDER` asks our own engine for each line twice, with the prompt healed and as the
cursor cuts it, and prints how many came out exactly and how many empty. It goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import infilling
from hybrid_lsp.engine.generation import Chunk, Limits
from hybrid_lsp.engine.service import Job, load
from hybrid_lsp.training.scores import wilson
from hybrid_lsp.types import Infill

_NEW_TOKENS = 32
_KEPT_MB = 64
"""One prompt: both ways of asking share all but its end."""
WAYS = ("as the cursor cuts it", "healed")


async def written(engine: Any, case: infilling.Case) -> str:
    """One line as the model writes it."""
    job = Job(Infill(case.prefix, case.suffix), max_tokens=_NEW_TOKENS, limits=Limits(stop=("\n",)))
    return "".join([item.text async for item in engine.stream(job) if isinstance(item, Chunk)])


def measure(model: Path, cases: list[infilling.Case], threads: int, raw: Path) -> dict[str, list[str]]:
    """What was written at each place, by way; `raw` keeps it."""
    known: dict[str, list[str]] = {way: [] for way in WAYS}
    if raw.exists():
        known |= json.loads(raw.read_text(encoding="utf-8"))
    engine = load(str(model), threads=threads, reuse_mb=_KEPT_MB)
    healers = dict(zip(WAYS, (None, engine.healer), strict=True))
    raw.parent.mkdir(parents=True, exist_ok=True)
    with asyncio.Runner() as loop:
        for number, case in enumerate(cases):
            for way, healer in healers.items():
                if len(known[way]) <= number:
                    engine.healer = healer
                    known[way].append(loop.run(written(engine, case)))
            raw.write_text(json.dumps(known, indent=1), encoding="utf-8")
    engine.close()
    return known


def table(cases: list[infilling.Case], known: dict[str, list[str]]) -> Table:
    shown = Table(title="the rest of a line behind its indentation (HumanEval)")
    for heading in ("prompt", "exact", "95 % interval", "nothing written", "exact of written"):
        shown.add_column(heading, justify="left" if heading == "prompt" else "right")
    for way, texts in known.items():
        right = [text.rstrip() == case.solution.rstrip() for text, case in zip(texts, cases, strict=False)]
        empty = sum(not text.strip() for text in texts)
        low, high = wilson(sum(right), len(right))
        share = sum(right) / max(1, len(right) - empty)
        shown.add_row(
            way, f"{sum(right)} of {len(right)}", f"{low:.1%} to {high:.1%}", str(empty), f"{share * 100:.0f} %"
        )
    return shown


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.healing", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="a folder of a family that fills in")
    parser.add_argument("--places", type=int, default=320)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--raw", type=Path, default=Path("build/healing.json"), help="where what was written is kept")
    options = parser.parse_args()
    cases = infilling.single_lines(options.places)
    Console().print(table(cases, measure(options.model, cases, options.threads, options.raw)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
