"""Packages of Debian, unpacked into a folder: no root is needed, and the machine's own apt stays as it is."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_FOLDERS = (
    "etc/apt/sources.list.d",
    "etc/apt/preferences.d",
    "etc/apt/apt.conf.d",
    "var/lib/dpkg",
    "var/lib/apt/lists/partial",
    "var/cache/apt/archives/partial",
)


class DebianError(Exception):
    """The packages cannot be had here, and why."""


def own_suite() -> str:
    """The release that this machine runs, by its code name. Raises DebianError."""
    release = Path("/etc/os-release")
    found = re.search(r"^VERSION_CODENAME=(\w+)$", release.read_text(), re.MULTILINE) if release.exists() else None
    if found is None:
        raise DebianError("this is no Debian")
    return found[1]


def unpack(packages: Sequence[str], root: Path, suite: str) -> None:
    """Unpack packages and what they depend on into `root`. Raises DebianError."""
    if shutil.which("apt-get") is None or not _KEYRING.exists():
        raise DebianError("this is no Debian")
    apt = root.with_name(f"{root.name}-apt")
    for each in _FOLDERS:
        (apt / each).mkdir(parents=True, exist_ok=True)
    (apt / "var/lib/dpkg/status").touch()
    (apt / "etc/apt/sources.list").write_text(f"deb [signed-by={_KEYRING}] {_mirror()} {suite} main\n")
    _apt(apt, "update")
    _apt(apt, "--yes", "--download-only", "install", *packages)
    for package in sorted((apt / "var/cache/apt/archives").glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", package, root], check=True, timeout=300)  # noqa: S607
    shutil.rmtree(apt)


def _mirror() -> str:
    """The mirror that this machine uses."""
    for source in (*sorted(Path("/etc/apt/sources.list.d").glob("*")), Path("/etc/apt/sources.list")):
        if not source.is_file():
            continue
        for address in re.findall(r"^(?:URIs:|deb(?: \[.*?\])?) *(\S+)", source.read_text(), re.MULTILINE):
            if address.rstrip("/").endswith("/debian"):
                return str(address)
    raise DebianError("apt names no mirror of Debian")


def _apt(folder: Path, *arguments: str) -> None:
    """apt-get with all its folders under `folder`."""
    options = {
        "Dir": folder,
        "Dir::State::status": folder / "var/lib/dpkg/status",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",
        "Acquire::Languages": "none",
        "Debug::NoLocking": "1",
    }
    given = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
    command = ["apt-get", "-q", *given, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise DebianError((done.stderr.strip().splitlines() or ["apt-get failed"])[-1])
