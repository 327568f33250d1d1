"""Installs Emacs for the tests into a folder of the user's own, as nobody but that user; prints where it is.

In this order: what is installed there already, `emacs` on the PATH where it has eglot, and the packages of Debian
testing, unpacked.
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
    """An Emacs with eglot: the one installed by this script, or the user's own."""
    on_path = shutil.which("emacs")
    candidates = (editors_folder() / "emacs" / "emacs", Path(on_path) if on_path else None)
    return next((each for each in candidates if each is not None and has_eglot(each)), None)


def has_eglot(program: Path) -> bool:
    """Whether it runs and can load eglot, which is part of Emacs since 29 and a package before."""
    load = ["-Q", "--batch", "--eval", "(progn (package-initialize) (require 'eglot))"]
    try:
        return subprocess.run([program, *load], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def install() -> Path:
    """The program, installed if need be. Raises CannotInstallError."""
    if (found := find()) is not None:
        return found
    folder = editors_folder() / "emacs"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        debian.unpack(("emacs-nox", "libc6"), folder / "root", "testing")
        program = _program(folder)
        if not has_eglot(program):
            raise debian.DebianError("what was unpacked does not run, or has no eglot")
    except (OSError, debian.DebianError, subprocess.SubprocessError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise CannotInstallError(
            f"Emacs could not be installed into {folder} from the packages of Debian testing: {error}\n"
            "Install it yourself (29 or newer, or an older one with the package eglot) so that `emacs` is on the PATH, "
            "and try again."
        ) from None
    return program


def _program(folder: Path) -> Path:
    """A script that starts it from where it lies: its own folders are compiled into it."""
    root = folder / "root"
    share = next(iter(root.glob("usr/share/emacs/[0-9]*")), None)
    dump = next(iter(root.glob("usr/libexec/emacs/*/*/*.pdmp")), None)
    if share is None or dump is None:
        raise debian.DebianError("the packages hold no Emacs where it was expected")
    lisp = ":".join(str(each) for each in (share / "lisp", *sorted((share / "lisp").rglob("*"))) if each.is_dir())
    places = {"EMACSLOADPATH": lisp, "EMACSDATA": share / "etc", "EMACSDOC": share / "etc", "EMACSPATH": dump.parent}
    exports = [f"export {name}={shlex.quote(str(value))}" for name, value in places.items()]
    program, started = folder / "emacs", command(root, "usr/bin/emacs-nox", str(root / "usr/bin/emacs-nox"))
    write_program(program, *exports, f'exec {started} --dump-file={shlex.quote(str(dump))} "$@"')
    return program


if __name__ == "__main__":
    sys.exit(tell(install))
