"""`hybrid-lsp stats`: the figures, in the terminal and as JSON, since some time."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from history import HOUR_S, asked, edit, ended, record
from rich.console import Console

from hybrid_lsp.cli import main
from hybrid_lsp.config import Config, ModelConfig, users
from hybrid_lsp.errors import ConfigError
from hybrid_lsp.metrics.actions import RunRecord, Verdict
from hybrid_lsp.metrics.events import AcceptKind, ActionEnd, Ask, InlineAccepted, InlineAnswered, InlineKept
from hybrid_lsp.metrics.models import RequestRecord
from hybrid_lsp.paths import config_file
from hybrid_lsp.reports.figures import gather
from hybrid_lsp.reports.saving import MONEY, SECONDS, Cost, heaviest_tier, saving
from hybrid_lsp.reports.since import parse
from hybrid_lsp.reports.terminal import show, sparkline
from hybrid_lsp.types import Reason, Tier

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
DAY_S = 24 * HOUR_S


def shown(suggestion: str, latency_ms: float) -> InlineAnswered:
    return InlineAnswered(suggestion, None, "python", Tier.SMALL, "tiny", latency_ms, latency_ms, 4, 12)


def printed(since: float = 0.0) -> str:
    console = Console(record=True, width=160)
    assert show(console, since) == 0
    return console.export_text()


def rows_of(text: str) -> set[tuple[str, ...]]:
    return {tuple(cell.strip() for cell in line.strip("│ ").split("│")) for line in text.splitlines() if "│" in line}


def cloud(**more: float) -> Config:
    return Config(large=ModelConfig(backend="openai", base_url="https://x.example/v1", model="big", **more))


def test_stats_without_any() -> None:
    assert "No metrics yet" in printed()


def test_what_is_told_of_ghost_text() -> None:
    at = time.time() - HOUR_S
    record((at, shown(str(number), latency_ms)) for number, latency_ms in enumerate([100, 200, 300, 400]))
    record(
        [
            (at, InlineAnswered(None, Reason.MID_WORD, "python", None, None, 1, 0, 0, 0)),
            (at, InlineAccepted("0", AcceptKind.PARTIAL, 3)),
            (at, InlineAccepted("0", AcceptKind.FULL, 12)),
            (at, InlineKept("0", 30, 0.8)),
        ]
    )
    rows = rows_of(printed())
    assert ("requests", "5") in rows
    assert ("accepted", "1 (25%)") in rows
    assert ("nothing: mid-word", "1") in rows
    assert ("answered from what was known", "0 (0%)") in rows
    assert ("python", "small", "tiny", "4", "1 (25%)", "0", "80%, -", "300, 400", "16", "0%") in rows
    assert ("latency of what was shown", "p50 300 ms, p95 400 ms") in rows


def test_what_is_told_of_actions_and_models() -> None:
    at = time.time() - HOUR_S
    record(edit("a", latency_ms=1000))
    record(edit("b", kept=0.0, undone=True, latency_ms=2000))
    record(edit("c", kept=None, last="large", latency_ms=9000))
    record([(at, ended("d", verified=False, ending=ActionEnd.NOTHING, last="static", latency_ms=3000))])
    record([(at, asked("a", "small", cpu_s=2.0)), (at, asked("c", "large", tokens=2000, cost=0.5))])
    rows = rows_of(printed())
    assert (
        *("optimize", "4", "small 50%, static 25%, large 25%", "3 done, 1 nothing"),
        *("75%", "2", "50%", "1", "3000, 9000"),
    ) in rows
    assert ("small", "large", "1", "1", "0") in rows
    assert ("small", "small-model", "1", "0", "1000 (0)", "100", "50, 50", "0", "2.0") in rows
    assert ("large", "large-model", "1", "0", "2000 (0)", "100", "50, 50", "0.5", "-") in rows


def test_only_what_is_newer_counts() -> None:
    # Ten whole days apart at any time of day: in the first hour "an hour ago" is yesterday.
    new = time.time() - HOUR_S
    old = new - 10 * DAY_S
    record(edit("old", at=old))
    record(edit("new", at=new))
    record([(old, shown("a", 10.0)), (new, shown("b", 20.0))])
    everything, newer = gather(Config()), gather(Config(), time.time() - 2 * DAY_S)
    assert (everything.actions[0].runs, newer.actions[0].runs) == (2, 1)
    assert (everything.inline.shown, newer.inline.shown) == (2, 1)
    # Days without anything are days too.
    assert [len(each.days) for each in (everything, newer)] == [11, 1]
    # The file keeps the rest.
    assert gather(Config()).actions[0].runs == 2


def test_json_has_all_figures(capsys: pytest.CaptureFixture[str]) -> None:
    record(edit("a"))
    record([(time.time() - HOUR_S, shown("s", 10.0))])
    assert main(["stats", "--json", "--since", "7d"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["actions"][0]["applied"] == 1
    assert values["inline"]["acceptance"] == 0
    assert values["tiers"] == {"ghost text": {"small": 1}, "optimize": {"small": 1}}
    assert values["days"][-1]["actions"] == 1


@pytest.mark.parametrize(
    ("text", "back_s"), [("24h", DAY_S), ("7d", 7 * DAY_S), ("2w", 14 * DAY_S), ("2026-11-26", DAY_S / 2)]
)
def test_since(text: str, back_s: float) -> None:
    assert parse(text, NOW) == NOW.timestamp() - back_s


@pytest.mark.parametrize("text", ["", "7", "d", "7 d", "yesterday", "2026-13-01", "-7d", "1.5h", "7m"])
def test_a_time_that_is_none_says_what_is(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match="2026-11-01"):
        parse(text, NOW)
    if text:
        assert main(["stats", f"--since={text}"]) == 2
        assert "7d, 24h" in capsys.readouterr().err


def test_a_time_before_there_was_anything_is_everything() -> None:
    assert parse("99999w", NOW) == 0.0


def test_a_sparkline_shows_the_most_and_what_is_unknown() -> None:
    assert sparkline([0, None, 4, 8]) == "▁ ▅█"
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([]) == ""


# -- what became of a run --------------------------------------------------------------------------------------------

RUN = RunRecord(0.0, "2026-11-26", "fix", "python", "small", ActionEnd.DONE, 1.0, "r", "small", 0, 0, True, 0.9)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"applied": True, "kept": 1.0}, Verdict.GOOD),
        ({"applied": True, "kept": 0.49}, Verdict.BAD),
        ({"applied": True, "kept": 0.9, "undone": True}, Verdict.GOOD),
        ({"applied": True, "undone": True}, Verdict.BAD),
        ({"applied": True}, Verdict.GOOD),
        ({}, Verdict.BAD),
        ({"tier": "large", "escalations": 1, "applied": True, "kept": 1.0}, Verdict.BAD),
        ({"tier": "static", "verified": False}, Verdict.BAD),
        ({"tier": "large", "escalations": 1, "assured": 0.6, "applied": True, "kept": 1.0}, Verdict.UNKNOWN),
        ({"assured": 0.9, "applied": True, "kept": 1.0}, Verdict.GOOD),
        ({"tier": "large", "fallbacks": 1, "applied": True, "kept": 1.0}, Verdict.UNKNOWN),
        ({"verified": None}, Verdict.UNKNOWN),
        ({"ending": ActionEnd.CANCELLED}, Verdict.UNKNOWN),
        ({"run": None}, Verdict.UNKNOWN),
        ({"chosen": "static", "tier": "static"}, Verdict.UNKNOWN),
    ],
)
def test_what_is_made_of_a_first_models_answer(changes: dict[str, object], verdict: Verdict) -> None:
    values = {each: getattr(RUN, each) for each in RunRecord.__annotations__} | changes
    assert RunRecord(**values).verdict(now=1e4) is verdict


def test_an_offer_that_is_minutes_old_is_not_decided() -> None:
    assert RUN.verdict(now=60.0) is Verdict.UNKNOWN


# -- what it would have cost -----------------------------------------------------------------------------------------


def request(run: str | None, tier: str, tokens: int, *, day: str = "d", cost: float = 0.0, cpu_s: float | None = None):
    return RequestRecord(day, run, "action", tier, tier, Ask.ANSWERED, 1.0, 1.0, tokens, 0, 0, cost, cpu_s)


def test_a_price_is_compared_by_the_tokens_of_the_same_tasks() -> None:
    requests = [
        request("a", "small", 1_000_000),
        # It went through two models, and on the large one alone it would have been one request.
        request("b", "small", 1_000_000),
        request("b", "large", 1_000_000, cost=3.0),
        request(None, "small", 500_000, day="e"),
    ]
    found = saving(requests, cloud(price_in=3.0, price_out=15.0))
    assert found.unit == MONEY
    assert found.days == {"d": Cost(3.0, 6.0), "e": Cost(0.0, 1.5)}
    assert found.share == pytest.approx(0.6)
    assert "3 for a million read" in found.how


def test_a_model_without_a_price_is_compared_by_its_seconds_a_token() -> None:
    requests = [request(str(n), "large", 100, cpu_s=10.0) for n in range(3)] + [request("x", "small", 100, cpu_s=1.0)]
    found = saving(requests, cloud(price_in=0.0, price_out=0.0))
    assert found.unit == SECONDS
    assert found.whole == Cost(31.0, 40.0)
    assert "100 ms of processor time a token" in found.how


def test_settings_that_stand_in_the_editor_alone_cost_no_comparison() -> None:
    requests = [request(str(n), "large", 100, cpu_s=10.0) for n in range(3)] + [request("x", "small", 100, cpu_s=1.0)]
    assert saving(requests, Config()).whole == Cost(31.0, 40.0)
    assert heaviest_tier(Config(), ["small", "cloud", "large", "static"]) == "cloud"
    assert heaviest_tier(Config(), ["small", "static"]) is None


def test_what_cannot_be_estimated_says_why() -> None:
    free = cloud(price_in=0.0, price_out=0.0)
    assert saving([request("x", "small", 100)], Config()).unit == ""
    assert "large.backend" in saving([], Config()).how
    assert "No model was asked" in saving([], free).how
    assert "too seldom" in saving([request("x", "large", 100, cpu_s=1.0)], free).how


def test_the_terminal_tells_what_was_saved(capsys: pytest.CaptureFixture[str]) -> None:
    config_file().write_text(
        '[large]\nbackend = "openai"\nbase_url = "https://x.example/v1"\nmodel = "big"\nprice_in = 10\nprice_out = 0\n'
    )
    assert users().large.model == "big"
    record([(time.time() - HOUR_S, asked("a", "small", tokens=1_000_000))])
    assert main(["stats"]) == 0
    assert "everything on the large model about 10: 100% less" in " ".join(capsys.readouterr().out.split())


def test_a_page_is_written_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(edit("a"))
    file = tmp_path / "deep" / "page.html"
    assert main(["stats", "--html", str(file)]) == 0
    assert "optimize" in file.read_text(encoding="utf-8")
    assert str(file) in capsys.readouterr().out
    (tmp_path / "file").write_text("")
    assert main(["stats", "--html", str(tmp_path / "file" / "page.html")]) == 2
    assert "cannot be written" in capsys.readouterr().err
