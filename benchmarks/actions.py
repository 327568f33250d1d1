"""Actions by a real model on functions of our own: how many edits pass, keep the tests green, or are refused and why.

It is no part of `python -m benchmarks`, for it takes hours on a small machine:

    python -m benchmarks.actions RESULTS.jsonl --base-url http://127.0.0.1:8080/v1 --model NAME [--rounds 2]

Each function meets each action, one a round, so that a run that was stopped has been at every action as often. What is
done already stands in the results file and is not asked again. `--table` prints the table of a file.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import attrs

from benchmarks import noted
from benchmarks.functions import LANGUAGES, SUFFIXES, Function, green, load, written_green
from hybrid_lsp.actions.base import EditOutcome, FileOutcome, NothingOutcome, Outcome
from hybrid_lsp.actions.pipeline import ActionPipeline
from hybrid_lsp.actions.telling import Progress
from hybrid_lsp.backends.base import Backend
from hybrid_lsp.backends.http import Endpoint, HttpBackend
from hybrid_lsp.config import Config
from hybrid_lsp.document import Document, Span
from hybrid_lsp.routing.candidates import Patience
from hybrid_lsp.routing.router import Router
from hybrid_lsp.types import Chat, Finding, Piece, Request, Tier

ACTIONS = ("optimize", "fix", "edit", "simplify", "document", "explain", "tests", "security")
_MODULE = "work"
_REFUSED = re.compile(r"cannot be used: (.*?)(?: Reply again|$)", re.DOTALL)
_AS_IT_WAS = re.compile("sees nothing to change|gave the code back as it was")
_SENTENCE = re.compile(r"[.!?](?:\s|$)")
_LONGEST_S = 900.0
Row = dict[str, Any]


@attrs.define
class Recorded:
    """A backend whose requests and replies are kept."""

    backend: Backend
    replies: list[Row] = attrs.field(factory=list)

    @property
    def name(self) -> str:
        return self.backend.name

    async def generate(self, request: Request) -> AsyncGenerator[Piece, None]:
        assert isinstance(request.prompt, Chat)
        last = request.prompt.messages[-1].content
        refused = _REFUSED.search(last) if len(request.prompt.messages) > 2 else None
        row: Row = {"text": "", "tokens": 0, "finish": None, "after": refused[1] if refused else ""}
        row |= {"prompt_chars": sum(len(each.content) for each in request.prompt.messages)}
        self.replies.append(row)
        async with aclosing(self.backend.generate(request)) as pieces:
            async for piece in pieces:
                row["text"] += piece.text
                row["tokens"] += piece.tokens
                row["finish"] = piece.finish or row["finish"]
                yield piece


@attrs.define
class Watched:
    """When the first token and the first sentence of a reply were told."""

    started: float = attrs.field(factory=time.perf_counter)
    first_token_s: float | None = None
    first_sentence_s: float | None = None

    def __call__(self, progress: Progress) -> None:
        now = time.perf_counter() - self.started
        if progress.tokens and self.first_token_s is None:
            self.first_token_s = now
        if self.first_sentence_s is None and progress.tokens and _SENTENCE.search(progress.text):
            self.first_sentence_s = now


def plan(
    functions: Sequence[Function], rounds: int, actions: Sequence[str] = ACTIONS
) -> Iterator[tuple[Function, str]]:
    """Each function with one action a round, each round with the next; no language always meets the same ones."""
    for turn in range(min(rounds, len(actions))):
        for number, each in enumerate(functions):
            yield each, actions[(number + number // len(LANGUAGES) + turn) % len(actions)]


async def ask(function: Function, action: str, backend: Backend, folder: Path) -> Row:
    """Run one action on one function; what came of it, with its checks."""
    recorded, watched = Recorded(backend), Watched()
    document, span, problem = _place(function, action, folder)
    patience = Patience(first_piece_s=_LONGEST_S, quiet_s=_LONGEST_S)
    router = Router({Tier.LARGE: recorded}, patience=patience)
    pipeline = ActionPipeline(router, Config(), lambda document: None)
    instruction = function.edit if action == "edit" else ""
    done = await pipeline.run(action, document, span, watched, instruction=instruction, diagnostic=problem)
    row: Row = {
        "language": function.language,
        "function": function.name,
        "action": action,
        "seconds": round(time.perf_counter() - watched.started, 1),
        "first_token_s": watched.first_token_s,
        "first_sentence_s": watched.first_sentence_s,
        "tokens": sum(each["tokens"] for each in recorded.replies),
        "label": done.label,
        "notes": list(done.notes),
        "replies": recorded.replies,
    }
    return row | {"result": _result(done), "green": _green(function, action, done, document)}


def _place(function: Function, action: str, folder: Path) -> tuple[Document, Span, Finding | None]:
    """The file, a cursor in the function, and the problem that is to be fixed."""
    text = function.text_broken if action == "fix" else function.text
    suffix = SUFFIXES[function.language]
    document = Document("file:///work" + suffix, text, 1, function.language, folder / f"{_MODULE}{suffix}")
    if action == "fix":
        return document, function.problem_at.span, function.problem_at
    return document, Span(function.inside, function.inside), None


def _result(done: Outcome) -> str:
    """`accepted`, `unchanged`, or `refused` where static analysis had to answer."""
    if done.tier is Tier.LARGE and not isinstance(done, NothingOutcome):
        return "accepted"
    return "unchanged" if _AS_IT_WAS.search(done.label) else "refused"


def _green(function: Function, action: str, done: Outcome, document: Document) -> bool | None:
    """Whether the function's tests pass on what a model wrote; None where there is nothing to test."""
    if done.tier is not Tier.LARGE:
        return None
    if isinstance(done, EditOutcome):
        tests = function.all_tests if action == "edit" else function.tests
        return green(function.language, done.edit.apply(), tests)
    if isinstance(done, FileOutcome) and function.language == "python":
        return written_green(document.text, done.content, _MODULE)
    return None


