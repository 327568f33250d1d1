"""Downloads from the Hugging Face hub, or a mirror of it, by its own library.

What that brings: progress, going on where a download ended, HF_ENDPOINT, HF_HUB_OFFLINE, HF_TOKEN, proxies. What is
added here: all files are of one commit, the checksums of the weights are checked, and each failure says what to do.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from hybrid_lsp.catalogue.work import Work, megabytes
from hybrid_lsp.errors import DiskFull, HubUnreachable, HybridLspError, ModelBroken, ModelError, ModelMissing
from hybrid_lsp.models.folders import first_line

_REFERENCE = re.compile(
    r"(?P<repo>[\w.-]+/[\w.-]+)(?:/(?P<file>[^@]+\.gguf))?(?:@(?P<revision>[\w./-]+))?", re.IGNORECASE
)
_ADDRESS = re.compile(r"^(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/", re.IGNORECASE)
_LISTING_S = 15.0
_FETCHING = 0.95
"""Of the time for a file; the rest goes into its checksum."""
_BLOCK = 8 * 1024 * 1024
# The least loss first; what is served is int8 whatever comes.
_GGUF_ORDER = ("q8_0", "bf16", "f16", "q6_k", "q5_k_m", "q5_0", "q5_k_s", "q4_k_m", "q5_1", "q4_1", "q4_0", "f32")
_BESIDE = (
    *("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"),
    *("tokenizer.model", "vocab.json", "merges.txt", "added_tokens.json", "chat_template.jinja"),
    *("chat_template.json", "vocabulary.json", "vocabulary.txt", "family.json", "model.safetensors.index.json"),
)


@attrs.frozen
class Reference:
    """What a user means: a repository, one of its files ("" chooses), a revision ("" is the newest)."""

    repo: str
    file: str = ""
    revision: str = ""


@attrs.frozen
class HubFile:
    """One file: its size in bytes, and its SHA-256 where the hub knows it (all large files)."""

    name: str
    size: int
    sha256: str = ""


@attrs.frozen
class Listing:
    """A repository at one commit."""

    repo: str
    commit: str
    files: tuple[HubFile, ...]
    licence: str = ""
    gated: bool = False


def reference(text: str) -> Reference | None:
    """`OWNER/NAME`, `OWNER/NAME/FILE.gguf`, `OWNER/NAME@REVISION`, or the address of one; None for anything else."""
    text = _ADDRESS.sub("", text.strip()).replace("/resolve/main/", "/").replace("/blob/main/", "/").rstrip("/")
    found = _REFERENCE.fullmatch(text.removesuffix("/tree/main"))
    if found is None or ".." in text:
        return None
    return Reference(found["repo"], found["file"] or "", found["revision"] or "")


def look(wanted: Reference) -> Listing:
    """What a repository holds, and under which licence.

    Raises HubUnreachable, ModelMissing (no such model or revision), ModelError (it is gated).
    """
    with _told(wanted):
        info = (
            _library()
            .HfApi(endpoint=_endpoint())
            .model_info(wanted.repo, revision=wanted.revision or None, files_metadata=True, timeout=_LISTING_S)
        )
    files = tuple(_file(each) for each in info.siblings or ())
    tagged = [tag.removeprefix("license:") for tag in info.tags or () if tag.startswith("license:")]
    return Listing(wanted.repo, info.sha or "main", files, ", ".join(tagged), bool(info.gated))


def choose(listing: Listing, file: str = "") -> tuple[HubFile, ...]:
    """The files to fetch: one GGUF, or safetensors or CTranslate2 weights with what belongs to them.

    Raises ModelMissing where the named file, or any weights that can be used, are not there.
    """
    by_name = {each.name: each for each in listing.files}
    if file:
        if file in by_name:
            return (by_name[file],)
        ggufs = ", ".join(name for name in by_name if name.endswith(".gguf")) or "no GGUF file"
        raise ModelMissing(f"{listing.repo} has no file {file}.", f"It has: {ggufs}.")
    beside = [by_name[name] for name in _BESIDE if name in by_name]
    tensors = [each for each in listing.files if re.fullmatch(r"model(-\d+-of-\d+)?\.safetensors", each.name)]
    if tensors and "config.json" in by_name:
        return (*tensors, *beside)
    if "model.bin" in by_name and {"vocabulary.json", "vocabulary.txt"} & by_name.keys():
        return (by_name["model.bin"], *beside)
    if whole := [each for each in listing.files if _is_whole_gguf(each.name)]:
        return (min(whole, key=_gguf_rank),)
    if any(name.endswith((".bin", ".pt", ".pth")) for name in by_name):
        raise ModelMissing(
            f"{listing.repo} has only pickled weights, which can run any code when they are read.",
            "Choose a repository with safetensors or GGUF files.",
        )
    raise ModelMissing(f"{listing.repo} holds no weights that can be used.", "Look for one with safetensors or GGUF.")


def fetch(listing: Listing, files: tuple[HubFile, ...], folder: Path, work: Work) -> None:
    """Bring files of one commit into a folder; what was begun there goes on.

    Raises as `look` does, DiskFull, ModelBroken (a checksum differs: the file is thrown away), Cancelled.
    """
    total, done = sum(each.size for each in files) or 1, 0
    for each in files:
        start, share = done / total, each.size / total
        with _told(Reference(listing.repo, each.name, listing.commit)):
            path = _one(listing, each, folder, work.part(start, start + share * _FETCHING))
        _check(path, each, work.part(start + share * _FETCHING, start + share))
        done += each.size


def _one(listing: Listing, file: HubFile, folder: Path, work: Work) -> Path:
    """One file: from the hub's own cache, or over the network to what is here of it already.

    The library's `hf_hub_download` begins anew after an interruption; the step below it does not.
    """
    library, path = _library(), folder / file.name
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    cached = library.try_to_load_from_cache(listing.repo, file.name, revision=listing.commit)
    part = path.with_name(f"{path.name}.{(file.sha256 or listing.commit)[:12]}.part")
    if isinstance(cached, str):
        shutil.copyfile(cached, part)
    else:
        address = library.hf_hub_url(listing.repo, file.name, revision=listing.commit, endpoint=_endpoint())
        with part.open("ab") as stream:
            library.file_download.http_get(
                address,
                stream,
                resume_size=stream.tell(),
                headers=library.utils.build_hf_headers(),
                expected_size=file.size,
                displayed_filename=file.name,
                tqdm_class=_bar(work, file),
            )
    return part.replace(path)


def waiting(folder: Path) -> int:
    """Bytes of downloads that lie in a folder, finished or not."""
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())


def _library() -> Any:
    # Its plain road goes on after an interruption whatever server it meets; the other needs servers of its own.
    os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import huggingface_hub
    except ImportError as error:
        raise ModelError("Downloading needs the package huggingface_hub.", "Run: pip install hybrid-lsp") from error
    # What it has to say of its attempts would run into the progress bar.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    return huggingface_hub


def _file(sibling: Any) -> HubFile:
    lfs = sibling.lfs
    digest = (lfs.get("sha256") if isinstance(lfs, dict) else getattr(lfs, "sha256", "")) if lfs else ""
    return HubFile(sibling.rfilename, int(sibling.size or 0), str(digest or ""))


def _is_whole_gguf(name: str) -> bool:
    return name.casefold().endswith(".gguf") and "-of-" not in name and "mmproj" not in name.casefold()


def _gguf_rank(file: HubFile) -> tuple[int, int]:
    lowered = file.name.casefold()
    found = [rank for rank, name in enumerate(_GGUF_ORDER) if name in re.split(r"[.\-/]", lowered)]
    return (found[0] if found else len(_GGUF_ORDER), file.size)


def _bar(work: Work, file: HubFile) -> type:
    """The class of progress bar that the library wants: it tells the work, and ends the download where it is over."""
    from tqdm import tqdm  # type: ignore[import-untyped]

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*arguments, **(options | {"disable": False, "file": _Nowhere()}))
            self.update(0)

        def update(self, n: float | None = 1) -> bool | None:
            self.n += n or 0
            total = self.total or file.size or 1
            work.report(self.n / total, f"{file.name}: {megabytes(self.n)} of {megabytes(total)}")
            return None

    return Bar


class _Nowhere:
    """A stream for a bar that is shown elsewhere."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""


