"""`hybrid-lsp models`: its verbs in the terminal, as tables and progress bars, or as JSON lines for a program.

With `--json` each line is an object: `{"progress": 0..1, "message": ...}` while it works, and one `{"result": ...}` or
`{"error": {kind, message, remedy}}` at the end. SIGINT and SIGTERM end the work; nothing half done is left.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.prompt import Confirm
from rich.table import Table

from hybrid_lsp import config
from hybrid_lsp.catalogue import bench, choose, listing, offer, ollama, pull
from hybrid_lsp.catalogue.bench import Measured
from hybrid_lsp.catalogue.work import Work, megabytes
from hybrid_lsp.errors import ConfigError, HybridLspError, ModelStopped
from hybrid_lsp.models import confidence
from hybrid_lsp.types import Tier

CANCELLED = 130
_NAME, _SOURCE, _LICENCE = 27, 10, 10
_PAGE = 140
"""Columns of a table that an editor shows."""


def main(arguments: Sequence[str]) -> int:
    """Run one verb; returns the exit status: 0, 2 for an error, 130 when it was cancelled."""
    options = _parser().parse_args(arguments)
    show = _Lines() if options.json else _Terminal()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        options.run(options, show)
    except HybridLspError as error:
        show.failed(error)
        return CANCELLED if isinstance(error, ModelStopped) else 2
    except KeyboardInterrupt:
        show.failed(ModelStopped("Cancelled. What is done is kept: the same command goes on from there."))
        return CANCELLED
    return 0


def _interrupt(number: int, frame: object) -> None:
    """As Ctrl-C does, also where that is ignored: a shell starts what it leaves in the background so."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.raise_signal(signal.SIGINT)


class _Lines:
    """What a program reads."""

    def __init__(self) -> None:
        self._last = ("", -1)

    def line(self, body: dict[str, Any]) -> None:
        print(json.dumps(body), flush=True)

    def _progress(self, share: float, message: str) -> None:
        # A line for each percent: a download tells thousands of times.
        if (now := (message.partition(":")[0], int(share * 100))) != self._last:
            self._last = now
            self.line({"progress": round(share, 3), "message": message})

    @contextmanager
    def working(self, _title: str) -> Iterator[Work]:
        yield Work(self._progress)

    def result(self, value: dict[str, Any], show: Callable[[Console], None]) -> None:
        page = Console(file=io.StringIO(), record=True, width=_PAGE)
        show(page)
        self.line({"result": value | {"text": page.export_text().rstrip()}})

    def agrees(self, _question: str) -> bool:
        return True  # the program has asked its user

    def failed(self, error: HybridLspError) -> None:
        self.line({"error": {"kind": type(error).__name__, "message": error.message, "remedy": error.remedy}})


class _Terminal:
    """What a person reads."""

    def __init__(self) -> None:
        self.console = Console()

    @contextmanager
    def working(self, title: str) -> Iterator[Work]:
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task(title, total=1.0)
            yield Work(lambda share, what: progress.update(task, completed=share, description=what))

    def result(self, _value: dict[str, Any], show: Callable[[Console], None]) -> None:
        show(self.console)

    @property
    def has_person(self) -> bool:
        """Whether somebody reads this and can answer."""
        return sys.stdin.isatty() and self.console.is_terminal

    def agrees(self, question: str) -> bool:
        if not sys.stdin.isatty():
            raise ConfigError(question, "Nobody is there to be asked: add --yes.")
        return Confirm.ask(f"{question} Go on?", console=self.console, default=True)

    def failed(self, error: HybridLspError) -> None:
        print(f"hybrid-lsp: {error}", file=sys.stderr)


_Show = _Lines | _Terminal


def _list(options: argparse.Namespace, show: _Show) -> None:
    with show.working("looking at this machine"):
        made = listing.make()
    show.result(made.describe(), lambda console: _print_listing(made, console))
    if isinstance(show, _Terminal) and show.has_person and config.users().models.offer:
        _ask_once(show)


def _ask_once(show: _Terminal) -> None:
    """The question of the first run, where nobody was asked yet; a yes gets the model."""
    made = offer.take()
    if made is not None and Confirm.ask(made.question, console=show.console, default=True):
        _pull(_parser().parse_args(["pull", "--yes", "--use", "small", made.model]), show)


