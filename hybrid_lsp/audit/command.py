"""`hybrid-lsp audit`: the assessment as tables or JSON, and what it advises written or taken back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import datetime

import attrs
from rich.console import Console
from rich.table import Table

from hybrid_lsp import config as configuration
from hybrid_lsp.audit import evidence, settings
from hybrid_lsp.audit.advice import LEAST, Advice, Effect, advise
from hybrid_lsp.audit.estimate import Range
from hybrid_lsp.reports import since as since_
from hybrid_lsp.reports.saving import MONEY
from hybrid_lsp.reports.words import number, percent
from hybrid_lsp.routing.policy import Policy

HOW_BACK = "To go back: hybrid-lsp audit --undo"


def run(since: str | None = None, *, as_json: bool = False, apply: bool = False, undo: bool = False) -> int:
    """Assess, and where that is wished for write or take back. Raises MetricsUnreadable, ConfigError."""
    if undo:
        return _undo(as_json=as_json)
    start = since_.parse(since, datetime.now().astimezone()) if since else 0.0
    found = assess(start)
    wanted = {each.action: each.advised for each in found if each.advised is not None}
    file = settings.apply(wanted) if apply and wanted else None
    if as_json:
        values = [attrs.asdict(each) for each in found]
        print(json.dumps({"actions": values, "applied": wanted if file else {}, "least": LEAST}, indent=1))
        return 0
    console = Console()
    show(console, found)
    if file is not None:
        said = ", ".join(f"{action} = {value}" for action, value in wanted.items())
        console.print(
            f"Written into {file}: routing.thresholds {said}. {settings.overruled()}".rstrip(), highlight=False
        )
        console.print(f"Editors that run follow by themselves. {HOW_BACK}", highlight=False)
    elif wanted:
        console.print("Nothing was changed. To have these thresholds: hybrid-lsp audit --apply", highlight=False)
    else:
        console.print("Nothing should be changed." if found else "No actions were recorded yet.", highlight=False)
    return 0


def assess(since: float = 0.0) -> list[Advice]:
    """What is advised for each action that was recorded. Raises MetricsUnreadable."""
    config = configuration.users()
    policy = Policy(config.routing)
    return [
        advise(each, policy.threshold(each.action), settings.wish(each.action, config.routing))
        for each in evidence.gather(config, since, time.time())
    ]


def show(console: Console, found: Sequence[Advice]) -> None:
    """The assessment as tables."""
    if not found:
        return
    table = Table(
        title="Your tasks, of which lighter models were asked first; good: applied and kept, by 95 % intervals"
    )
    for heading in ("action", "tasks", "judged", "lighter good", "escalated", "heaviest good", "threshold", "advised"):
        table.add_column(heading)
    for each in found:
        advised = "-" if each.advised is None else f"{each.advised:.2f} {_span(each.interval)}"
        counts = (str(each.runs), str(each.judged), _good(each.light), percent(each.escalated), _good(each.heavy))
        table.add_row(each.action, *counts, f"{each.threshold:.2f}", advised)
    console.print(table)
    for each in found:
        console.print(f"{each.action}: {each.why}", highlight=False)
        for line in _effects(each):
            console.print(f"  {line}", highlight=False)


def _effects(advice: Advice) -> list[str]:
    unit = "" if advice.unit == MONEY else " CPU s"
    told = (
        ("on lighter models first", advice.on_light, percent),
        ("cost a task", advice.cost, lambda value: f"{number(value)}{unit}"),
        ("latency a task", advice.latency_ms, lambda value: f"{number(value / 1000)} s"),
        ("answers that are good", advice.quality, percent),
    )
    return [f"{name}: {_told(effect, form)}" for name, effect, form in told if effect is not None]


def _told(effect: Effect, form: Callable[[float], str]) -> str:
    change = effect.change
    signed = "+" if change.value >= 0 else ""
    return (
        f"{form(effect.now)} → {form(effect.then)} (expected {signed}{form(change.value)}, "
        f"likely between {form(change.low)} and {form(change.high)})"
    )


def _undo(*, as_json: bool) -> int:
    undone = settings.undo()
    if as_json:
        print(json.dumps(attrs.asdict(undone)))
        return 0
    if undone.restored:
        print(f"As before the audit: routing.thresholds of {', '.join(undone.restored)}.")
    if undone.left:
        print(f"Left as you have changed it since: {', '.join(undone.left)}.")
    return 0


def _good(share: Range | None) -> str:
    return "-" if share is None else f"{percent(share.value)} {percent(share.low)} to {percent(share.high)}"


def _span(interval: Range | None) -> str:
    return "" if interval is None else f"({interval.low:.2f} to {interval.high:.2f})"
