"""The metrics as one page: it needs no network, runs no script, and each plot has its numbers beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from importlib import resources
from pathlib import Path

import attrs
from jinja2 import Environment

from hybrid_lsp import config as settings
from hybrid_lsp.config import Config
from hybrid_lsp.paths import state_dir
from hybrid_lsp.reports import plots
from hybrid_lsp.reports.figures import Stats, gather
from hybrid_lsp.reports.saving import MONEY
from hybrid_lsp.reports.words import number, percent, saving_line
from hybrid_lsp.settings_file import replace

_LANGUAGES, _ACTIONS = 12, 12
"""So many are drawn, the most frequent ones; the tables have all."""


@attrs.frozen
class _Figure:
    """A plot, or where `svg` is empty a table alone, with its numbers."""

    title: str
    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    svg: str = ""


def own_page() -> Path:
    """Where the page is that an editor's menu shows."""
    return state_dir() / "pages" / "statistics.html"


def write(file: Path, since: float = 0.0, config: Config | None = None) -> None:
    """Write the page whole, readable by its user alone; `config` by default is that of the user's file.

    Raises MetricsUnreadable, and ConfigError where it cannot be written.
    """
    replace(file, html(gather(settings.users() if config is None else config, since)))


def html(stats: Stats) -> str:
    """The page's text."""
    template = resources.files(__package__).joinpath("page.html.jinja").read_text(encoding="utf-8")
    return (
        Environment(autoescape=True, trim_blocks=True)
        .from_string(template)
        .render(
            period=_period(stats),
            key=list(_key(stats)),
            figures=list(_figures(stats)),
            tables=list(_tables(stats)),
        )
    )


def _period(stats: Stats) -> str:
    if not stats.days:
        return "Nothing was recorded yet."
    made = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    return f"{stats.days[0].day} to {stats.days[-1].day}, made on {made}."


def _key(stats: Stats) -> Iterator[tuple[str, str]]:
    yield "suggestions shown", number(stats.inline.shown)
    yield "of them accepted", percent(stats.inline.acceptance)
    yield "actions", number(sum(each.runs for each in stats.actions))
    yield "edits applied, undone", f"{_sum(stats, 'applied')}, {_sum(stats, 'undone')}"
    yield "escalations, fallbacks", f"{_sum(stats, 'escalations')}, {_sum(stats, 'fallbacks')}"
    yield "less than all on the large model (estimate)", percent(stats.saving.share)


def _sum(stats: Stats, name: str) -> str:
    return number(sum(getattr(each, name) for each in stats.actions))


def _figures(stats: Stats) -> Iterator[_Figure]:
    yield _latency(stats)
    yield _action_latency(stats)
    yield _acceptance(stats)
    yield _tiers(stats)
    yield _cost(stats)


def _latency(stats: Stats) -> _Figure:
    days = [each.day for each in stats.days]
    series = {"half within": [each.p50_ms for each in stats.days], "95 % within": [each.p95_ms for each in stats.days]}
    caption = "Milliseconds from the request to the suggestion, by day."
    return _drawn(
        "How long suggestions take", caption, "day", days, series, lambda: plots.lines(_short(days), series, "ms")
    )


def _action_latency(stats: Stats) -> _Figure:
    shown = stats.actions[:_ACTIONS]
    names = [each.action for each in shown]
    series: dict[str, plots.Values] = {
        "half within": [each.p50_ms / 1000 for each in shown],
        "95 % within": [each.p95_ms / 1000 for each in shown],
    }
    caption = "Seconds from choosing an action to its whole answer."
    return _drawn("How long actions take", caption, "action", names, series, lambda: plots.bars(names, series, "s"))


def _acceptance(stats: Stats) -> _Figure:
    shown: dict[str, int] = {}
    taken: dict[str, int] = {}
    for each in stats.sources:
        shown[each.language] = shown.get(each.language, 0) + each.shown
        taken[each.language] = taken.get(each.language, 0) + each.accepted
    names = sorted(shown, key=lambda name: -shown[name])[:_LANGUAGES]
    series: dict[str, plots.Values] = {"accepted": [100 * taken[name] / shown[name] for name in names]}
    caption = "Per cent of the suggestions shown that were accepted, in whole or in part."
    return _drawn(
        "Acceptance by language", caption, "language", names, series, lambda: plots.bars(names, series, "%", most=100)
    )


def _tiers(stats: Stats) -> _Figure:
    names = list(stats.tiers)[: _ACTIONS + 1]
    tiers = dict.fromkeys(tier for name in names for tier in stats.tiers[name])
    whole = {name: sum(stats.tiers[name].values()) for name in names}
    series: dict[str, plots.Values] = {
        tier: [100 * stats.tiers[name].get(tier, 0) / whole[name] for name in names] for tier in tiers
    }
    caption = "Per cent of the answers, by who gave them: static analysis, the small model, the large one, others."
    return _drawn("Who answers", caption, "task", names, series, lambda: plots.shares(names, series))


def _cost(stats: Stats) -> _Figure:
    days = list(stats.saving.days)
    costs = stats.saving.days.values()
    series: dict[str, plots.Values] = {
        "as it was": [each.actual for each in costs],
        "everything on the large model": [each.heaviest for each in costs],
    }
    unit = "" if stats.saving.unit == MONEY else "s"
    return _drawn(
        "Cost beside everything on the large model",
        saving_line(stats.saving),
        "day",
        days,
        series,
        lambda: plots.bars(_short(days), series, unit),
    )


def _drawn(
    title: str,
    caption: str,
    first: str,
    names: Sequence[str],
    series: Mapping[str, plots.Values],
    draw: Callable[[], str],
) -> _Figure:
    rows = [[name, *(number(values[at]) for values in series.values())] for at, name in enumerate(names)]
    return _Figure(title, caption, [first, *series], rows, draw() if names else "")


def _tables(stats: Stats) -> Iterator[_Figure]:
    yield _Figure(
        "Actions",
        "Verified: of the models' edits. Kept: of what applied edits put in, ten minutes later.",
        ("action", "runs", "verified", "applied", "kept", "undone", "escalations", "fallbacks"),
        [
            (
                *(each.action, number(each.runs), percent(each.verified), number(each.applied), percent(each.kept)),
                *_numbers(each.undone, each.escalations, each.fallbacks),
            )
            for each in stats.actions
        ],
    )
    yield _Figure(
        "Models",
        "Tokens read (of them known to the model already) and written; time to the first token in milliseconds.",
        ("model", "tier", "requests", "failed", "read", "cached", "written", "first token", "cost", "CPU seconds"),
        [
            (
                *(each.model, each.tier),
                *_numbers(each.requests, each.failed, each.tokens_in, each.cached, each.tokens_out),
                *_numbers(each.first_p50_ms, each.cost, each.cpu_s),
            )
            for each in stats.models
        ],
    )


def _short(days: Sequence[str]) -> list[str]:
    return [day[len("2026-") :] for day in days]


def _numbers(*values: float | None) -> Iterator[str]:
    return map(number, values)