def _pull(options: argparse.Namespace, show: _Show) -> None:
    with show.working("looking for it"):
        plan = pull.plan(options.model, options.name)
    if options.plan:
        return show.result(plan.describe(), lambda console: console.print(plan.question))
    if not plan.here:
        if isinstance(plan, pull.Plan):
            pull.require_room(plan)
        if not options.yes and not show.agrees(plan.question):
            raise ModelStopped("Nothing was done.")
    with show.working(plan.name) as work:
        place = _fetched(plan, work)
    chosen = choose.use(plan.name, Tier(options.use)) if options.use else None
    used = {"model": chosen.model, "tier": str(chosen.tier)} if chosen is not None else {}
    return show.result(
        {"name": plan.name, "folder": place, "here": plan.here, **used},
        lambda console: _print_pulled(plan, chosen, console),
    )


def _fetched(plan: pull.Plan | ollama.Fetch, work: Work) -> str:
    """Where the model is now."""
    if isinstance(plan, pull.Plan):
        return str(pull.pull(plan, work))
    ollama.fetch(plan, work)
    return plan.target


def _print_pulled(plan: pull.Plan | ollama.Fetch, chosen: choose.Chosen | None, console: Console) -> None:
    console.print(f"{plan.name} {'was here already' if plan.here else 'is here'}: {plan.target}", highlight=False)
    if chosen is not None:
        _print_chosen(chosen, console)
    else:
        console.print(f"To complete with it: [bold]hybrid-lsp models use {plan.name}[/bold]")


def _use(options: argparse.Namespace, show: _Show) -> None:
    chosen = choose.use(options.model, Tier(options.tier))
    value = {"model": chosen.model, "tier": str(chosen.tier), "file": str(chosen.file), "notes": list(chosen.notes)}
    show.result(value, lambda console: _print_chosen(chosen, console))


def _print_chosen(chosen: choose.Chosen, console: Console) -> None:
    console.print(f"{chosen.model} serves the {chosen.tier} tier now ({chosen.file}).", highlight=False)
    for note in chosen.notes:
        console.print(f"[yellow]But:[/yellow] {note}", highlight=False)


def _bench(options: argparse.Namespace, show: _Show) -> None:
    named = choose.located(options.model)
    with show.working(options.model) as work:
        found = bench.bench(named, work, threads=options.threads, gguf=options.gguf, llama_server=options.llama_server)
    show.result(attrs.asdict(found), lambda console: _print_bench(options.model, found, console))


def _print_bench(model: str, found: bench.Benched, console: Console) -> None:
    table = Table(title=f"{model} on this machine", box=None, padding=(0, 1, 0, 0), title_justify="left")
    for heading in ("server", "prefill", "decode", "cold", "next key", "first token", "memory"):
        table.add_column(heading)
    for each in (found.ours, *([found.theirs] if found.theirs else [])):
        table.add_row(*_bench_row(each))
    console.print(table)
    console.print(f"It suggests, after `raise Un`: {found.ours.suggestion.strip() or '(nothing)'}", highlight=False)
    for line in found.advice:
        console.print(line, highlight=False)


def _bench_row(each: Measured) -> tuple[str, ...]:
    return (
        each.server,
        f"{each.prefill:.0f} tokens/s",
        f"{each.decode:.1f} tokens/s",
        f"{each.cold_ms:.0f} ms ({each.prompt_tokens} tokens)",
        f"{each.warm_ms:.0f} ms",
        f"{each.first_warm_ms:.0f} ms",
        megabytes(each.memory),
    )


def _calibrate(options: argparse.Namespace, show: _Show) -> None:
    from hybrid_lsp import calibrating

    settings = config.users()
    named = choose.located(options.model)
    measured = attrs.evolve(settings, small=attrs.evolve(settings.small, backend="engine", model=named))
    wish = calibrating.Options(corpus=options.corpus, positions=options.positions)
    with show.working(named) as work:

        def tell(done: int, of: int) -> None:
            work.report(done / max(1, of), f"{named}: {done} of {of} positions")

        found = asyncio.run(calibrating.calibrate(measured, wish, tell))
    value = {"model": named, "languages": {name: attrs.asdict(each) for name, each in found.languages.items()}}
    show.result(value, lambda console: _print_calibrated(named, found.languages, console))


def _print_calibrated(model: str, languages: Mapping[str, confidence.Measured], console: Console) -> None:
    table = Table(title=f"What to expect of {model}", box=None, padding=(0, 1, 0, 0), title_justify="left")
    for heading in ("language", "positions", "shown", "exact of what is shown"):
        table.add_column(heading)
    for name, each in sorted(languages.items()):
        table.add_row(name, str(each.positions), f"{each.shown:.0%}", f"{each.precision:.0%}")
    console.print(table)
    console.print("Servers use these numbers from their next start.")


def _remove(options: argparse.Namespace, show: _Show) -> None:
    freed = pull.remove(options.model, tuple(choose.in_use().values()))
    text = f"{options.model} is gone: {megabytes(freed)} are free again."
    show.result({"removed": options.model, "freed": freed}, lambda console: console.print(text, highlight=False))


