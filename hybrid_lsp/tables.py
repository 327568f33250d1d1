"""What the commands print: metrics and settings as tables."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from rich.console import Console
from rich.table import Table

from hybrid_lsp import config
from hybrid_lsp.errors import MetricsUnreadable
from hybrid_lsp.metrics.report import InlineReport, SourceReport, action_rows, inline_report, source_reports
from hybrid_lsp.metrics.store import damaged_name, open_database
from hybrid_lsp.paths import state_dir


def print_stats(console: Console | None = None) -> int:
    """The local metrics, or how to get some. Raises MetricsUnreadable."""
    console = console or Console()
    path = state_dir() / "metrics.sqlite3"
    if not path.exists():
        console.print("No metrics yet: they begin with the first suggestion (setting metrics.enabled).")
        return 0
    try:
        with closing(open_database(path)) as connection:
            inline, actions = inline_report(connection), action_rows(connection)
            sources = source_reports(connection)
    except (OSError, sqlite3.Error) as error:
        raise MetricsUnreadable(f"The metrics in {path} cannot be read: {error}.", "Move that file away.") from error
    if (aside := damaged_name(path)).exists():
        console.print(f"Earlier metrics were damaged; they are kept in {aside}.")
    console.print(_inline_table(inline))
    console.print(_sources_table(sources))
    table = Table(title="Code actions")
    for heading in ("action", "tier", "end", "count", "mean ms"):
        table.add_column(heading)
    for action, tier, ending, count, mean_ms in actions:
        table.add_row(action, tier or "-", ending, str(count), f"{mean_ms:.0f}")
    console.print(table)
    return 0


def _inline_table(report: InlineReport) -> Table:
    table = Table(title="Inline completion", show_header=False)
    table.add_row("requests", str(report.requests))
    table.add_row("shown", str(report.shown))
    table.add_row("accepted", f"{report.accepted} ({_percent(report.acceptance)})")
    table.add_row("latency of what was shown", f"p50 {_ms(report.p50_ms)}, p95 {_ms(report.p95_ms)}")
    known = report.reused / report.requests if report.requests else None
    table.add_row("answered from what was known", f"{report.reused} ({_percent(known)})")
    table.add_row("tokens decoded", str(report.tokens))
    for reason, count in report.reasons.items():
        table.add_row(f"nothing: {reason}", str(count))
    return table


def _sources_table(reports: list[SourceReport]) -> Table:
    table = Table(title="Suggestions by language and model; kept: of the accepted text, after 30 and 120 s")
    headings = ("language", "tier", "model", "shown", "accepted", "typed out", "kept", "p50, p95 ms", "tokens", "known")
    for heading in headings:
        table.add_column(heading)
    for one in reports:
        accepted = f"{one.accepted} ({_percent(one.acceptance)})"
        kept = f"{_percent(one.kept_soon)}, {_percent(one.kept_late)}"
        latency = f"{one.p50_ms:.0f}, {one.p95_ms:.0f}"
        source = (one.language, one.tier or "-", one.model or "-")
        taken = (str(one.shown), accepted, str(one.typed), kept)
        table.add_row(*source, *taken, latency, str(one.tokens), _percent(one.reused))
    return table


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"


def settings_table() -> str:
    """Every setting as a Markdown table, for docs/settings.md; a test keeps the two the same."""
    rows = [f"| `{item.name}` | `{_toml(item.default)}` | {item.doc} |" for item in config.settings()]
    return "\n".join(["| setting | default | what it does |", "|---|---|---|", *rows])


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
