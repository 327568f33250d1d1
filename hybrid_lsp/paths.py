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
# sun_path holds 104 bytes on macOS and 108 on Linux, with the closing NUL.
_SOCKET_PATH_LIMIT = 103


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
    folder = Path(named) if named else _default_runtime_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make_private(folder)
    except OSError as error:
        raise SocketUnavailable(
            f"The folder for the engine's socket, {folder}, cannot be used: {error.strerror or error}.",
            "Set HYBRID_LSP_RUNTIME_DIR to a short path that only you can write to.",
        ) from error
    return folder


def socket_path(name: str) -> Path:
    """Path of a Unix socket in the runtime folder; raises SocketUnavailable where the path would be too long."""
    path = runtime_dir() / name
    if sys.platform != "win32" and len(os.fsencode(path)) > _SOCKET_PATH_LIMIT:
        raise SocketUnavailable(
            f"The socket's path {path} is longer than the {_SOCKET_PATH_LIMIT} bytes that the system allows.",
            "Set HYBRID_LSP_RUNTIME_DIR to a shorter path.",
        )
    return path


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
    owner = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    return Path(tempfile.gettempdir()) / f"{APP}-{owner}"


def _make_private(folder: Path) -> None:
    if sys.platform == "win32":
        return
    status = folder.lstat()
    if not folder.is_dir() or folder.is_symlink() or status.st_uid != os.getuid():
        raise PermissionError(0, "it is not a folder of yours")
    if status.st_mode & 0o077:
        folder.chmod(0o700)