def _offer(options: argparse.Namespace, show: _Show) -> None:
    made = offer.take()
    text = made.question if made else "There is nothing to offer, or it was asked before."
    show.result({"offer": attrs.asdict(made) if made else None}, lambda console: console.print(text, highlight=False))


def _print_listing(made: listing.Listing, console: Console) -> None:
    memory = f"{megabytes(made.machine.free_memory)} of {megabytes(made.machine.memory)} memory free"
    for here, title in ((True, "On this machine"), (False, "To be pulled")):
        table = Table(
            title=f"{title} ({memory})" if here else title, box=None, padding=(0, 1, 0, 0), title_justify="left"
        )
        table.add_column("name", overflow="fold", min_width=_NAME)
        table.add_column("where" if here else "languages", overflow="fold", max_width=_SOURCE)
        for heading in ("size", "hint in", "can"):
            table.add_column(heading, overflow="fold")
        table.add_column("licence", overflow="fold", min_width=_LICENCE)
        for row in (row for row in made.rows if row.here == here):
            table.add_row(*_row(row))
        console.print(table)
    console.print("~: worked out from this machine's speed; `hybrid-lsp models bench NAME` measures it.")
    for name, size in made.interrupted:
        console.print(f"A pull of {name} was not finished ({megabytes(size)} are here): pull it again, or remove it.")
    for row in made.rows:
        if row.backend == "ollama" and not row.here:
            named = " and ".join(row.tiers)
            console.print(f"The {named} tier has no {row.name}: [bold]hybrid-lsp models pull {row.name}[/bold]")
        if row.recommended:
            console.print(
                f"For the {row.recommended} tier here: [bold]hybrid-lsp models pull {row.name} "
                f"--use {row.recommended}[/bold]"
            )


def _row(row: listing.Row) -> tuple[str, ...]:
    marks = "".join(f" ({tier})" for tier in row.tiers) + (" ★" if row.recommended else "")
    wait = "?" if row.rates is None else f"{'' if row.rates.measured else '~'}{_time(row.rates.suggestion_ms)}"
    size = (
        (megabytes(row.size) if row.size else "?")
        + (f" {row.quantisation}" if row.quantisation else "")
        + ("" if row.fits else ", too large for the free memory")
    )
    can = ("fill in", row.fills_in), ("chat", row.chats)
    able = "?" if row.fills_in is None else ", ".join(name for name, does in can if does) or "go on"
    return (row.name + marks, row.source if row.here else row.languages, size, wait, able, row.licence)


def _time(milliseconds: float) -> str:
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hybrid-lsp models", description="Models: see, get, choose and measure them.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, run: Callable[[argparse.Namespace, Any], None], text: str, *, model: bool = True) -> Any:
        made = verbs.add_parser(name, help=text, description=text)
        made.add_argument("--json", action="store_true", help="write JSON lines, for a program")
        made.set_defaults(run=run)
        if model:
            made.add_argument("model", metavar="NAME", help="as `list` shows it")
        return made

    verb("list", _list, "what is on this machine, and what suits it", model=False)
    pulling = verb(
        "pull",
        _pull,
        "fetch a model, or take what lies here: NAME, ollama:NAME, OWNER/NAME[/FILE.gguf], FILE or FOLDER",
    )
    pulling.add_argument("--name", default="", help="what to call it here")
    pulling.add_argument("--use", choices=[str(tier) for tier in (Tier.SMALL, Tier.LARGE)], help="and use it there")
    pulling.add_argument("--yes", action="store_true", help="do not ask")
    pulling.add_argument("--plan", action="store_true", help="only say what would be done")
    using = verb("use", _use, "have a model serve a tier; running editors follow")
    using.add_argument("--tier", choices=[str(tier) for tier in (Tier.SMALL, Tier.LARGE)], default="small")
    benching = verb("bench", _bench, "measure a model here, beside llama-server where that is installed")
    benching.add_argument("--threads", type=int, default=0, help="0: chosen for this machine")
    benching.add_argument("--gguf", type=Path, help="the file for llama-server; default: what the model was made of")
    benching.add_argument("--llama-server", default="llama-server", metavar="PROGRAM", help="default: from the PATH")
    calibrating = verb("calibrate", _calibrate, "measure how far to trust a model, on your own code if you like")
    calibrating.add_argument("--corpus", type=Path, metavar="FOLDER", help="code to measure on")
    calibrating.add_argument("--positions", type=int, default=300, help="so many places are asked about (default 300)")
    verb("remove", _remove, "delete a model that was pulled")
    verb("offer", _offer, "the question of the first run, if it was not asked yet", model=False)
    return parser
