"""Installs Neovim for the tests into a folder of the user's own, as nobody but that user; prints where it is.

In this order: what is installed there already, `nvim` on the PATH, the project's official release, and the packages
of Debian testing.
"""

from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import debian
from loaded import command, write_program

NEEDED = (0, 12)
RELEASE = "https://github.com/neovim/neovim/releases/download/v0.12.4/{name}.tar.gz"
_NAMES = {
    ("Linux", "x86_64"): "nvim-linux-x86_64",
    ("Linux", "aarch64"): "nvim-linux-arm64",
    ("Darwin", "arm64"): "nvim-macos-arm64",
    ("Darwin", "x86_64"): "nvim-macos-x86_64",
}


class CannotInstallError(Exception):
    """No way led to a Neovim that is new enough; says what was tried."""


def editors_folder() -> Path:
    """Where editors for the tests are kept, outside the repository."""
    return Path(os.environ.get("HYBRID_LSP_EDITORS") or Path.home() / ".cache" / "hybrid-lsp-editors")


def find() -> Path | None:
    """A Neovim that is new enough: the one installed by this script, or the user's own."""
    on_path = shutil.which("nvim")
    for program in (editors_folder() / "nvim" / "nvim", Path(on_path) if on_path else None):
        if program is not None and program.exists() and version(program) >= NEEDED:
            return program
    return None


def version(program: Path) -> tuple[int, int]:
    """Its major and minor version; (0, 0) for what does not run."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return (0, 0)
    found = re.match(r"NVIM v(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def install() -> Path:
    """The program, installed if need be. Raises CannotInstallError."""
    if (found := find()) is not None:
        return found
    folder, failures = editors_folder() / "nvim", []
    for way in (_release, _debian):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            way(folder)
        except (OSError, CannotInstallError, debian.DebianError, subprocess.SubprocessError, tarfile.TarError) as error:
            failures.append(f"{way.__doc__}: {error}")
            continue
        if (got := version(folder / "nvim")) >= NEEDED:
            return folder / "nvim"
        failures.append(f"{way.__doc__}: it is version {got[0]}.{got[1]}")
    shutil.rmtree(folder, ignore_errors=True)
    raise CannotInstallError(
        f"Neovim {NEEDED[0]}.{NEEDED[1]} or newer could not be installed into {folder}:\n  "
        + "\n  ".join(failures)
        + "\nInstall it yourself so that `nvim` is on the PATH, and try again."
    )


def _release(folder: Path) -> None:
    """the official release"""
    name = _NAMES.get((platform.system(), platform.machine()))
    if name is None:
        raise CannotInstallError(f"there is none for {platform.system()} on {platform.machine()}")
    with tempfile.TemporaryFile() as archive:
        try:
            with urllib.request.urlopen(RELEASE.format(name=name), timeout=20) as reply:  # noqa: S310 (https above)
                shutil.copyfileobj(reply, archive)
        except urllib.error.URLError as error:
            raise CannotInstallError(f"it cannot be reached ({error.reason})") from None
        archive.seek(0)
        with tarfile.open(fileobj=archive) as opened:
            opened.extractall(folder, filter="data")
    (folder / "nvim").symlink_to(folder / name / "bin" / "nvim")


def _debian(folder: Path) -> None:
    """packages of Debian testing"""
    root = folder / "root"
    debian.unpack(("neovim", "libc6"), root, "testing")
    parsers = shlex.quote(f"set runtimepath+={root}/usr/lib/nvim")
    write_program(
        folder / "nvim",
        f"export VIMRUNTIME={shlex.quote(str(root / 'usr/share/nvim/runtime'))}",
        f'exec {command(root, "usr/bin/nvim", "nvim")} --cmd {parsers} "$@"',
    )


def tell(install: Callable[[], Path]) -> int:
    """Install, and print where the program is, or why there is none; the exit status."""
    try:
        print(install())
    except CannotInstallError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(tell(install))
