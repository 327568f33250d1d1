"""What the commands print: metrics and settings as tables."""

from __future__ import annotations

from contextlib import closing

from rich.console import Console
from rich.table import Table

from hybrid_lsp import config
from hybrid_lsp.metrics.report import InlineReport, action_rows, inline_report
from hybrid_lsp.metrics.store import open_database
from hybrid_lsp.paths import state_dir


def print_stats(console: Console | None = None) -> int:
    """The local metrics, or how to get some."""
    console = console or Console()
    path = state_dir() / "metrics.sqlite3"
    if not path.exists():
        console.print("No metrics yet: they begin with the first suggestion (setting metrics.enabled).")
        return 0
    with closing(open_database(path)) as connection:
        inline, actions = inline_report(connection), action_rows(connection)
    console.print(_inline_table(inline))
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
    acceptance = "-" if report.acceptance is None else f"{report.acceptance:.0%}"
    table.add_row("accepted", f"{report.accepted} ({acceptance})")
    table.add_row("latency of what was shown", f"p50 {_ms(report.p50_ms)}, p95 {_ms(report.p95_ms)}")
    for reason, count in report.reasons.items():
        table.add_row(f"nothing: {reason}", str(count))
    return table


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"


def settings_table() -> str:
    """Every setting as a Markdown table, for the README; a test keeps the two the same."""
    rows = [f"| `{item.name}` | `{_toml(item.default)}` | {item.doc} |" for item in config.settings()]
    return "\n".join(["| setting | default | what it does |", "|---|---|---|", *rows])


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
