"""From a name to a model that can be served: found or fetched, converted, and put in its place in one step.

Everything is made in a folder of its own beside the models and renamed at the end, so that what serves now goes on
serving, whatever happens. A download that was interrupted stays there, and the next pull of that name goes on with it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from hybrid_lsp.catalogue import found, hub, known, machine, ollama
from hybrid_lsp.catalogue.hub import HubFile, Listing
from hybrid_lsp.catalogue.work import Work, megabytes
from hybrid_lsp.errors import DiskFull, ModelBroken, ModelError, ModelMissing
from hybrid_lsp.models import store, weights
from hybrid_lsp.paths import models_dir

_INCOMING = ".incoming"
_MARGIN_MB = 200
_POLL_S = 0.2
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
_QUANTISED = re.compile(r"[-.](?:i?q\d[\w]*|f16|f32|bf16|fp16|gguf|hf|ct2)$", re.IGNORECASE)


@attrs.frozen
class Plan:
    """What a pull would do, to be told before it is done.

    `path` is what lies on this machine already, else `listing` and `files` say what is fetched. Sizes are in bytes;
    `served` is about that of the result. `here`: nothing is to be done.
    """

    name: str
    source: str
    licence: str
    path: Path | None = None
    listing: Listing | None = None
    files: tuple[HubFile, ...] = ()
    served: int = 0
    here: bool = False

    @property
    def target(self) -> Path:
        """The folder that is made."""
        return models_dir() / self.name

    @property
    def download(self) -> int:
        """Bytes that come over the network, without what an earlier pull has brought."""
        return max(0, sum(each.size for each in self.files) - hub.waiting(_incoming(self.name)))

    def describe(self) -> dict[str, Any]:
        """As plain values, for a client that asks its user."""
        described = {name: getattr(self, name) for name in ("name", "source", "licence", "served", "here", "download")}
        return described | {"target": str(self.target), "question": self.question}

    @property
    def question(self) -> str:
        """What a user decides on: from where, how much, under which licence."""
        fetched = f"{megabytes(self.download)} are downloaded" if self.files else "nothing is downloaded"
        return (
            f"{self.name} from {self.source}: {fetched}, about {megabytes(self.served)} on the disk "
            f"({megabytes(machine.free_disk(models_dir()))} are free). Licence: {self.licence or 'not stated'}."
        )


def plan(wanted: str, name: str = "") -> Plan | ollama.Fetch:
    """What it takes to have a model: a name of the catalogue, `OWNER/NAME` of the hub, a GGUF file, or a folder.

    `name` is what it is to be called here. Asks the hub for what is not on this machine; `ollama:NAME` without a name
    of ours is Ollama's own to fetch.
    Raises ModelMissing (with names that may have been meant), ModelError, ModelBroken, HubUnreachable, BackendError.
    """
    if (theirs := ollama.asked(wanted)) and not name:
        return ollama.plan(theirs)
    return _plan(wanted, name)


def _plan(wanted: str, name: str) -> Plan:
    if name and not _NAME.fullmatch(name):
        raise ModelError(f"`{name}` cannot be a model's name.", "Use small letters, digits, dots and dashes.")
    entry = known.named(wanted)
    # A known name means the known model, whatever lies in the folder that the command is run in.
    if wanted.strip() and entry is None and (path := Path(wanted).expanduser()).exists():
        return _local(path.resolve(), str(path), name, "")
    machine_has = found.everything()
    if (mine := _ours(name or (entry.name if entry else wanted), machine_has)) is not None:
        return Plan(mine.name, "this machine", mine.licence, path=mine.path, served=mine.size, here=True)
    if (other := _elsewhere(entry.repo if entry else wanted, machine_has)) is not None:
        licence = other.licence or (entry.licence if entry else "")
        return _local(other.path, f"{other.source} ({other.path})", name or (entry.name if entry else ""), licence)
    reference = hub.reference(entry.place if entry else wanted)
    if reference is None:
        raise unknown(wanted, machine_has)
    listing = hub.look(reference)
    files = hub.choose(listing, reference.file)
    return Plan(
        name=name or (entry.name if entry else plain_name(reference.file or reference.repo)),
        source=f"{reference.repo} on the hub, commit {listing.commit[:8]}",
        licence=listing.licence or (entry.licence if entry else ""),
        listing=listing,
        files=files,
        served=int(entry.served_mb * 1e6) if entry else _served(files),
    )


def pull(plan: Plan, work: Work) -> Path:
    """Do it; returns the model's folder.

    Raises ModelMissing, ModelBroken, ModelError, HubUnreachable, DiskFull, Cancelled. Nothing half done is left, but
    for a download that a later pull goes on with.
    """
    if plan.here:
        return plan.path or plan.target
    with _alone(plan, work):
        if plan.target.exists():
            _same(plan)
            return plan.target
        require_room(plan)
        source = plan.path or _fetched(plan, work.part(0, 0.6))
        _convert(plan, source, work if plan.path else work.part(0.6, 1))
    shutil.rmtree(_incoming(plan.name), ignore_errors=True)
    return plan.target


def interrupted() -> Iterator[tuple[str, int]]:
    """Pulls that were begun and not finished: the name, and the bytes that lie there."""
    folder = models_dir() / _INCOMING
    for each in sorted(folder.iterdir()) if folder.is_dir() else ():
        if each.is_dir() and (size := hub.waiting(each)):
            yield each.name, size


def remove(name: str, in_use: tuple[str, ...] = ()) -> int:
    """Delete a model that was pulled, or what an interrupted pull left; returns the bytes that are free again.

    `in_use` are the models of the settings. Raises ModelMissing, ModelError (it is in use, or not ours).
    """
    if name == store.EMBEDDED:
        raise ModelError("The embedded model is part of the installation.", "There is nothing to remove.")
    if theirs := ollama.asked(name):
        raise ModelError(f"{theirs} belongs to Ollama.", f"Remove it there: ollama rm {theirs}")
    mine = _ours(name, list(found.ours()))
    folder = mine.path if mine else models_dir() / name
    if mine is None and not _incoming(name).is_dir():
        others = [each for each in found.everything() if each.source is not found.Source.OURS]
        if (other := found.named(name, others)) is not None:
            raise ModelError(f"{name} belongs to {other.source}.", f"Remove it there: {other.path}")
        raise unknown(name, list(found.ours()))
    if mine and {mine.name, str(mine.path)} & {_as_named(each) for each in in_use}:
        remedy = "First choose another: hybrid-lsp models use embedded"
        raise ModelError(f"{mine.name} is what your settings name.", remedy)
    freed = hub.waiting(_incoming(name)) if _incoming(name).is_dir() else 0
    shutil.rmtree(_incoming(name), ignore_errors=True)
    if mine is not None:
        freed += mine.size
        aside = folder.with_name(f".{folder.name}.removed.{os.getpid()}")
        folder.rename(aside)  # in one step: nobody loads half of it
        shutil.rmtree(aside, ignore_errors=True)
    return freed


def plain_name(text: str) -> str:
    """The name that a model gets here: without its owner, its file's ending and how it was quantised."""
    name = text.rstrip("/").rpartition("/")[2].casefold().removesuffix(".gguf")
    name = name.removesuffix(":latest").replace(":", "-")
    while shorter := _QUANTISED.sub("", name):
        if shorter == name:
            break
        name = shorter
    return re.sub(r"[^a-z0-9._-]+", "-", name).strip("-._")[:80] or "model"


