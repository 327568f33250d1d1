"""Runs tests on code that a model wrote, in a process that can do nothing but compute.

Run as a program it reads another from its standard input; its status is 0 when that ends without an error. Before that
it gives up opening files and sockets, starting processes, writing, more than half a gigabyte of memory and a few
seconds of time; where it can, the network and its user as well. What common programs import is imported before.

Its argument is the seconds of time. With more arguments it becomes that command instead, which may read files and start
threads, and nothing else of these.
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

SECONDS = 5
_BYTES = 512 * 1024 * 1024
_PYTHON = (getattr(sys, "_base_executable", sys.executable), "-I", str(Path(__file__).resolve()))
_NOBODY = 65534
_MODULES = (
    "bisect cmath collections copy dataclasses datetime decimal fractions functools hashlib heapq itertools math "
    "operator random re string statistics sys textwrap typing unicodedata"
)


@cache
def passes(program: str) -> bool:
    """Whether a program ends well in time."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                # Of the standard library alone: no environment, no user's packages, no folder of ours.
                [*_PYTHON, str(SECONDS)],
                input=program.encode(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=folder,
                env={},
                timeout=4 * SECONDS,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 0


def command_passes(command: Sequence[str | Path], folder: Path) -> bool:
    """Whether a command ends well in time; it sees the folder, which everybody must be able to read."""
    try:
        done = subprocess.run(
            [*_PYTHON, str(SECONDS), *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={},
            timeout=4 * SECONDS,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def main() -> None:
    """In the child: read the program, give up everything, run it."""
    seconds, *command = sys.argv[1:]
    if command:
        _give_up(int(seconds), files=64, processes=64, memory=resource.RLIM_INFINITY)
        os.execv(command[0], command)  # noqa: S606 (what this process is for)
    program = sys.stdin.read()
    for name in _MODULES.split():
        with contextlib.suppress(ImportError):
            __import__(name)
    code = compile(program, "program", "exec")
    module = sys.modules["program"] = ModuleType("program")  # where data classes look themselves up
    _give_up(int(seconds))
    exec(code, vars(module))  # noqa: S102  # nosec B102 (what this process is for)


def _give_up(seconds: int, files: int = 3, processes: int = 0, memory: int = _BYTES) -> None:
    # On Linux: a network of its own, without any device in it. It takes a privilege that not everybody has.
    with contextlib.suppress(Exception):
        import ctypes

        ctypes.CDLL(None).unshare(0x40000000)
    limits = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NPROC: processes,
        resource.RLIMIT_CORE: 0,
    }
    for name, most in limits.items():
        resource.setrlimit(name, (most, most))
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    # With three no new descriptor: no file, no socket, no pipe. Last, for the modules above need some.
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))


if __name__ == "__main__":
    main()
