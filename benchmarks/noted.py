"""What a benchmark has measured, a line each in a file: a run that was stopped goes on behind what stands there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import cattrs

Kind = TypeVar("Kind")


def read(file: Path | None, kind: type[Kind]) -> list[Kind]:
    """The rows of a file; none where there is no such file."""
    lines = file.read_text(encoding="utf-8").splitlines() if file is not None and file.exists() else []
    return [cattrs.structure(json.loads(line), kind) for line in lines]


def append(file: Path | None, found: Iterable[object]) -> None:
    """Write rows down (None: nowhere)."""
    if file is not None:
        with file.open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(cattrs.unstructure(row)) + "\n" for row in found)
