"""Where things live on this machine: settings, logs, metrics, sockets, downloaded models."""

from __future__ import annotations

import hashlib
import os
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
    for parent in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 (made private, and checked to be ours)
        if _fits(parent / stand_in / name):
            return _private_folder(parent / stand_in) / name
    raise SocketUnavailable(
        f"The socket's path {folder / name} is longer than the {SOCKET_PATH_LIMIT} bytes that the system allows.",
        "Set HYBRID_LSP_RUNTIME_DIR to a shorter path.",
    )


def _fits(path: Path) -> bool:
    return sys.platform == "win32" or len(os.fsencode(path)) <= SOCKET_PATH_LIMIT


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
