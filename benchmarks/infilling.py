"""HumanEval's random spans (or, of a real model, its single lines), filled in through the server and by the model
alone: how many of their tests pass.

The model alone is asked with just what the server asks: the same text around the cursor, the same length. Its reply is
taken both as it is and cut as the server cuts it (`trim`); the better of the two is what the server is held to.

A run can be made in parts: what was written is kept in a file, and the next run goes on from there.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import math
import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from difflib import SequenceMatcher
from pathlib import Path

import attrs

from benchmarks import place, traces
from benchmarks.place import Server
from benchmarks.report import Report
from benchmarks.sandbox import passes
from hybrid_lsp.backends.launcher import EngineSpec
from hybrid_lsp.completion.trim import trim
from hybrid_lsp.config import Config
from hybrid_lsp.context.window import around
from hybrid_lsp.document import Document
from hybrid_lsp.server.editor import Editor

_SEED = 11
_TIME_MS = 60_000
"""For one suggestion: what is compared is what is written, not how fast this machine is."""
_LONGEST = 600
"""Characters of the programs whose single lines are taken: short ones, for the sake of those who wait."""
ROWS = traces.DATA / "infilling" / "HumanEval-RandomSpanInfillingLight.jsonl.gz"


@attrs.frozen
class Case:
    """A program with a hole, what stood there, and the tests."""

    prefix: str = attrs.field(repr=False)
    suffix: str = attrs.field(repr=False)
    solution: str = attrs.field(repr=False)
    test: str = attrs.field(repr=False)
    entry_point: str

    @property
    def above(self) -> str:
        """The prefix without the cursor's line."""
        return self.prefix[: self.prefix.rfind("\n") + 1]

    def program(self, middle: str) -> str:
        return f"{self.prefix}{middle}{self.suffix}\n{self.test}\ncheck({self.entry_point})\n"


@attrs.define
class Score:
    """Of one way of filling in; `passed` are the numbers of the cases."""

    passed: set[int] = attrs.field(factory=set)
    exact: int = 0
    similarity: float = 0.0
    empty: int = 0


def cases(count: int) -> list[Case]:
    return [
        Case(row["prompt"], row["suffix"], row["canonical_solution"], row["test"], row["entry_point"])
        for row in _rows()[:count]
    ]


def single_lines(count: int) -> list[Case]:
    """Of short programs, so many of the lines below the docstring; the cursor stands behind the line's indentation.

    The same at each call, those with little around them first.
    """
    found = [case for row in _rows() for case in _lines(row)]
    random.Random(_SEED).shuffle(found)  # noqa: S311 (a sample, not a secret)
    return sorted(found[:count], key=lambda case: len(case.above) + len(case.suffix))


