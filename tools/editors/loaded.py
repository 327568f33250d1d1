"""Programs that are run from where their packages were unpacked, with the C library that they were built for."""

from __future__ import annotations

import shlex
from pathlib import Path

from debian import DebianError


def command(root: Path, program: str, argv0: str) -> str:
    """The shell's words for running a program, named by its path under `root`, by the loader and with the libraries
    that lie there too. Raises DebianError where there are none."""
    loader = next(iter([*root.glob("usr/lib*/ld-linux-*.so.*"), *root.glob("lib*/ld-linux-*.so.*")]), None)
    libraries = next(iter(root.glob("usr/lib/*-linux-gnu*")), None)
    if loader is None or libraries is None:
        raise DebianError("the packages hold no C library where it was expected")
    return shlex.join(map(str, (loader, "--library-path", libraries, "--argv0", argv0, root / program)))


def write_program(path: Path, *lines: str) -> None:
    """A shell script of these lines."""
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
