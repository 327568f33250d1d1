"""Where an engine listens: a Unix socket, or a port of the loopback with its address in a file.

Liveness is an answer, not a lock. A socket at which an engine answers is left to it; one at which nobody answers
(killed, stopped, out of memory) is replaced in one step, by renaming a new one onto it. Whoever finds another's file
in the place of its own has been replaced, and takes nothing away.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import attrs

from hybrid_lsp.errors import SocketUnavailable
from hybrid_lsp.paths import SOCKET_PATH_LIMIT

PORT = 8012
"""Where llama.vim looks for a server."""
ANSWER_S = 2.0
"""Longest wait for a sign of life from whoever has a socket already."""
_BACKLOG = 64


@attrs.frozen
class OwnFile:
    """A file that this process has made, told from any other of its name by its inode."""

    path: Path
    _identity: tuple[int, int]

    @classmethod
    def of(cls, path: Path) -> OwnFile:
        """The file that stands there now; raises OSError where there is none."""
        return cls(path, _identity(path))

    @property
    def stands(self) -> bool:
        """Whether it is still there."""
        try:
            return _identity(self.path) == self._identity
        except OSError:
            return False

    def remove(self) -> None:
        """Take it away; another's is left alone."""
        if self.stands:
            self.path.unlink(missing_ok=True)


def _identity(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_dev, status.st_ino


@attrs.frozen
class Listener:
    """A listening socket, and the file of its name (None: a port has none)."""

    socket: socket.socket
    file: OwnFile | None = None


@contextlib.contextmanager
def on_path(path: Path, *, replace: bool = False) -> Iterator[Listener | None]:
    """Listen at a path with mode 0600; None where an engine answers there. `replace`: it is known that none does.

    Raises SocketUnavailable.
    """
    if not replace and answers(path):
        yield None
        return
    listener = _bound(path)
    try:
        yield listener
    finally:
        listener.socket.close()
        assert listener.file is not None
        listener.file.remove()


@contextlib.contextmanager
def on_loopback(port: int | None) -> Iterator[Listener]:
    """Listen on 127.0.0.1; 0 is any free port, None llama.vim's own. Raises SocketUnavailable."""
    port = PORT if port is None else port
    try:
        listening = socket.create_server(("127.0.0.1", port), backlog=_BACKLOG)
    except OSError as error:
        raise SocketUnavailable(f"Port {port} cannot be had: {error.strerror}.", "Choose another `--port`.") from error
    with listening:
        yield Listener(listening)


def answers(path: Path) -> bool:
    """Whether an HTTP server answers at a socket; that it is loading still is an answer."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.settimeout(ANSWER_S)
            asking.connect(str(path))
            asking.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return asking.recv(5) == b"HTTP/"
    except OSError:
        return False


def _bound(path: Path) -> Listener:
    """A socket under a name of its own, then renamed: whoever looks finds the old one or the new one."""
    # As short as may be, for a socket's path may have 103 bytes.
    part = path.with_name(f".{os.getpid()}")
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if len(os.fsencode(path)) > SOCKET_PATH_LIMIT:
            raise OSError(0, f"its path has more than {SOCKET_PATH_LIMIT} bytes")  # nobody could connect to it
        for old in (part, path):
            if old.exists() and not old.is_socket():
                raise FileExistsError(0, f"there is a file {old.name} that is no socket")
        part.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            listening.bind(str(part))
        finally:
            os.umask(before)
        listening.listen(_BACKLOG)
        own = attrs.evolve(OwnFile.of(part), path=path)
        part.replace(path)
    except OSError as error:
        listening.close()
        raise SocketUnavailable(
            f"The socket {path} cannot be made: {error.strerror or error}.",
            "Set HYBRID_LSP_RUNTIME_DIR to a short path that only you can write to.",
        ) from error
    return Listener(listening, own)
