"""Which numbers hold for a model's confidence: those measured by its user, those that came with it, those measured of
a model of its name, or what is assumed of a model that nobody has measured."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from hybrid_lsp.errors import ModelError
from hybrid_lsp.models.confidence import Confidence
from hybrid_lsp.models.contest import Contest
from hybrid_lsp.models.store import embedded_dir, locate
from hybrid_lsp.paths import digest, models_dir

FILE = "confidence.json"
START = "start"
"""Name of the numbers for models that nobody has measured."""


@attrs.frozen
class Calibration:
    """A model's numbers; `source` says in words where they are from, `measured` whether they are this very model's.

    `contest` is what decides between it and a lighter model.
    """

    confidence: Confidence
    contest: Contest = attrs.field(factory=Contest)
    source: str = ""
    measured: bool = True

    def as_dict(self) -> dict[str, Any]:
        """For confidence.json."""
        return self.confidence.as_dict() | {"contest": self.contest.as_dict()}


def find(model: str) -> Calibration | None:
    """The numbers for a model, as a `model` setting names it; None where not even the assumed ones can be read."""
    for path, source in _own(model):
        if (found := _read(path, source)) is not None:
            return found
    return _shipped(model)


def contest(model: str) -> Contest:
    """What decides between a model and a lighter one."""
    found = find(model)
    return found.contest if found is not None else Contest()


def user_file(model: str) -> Path:
    """Where the user's own measurements of a model lie: not in its folder, which may be another program's."""
    return models_dir() / "confidence" / f"{_readable(model)}-{digest(_located(model))}.json"


def embedded_file() -> Path:
    """The embedded model's own numbers, by which what is copied is judged as well."""
    return embedded_dir() / FILE


def write(model: str, calibration: Calibration) -> Path:
    """Keep what was measured on this machine, to be used from the next start on; returns the file."""
    path = user_file(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as part:
        json.dump(calibration.as_dict(), part, indent=1)
    os.replace(part.name, path)  # noqa: PTH105 (a server that reads it meanwhile sees the old or the new)
    return path


def forget(model: str) -> None:
    """Drop what the user measured (the model was removed)."""
    user_file(model).unlink(missing_ok=True)


def _own(model: str) -> Iterator[tuple[Path, str]]:
    yield user_file(model), "measured on this machine"
    try:
        yield locate(model) / FILE, "from the model's folder"
    except ModelError:
        return


def _shipped(model: str) -> Calibration | None:
    """By the model's name: the folder's, its own, or the one that a server knows it by."""
    name = f"{_name(model)} {model}"
    for path in sorted(_measured_dir().glob("*.json")):
        try:
            names = [str(each) for each in json.loads(path.read_text(encoding="utf-8"))["names"]]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if any(re.search(each, name, re.IGNORECASE) for each in names):
            return _read(path, f"measured of {path.stem}")
    start = _read(_measured_dir() / f"{START}.json", "assumed: this model has not been measured")
    return attrs.evolve(start, measured=False) if start is not None else None


def _measured_dir() -> Path:
    return Path(__file__).parent / "measured"


def _read(path: Path, source: str) -> Calibration | None:
    """None where there is no such file, or one that cannot be used."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        contest = Contest.of(content["contest"]) if "contest" in content else Contest()
        return Calibration(Confidence.of(content), contest, source)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _located(model: str) -> str:
    try:
        return str(locate(model).resolve())
    except ModelError:
        return model


def _name(model: str) -> str:
    """What a model's folder calls it."""
    try:
        return str(json.loads((locate(model) / "family.json").read_text(encoding="utf-8"))["name"])
    except (ModelError, OSError, ValueError, KeyError, TypeError):
        return ""


def _readable(model: str) -> str:
    return re.sub(r"[^\w.-]+", "-", Path(model).name)[:40].strip("-.") or "model"
