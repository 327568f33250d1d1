"""Installs Helix for the tests into a folder of the user's own, as nobody but that user; prints where it is.

In this order: what is installed there already, `hx` on the PATH, and the packages of Debian testing, unpacked.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import debian
from install_neovim import CannotInstallError, editors_folder, tell
from loaded import command, write_program


def find() -> Path | None:
    """A Helix that runs: the one installed by this script, or the user's own."""
    on_path = shutil.which("hx")
    candidates = (editors_folder() / "helix" / "hx", Path(on_path) if on_path else None)
    return next((each for each in candidates if each is not None and _runs(each)), None)


def install() -> Path:
    """The program, installed if need be. Raises CannotInstallError."""
    if (found := find()) is not None:
        return found
    folder = editors_folder() / "helix"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    program, root = folder / "hx", folder / "root"
    try:
        debian.unpack(("hx", "libc6"), root, "testing")
        runtime = shlex.quote(str(root / "usr/lib/hx/runtime"))
        started = command(root, "usr/lib/hx/hx", "hx")
        write_program(program, f"export HELIX_RUNTIME={runtime}", f'exec {started} "$@"')
        if not _runs(program):
            raise debian.DebianError("what was unpacked does not run")
    except (OSError, debian.DebianError, subprocess.SubprocessError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise CannotInstallError(
            f"Helix could not be installed into {folder} from the packages of Debian testing: {error}\n"
            "Install it yourself so that `hx` is on the PATH, and try again."
        ) from None
    return program


def _runs(program: Path) -> bool:
    try:
        return subprocess.run([program, "--version"], capture_output=True, timeout=30).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


if __name__ == "__main__":
    sys.exit(tell(install))