def _check(path: Path, file: HubFile, work: Work) -> None:
    if not file.sha256:
        return
    digest, read = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
            read += len(block)
            work.report(read / max(1, file.size), f"checking {file.name}")
    if digest.hexdigest() != file.sha256:
        path.unlink()
        raise ModelBroken(
            f"What came as {file.name} is not what the hub has: its SHA-256 differs.",
            "It was thrown away. Pull it again; where HF_ENDPOINT names a mirror, try without it.",
        )


@contextmanager
def _told(wanted: Reference) -> Iterator[None]:
    """The library's errors, the network's and the system's, as what a user can do about them."""
    try:
        yield
    except HybridLspError:
        raise
    except Exception as error:
        raise _explained(wanted, error) from error


def _explained(wanted: Reference, error: Exception) -> HybridLspError:
    kinds = {each.__name__ for each in type(error).__mro__}
    for names, explain in _CAUSES:
        if kinds & names:
            return explain(wanted, error)
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return HubUnreachable(f"{_endpoint()} answered with HTTP status {status}.", "Try again in a few minutes.")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull("The disk is full.", "Make room and pull again: it goes on where it stopped.")
    if "Consistency check failed" in str(error):
        return ModelBroken(f"The download of {wanted.file} ended before its end.", "Pull again: it goes on from there.")
    if isinstance(error, OSError) and error.errno is not None and "httpx" not in type(error).__module__:
        return ModelError(f"{wanted.file or wanted.repo} cannot be written: {error.strerror}.", "Check the folder.")
    if isinstance(error, KeyError | TypeError | ValueError) and not isinstance(error, OSError):
        return HubUnreachable(f"{_endpoint()} does not answer as a hub does.", "Correct HF_ENDPOINT, or unset it.")
    return HubUnreachable(f"{_endpoint()} could not be reached: {first_line(error).rstrip('.')}.", _NETWORK)


