"""A tiny model, trained, converted and evaluated once for all tests of this folder."""

import shutil
import sysconfig
from pathlib import Path

import pytest

from hybrid_lsp.training import corpus, data, tokenizer


@pytest.fixture(scope="session", autouse=True)
def small_chunks():
    """Chunks as small as the corpus, so that little is prepared and thrown away."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "CHUNK", 128)
        yield


@pytest.fixture(scope="session")
def code(tmp_path_factory):
    """A folder of real Python: some of the standard library, as a user's own code."""
    library = Path(sysconfig.get_paths()["stdlib"])
    folder = tmp_path_factory.mktemp("code")
    for name in ("json", "logging", "email"):
        shutil.copytree(library / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="session")
def corpus_folder(code, tmp_path_factory):
    out = tmp_path_factory.mktemp("corpus")
    corpus.build([str(code)], out, workers=1)
    return out


@pytest.fixture(scope="session")
def texts(corpus_folder):
    return [file.text for file in corpus.load(corpus_folder, "train")]


@pytest.fixture(scope="session")
def small_tokenizer(texts):
    return tokenizer.train(texts, 600)
