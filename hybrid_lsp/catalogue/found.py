"""The models that lie on this machine: ours, and those that other programs have fetched.

Only names and sizes are read here, and Ollama's small manifests; no folder is searched deeper than its program lays it
out, and none for longer than some thousand entries.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any

import attrs

from hybrid_lsp.errors import ModelError
from hybrid_lsp.models import store
from hybrid_lsp.paths import models_dir

ORIGIN_FILE = "origin.json"
_MOST_ENTRIES = 5000
"""A folder with more is not one of models."""
_LEAST_BYTES = 1_000_000
"""A smaller GGUF is a vocabulary or a leftover."""
_OLLAMA_WEIGHTS = "application/vnd.ollama.image.model"
_OLLAMA_REGISTRY = "registry.ollama.ai"
_OLLAMA_LICENCE = "application/vnd.ollama.image.license"


class Source(StrEnum):
    """Whose a model is."""

    OURS = "hybrid-lsp"
    HUB = "Hugging Face cache"
    OLLAMA = "Ollama"
    LM_STUDIO = "LM Studio"
    LOOSE = "file"


@attrs.frozen
class Found:
    """One model: `path` is a GGUF file or a folder, `size` in bytes, `licence` "" where nothing says.

    `name` is what `pull` and `use` take.
    """

    name: str
    path: Path
    source: Source
    size: int
    licence: str = ""


def everything(environ: Mapping[str, str] | None = None, home: Path | None = None) -> list[Found]:
    """All models of this machine, ours first; one that two programs share is named once."""
    environ = os.environ if environ is None else environ
    home = Path.home() if home is None else home
    searches: list[Callable[[], Iterator[Found]]] = [
        ours,
        lambda: hub_cache(_hub_folder(environ, home)),
        lambda: _each(_ollama_folders(environ, home), ollama),
        lambda: _each(_lm_studio_folders(home), lm_studio),
        lambda: _each(_loose_folders(environ, home), loose),
    ]
    found: dict[Path, Found] = {}
    for search in searches:
        for each in search():
            found.setdefault(each.path.resolve(), each)
    return list(found.values())


def ours() -> Iterator[Found]:
    """The embedded model and what was pulled."""
    yield Found(store.EMBEDDED, store.embedded_dir(), Source.OURS, _size(store.embedded_dir()), "MIT")
    for folder in (*_children(models_dir()), *_children(models_dir() / "hub")):
        if folder.name.startswith(".") or not folder.is_dir() or folder == models_dir() / "hub":
            continue
        try:
            stored = store.resolve(str(folder))
        except ModelError:
            continue
        name = folder.name if folder.parent == models_dir() else folder.name.replace("--", "/", 1)
        yield Found(name, stored.folder, Source.OURS, _size(folder), _licence_beside(folder))


def hub_cache(folder: Path) -> Iterator[Found]:
    """What huggingface_hub keeps: `models--OWNER--NAME/snapshots/COMMIT/`, the newest commit of each."""
    for repository in _children(folder):
        snapshots = [each for each in _children(repository / "snapshots") if each.is_dir()]
        if not repository.name.startswith("models--") or not snapshots:
            continue
        newest = max(snapshots, key=lambda each: each.stat().st_mtime)
        name = repository.name.removeprefix("models--").replace("--", "/")
        ggufs = list(_ggufs(newest, 2))
        for file in ggufs:
            yield Found(f"{name}/{file.name}", file, Source.HUB, file.stat().st_size)
        if not ggufs and any(newest.glob("*.safetensors")) and (newest / "config.json").is_file():
            yield Found(name, newest, Source.HUB, _size(newest))


def ollama(folder: Path) -> Iterator[Found]:
    """Ollama's store: `manifests/HOST/OWNER/NAME/TAG` names blobs by their digests; the weights are one GGUF."""
    manifests = folder / "manifests"
    for file in sorted(islice(manifests.glob("*/*/*/*"), _MOST_ENTRIES)):
        layers = _layers(file)
        weights = [each for each in layers if each.get("mediaType") == _OLLAMA_WEIGHTS]
        blob = _blob(folder, weights[0]) if len(weights) == 1 else None
        if blob is None:
            continue
        host, owner, name, tag = file.relative_to(manifests).parts
        # As Ollama shows it: its own registry, and there its own models, go without saying.
        places = [*([host] if host != _OLLAMA_REGISTRY else []), *([owner] if owner != "library" else [])]
        title = "/".join([*places, f"{name}:{tag}"])
        yield Found(f"ollama:{title}", blob, Source.OLLAMA, blob.stat().st_size, _ollama_licence(folder, layers))


def lm_studio(folder: Path) -> Iterator[Found]:
    """LM Studio's folder: `PUBLISHER/REPOSITORY/FILE.gguf`."""
    for file in _ggufs(folder, 3):
        yield Found(str(file.relative_to(folder)), file, Source.LM_STUDIO, file.stat().st_size)


def loose(folder: Path) -> Iterator[Found]:
    """GGUF files in a folder and one below."""
    for file in _ggufs(folder, 2):
        yield Found(str(file), file, Source.LOOSE, file.stat().st_size)


