"""Where things live on this machine: settings, logs, metrics, sockets, downloaded models."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
import tempfile
import warnings
from pathlib import Path

import platformdirs

from hybrid_lsp.errors import SocketUnavailable

APP = "hybrid-lsp"
SOCKET_PATH_LIMIT = 103
"""Bytes of a socket's path: `sun_path` holds 104 on macOS and 108 on Linux, with the closing NUL."""


def config_file() -> Path:
    """The user's settings, TOML. HYBRID_LSP_CONFIG names another file."""
    named = os.environ.get("HYBRID_LSP_CONFIG")
    return Path(named) if named else platformdirs.user_config_path(APP) / "config.toml"


def state_dir() -> Path:
    """Logs and metrics. HYBRID_LSP_STATE_DIR names another folder."""
    named = os.environ.get("HYBRID_LSP_STATE_DIR")
    return Path(named) if named else platformdirs.user_state_path(APP)


def metrics_file() -> Path:
    """The database of the metrics."""
    return state_dir() / "metrics.sqlite3"


def models_dir() -> Path:
    """Downloaded and converted models."""
    named = os.environ.get("HYBRID_LSP_MODELS_DIR")
    return Path(named) if named else platformdirs.user_data_path(APP) / "models"


def runtime_dir() -> Path:
    """The folder of the engines' sockets and locks, mode 0700, made when missing.

    Raises SocketUnavailable when it cannot be made or belongs to somebody else.
    """
    named = os.environ.get("HYBRID_LSP_RUNTIME_DIR")
    return _private_folder(Path(named) if named else _default_runtime_dir())


def socket_path(name: str) -> Path:
    """Path of a Unix socket in the runtime folder, or in a short one that stands for it where that would be too long.

    Raises SocketUnavailable where none of them can be had.
    """
    folder = runtime_dir()
    if _fits(folder / name):
        return folder / name
    # The same for everybody who means that folder, else each window would have an engine of its own.
    stand_in = f"{APP}-{_owner()}-{digest(str(folder.absolute()))}"
    for parent in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 (made private, and checked to be ours)  # nosec B108
        if _fits(parent / stand_in / name):
            return _private_folder(parent / stand_in) / name
    raise SocketUnavailable(
        f"The socket's path {folder / name} is longer than the {SOCKET_PATH_LIMIT} bytes that the system allows.",
        "Set HYBRID_LSP_RUNTIME_DIR to a shorter path.",
    )


def _fits(path: Path) -> bool:
    return sys.platform == "win32" or len(os.fsencode(path)) <= SOCKET_PATH_LIMIT


def read_plain(path: Path, most: int, *, cut: bool = False) -> bytes:
    """The bytes of a regular file, `most` of them at most: how everything of a workspace is read.

    A workspace may hold a link to a device, a pipe or a file without end. Raises OSError for what is no regular file,
    and for a larger one unless it may be `cut`.
    """
    _check_plain(path.stat())
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as stream:
        _check_plain(os.fstat(stream.fileno()))
        data = stream.read(most + 1)
    if len(data) > most and not cut:
        raise OSError(errno.EFBIG, f"it is larger than {most:,} bytes")
    return data[:most]


def _check_plain(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")


def digest(*parts: str) -> str:
    """A short stable name for a combination of values."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _default_runtime_dir() -> Path:
    with warnings.catch_warnings():
        # platformdirs warns where XDG_RUNTIME_DIR is not set; the check below deals with that.
        warnings.simplefilter("ignore")
        folder = platformdirs.user_runtime_path(APP)
    if folder.parent.exists() and os.access(folder.parent, os.W_OK):
        return folder
    # Containers and cron jobs have no /run/user: a private folder in the temporary one serves as well.
    return Path(tempfile.gettempdir()) / f"{APP}-{_owner()}"


def _owner() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")


def _private_folder(folder: Path) -> Path:
    """The folder, made when missing. Raises SocketUnavailable."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make_private(folder)
    except OSError as error:
        raise SocketUnavailable(
            f"The folder for the engine's socket, {folder}, cannot be used: {error.strerror or error}.",
            "Set HYBRID_LSP_RUNTIME_DIR to a short path that only you can write to.",
        ) from error
    return folder


def _make_private(folder: Path) -> None:
    if sys.platform == "win32":
        return
    status = folder.lstat()
    if not folder.is_dir() or folder.is_symlink() or status.st_uid != os.getuid():
        raise PermissionError(0, "it is not a folder of yours")
    if status.st_mode & 0o077:
        folder.chmod(0o700)
