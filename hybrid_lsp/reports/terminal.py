"""The metrics in the terminal: `hybrid-lsp stats`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from hybrid_lsp import config as settings
from hybrid_lsp.metrics.actions import ActionReport, StepsReport
from hybrid_lsp.metrics.models import ModelReport
from hybrid_lsp.metrics.report import InlineReport, SourceReport
from hybrid_lsp.paths import metrics_file
from hybrid_lsp.reports import since as since_
from hybrid_lsp.reports.figures import Day, gather, put_aside
from hybrid_lsp.reports.words import number, percent, saving_line

_BARS = "▁▂▃▄▅▆▇█"
_NONE_YET = "No metrics yet: they begin with the first suggestion (setting metrics.enabled)."


def run(since: str | None = None, *, as_json: bool = False, html: Path | None = None) -> int:
    """Show the metrics, or write them as a page. Raises MetricsUnreadable, and ConfigError for a wish that is none."""
    start = since_.parse(since, datetime.now().astimezone()) if since else 0.0
    if html is not None:
        from hybrid_lsp.reports import page

        page.write(html, start)
        print(f"Written: {html}")
        return 0
    if as_json:
        print(json.dumps(gather(settings.users(), start).plain(), indent=1))
        return 0
    return show(Console(), start)


def show(console: Console, since: float = 0.0) -> int:
    """The metrics as tables, or how to get some. Raises MetricsUnreadable."""
    if not metrics_file().exists():
        console.print(_NONE_YET)
        return 0
    stats = gather(settings.users(), since)
    if (aside := put_aside()) is not None:
        console.print(f"Earlier metrics were damaged; they are kept in {aside}.")
    for table in (
        _inline_table(stats.inline),
        _sources_table(stats.sources),
        _actions_table(stats.actions),
        _steps_table(stats.steps),
        _models_table(stats.models),
        _days_table(stats.days),
    ):
        if table.row_count:
            console.print(table)
    console.print(saving_line(stats.saving), highlight=False)
    return 0


def sparkline(values: Sequence[float | None]) -> str:
    """A bar a value, from nothing to the most; a blank where nothing is known."""
    most = max((each for each in values if each is not None), default=0.0)
    if not most:
        return "".join(" " if each is None else _BARS[0] for each in values)
    steps = len(_BARS) - 1
    return "".join(" " if each is None else _BARS[round(each / most * steps)] for each in values)


def _inline_table(report: InlineReport) -> Table:
    table = Table(title="Inline completion", show_header=False)
    table.add_row("requests", str(report.requests))
    table.add_row("shown", str(report.shown))
    table.add_row("accepted", f"{report.accepted} ({percent(report.acceptance)})")
    table.add_row("latency of what was shown", f"p50 {_ms(report.p50_ms)}, p95 {_ms(report.p95_ms)}")
    known = report.reused / report.requests if report.requests else None
    table.add_row("answered from what was known", f"{report.reused} ({percent(known)})")
    table.add_row("tokens decoded", str(report.tokens))
    for reason, count in report.reasons.items():
        table.add_row(f"nothing: {reason}", str(count))
    return table


def _sources_table(reports: Sequence[SourceReport]) -> Table:
    title = "Suggestions by language and model; kept: of the accepted text, after 30 and 120 s"
    headings = ("language", "tier", "model", "shown", "accepted", "typed out", "kept", "p50, p95 ms", "tokens", "known")
    table = _table(title, headings)
    for one in reports:
        accepted = f"{one.accepted} ({percent(one.acceptance)})"
        kept = f"{percent(one.kept_soon)}, {percent(one.kept_late)}"
        latency = f"{one.p50_ms:.0f}, {one.p95_ms:.0f}"
        source = (one.language, one.tier or "-", one.model or "-")
        taken = (str(one.shown), accepted, str(one.typed), kept)
        table.add_row(*source, *taken, latency, str(one.tokens), percent(one.reused))
    return table


def _actions_table(reports: Sequence[ActionReport]) -> Table:
    title = "Code actions; verified: of the models' edits, kept: of applied edits after 10 minutes"
    headings = ("action", "runs", "tiers", "ended", "verified", "applied", "kept", "undone", "p50, p95 ms")
    table = _table(title, headings)
    for one in reports:
        became = (percent(one.verified), str(one.applied), percent(one.kept), str(one.undone))
        latency = f"{one.p50_ms:.0f}, {one.p95_ms:.0f}"
        table.add_row(one.action, str(one.runs), tier_shares(one.tiers), _counted(one.endings), *became, latency)
    return table


def _steps_table(reports: Sequence[StepsReport]) -> Table:
    table = _table("Not by the model that was asked first", ("first", "answered", "runs", "escalated", "fell back"))
    for one in reports:
        table.add_row(one.chosen, one.tier, str(one.runs), str(one.escalated), str(one.fell_back))
    return table


def _models_table(reports: Sequence[ModelReport]) -> Table:
    headings = ("tier", "model", "requests", "failed", "in (cached)", "out", "first token p50, p95 ms", "cost", "CPU s")
    table = _table("Models, in tokens", headings)
    for one in reports:
        asked = (one.tier, one.model, str(one.requests), str(one.failed))
        tokens = (f"{one.tokens_in} ({one.cached})", str(one.tokens_out))
        first = f"{_number(one.first_p50_ms)}, {_number(one.first_p95_ms)}"
        table.add_row(*asked, *tokens, first, number(one.cost), "-" if one.cpu_s is None else f"{one.cpu_s:.1f}")
    return table


_SERIES: tuple[tuple[str, Callable[[Day], float | None]], ...] = (
    ("suggestions shown", lambda day: day.shown),
    ("accepted", lambda day: day.accepted),
    ("latency of suggestions, p95 ms", lambda day: day.p95_ms),
    ("actions", lambda day: day.actions),
    ("latency of actions, p95 ms", lambda day: day.action_p95_ms),
    ("escalations", lambda day: day.escalations),
    ("fallbacks", lambda day: day.fallbacks),
    ("tokens", lambda day: day.tokens),
    ("cost", lambda day: day.cost),
)


def _days_table(days: Sequence[Day]) -> Table:
    if not days:
        return _table("", ())
    table = _table(f"By day, {days[0].day} to {days[-1].day}", ("", "each day", "most"))
    for name, of in _SERIES:
        values = [of(day) for day in days]
        if most := max((each for each in values if each is not None), default=0.0):
            table.add_row(name, sparkline(values), number(most))
    return table


def _table(title: str, headings: Sequence[str]) -> Table:
    table = Table(title=title)
    for heading in headings:
        table.add_column(heading)
    return table


def tier_shares(tiers: dict[str, int]) -> str:
    """`small 75%, large 25%`."""
    whole = sum(tiers.values())
    return ", ".join(f"{tier} {count / whole:.0%}" for tier, count in tiers.items()) or "-"


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"
