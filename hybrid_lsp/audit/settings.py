"""Thresholds in the user's settings: what they are, written there, and taken back."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import attrs

from hybrid_lsp import config as settings
from hybrid_lsp import settings_file
from hybrid_lsp.config import RoutingConfig
from hybrid_lsp.errors import ConfigError
from hybrid_lsp.paths import config_file, state_dir

_SETTING = "routing.thresholds"


@attrs.frozen
class Written:
    """What an earlier audit wrote for an action, and what stood there before (None: nothing)."""

    was: float | None
    now: float


@attrs.frozen
class Undone:
    """Actions whose thresholds are as before, and those that somebody has changed since, which stay."""

    restored: tuple[str, ...]
    left: tuple[str, ...]


def wish(action: str, routing: RoutingConfig) -> float:
    """How likely a lighter model must do, as the user put it; what an audit wrote is no wish of theirs."""
    there = routing.thresholds.get(action)
    written = _written().get(action)
    if written is not None and there == written.now:
        there = written.was
    return float(routing.threshold if there is None else there)


def apply(thresholds: Mapping[str, float]) -> Path:
    """Write thresholds into the user's settings, beside what stands there; `undo` takes them back.

    Returns the file. Raises ConfigError: it cannot be read or written.
    """
    file, earlier = config_file(), _written()
    record = dict(earlier)

    def write(document: MutableMapping[str, Any]) -> None:
        table = document.setdefault("routing", {}).setdefault("thresholds", {})
        for action, now in thresholds.items():
            there, before = table.get(action), earlier.get(action)
            was = before.was if before is not None and there == before.now else there
            record[action] = Written(None if was is None else float(was), now)
            table[action] = now
        # Before the settings: what is written can then be taken back whatever happens.
        _remember(record)

    settings_file.change(file, write)
    return file


def undo() -> Undone:
    """Take back what audits wrote. Raises ConfigError: there is nothing, or the settings cannot be read or written."""
    written = _written()
    if not written:
        raise ConfigError("There is nothing to take back: no audit has changed your settings.")
    restored: list[str] = []

    def write(document: MutableMapping[str, Any]) -> None:
        routing = document.get("routing", {})
        table = routing.get("thresholds", {})
        for action, each in written.items():
            if table.get(action) != each.now:
                continue
            restored.append(action)
            if each.was is None:
                del table[action]
            else:
                table[action] = each.was
        if "thresholds" in routing and not table:
            del routing["thresholds"]
        if "routing" in document and not routing:
            del document["routing"]

    settings_file.change(config_file(), write)
    _record_file().unlink(missing_ok=True)
    return Undone(tuple(restored), tuple(action for action in written if action not in restored))


def overruled() -> str:
    """What wins over the file, in words; empty where nothing does."""
    name = settings.env_name(_SETTING)
    return f"The environment variable {name} wins over the file: unset it." if name in os.environ else ""


def _record_file() -> Path:
    return state_dir() / "audit.json"


def _written() -> dict[str, Written]:
    """What audits wrote; a record that cannot be read is none."""
    try:
        values = json.loads(_record_file().read_text(encoding="utf-8"))
        return {str(action): Written(each["was"], float(each["now"])) for action, each in values.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _remember(written: Mapping[str, Written]) -> None:
    values = {action: attrs.asdict(each) for action, each in written.items()}
    settings_file.replace(_record_file(), json.dumps(values, indent=1))