def _gated(wanted: Reference, _: Exception) -> HybridLspError:
    return ModelError(
        f"{wanted.repo} is gated: its owner wants its terms accepted first.",
        f"Accept them at {_endpoint()}/{wanted.repo}, make a token there, and pull again with HF_TOKEN set to it.",
    )


def _offline(wanted: Reference, _: Exception) -> HybridLspError:
    return HubUnreachable(
        f"{wanted.repo} is not on this machine, and HF_HUB_OFFLINE forbids to ask the hub.",
        "Unset HF_HUB_OFFLINE, or pull a file that you have: hybrid-lsp models pull FILE.gguf",
    )


def _no_revision(wanted: Reference, _: Exception) -> HybridLspError:
    return ModelMissing(f"{wanted.repo} has no revision {wanted.revision}.", "Leave it out, or name one of its own.")


def _no_repository(wanted: Reference, _: Exception) -> HybridLspError:
    from hybrid_lsp.catalogue import known

    meant = ", ".join(known.near(wanted.repo.rpartition("/")[2]))
    remedy = f"Did you mean {meant}?" if meant else "`hybrid-lsp models list` shows some that exist."
    return ModelMissing(f"{_endpoint()} has no model {wanted.repo}, or none that you may see.", remedy)


def _no_file(wanted: Reference, _: Exception) -> HybridLspError:
    return ModelMissing(f"{wanted.repo} has no file {wanted.file}.", "Look at its list of files.")


_CAUSES: tuple[tuple[set[str], Callable[[Reference, Exception], HybridLspError]], ...] = (
    ({"GatedRepoError"}, _gated),
    ({"OfflineModeIsEnabled"}, _offline),
    ({"RevisionNotFoundError", "RevisionResolutionError"}, _no_revision),
    ({"RepositoryNotFoundError", "HFValidationError"}, _no_repository),
    ({"RemoteEntryNotFoundError"}, _no_file),
)
_NETWORK = (
    "Check the connection; behind a proxy set HTTPS_PROXY, for a mirror HF_ENDPOINT. Or pull a file that you have: "
    "hybrid-lsp models pull FILE.gguf"
)


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