def require_room(plan: Plan) -> None:
    """Raises DiskFull where the download and its result do not fit."""
    needed = plan.download + plan.served + _MARGIN_MB * 1_000_000
    free = machine.free_disk(models_dir())
    if needed > free:
        raise DiskFull(
            f"{plan.name} needs {megabytes(needed)} in {models_dir()}, and {megabytes(free)} are free.",
            "Make room (`hybrid-lsp models remove NAME`), or set HYBRID_LSP_MODELS_DIR to a folder on another disk.",
        )


def _local(path: Path, source: str, name: str, licence: str) -> Plan:
    info = weights.inspect(path)
    name = name or plain_name(info.name or path.name)
    entry = known.named(name)
    return Plan(
        name=name,
        source=source,
        licence=licence or info.licence or (entry.licence if entry else ""),
        path=path,
        served=info.size_int8 or info.size,
    )


def _ours(name: str, machine_has: list[found.Found]) -> found.Found | None:
    return found.named(name, [each for each in machine_has if each.source is found.Source.OURS])


def _elsewhere(wanted: str, machine_has: list[found.Found]) -> found.Found | None:
    """What another program has of that name, or of that repository."""
    others = [each for each in machine_has if each.source is not found.Source.OURS]
    inside = [each for each in others if each.name.casefold().startswith(f"{wanted.casefold()}/")]
    return found.named(wanted, others) or next(iter(inside), None)


