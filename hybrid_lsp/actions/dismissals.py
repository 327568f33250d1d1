"""Findings that the user does not want to see again, kept for each workspace in the user's own state folder.

A dismissal names a file, a rule and the code of one line, whatever its white space: it holds while the line moves and
ends when its code changes. The code is kept as a keyed hash alone, since a line may hold a password.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import secrets
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs

from hybrid_lsp.analysis import rules
from hybrid_lsp.document import Document
from hybrid_lsp.errors import ActionError
from hybrid_lsp.paths import digest
from hybrid_lsp.types import Finding

log = logging.getLogger(__name__)

MOST = 5000
"""Dismissals of one workspace; the oldest give way."""
_MAX_BYTES = 5_000_000
_FORM = 1

Key = tuple[str, str, str]
"""A file's path in the workspace, a rule's name, and the keyed hash of a line."""


class Dismissals:
    """The dismissals of every workspace, one file each in `folder`, shared by all windows.

    Files are read again when another window has written them. A window that writes in the same instant as another
    loses at most its last dismissal.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, tuple[tuple[int, int], _Kept]] = {}

    def without(self, root: Path | None, document: Document, findings: Iterable[Finding]) -> list[Finding]:
        """The findings that are not dismissed; `root` is the workspace folder that holds the document."""
        findings = list(findings)
        kept = self._kept(self._file(root)) if findings else _Kept()
        if not kept.keys:
            return findings
        return [each for each in findings if _key(kept.salt, root, document, each) not in kept.keys]

    def add(self, root: Path | None, document: Document, findings: Iterable[Finding]) -> None:
        """Remember findings as dismissed. Raises ActionError where that cannot be written."""
        file = self._file(root)
        kept = self._kept(file)
        added = [_key(kept.salt, root, document, each) for each in findings]
        keys = list(dict.fromkeys([*kept.keys, *added]))
        self._write(file, attrs.evolve(kept, keys=dict.fromkeys(keys[-MOST:])))

    def reset(self, root: Path | None) -> int:
        """Forget all dismissals of a workspace; returns how many there were. Raises ActionError as `add` does."""
        file = self._file(root)
        count = len(self._kept(file).keys)
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise _unwritable(file, error) from error
        return count

    def _file(self, root: Path | None) -> Path:
        return self._folder / f"{digest(str(root)) if root else 'no-workspace'}.json"

    def _kept(self, file: Path) -> _Kept:
        try:
            status = file.stat()
        except OSError:
            return _Kept()
        mark = (status.st_mtime_ns, status.st_size)
        if file not in self._read or self._read[file][0] != mark:
            self._read[file] = (mark, _load(file))
        return self._read[file][1]

    def _write(self, file: Path, kept: _Kept) -> None:
        body = {"form": _FORM, "salt": kept.salt, "dismissed": [list(key) for key in kept.keys]}
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _replace(file, json.dumps(body, indent=0))
        except OSError as error:
            raise _unwritable(file, error) from error


@attrs.frozen
class _Kept:
    """What one file holds, in order."""

    salt: str = attrs.field(factory=lambda: secrets.token_hex(16), repr=False)
    keys: dict[Key, None] = attrs.field(factory=dict)


def _key(salt: str, root: Path | None, document: Document, finding: Finding) -> Key:
    path = document.path
    inside = root is not None and path is not None and path.is_relative_to(root)
    name = path.relative_to(root).as_posix() if inside and path and root else document.uri
    line = " ".join(document.line(document.position(finding.span.start)[0]).split())
    hashed = hashlib.blake2b(line.encode("utf-8", errors="replace"), key=salt.encode(), digest_size=12)
    return name, rules.name(finding.code), hashed.hexdigest()


def _load(file: Path) -> _Kept:
    """What a file holds; one that is damaged counts as empty, and is told to the log."""
    try:
        with file.open("rb") as stream:
            body = json.loads(stream.read(_MAX_BYTES))
        return _Kept(_salt(body), dict.fromkeys(_keys(body)))
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("The dismissed findings in %s cannot be read: %s", file.name, type(error).__name__)
        return _Kept()


def _salt(body: Any) -> str:
    if body["form"] != _FORM or not isinstance(body["salt"], str) or not 0 < len(body["salt"]) <= 64:
        raise ValueError
    return str(body["salt"])


def _keys(body: Any) -> Iterable[Key]:
    for name, rule, line in body["dismissed"][-MOST:]:
        if not all(isinstance(each, str) for each in (name, rule, line)):
            raise ValueError
        yield name, rule, line


def _replace(file: Path, text: str) -> None:
    """Write a file that its user alone can read, whole or not at all."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=file.stem, suffix=".new")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(name).replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _unwritable(file: Path, error: OSError) -> ActionError:
    return ActionError(
        f"Dismissals cannot be kept: {file.parent} cannot be written ({error.strerror or error}).",
        "Make that folder writable, or set HYBRID_LSP_STATE_DIR to one that is.",
    )