def _rows() -> list[dict[str, str]]:
    with gzip.open(ROWS, "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def _lines(row: dict[str, str]) -> Iterator[Case]:
    whole = row["prompt"] + row["canonical_solution"] + row["suffix"]
    # The docstring is the question, what stands below it the answer.
    at = whole.find("\n", max(whole.rfind('"""'), whole.rfind("'''")) + 3) + 1
    while 0 < at < len(whole):
        end = whole.find("\n", at)
        end = len(whole) if end < 0 else end
        line = whole[at:end]
        if len(line.strip()) > 1 and len(whole) <= _LONGEST:
            begin = end - len(line.lstrip())
            yield Case(whole[:begin], whole[end:], whole[begin:end], row["test"], row["entry_point"])
        at = end + 1


@attrs.define
class Written:
    """What came so far, case by case: of the model alone, and through the server."""

    plain: list[str] = attrs.field(factory=list)
    served: list[str] = attrs.field(factory=list)

    @classmethod
    def load(cls, raw: Path | None) -> Written:
        return cls(**json.loads(raw.read_text(encoding="utf-8"))) if raw is not None and raw.exists() else cls()

    def keep(self, raw: Path | None) -> None:
        if raw is not None:
            raw.parent.mkdir(parents=True, exist_ok=True)
            raw.write_text(json.dumps(attrs.asdict(self), indent=1), encoding="utf-8")


async def run(
    report: Report, count: int, small: Path | None = None, raw: Path | None = None, seconds: float = math.inf
) -> None:
    """With the embedded model the random spans, with a folder of a real one single lines; for so long at most."""
    chosen = cases(count) if small is None else single_lines(count)
    written = Written.load(raw)
    with place.own_folders() as folder:
        await _write(folder, "embedded" if small is None else str(small), chosen, written, raw, seconds)
        reasons = place.reasons(folder)
    chosen, plain, served = chosen[: len(written.served)], written.plain, written.served
    if len(chosen) < count:
        report.notes.append(f"infilling: {len(chosen)} of {count} cases are done; the same command goes on.")
    cut = [trim(text, case.prefix, case.suffix) for text, case in zip(plain, chosen, strict=True)]
    ways = {"through the server": served, "the model alone": plain, "the model alone, trimmed": cut}
    scores = {name: await asyncio.to_thread(score, chosen, texts) for name, texts in ways.items()}
    for name, found in scores.items():
        _tell(report, name, found, len(chosen))
    report.notes.append(f"infilling, through the server: nothing shown because: {place.listed(reasons)}.")
    best = max((scores["the model alone"], scores["the model alone, trimmed"]), key=lambda each: len(each.passed))
    mine = scores["through the server"].passed
    report.add("infilling", "passed, server less the better of the model alone", len(mine) - len(best.passed), least=0)
    report.add("infilling", "passed by the model alone only", len(best.passed - mine))
    report.add("infilling", "passed through the server only", len(mine - best.passed))


async def _write(
    folder: Path, model: str, chosen: list[Case], written: Written, raw: Path | None, seconds: float
) -> None:
    """Ask for what is not written yet."""
    spec, until = EngineSpec(model), time.monotonic() + seconds
    small = {"backend": "engine", "model": spec.model, "timeout_s": 120.0}
    editor = Editor({"small": small, "completion": {"time_budget_ms": _TIME_MS}})
    await editor.start(folder)
    async with place.engine(spec) as engine:
        for number in range(len(written.served), len(chosen)):
            if time.monotonic() > until:
                break
            case = chosen[number]
            written.plain.append(await directly(engine, case))
            written.served.append(await through(editor, folder / f"{number}.py", case))
            written.keep(raw)
    await editor.stop()


def _tell(report: Report, name: str, found: Score, count: int) -> None:
    report.add("infilling", f"tests pass, {name}", len(found.passed) / count * 100, "%")
    report.notes.append(
        f"infilling, {name}: {found.exact} of {count} exact, edit similarity {found.similarity / count:.2f}, "
        f"{found.empty} empty."
    )


async def directly(engine: Server, case: Case) -> str:
    """The model's reply as it is; its line, or on an empty line up to four, as the server asks."""
    completion = Config().completion
    document = Document("", case.prefix + case.suffix)
    window = around(document, len(case.prefix), completion.context_chars)
    lines = 1 if case.prefix.rpartition("\n")[2].strip() or case.suffix.partition("\n")[0].strip() else 4
    tokens = completion.max_tokens * (2 if lines > 1 else 1)
    body = place.infill(window.prefix, window.suffix, tokens, stop=["\n"] if lines == 1 else ["\n\n"])
    reply = await engine.ask("/infill", body)
    return "\n".join(reply.text.split("\n")[:lines])


async def through(editor: Editor, path: Path, case: Case) -> str:
    """What is shown at the cursor when it is asked for by hand; it is inserted as it is."""
    editor.open(path, case.prefix + case.suffix)
    editor.cursor = len(case.prefix)
    return (await editor.ghost_text(invoked=True)).text


def score(chosen: list[Case], texts: list[str]) -> Score:
    found = Score()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        passed = list(pool.map(passes, [case.program(text) for case, text in zip(chosen, texts, strict=True)]))
    found.passed = {number for number, well in enumerate(passed) if well}
    for case, text in zip(chosen, texts, strict=True):
        found.exact += text == case.solution
        found.similarity += SequenceMatcher(None, text, case.solution, autojunk=False).ratio()
        found.empty += not text
    return found
