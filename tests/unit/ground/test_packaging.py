"""What is shipped: the wheel and the sdist carry the model, and stay small."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent.parent
MODEL = ("model.bin", "config.json", "vocabulary.json", "tokenizer.json", "family.json", "confidence.json", "CARD.md")
MOST_BYTES = 50_000_000


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", str(folder)], cwd=ROOT, check=True)
    return folder


def test_the_wheel_carries_the_model_and_the_demos_file(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"hybrid_lsp/models/embedded/{name}" for name in MODEL} <= names
    assert "hybrid_lsp/examples/inventory.py" in names
    assert wheel.stat().st_size < MOST_BYTES


def test_the_sdist_carries_it_too(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"hybrid_lsp/models/embedded/{name}" for name in MODEL} <= names
    assert {"README.md", "LICENSE", "Makefile", "constraints.txt"} <= names
    assert sdist.stat().st_size < MOST_BYTES
