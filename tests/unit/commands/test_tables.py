from rich.console import Console

from hybrid_lsp import config
from hybrid_lsp.metrics.events import AcceptKind, ActionEnd, ActionEnded, InlineAccepted, InlineAnswered, InlineKept
from hybrid_lsp.metrics.store import MetricsStore
from hybrid_lsp.paths import state_dir
from hybrid_lsp.tables import print_stats, settings_table
from hybrid_lsp.types import Reason, Tier


def shown(suggestion: str, latency_ms: float) -> InlineAnswered:
    return InlineAnswered(suggestion, None, "python", Tier.SMALL, "tiny", latency_ms, latency_ms, 4, 12)


def printed() -> str:
    console = Console(record=True, width=120)
    assert print_stats(console) == 0
    return console.export_text()


def test_stats_without_any() -> None:
    assert "No metrics yet" in printed()


def test_stats() -> None:
    store = MetricsStore(state_dir() / "metrics.sqlite3")
    for number, latency_ms in enumerate([100, 200, 300, 400]):
        store.record(shown(str(number), latency_ms))
    store.record(InlineAnswered(None, Reason.MID_WORD, "python", None, None, 1, 0, 0, 0))
    store.record(InlineAccepted("0", AcceptKind.PARTIAL, 3))
    store.record(InlineAccepted("0", AcceptKind.FULL, 12))
    store.record(InlineKept("0", 30, 0.8))
    store.record(ActionEnded("explain", "python", Tier.LARGE, ActionEnd.DONE, False, 1500, 200))
    store.record(ActionEnded("explain", "python", None, ActionEnd.FAILED, False, 5, 0))
    store.close()
    out = printed()
    rows = {tuple(cell.strip() for cell in line.strip("│ ").split("│")) for line in out.splitlines() if "│" in line}
    assert ("requests", "5") in rows
    assert ("accepted", "1 (25%)") in rows
    assert ("nothing: mid-word", "1") in rows
    assert ("answered from what was known", "0 (0%)") in rows
    assert ("python", "small", "tiny", "4", "1 (25%)", "0", "80%, -", "300, 400", "16", "0%") in rows
    assert ("latency of what was shown", "p50 300 ms, p95 400 ms") in rows
    assert ("explain", "large", "done", "1", "1500") in rows
    assert ("explain", "-", "failed", "1", "5") in rows


def test_the_settings_table_has_every_setting_with_its_default() -> None:
    lines = settings_table().splitlines()
    assert lines[0] == "| setting | default | what it does |"
    assert len(lines) == 2 + len(list(config.settings()))
    assert any(line.startswith("| `completion.enabled` | `true` | ") for line in lines)
    assert any(line.startswith('| `small.backend` | `"engine"` | ') for line in lines)
    assert all(line.count(" | ") == 2 for line in lines[2:])