async def run(path: Path, work: Iterable[tuple[Function, str]], backend: Backend, seconds: float | None = None) -> None:
    """Ask what the file does not hold yet, and add it; after so many seconds nothing new is begun."""
    started = time.perf_counter()
    known = {(each["language"], each["function"], each["action"]) for each in read(path)}
    with tempfile.TemporaryDirectory() as folder:
        for function, action in work:
            if (function.language, function.name, action) in known:
                continue
            if seconds is not None and time.perf_counter() - started > seconds:
                return
            row = await ask(function, action, backend, Path(folder))
            noted.append(path, [row])
            print(*(row[key] for key in ("language", "function", "action", "result", "green", "seconds")), flush=True)


def read(path: Path) -> list[Row]:
    """The rows of a results file; none where there is no such file."""
    return noted.read(path, Row)


def table(rows: Sequence[Row]) -> str:
    """Markdown: what became of each action's runs, and below why replies were refused."""
    lines = [
        "| action | runs | accepted | tests green | unchanged | refused | at once | tokens | first sentence | whole |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *(_line(name, [each for each in rows if each["action"] == name]) for name in ACTIONS),
    ]
    reasons = Counter(reason for each in rows for reason in _reasons(each))
    return "\n".join([*lines, "", *(f"- {count} times: {reason}" for reason, count in reasons.most_common())])


def _line(name: str, rows: Sequence[Row]) -> str:
    results = Counter(each["result"] for each in rows)
    tested = [each["green"] for each in rows if each["green"] is not None]
    at_once = sum(each["result"] == "accepted" and len(each["replies"]) == 1 for each in rows)
    cells = [name, len(rows), results["accepted"], f"{sum(tested)} of {len(tested)}" if tested else ""]
    cells += [results["unchanged"], results["refused"], at_once]
    cells += [_median(each["tokens"] for each in rows), _median(each["first_sentence_s"] for each in rows)]
    cells += [_median(each["seconds"] for each in rows)]
    return f"| {' | '.join(map(str, cells))} |"


def _median(values: Iterable[float | None]) -> str:
    known = sorted(each for each in values if each is not None)
    return f"{known[len(known) // 2]:.0f}" if known else ""


def _reasons(row: Row) -> Iterator[str]:
    """Why replies were refused, without the names of the case."""
    found = [each["after"] for each in row["replies"] if each["after"]]
    if row["result"] == "refused":
        found.append(row["label"].partition("the last time because: ")[2])
    for each in filter(None, found):
        yield re.sub(r"`[^`]*`", "`…`", re.sub(r"\d+", "N", each)).strip()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.actions", description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--base-url", default="http://127.0.0.1:8080/v1")
    parser.add_argument("--model", default="")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--actions", nargs="+", choices=ACTIONS, default=ACTIONS, metavar="ACTION")
    parser.add_argument("--limit", type=int, help="of runs")
    parser.add_argument("--seconds", type=float, help="after which nothing new is begun")
    parser.add_argument("--table", action="store_true", help="print the table of what is there, and ask nothing")
    options = parser.parse_args()
    if options.table:
        print(table(read(options.results)))
        return
    work = list(plan(load(), options.rounds, options.actions))[: options.limit]
    backend = HttpBackend("benchmark", Endpoint(options.base_url), "openai", options.model, timeout_s=_LONGEST_S)
    asyncio.run(run(options.results, work, backend, options.seconds))


if __name__ == "__main__":
    main()
