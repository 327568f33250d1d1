"""Installs llama.cpp's server for the tests into a folder of the user's own, as nobody but that user; prints where.

In this order: what is installed there already, `llama-server` on the PATH, and Debian testing's packages, unpacked.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "editors"))

import debian
from install_neovim import CannotInstallError, tell
from loaded import command, write_program


def servers_folder() -> Path:
    """Where servers and weights for the tests are kept, outside the repository."""
    return Path(os.environ.get("HYBRID_LSP_SERVERS") or Path.home() / ".cache" / "hybrid-lsp-servers")


def find() -> Path | None:
    """A llama-server that runs: the one installed by this script, or the user's own."""
    on_path = shutil.which("llama-server")
    candidates = (servers_folder() / "llama.cpp" / "llama-server", Path(on_path) if on_path else None)
    return next((each for each in candidates if each is not None and _runs(each)), None)


def install() -> Path:
    """The program, installed if need be. Raises CannotInstallError."""
    if (found := find()) is not None:
        return found
    folder = servers_folder() / "llama.cpp"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        return _unpacked(folder)
    except (OSError, debian.DebianError, subprocess.SubprocessError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise CannotInstallError(
            f"llama.cpp could not be installed into {folder} from the packages of Debian testing: {error}\n"
            "Install it yourself so that `llama-server` is on the PATH, and try again."
        ) from None


def _unpacked(folder: Path) -> Path:
    root, program = folder / "root", folder / "llama-server"
    debian.unpack(("llama.cpp-tools", "libc6"), root, "testing")
    libraries = next(iter(root.glob("usr/lib/*-linux-gnu*")))
    # It looks for its backends beside the loader, and Debian has them elsewhere.
    for backend in libraries.glob("ggml/backends*/*.so"):
        (libraries / backend.name).symlink_to(backend)
    started = command(root, "usr/bin/llama-server", "llama-server").replace(
        f"--library-path {libraries}", f"--library-path {libraries}:{libraries / 'llama'}"
    )
    write_program(program, f'exec {started} "$@"')
    if not _runs(program):
        raise debian.DebianError("what was unpacked does not run")
    return program


def _runs(program: Path) -> bool:
    try:
        return subprocess.run([program, "--version"], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


if __name__ == "__main__":
    sys.exit(tell(install))