def origin(folder: Path) -> dict[str, Any]:
    """Where a pulled model came from: `source`, `licence`, `commit`, `files` with checksums, `path`; {} if unknown."""
    return _json(folder / ORIGIN_FILE)


def named(name: str, found: list[Found]) -> Found | None:
    """The model that a user means by a name: whole, without its source, or by its file's name where that is one."""
    wanted = name.casefold()
    for names in (_whole, _short, _stem):
        matching = [each for each in found if wanted in names(each)]
        if len(matching) == 1 or (matching and names is _whole):
            return matching[0]
    return None


def _whole(found: Found) -> set[str]:
    name = found.name.casefold()
    return {name, name.removesuffix(":latest"), str(found.path).casefold()}


def _short(found: Found) -> set[str]:
    name = found.name.casefold().removeprefix("ollama:")
    return {name, name.removesuffix(":latest"), name.rpartition("/")[2]}


def _stem(found: Found) -> set[str]:
    return {found.path.stem.casefold()} if found.path.suffix == ".gguf" else set()


def _each(folders: list[Path], search: Callable[[Path], Iterator[Found]]) -> Iterator[Found]:
    for folder in folders:
        yield from search(folder)


def _hub_folder(environ: Mapping[str, str], home: Path) -> Path:
    """As huggingface_hub finds it."""
    if named := environ.get("HF_HUB_CACHE") or environ.get("HUGGINGFACE_HUB_CACHE"):
        return Path(named).expanduser()
    cache = Path(environ.get("XDG_CACHE_HOME") or home / ".cache")
    return Path(environ.get("HF_HOME") or cache / "huggingface").expanduser() / "hub"


def _ollama_folders(environ: Mapping[str, str], home: Path) -> list[Path]:
    if named := environ.get("OLLAMA_MODELS"):
        return [Path(named).expanduser()]
    # The last two: its service on Linux has a user of its own.
    places = [home / ".ollama", Path("/usr/share/ollama/.ollama"), Path("/var/lib/ollama/.ollama")]
    return [place / "models" for place in places]


def _lm_studio_folders(home: Path) -> list[Path]:
    folders = [home / ".lmstudio" / "models", home / ".cache" / "lm-studio" / "models"]
    chosen = _json(home / ".lmstudio" / "settings.json").get("downloadsFolder")
    return [*([Path(chosen)] if isinstance(chosen, str) and chosen else []), *folders]


def _loose_folders(environ: Mapping[str, str], home: Path) -> list[Path]:
    """Where llama.cpp, GPT4All and Jan put files, and where people do."""
    cache = Path(environ.get("XDG_CACHE_HOME") or home / ".cache")
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    folders = [Path(environ.get("LLAMA_CACHE") or cache / "llama.cpp"), data / "nomic.ai" / "GPT4All"]
    folders += [data / "Jan" / "data" / "llamacpp" / "models", home / "jan" / "models"]
    if sys.platform == "darwin":
        folders += [home / "Library" / "Caches" / "llama.cpp"]
        folders += [home / "Library" / "Application Support" / "nomic.ai" / "GPT4All"]
    return [*folders, *(home / name for name in ("models", "Models", "Downloads", ".models"))]


def _ggufs(folder: Path, depth: int) -> Iterator[Path]:
    """The GGUF files at most so deep; of one in parts only the first."""
    for entry in _children(folder):
        if entry.is_dir() and depth > 1:
            yield from _ggufs(entry, depth - 1)
        elif entry.suffix.casefold() == ".gguf" and _is_model(entry):
            yield entry


def _is_model(file: Path) -> bool:
    later_part = "-of-" in file.stem and not file.stem.rpartition("-of-")[0].endswith("-00001")
    try:
        return not later_part and "mmproj" not in file.name.casefold() and file.stat().st_size >= _LEAST_BYTES
    except OSError:
        return False


def _children(folder: Path) -> list[Path]:
    """What a folder holds, by name; nothing where it cannot be read."""
    try:
        return sorted(islice(folder.iterdir(), _MOST_ENTRIES))
    except OSError:
        return []


def _size(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.glob("*") if each.is_file())


def _layers(manifest: Path) -> list[dict[str, Any]]:
    layers = _json(manifest).get("layers")
    return [each for each in layers if isinstance(each, dict)] if isinstance(layers, list) else []


def _blob(folder: Path, layer: Mapping[str, Any]) -> Path | None:
    """The file of a layer; a digest is no path, whatever the manifest says."""
    kind, _, digest = str(layer.get("digest", "")).partition(":")
    if kind != "sha256" or not digest.isalnum():
        return None
    for name in (f"sha256-{digest}", f"sha256:{digest}"):
        if (file := folder / "blobs" / name).is_file():
            return file
    return None


def _ollama_licence(folder: Path, layers: list[dict[str, Any]]) -> str:
    """The first line of the licence that the model carries."""
    for layer in layers:
        blob = _blob(folder, layer) if layer.get("mediaType") == _OLLAMA_LICENCE else None
        if blob is not None:
            try:
                with blob.open(encoding="utf-8", errors="replace") as stream:
                    return next((line.strip()[:80] for line in islice(stream, 10) if line.strip()), "")
            except OSError:
                return ""
    return ""


def _licence_beside(folder: Path) -> str:
    return str(origin(folder).get("licence") or "")


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
