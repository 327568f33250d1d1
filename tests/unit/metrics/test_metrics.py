import sqlite3
from contextlib import closing
from pathlib import Path

from hybrid_lsp.metrics import report
from hybrid_lsp.metrics.events import AcceptKind, ActionEnd, ActionEnded, InlineAccepted, InlineAnswered
from hybrid_lsp.metrics.store import MetricsStore, open_database
from hybrid_lsp.types import Reason, Tier


def answered(suggestion: str | None, latency_ms: float, reason: Reason | None = None) -> InlineAnswered:
    return InlineAnswered(suggestion, reason, "python", Tier.SMALL, "engine:embedded", latency_ms, 3.0, 5, 12)


def test_events_become_a_report(tmp_path: Path) -> None:
    path = tmp_path / "state" / "metrics.sqlite3"
    store = MetricsStore(path)
    for number in range(1, 21):
        store.record(answered(f"s{number}", float(number)))
    store.record(answered(None, 1.0, Reason.MID_WORD))
    store.record(answered(None, 1.0, Reason.MID_WORD))
    store.record(InlineAccepted("s1", AcceptKind.PARTIAL, 4))
    store.record(InlineAccepted("s1", AcceptKind.FULL, 12))
    store.record(ActionEnded("explain", "python", Tier.STATIC, ActionEnd.DONE, True, 20.0, 0))
    store.close()
    with closing(open_database(path)) as connection:
        inline = report.inline_report(connection)
        actions = report.action_rows(connection)
    assert (inline.requests, inline.shown, inline.accepted) == (22, 20, 1)
    assert inline.acceptance == 0.05
    assert inline.reasons == {"mid-word": 2}
    assert (inline.p50_ms, inline.p95_ms) == (11.0, 20.0)
    assert actions == [("explain", "static", "done", 1, 20.0)]


def test_an_empty_store_reports_nothing(tmp_path: Path) -> None:
    with closing(open_database(tmp_path / "m.sqlite3")) as connection:
        inline = report.inline_report(connection)
    assert inline.acceptance is None
    assert inline.p50_ms is None


def test_old_events_are_deleted_and_new_columns_added(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite3"
    with closing(sqlite3.connect(path)) as old, old:
        old.execute("CREATE TABLE inline_accepted (at REAL, suggestion)")
        old.execute("INSERT INTO inline_accepted VALUES (1.0, 's')")
    store = MetricsStore(path, keep_days=1)
    store.record(InlineAccepted("new", AcceptKind.FULL, 3))
    store.close()
    with closing(open_database(path)) as connection:
        rows = connection.execute("SELECT suggestion, characters FROM inline_accepted").fetchall()
    assert rows == [("new", 3)]


def test_a_store_that_cannot_be_written_disturbs_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = MetricsStore(tmp_path / "file" / "m.sqlite3")
    store.record(InlineAccepted("s", AcceptKind.FULL, 3))
    store.close()
    assert not store._thread.is_alive()


def test_no_event_can_hold_text() -> None:
    """Columns are ids, codes and numbers; a field that could carry source, a path or a prompt is a defect."""
    for event in (InlineAnswered, InlineAccepted, ActionEnded):
        assert not {"text", "path", "uri", "prompt", "detail", "message"} & set(event.__annotations__)
