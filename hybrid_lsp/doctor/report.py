"""The command: every check, one line for each thing, and an exit status that scripts can go by."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Sequence

import attrs
from rich.console import Console
from rich.text import Text

from hybrid_lsp.doctor import editors, installation, serving
from hybrid_lsp.doctor.findings import Finding, State, wrong

_MARKS = {State.OK: ("✓", "green"), State.WARNING: ("!", "yellow"), State.ERROR: ("✗", "red")}


def main(arguments: Sequence[str]) -> int:
    """Look at everything; the status is 1 where something does not work."""
    parser = argparse.ArgumentParser(prog="hybrid-lsp doctor", description="Say what is wrong here, and what mends it.")
    parser.add_argument("--json", action="store_true", help="one JSON object, for a program")
    options = parser.parse_args(arguments)
    console = Console()
    found = []
    for each in examine():
        found.append(each)
        if not options.json:
            _print(each, console)
    if options.json:
        print(json.dumps({"ok": _healthy(found), "findings": [attrs.asdict(each) for each in found]}, indent=1))
    else:
        _sum_up(found, console)
    return 0 if _healthy(found) else 1


def examine() -> Iterator[Finding]:
    """Everything that can be looked at; a check that itself fails is a finding, and the others go on."""
    checks: list[Callable[[], Iterable[Finding]]] = [
        installation.python,
        installation.packages,
        installation.command,
        installation.folders,
        installation.sockets,
        installation.metrics,
    ]
    for check in checks:
        yield from _guarded(check)
    config, findings = serving.configuration()
    yield from findings
    yield from _guarded(lambda: serving.models(config))
    yield from _guarded(lambda: serving.run_backends(config))
    yield from _guarded(editors.editors)


def _guarded(check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except Exception as error:  # whatever is broken here, the other checks may say why
        name = getattr(check, "__name__", "check")
        yield wrong(name, f"This could not be looked at: {type(error).__name__}: {error}.", "See the other findings.")


def _healthy(found: list[Finding]) -> bool:
    return all(each.state is not State.ERROR for each in found)


def _print(finding: Finding, console: Console) -> None:
    mark, style = _MARKS[finding.state]
    line = Text.assemble((f"{mark} ", style), (f"{finding.area:<9} ", "bold"), finding.message)
    console.print(line)
    if finding.remedy:
        console.print(Text(f"  → {finding.remedy}", style="cyan"))


def _sum_up(found: list[Finding], console: Console) -> None:
    counts = {state: sum(each.state is state for each in found) for state in State}
    if not counts[State.ERROR] and not counts[State.WARNING]:
        console.print("All is well.")
    else:
        console.print(f"{counts[State.ERROR]} wrong, {counts[State.WARNING]} that could be better.")
