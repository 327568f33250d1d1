"""Events in SQLite: one table an event type, its columns made from the event's fields."""

from __future__ import annotations

import contextlib
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import attrs

from hybrid_lsp.errors import MetricsUnreadable
from hybrid_lsp.metrics.events import EVENT_TYPES, Event

log = logging.getLogger(__name__)

_DAY_S = 86400.0
_HELD_S = 30.0
"""How long another window's work on the file is waited for: on a busy machine it takes seconds."""


def table_of(kind: type[Event]) -> str:
    """`InlineAnswered` is kept in `inline_answered`."""
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in kind.__name__).lstrip("_")


def _columns(kind: type[Event]) -> list[str]:
    """In quotes: a field may be called as SQL calls something."""
    return [f'"{field.name}"' for field in attrs.fields(kind)]


class MetricsStore:
    """Writes events on a thread of its own, so that the disk never delays an answer.

    Events are dropped, with a line in the log, when the file cannot be written: metrics never disturb the work. A file
    that is damaged is put aside, and a new one begun.
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
        while (item := self._queue.get()) is not None:
            connection = self._written(connection, *item)
        connection.close()

    def _written(self, connection: sqlite3.Connection, at: float, event: Event) -> sqlite3.Connection:
        """Write an event; returns the connection for the next, another one where the file was found damaged."""
        try:
            self._write(connection, at, event)
        except sqlite3.Error as error:
            log.warning("A metric was not written: %s", error)
            if is_damage(error):
                with contextlib.suppress(OSError, sqlite3.Error):  # then the next one tries again
                    fresh = open_database(self._path)
                    connection.close()
                    return fresh
        except (OverflowError, UnicodeError) as error:  # what a client says may be no value of SQLite's
            log.warning("A metric was not written: %s", type(error).__name__)
        return connection

    def _drain(self) -> None:
        while self._queue.get() is not None:
            pass

    def _write(self, connection: sqlite3.Connection, at: float, event: Event) -> None:
        names, values = _columns(type(event)), attrs.astuple(event, recurse=False)
        # The names are those of our own classes; the values are bound.
        statement = f"INSERT INTO {table_of(type(event))} (at, {', '.join(names)}) VALUES ({_marks(len(names) + 1)})"  # noqa: S608
        with connection:
            connection.execute(statement, [at, *values])

    def _prune(self, connection: sqlite3.Connection) -> None:
        oldest = time.time() - self._keep_days * _DAY_S
        with connection:
            for kind in EVENT_TYPES:
                connection.execute(f"DELETE FROM {table_of(kind)} WHERE at < ?", [oldest])  # noqa: S608


def open_database(path: Path) -> sqlite3.Connection:
    """The database with its tables, made when missing and widened when an event has got new fields.

    One that is damaged is put aside, with a line in the log. Raises OSError and sqlite3.Error where none can be had.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _opened(path)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        log.warning("The metrics were damaged (%s); they are kept in %s, and begin anew.", error, put_aside(path))
        return _opened(path)


@contextlib.contextmanager
def reading(path: Path, since: float = 0.0) -> Iterator[sqlite3.Connection]:
    """A database in which only what was recorded since then, a Unix time, is seen. Raises MetricsUnreadable."""
    try:
        with contextlib.closing(open_database(path)) as connection:
            _restrict(connection, since)
            yield connection
    except (OSError, sqlite3.Error) as error:
        remedy = "Another program is at it: try again." if _is_held(error) else "Move that file away."
        raise MetricsUnreadable(f"The metrics in {path} cannot be read: {error}.", remedy) from error


def _restrict(connection: sqlite3.Connection, since: float) -> None:
    """The file keeps the rest."""
    for kind in EVENT_TYPES:
        table = table_of(kind)
        # A view takes no bound values; this one is a number.
        connection.execute(f"CREATE TEMP VIEW {table} AS SELECT * FROM main.{table} WHERE at >= {float(since)!r}")  # noqa: S608


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error says that the file's content is wrong, and not that it is locked or the disk full.

    SQLITE_ERROR is what it says of tables that are not as ours are.
    """
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


def _is_held(error: Exception) -> bool:
    """Whether an error says that somebody else is writing."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def damaged_name(path: Path) -> Path:
    """Where a damaged database is put, in the place of an earlier one."""
    return path.with_name(f"{path.name}.damaged")


def put_aside(path: Path) -> Path:
    """Move a damaged database out of the way, to where it is returned."""
    aside = damaged_name(path)
    for ending in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + ending).replace(aside.with_name(aside.name + ending))
    return aside


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_HELD_S)
    try:
        # Several windows write at once.
        connection.execute("PRAGMA journal_mode=WAL")
        # A page in the middle may be damaged too: told by reading all of them, which are few.
        if (said := connection.execute("PRAGMA quick_check(1)").fetchone()) != ("ok",):
            raise _Damaged(said)
        with connection:
            for kind in EVENT_TYPES:
                _make_table(connection, kind)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


class _Damaged(sqlite3.DatabaseError):
    """What `quick_check` has found."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


def _make_table(connection: sqlite3.Connection, kind: type[Event]) -> None:
    table, names = table_of(kind), _columns(kind)
    connection.execute(f"CREATE TABLE IF NOT EXISTS {table} (at REAL, {', '.join(names)})")
    present = {f'"{row[1]}"' for row in connection.execute(f"PRAGMA table_info({table})")}
    for name in names:
        if name not in present:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {name}")


def _marks(count: int) -> str:
    return ", ".join("?" * count)
