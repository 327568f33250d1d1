"""Changes of the user's settings file by commands: its other lines and comments stay as they are."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

from hybrid_lsp.errors import ConfigError

Change = Callable[[MutableMapping[str, Any]], None]
"""Changes the tables of a file in place."""


def change(file: Path, make: Change) -> None:
    """Change a file, which appears whole, behind a link too; a broken one is left alone, a missing one is made.

    Raises ConfigError: it cannot be read, written, or understood.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    file = file.resolve()  # a link, as people have whose settings are in a repository, stays one
    try:
        document = tomlkit.parse(file.read_bytes().decode() if file.exists() else "")
        make(document)
        changed = tomlkit.dumps(document)
    except (TOMLKitError, UnicodeDecodeError, AttributeError, TypeError) as error:
        raise ConfigError(
            f"{file} is not TOML that can be changed: {error}.", "Correct it; nothing was changed."
        ) from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.", "Check its rights.") from error
    replace(file, changed)


def replace(file: Path, text: str) -> None:
    """Write a file whole or not at all; it keeps its rights, a new one is its user's alone. Raises ConfigError."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        mode = file.stat().st_mode & 0o777 if file.exists() else 0o600
        handle, part = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
                stream.write(text)
            Path(part).chmod(mode)
            Path(part).replace(file)
        finally:
            Path(part).unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}.", "Check its rights and the disk.") from error
