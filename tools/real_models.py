"""Fetches the real weights that `make bench ARGS="real ..."` is run with into a cache folder, and says what to give it.

    python tools/real_models.py [FOLDER]

They come from their publisher on the Hugging Face hub (mirrors and offline mode as its own library has them), and are
held against the checksum that the hub lists. What lies in the folder already is not fetched again.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

import platformdirs

REPOSITORY = "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF"
FILES = ("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", "qwen2.5-coder-0.5b-instruct-q8_0.gguf")
_BLOCK = 1 << 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "folder", nargs="?", type=Path, default=platformdirs.user_cache_path("hybrid-lsp") / "real-models"
    )
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    there = [name for name in FILES if (folder / name).is_file()]
    for name in FILES:
        if name not in there:
            fetch(folder, name)
    print("--gguf", *(folder / name for name in FILES))
    return 0


def fetch(folder: Path, name: str) -> None:
    """One file, or an end with status 1 and what is wrong."""
    try:
        from huggingface_hub import HfApi, hf_hub_download
    except ImportError:
        sys.exit("It needs huggingface_hub: pip install 'hybrid-lsp[torch]'")
    try:
        (listed,) = HfApi().get_paths_info(REPOSITORY, [name])
        path = Path(hf_hub_download(REPOSITORY, name, local_dir=folder))
    except Exception as error:  # the library's own errors, httpx's and the system's: to the user all mean one thing
        sys.exit(f"{REPOSITORY}/{name} cannot be fetched: {error}\nCopy the file to {folder} by hand.")
    wanted = listed.lfs.sha256 if listed.lfs else ""
    if _sha256(path) != wanted:
        path.unlink()
        sys.exit(f"{name} is not what the hub lists (SHA-256 {wanted}); it was removed. Try again.")


def _sha256(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


if __name__ == "__main__":
    raise SystemExit(main())
