"""Python, its packages, the folders and the sockets: what stands before any model."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import shutil
import socket
import sqlite3
import struct
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from hybrid_lsp import __version__
from hybrid_lsp.catalogue import machine
from hybrid_lsp.catalogue.work import megabytes
from hybrid_lsp.doctor.findings import Finding, doubtful, fine, wrong
from hybrid_lsp.errors import SocketUnavailable
from hybrid_lsp.models.folders import first_line
from hybrid_lsp.paths import metrics_file, models_dir, socket_path, state_dir

_OLDEST = (3, 11)
_LEAST_DISK = 100_000_000
_WITH_CODE = ("ctranslate2", "tokenizers", "numpy", "tree_sitter", "llguidance")
"""Packages with machine code in them, which may be installed and not run on this processor or system."""


def python() -> Iterator[Finding]:
    """The interpreter that the server runs on."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < _OLDEST:
        remedy = "Install Python 3.11 or newer, then: python3.12 -m pip install hybrid-lsp"
        yield wrong("Python", f"Python {version} is too old.", remedy)
    elif struct.calcsize("P") < 8:
        yield wrong("Python", f"Python {version} is a 32-bit one.", "Install a 64-bit Python.")
    else:
        yield fine("Python", f"{version}, {sys.executable}")


def packages() -> Iterator[Finding]:
    """What hybrid-lsp's own metadata asks for, and whether it runs here."""
    try:
        required = importlib.metadata.requires("hybrid-lsp") or []
    except importlib.metadata.PackageNotFoundError:
        yield wrong("packages", "hybrid-lsp is not installed in this Python.", "Run: pip install hybrid-lsp")
        return
    problems = [problem for text in required if (problem := _lacking(text))]
    if problems:
        command = f"Run: {sys.executable} -m pip install --upgrade hybrid-lsp"
        yield wrong("packages", f"Packages are missing or too old: {'; '.join(problems)}.", command)
    broken = [found for name in _WITH_CODE if (found := _not_running(name))]
    for name, said in broken:
        remedy = f"Run: {sys.executable} -m pip install --force-reinstall {name}"
        yield wrong("packages", f"{name} is installed and does not load: {said}", remedy)
    if not problems and not broken:
        yield fine("packages", f"hybrid-lsp {__version__} and what it needs")


def command() -> Iterator[Finding]:
    """Whether editors find the program."""
    beside = Path(sysconfig.get_path("scripts")) / ("hybrid-lsp.exe" if sys.platform == "win32" else "hybrid-lsp")
    found = shutil.which("hybrid-lsp")
    if found is None and beside.exists():
        remedy = f'Add its folder to the PATH: export PATH="{beside.parent}:$PATH", or name {beside} in the editor.'
        yield doubtful("command", "`hybrid-lsp` is not on the PATH: only VS Code finds it by itself.", remedy)
    elif found is None:
        remedy = f"Run: {sys.executable} -m pip install --force-reinstall --no-deps hybrid-lsp"
        yield wrong("command", "There is no program `hybrid-lsp`.", remedy)
    elif beside.exists() and not beside.samefile(found):
        remedy = f"Name the one you mean in the editor: {beside}"
        yield doubtful("command", f"`hybrid-lsp` on the PATH is another installation: {found}.", remedy)
    else:
        yield fine("command", found)


def folders() -> Iterator[Finding]:
    """Where logs, metrics and models are written."""
    for name, folder, variable in (
        ("state", state_dir(), "HYBRID_LSP_STATE_DIR"),
        ("models", models_dir(), "HYBRID_LSP_MODELS_DIR"),
    ):
        if (problem := _not_writable(folder)) is not None:
            remedy = f"Make it yours (sudo chown -R $USER {folder}), or set {variable} to another folder."
            yield wrong("folders", f"The {name} folder {folder} cannot be written: {problem}.", remedy)
        elif (free := machine.free_disk(folder)) < _LEAST_DISK:
            remedy = f"Make room, or set {variable} to a folder on another disk."
            yield wrong("folders", f"The disk of the {name} folder {folder} is full: {megabytes(free)} free.", remedy)
        else:
            yield fine("folders", f"{name}: {folder} ({megabytes(free)} free)")


def metrics() -> Iterator[Finding]:
    """The database of the metrics, which is made with the first suggestion."""
    path = metrics_file()
    if not path.is_file():
        return
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            ((said,),) = connection.execute("pragma quick_check(1)").fetchall()
    except sqlite3.Error as error:
        said = str(error)
    if said == "ok":
        yield fine("metrics", str(path))
    else:
        yield wrong("metrics", f"The metrics' database is damaged: {said}.", f"Run: rm '{path}'*")


def sockets() -> Iterator[Finding]:
    """The folder of the engines' sockets, and whether one can be made and reached there."""
    try:
        path = socket_path(f"doctor-{os.getpid()}.sock")
    except SocketUnavailable as error:
        yield wrong("sockets", error.message, error.remedy)
        return
    if not hasattr(socket, "AF_UNIX") or sys.platform == "win32":
        yield fine("sockets", "loopback with a token")
        return
    try:
        with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
            listener.bind(str(path))
            listener.listen(1)
            client.connect(str(path))
    except OSError as error:
        remedy = "Set HYBRID_LSP_RUNTIME_DIR to a short path on a local disk, for example /tmp/hybrid-lsp-$USER."
        yield wrong("sockets", f"No socket can be made in {path.parent}: {error.strerror or error}.", remedy)
    else:
        yield fine("sockets", str(path.parent))
    finally:
        path.unlink(missing_ok=True)


def _lacking(requirement: str) -> str | None:
    """What is wrong with one required package."""
    from packaging.requirements import Requirement

    wanted = Requirement(requirement)
    if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
        return None
    try:
        version = importlib.metadata.version(wanted.name)
    except importlib.metadata.PackageNotFoundError:
        return f"{wanted.name} is missing"
    if wanted.specifier.contains(version, prereleases=True):
        return None
    return f"{wanted.name} is {version}, needed is {wanted.specifier}"


def _not_running(name: str) -> tuple[str, str] | None:
    try:
        importlib.import_module(name)
    except Exception as error:  # a broken extension module raises whatever it likes
        return name, first_line(error)
    return None


def _not_writable(folder: Path) -> str | None:
    trial = folder / f".doctor-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial.write_text("", encoding="utf-8")
        trial.unlink()
    except OSError as error:
        return error.strerror or str(error)
    return None
