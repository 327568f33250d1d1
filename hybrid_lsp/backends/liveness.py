"""Whether an engine lives: it does when it answers, whatever files and locks there are."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import sys
from enum import StrEnum
from pathlib import Path

import httpx

from hybrid_lsp.backends.endpoint import Endpoint

_LOCAL_PEERPID = 2
"""macOS' socket option (sys/un.h), which Python does not name."""
_CONNECT_S = 0.2


class Sign(StrEnum):
    """What is seen of an engine."""

    READY = "ready"
    LOADING = "loading"
    """It answers that its model does not serve yet."""
    SILENT = "silent"
    """Its socket is there, and nobody answers: it is stopped, or starved."""
    ABSENT = "absent"
    """There is no socket, or nobody holds its other end."""


_BY_STATUS = {int(httpx.codes.OK): Sign.READY, int(httpx.codes.SERVICE_UNAVAILABLE): Sign.LOADING}


async def look(endpoint: Endpoint | None, patience_s: float) -> Sign:
    """What an engine answers within `patience_s` seconds; an endpoint that is not known is absent."""
    if endpoint is None:
        return Sign.ABSENT
    try:
        async with endpoint.client() as client:
            response = await client.get("/health", timeout=patience_s)
    except httpx.TimeoutException:
        return Sign.SILENT
    except httpx.HTTPError:
        return Sign.ABSENT
    # Any other status is another program's, which has got the port of an engine that was killed.
    return _BY_STATUS.get(int(response.status_code), Sign.ABSENT)


def kill(pid: int | None) -> None:
    """End an engine that does not answer: what is stopped or starved heeds no other signal, and it has nothing to lose.

    Another program, or another user's, is left alone.
    """
    import psutil  # type: ignore[import-untyped]

    if not pid or pid == os.getpid():
        return
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        ours = process.username() == psutil.Process().username()
        if ours and any("hybrid_lsp" in each or "hybrid-lsp" in each for each in process.cmdline()):
            process.kill()


def pid_at(path: Path) -> int | None:
    """The process that listens at a Unix socket, as the kernel has it; None where it does not say."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(_CONNECT_S)
        asking.connect(str(path))
        if sys.platform == "darwin":
            return int(asking.getsockopt(0, _LOCAL_PEERPID))
        if sys.platform == "linux":
            raw = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            pid: int = struct.unpack("3i", raw)[0]
            return pid
    return None


def pid_in(file: Path) -> int | None:
    """The process that wrote an endpoint file."""
    try:
        pid = json.loads(file.read_text(encoding="utf-8"))["pid"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return pid if isinstance(pid, int) else None
