"""Other processes of this machine: the editor's life, and whose connection one is."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

_LOOK_S = 1.0


async def outlived(pid: int) -> None:
    """Return when a process has ended; never for one that is not seen from here (a container, another machine)."""
    import psutil  # type: ignore[import-untyped]

    try:
        process = psutil.Process(pid)
    except (psutil.Error, ValueError, OverflowError):
        await asyncio.Event().wait()
        return
    while _lives(process):  # noqa: ASYNC110 (no system tells it to a process that is not its parent, but all can be asked)
        await asyncio.sleep(_LOOK_S)


def _lives(process: Any) -> bool:
    import psutil

    try:
        # A number that another process has got since is told by its start.
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True


def own_connection(theirs: tuple[Any, ...], ours: tuple[Any, ...]) -> bool:
    """Whether the other end of a TCP connection on this machine belongs to a process of this user.

    `theirs` and `ours` are the addresses of its ends, as this end has them. False where the system does not tell.
    """
    import psutil

    ends = (_address(theirs), _address(ours))
    me = psutil.Process().username()
    for process, connection in _connections():
        if connection.laddr and connection.raddr and ends == (_address(connection.laddr), _address(connection.raddr)):
            with contextlib.suppress(psutil.Error):
                return bool(process.username() == me)
    return False


def _address(end: tuple[Any, ...]) -> tuple[str, int]:
    """Host and port; an IPv4 address in IPv6's clothes is what it is."""
    return str(end[0]).removeprefix("::ffff:"), int(end[1])


def _connections() -> Iterator[tuple[Any, Any]]:
    """Every TCP connection that this user may see, with its process."""
    import psutil

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            for connection in process.net_connections(kind="tcp"):
                yield process, connection
