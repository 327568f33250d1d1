"""Events in SQLite: one table an event type, its columns made from the event's fields."""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
import time
from pathlib import Path

import attrs

from hybrid_lsp.metrics.events import EVENT_TYPES, Event

log = logging.getLogger(__name__)

_DAY_S = 86400.0


def table_of(kind: type[Event]) -> str:
    """`InlineAnswered` is kept in `inline_answered`."""
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in kind.__name__).lstrip("_")


def _columns(kind: type[Event]) -> list[str]:
    return [field.name for field in attrs.fields(kind)]


class MetricsStore:
    """Writes events on a thread of its own, so that the disk never delays an answer.

    Events are dropped, with a line in the log, when the file cannot be written: metrics never disturb the work.
    """

    def __init__(self, path: Path, keep_days: int = 90) -> None:
        self._path = path
        self._keep_days = keep_days
        self._queue: queue.SimpleQueue[tuple[float, Event] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)
        self._thread.start()

    def record(self, event: Event) -> None:
        self._queue.put((time.time(), event))

    def close(self, timeout_s: float = 2.0) -> None:
        """Write what is queued and stop."""
        self._queue.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            connection = open_database(self._path)
            self._prune(connection)
        except (OSError, sqlite3.Error) as error:
            log.warning("No metrics are kept: %s cannot be written (%s).", self._path, error)
            self._drain()
            return
        with connection:
            while (item := self._queue.get()) is not None:
                self._write(connection, *item)
        connection.close()

    def _drain(self) -> None:
        while self._queue.get() is not None:
            pass

    def _write(self, connection: sqlite3.Connection, at: float, event: Event) -> None:
        names = _columns(type(event))
        # The names are those of our own classes; the values are bound.
        statement = f"INSERT INTO {table_of(type(event))} (at, {', '.join(names)}) VALUES ({_marks(len(names) + 1)})"  # noqa: S608
        try:
            with connection:
                connection.execute(statement, [at, *(getattr(event, name) for name in names)])
        except sqlite3.Error as error:
            log.warning("A metric was not written: %s", error)

    def _prune(self, connection: sqlite3.Connection) -> None:
        oldest = time.time() - self._keep_days * _DAY_S
        with connection:
            for kind in EVENT_TYPES:
                connection.execute(f"DELETE FROM {table_of(kind)} WHERE at < ?", [oldest])  # noqa: S608


def open_database(path: Path) -> sqlite3.Connection:
    """The database with its tables, made when missing and widened when an event has got new fields."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=5.0)
    # Several windows write at once.
    connection.execute("PRAGMA journal_mode=WAL")
    with connection:
        for kind in EVENT_TYPES:
            _make_table(connection, kind)
    return connection


def _make_table(connection: sqlite3.Connection, kind: type[Event]) -> None:
    table, names = table_of(kind), _columns(kind)
    connection.execute(f"CREATE TABLE IF NOT EXISTS {table} (at REAL, {', '.join(names)})")
    present = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
    for name in names:
        if name not in present:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {name}")


def _marks(count: int) -> str:
    return ", ".join("?" * count)