def unknown(name: str, machine_has: list[found.Found]) -> ModelMissing:
    """The error for a name that nobody knows, with those that may have been meant."""
    near = known.near(name, tuple(each.name for each in machine_has))
    meant = f"Did you mean {' or '.join(near)}?" if near else "`hybrid-lsp models list` shows what there is."
    return ModelMissing(f"There is no model {name}.", meant)


def _served(files: tuple[HubFile, ...]) -> int:
    """About how large the result is: one byte for each parameter, and the vocabulary's files."""
    size = sum(each.size for each in files)
    name = files[0].name.casefold()
    if name.endswith(".safetensors"):
        return int(size * 0.65)
    if name == "model.bin":
        return size
    return int(size * (1.2 if "q8_0" in name else 2.0))


def _incoming(name: str) -> Path:
    return models_dir() / _INCOMING / name


@contextmanager
def _alone(plan: Plan, work: Work) -> Iterator[None]:
    """One pull of a name at a time; a second waits, and then finds it done."""
    import filelock  # only who makes a model needs it

    folder = _incoming(plan.name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(
            f"The models' folder {models_dir()} cannot be written: {error.strerror}.",
            "Set HYBRID_LSP_MODELS_DIR to a folder of yours.",
        ) from error
    lock = filelock.FileLock(folder.with_suffix(folder.suffix + ".lock"))
    while not lock.is_locked:
        try:
            lock.acquire(timeout=_POLL_S)
        except filelock.Timeout:
            work.report(0, f"another pull of {plan.name} is under way; waiting for it")
    try:
        yield
    finally:
        lock.release()


def _same(plan: Plan) -> None:
    """Raises ModelError where another model has that name here."""
    there = found.origin(plan.target).get("source")
    if there is not None and there != plan.source:
        raise ModelError(
            f"{plan.name} is here already, from {there}.",
            f"`hybrid-lsp models remove {plan.name}` first, or give this one another name with --name.",
        )


def _fetched(plan: Plan, work: Work) -> Path:
    assert plan.listing is not None
    folder = _incoming(plan.name) / "download"
    folder.mkdir(parents=True, exist_ok=True)
    hub.fetch(plan.listing, plan.files, folder, work)
    return folder / plan.files[0].name if plan.files[0].name.endswith(".gguf") else folder


def _convert(plan: Plan, source: Path, work: Work) -> None:
    part = _incoming(plan.name) / "model"
    shutil.rmtree(part, ignore_errors=True)
    try:
        weights.convert(source, part, progress=work.report, cancelled=work.cancelled)
        (part / found.ORIGIN_FILE).write_text(json.dumps(_origin(plan), indent=1) + "\n", encoding="utf-8")
        part.replace(plan.target)
    except ModelBroken:
        # It will not convert next time either.
        shutil.rmtree(_incoming(plan.name), ignore_errors=True)
        raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _origin(plan: Plan) -> dict[str, Any]:
    return {
        "source": plan.source,
        "licence": plan.licence,
        "path": str(plan.path) if plan.path else None,
        "commit": plan.listing.commit if plan.listing else None,
        "files": [attrs.asdict(each) for each in plan.files],
        "pulled": time.strftime("%Y-%m-%d"),
    }


def _as_named(model: str) -> str:
    folder = Path(model).expanduser()
    return str(folder.resolve()) if folder.is_dir() else model
