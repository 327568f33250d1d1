"""What each backend has cost today, in tokens and money, shared by all windows of the user: a small SQLite file.

It is written on a thread of its own. Without a disk to write to, each window counts for itself.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import attrs

from hybrid_lsp.metrics.store import is_damage, put_aside

log = logging.getLogger(__name__)

KEEP_DAYS = 90
_TABLE = (
    "CREATE TABLE IF NOT EXISTS spent (day TEXT, backend TEXT, tokens INTEGER, money REAL, PRIMARY KEY (day, backend))"
)
_ADD = """
    INSERT INTO spent VALUES (?, ?, ?, ?)
    ON CONFLICT (day, backend) DO UPDATE SET tokens = tokens + excluded.tokens, money = money + excluded.money
"""


@attrs.frozen
class Spent:
    """Tokens, read and written, and the money for them."""

    tokens: int = 0
    money: float = 0.0

    def plus(self, other: Spent) -> Spent:
        return Spent(self.tokens + other.tokens, self.money + other.money)


class Ledger:
    """`today` gives the day that counts, in the user's own time."""

    def __init__(self, path: Path | None, today: Callable[[], date] = date.today) -> None:
        self._path, self._today = path, today
        self._lock = threading.Lock()
        self._known: dict[str, Spent] = {}
        self._unwritten: defaultdict[str, Spent] = defaultdict(Spent)
        self._day = today()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="ledger") if path is not None else None
        self._run(self._write)

    def spent(self, backend: str) -> Spent:
        """What a backend has cost today, as far as is known."""
        with self._lock:
            self._turn()
            return self._known.get(backend, Spent()).plus(self._unwritten[backend])

    def add(self, backend: str, cost: Spent) -> None:
        """A backend has cost something."""
        with self._lock:
            self._turn()
            self._unwritten[backend] = self._unwritten[backend].plus(cost)
        self._run(self._write)

    def close(self) -> None:
        """Write what is left."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.shutdown(wait=True)

    def _turn(self) -> None:
        """A new day begins with nothing spent."""
        if (day := self._today()) != self._day:
            self._day, self._known = day, {}
            self._unwritten.clear()

    def _run(self, work: Callable[[], None]) -> None:
        if self._writer is not None:
            with contextlib.suppress(RuntimeError):  # the interpreter is ending
                self._writer.submit(work)

    def _write(self) -> None:
        """Add what is new and read what other windows have added."""
        assert self._path is not None
        with self._lock:
            day, new = self._day, {name: each for name, each in self._unwritten.items() if each != Spent()}
        try:
            found = _exchange(self._path, day, new)
        except (OSError, sqlite3.Error) as error:
            log.warning("What models cost is counted for this window alone: %s (%s).", self._path, error)
            return
        with self._lock:
            if day == self._day:
                self._known = found
                for name, each in new.items():
                    left = self._unwritten[name]
                    self._unwritten[name] = Spent(left.tokens - each.tokens, left.money - each.money)


def _exchange(path: Path, day: date, new: dict[str, Spent]) -> dict[str, Spent]:
    """Add to the file and read what stands in it; one that is damaged is put aside, and a new one begun."""
    try:
        return _exchanged(path, day, new)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        log.warning("What models have cost was damaged (%s); it is kept in %s.", error, put_aside(path))
        return _exchanged(path, day, new)


def _exchanged(path: Path, day: date, new: dict[str, Spent]) -> dict[str, Spent]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(path, timeout=5.0)) as connection, connection:
        connection.execute(_TABLE)
        connection.execute("DELETE FROM spent WHERE day < ?", [str(day - timedelta(KEEP_DAYS))])
        connection.executemany(_ADD, [(str(day), name, each.tokens, each.money) for name, each in new.items()])
        rows = connection.execute("SELECT backend, tokens, money FROM spent WHERE day = ?", [str(day)])
        return {name: Spent(tokens, money) for name, tokens, money in rows}
