import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest
from rich.console import Console

from hybrid_lsp.errors import MetricsUnreadable
from hybrid_lsp.metrics import actions as actions_
from hybrid_lsp.metrics import report
from hybrid_lsp.metrics import store as store_module
from hybrid_lsp.metrics.events import (
    EVENT_TYPES,
    AcceptKind,
    ActionEnd,
    ActionEnded,
    InlineAccepted,
    InlineAnswered,
    InlineIgnored,
    InlineKept,
)
from hybrid_lsp.metrics.store import MetricsStore, damaged_name, open_database
from hybrid_lsp.reports.terminal import show
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
        actions = actions_.run_records(connection)
    assert (inline.requests, inline.shown, inline.accepted) == (22, 20, 1)
    assert inline.acceptance == 0.05
    assert inline.reasons == {"mid-word": 2}
    assert (inline.p50_ms, inline.p95_ms) == (11.0, 20.0)
    (explained,) = actions_.action_reports(actions)
    assert (explained.action, explained.tiers, explained.endings, explained.p50_ms, explained.verified) == (
        *("explain", {"static": 1}, {"done": 1}),
        *(20.0, None),
    )


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


def test_each_model_and_language_has_its_own_figures(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite3"
    store = MetricsStore(path)
    for suggestion, model, language in (("a", "one", "python"), ("b", "one", "python"), ("c", "two", "rust")):
        store.record(InlineAnswered(suggestion, None, language, Tier.SMALL, model, 40.0, 30.0, 8, 20))
        # Typed into: the same suggestion again, from what was known.
        store.record(InlineAnswered(suggestion, None, language, Tier.SMALL, model, 2.0, 0.0, 0, 19, reused=True))
    store.record(InlineAnswered(None, Reason.MID_WORD, "python", None, None, 1.0, 0.0, 0, 0))
    store.record(InlineAccepted("a", AcceptKind.WORD, 4))
    store.record(InlineAccepted("a", AcceptKind.FULL, 16))
    store.record(InlineAccepted("b", AcceptKind.TYPED, 20))
    store.record(InlineIgnored("c", 900.0))
    for after_s, share in ((30, 1.0), (120, 0.5)):
        store.record(InlineKept("a", after_s, share))
    store.close()
    with closing(open_database(path)) as connection:
        inline, (one, two) = report.inline_report(connection), report.source_reports(connection)
    assert (inline.requests, inline.shown, inline.accepted, inline.reused, inline.tokens) == (7, 3, 1, 3, 24)
    assert one == report.SourceReport("python", "small", "one", 2, 1, 1, 1.0, 0.5, 40.0, 40.0, 16, 0.5)
    assert one.acceptance == 0.5
    assert two == report.SourceReport("rust", "small", "two", 1, 0, 0, None, None, 40.0, 40.0, 8, 0.5)


def test_what_is_typed_in_part_and_accepted_in_part_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite3"
    store = MetricsStore(path)
    store.record(answered("a", 1.0))
    store.record(InlineAccepted("a", AcceptKind.TYPED, 1))
    store.record(InlineAccepted("a", AcceptKind.FULL, 1))
    store.close()
    with closing(open_database(path)) as connection:
        (one,) = report.source_reports(connection)
    assert (one.shown, one.accepted, one.typed) == (1, 1, 0)


OLD_SCHEMA = """
    CREATE TABLE inline_answered (at REAL, suggestion, reason, language, tier, model, latency_ms, model_ms, tokens,
        characters);
    CREATE TABLE inline_accepted (at REAL, suggestion, kind, characters);
    CREATE TABLE action_ended (at REAL, action, language, tier, ending, fallback, latency_ms, tokens);
    INSERT INTO inline_answered VALUES (1e12, 'old', NULL, 'python', 'small', 'tiny', 50.0, 40.0, NULL, 9);
    INSERT INTO inline_accepted VALUES (1e12, 'old', 'partial', 5), (1e12, 'old', 'full', 9);
    INSERT INTO action_ended VALUES (1e12, 'explain', 'python', 'large', 'done', 0, 900.0, 100);
"""
"""What the first version wrote, before answers were known to be reused and before anything was kept."""


def test_the_first_versions_database_still_opens_and_is_added_to(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite3"
    with closing(sqlite3.connect(path)) as old, old:
        old.executescript(OLD_SCHEMA)
    store = MetricsStore(path)
    store.record(answered("new", 10.0))
    store.record(InlineAccepted("new", AcceptKind.LINE, 12))
    store.record(InlineKept("new", 30, 0.75))
    store.close()
    with closing(open_database(path)) as connection:
        old_one, new = sorted(report.source_reports(connection), key=lambda each: each.model or "", reverse=True)
        inline, actions = report.inline_report(connection), actions_.run_records(connection)
    assert (old_one.shown, old_one.accepted, old_one.kept_soon, old_one.tokens, old_one.reused) == (1, 1, None, 0, 0.0)
    assert (new.shown, new.accepted, new.kept_soon, new.kept_late) == (1, 1, 0.75, None)
    assert (inline.shown, inline.accepted, inline.reused) == (2, 2, 0)
    (explained,) = actions
    assert (explained.action, explained.tier, explained.latency_ms, explained.day) == ("explain", "large", 900.0, None)
    assert explained.verdict(now=2e12) is actions_.Verdict.UNKNOWN


def test_a_store_that_cannot_be_written_disturbs_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = MetricsStore(tmp_path / "file" / "m.sqlite3")
    store.record(InlineAccepted("s", AcceptKind.FULL, 3))
    store.close()
    assert not store._thread.is_alive()


def test_no_event_can_hold_text() -> None:
    """Columns are ids, codes and numbers; a field that could carry source, a path or a prompt is a defect."""
    for event in EVENT_TYPES:
        assert not {"text", "path", "uri", "prompt", "detail", "message"} & set(event.__annotations__)


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no database" * 1000)


def torn(path: Path) -> None:
    """A page in the middle is overwritten."""
    with closing(open_database(path)) as connection, connection:
        row = ["x" * 500, 0.0, 0.0]
        connection.executemany("INSERT INTO inline_ignored (suggestion, at, seen_ms) VALUES (?, ?, ?)", [row] * 200)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = path.stat().st_size
    with path.open("r+b") as stream:
        stream.seek(size // 2 // 4096 * 4096)
        stream.write(b"\xff" * 8192)


def cut(path: Path) -> None:
    """Its second half is missing."""
    torn(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def foreign(path: Path) -> None:
    """A sound database whose tables are others."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE VIEW inline_answered AS SELECT 1")


@pytest.mark.fault("the metrics' database is damaged")
@pytest.mark.parametrize("damage", [garbage, torn, cut, foreign])
def test_a_damaged_database_is_put_aside_and_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], None]
) -> None:
    monkeypatch.setenv("HYBRID_LSP_STATE_DIR", str(tmp_path))
    path = tmp_path / "metrics.sqlite3"
    damage(path)
    before = path.read_bytes()
    console = Console(record=True, width=200)
    assert show(console) == 0
    assert str(damaged_name(path)) in console.export_text().replace("\n", "")
    assert damaged_name(path).read_bytes() == before
    store = MetricsStore(path)
    store.record(InlineIgnored("s", 1.0))
    store.close()
    with closing(open_database(path)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM inline_ignored").fetchone() == (1,)


class Torn(AbstractContextManager[None]):
    """A connection that finds its file damaged."""

    def __exit__(self, *_: object) -> None: ...

    def execute(self, *_: object) -> None:
        raise store_module._Damaged("torn")

    def close(self) -> None: ...


@pytest.mark.fault("the metrics' database is damaged while it is in use")
def test_a_database_that_is_found_damaged_is_begun_anew_by_its_writer(tmp_path: Path) -> None:
    store = object.__new__(MetricsStore)
    store._path = tmp_path / "metrics.sqlite3"
    connection = store._written(Torn(), 1.0, InlineIgnored("s", 1.0))  # type: ignore[arg-type]
    assert store._written(connection, 1.0, InlineIgnored("s", 1.0)) is connection
    assert connection.execute("SELECT COUNT(*) FROM inline_ignored").fetchone() == (1,)
    connection.close()


@pytest.mark.fault("the metrics cannot be read")
def test_stats_that_cannot_be_read_name_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_LSP_STATE_DIR", str(tmp_path))
    (tmp_path / "metrics.sqlite3").mkdir()
    with pytest.raises(MetricsUnreadable, match=r"metrics\.sqlite3"):
        show(Console())


@pytest.mark.fault("another program holds the metrics")
def test_metrics_that_somebody_holds_are_not_to_be_moved_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_LSP_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(store_module, "_HELD_S", 0.0)
    with closing(sqlite3.connect(tmp_path / "metrics.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(MetricsUnreadable, match="locked") as caught:
            show(Console())
    assert caught.value.remedy == "Another program is at it: try again."
    assert show(Console()) == 0


@pytest.mark.fault("a table of the metrics is taken away while they are written")
def test_a_table_that_is_gone_costs_one_metric(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite3"
    store = object.__new__(MetricsStore)
    store._path = path
    connection = open_database(path)
    connection.execute("DROP TABLE inline_ignored")
    connection = store._written(connection, 1.0, InlineIgnored("lost", 1.0))
    connection = store._written(connection, 1.0, InlineIgnored("kept", 1.0))
    assert connection.execute("SELECT suggestion FROM inline_ignored").fetchall() == [("kept",)]
    connection.close()


@pytest.mark.fault("the metrics are damaged, and no new ones can be made")
def test_where_no_database_can_be_had_the_next_event_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> sqlite3.Connection:
        raise OSError(28, "No space left on device")

    store = object.__new__(MetricsStore)
    store._path = tmp_path / "m.sqlite3"
    torn_one = Torn()
    monkeypatch.setattr(store_module, "open_database", full)
    assert store._written(torn_one, 1.0, InlineIgnored("a", 1.0)) is torn_one  # type: ignore[arg-type, comparison-overlap]


@pytest.mark.fault("a client's words and numbers that no database takes")
def test_values_that_sqlite_has_not_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite3"
    store = MetricsStore(path)
    store.record(InlineAccepted("s", AcceptKind.FULL, 2**70))
    store.record(InlineAccepted("\ud800", AcceptKind.FULL, 1))
    store.record(InlineAccepted("good", AcceptKind.FULL, 3))
    store.close()
    with closing(open_database(path)) as connection:
        assert connection.execute("SELECT suggestion FROM inline_accepted").fetchall() == [("good",)]


@pytest.mark.fault("another program holds the metrics' database")
def test_a_locked_database_is_not_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.sqlite3"
    open_database(path).close()
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as other,
        closing(sqlite3.connect(path, timeout=0)) as ours,
    ):
        other.execute("BEGIN EXCLUSIVE")
        store = object.__new__(MetricsStore)
        store._path = path
        assert store._written(ours, 1.0, InlineIgnored("lost", 1.0)) is ours
        other.execute("COMMIT")
        assert store._written(ours, 1.0, InlineIgnored("kept", 1.0)) is ours
        assert ours.execute("SELECT suggestion FROM inline_ignored").fetchall() == [("kept",)]
    assert not damaged_name(path).exists()
