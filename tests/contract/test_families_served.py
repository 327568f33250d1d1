"""Each kind of model, from its files to the text that an editor gets: exactly what transformers writes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import tiny_families
import tiny_gguf
import tokenizers
from conftest import Serve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from once import once
from test_engine_cancel import until_ready
from tiny_families import CODE, PREFIX, ROWS, SUFFIX

from hybrid_lsp.engine import service
from hybrid_lsp.engine.app import create_app
from hybrid_lsp.engine.tokenizer import Detokenizer
from hybrid_lsp.models import weights
from hybrid_lsp.models.weights import Kind, ct2, gguf, vocabulary

pytestmark = pytest.mark.timeout(600)  # the models are made by the first test that wants one
OURS = [name for name, row in ROWS.items() if not row.torch]
GGUF = [name for name, row in ROWS.items() if row.ggml]


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    return once(tmp_path_factory, "families", lambda out: tiny_families.build_apart(out, list(ROWS)))


def written(checkpoints: Path, name: str) -> Any:
    return json.loads((checkpoints / name / "expected.json").read_text(encoding="utf-8"))


def as_gguf(checkpoints: Path, name: str) -> Path:
    path = checkpoints / name / f"{name}-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}.gguf"
    if not path.exists():
        scores = checkpoints / name / "scores.json"
        known = json.loads(scores.read_text(encoding="utf-8")) if scores.exists() else {}
        tiny_gguf.write(
            checkpoints / name / name, path, ROWS[name], known, written(checkpoints, name).get("rope_freqs", [])
        )
    return path


def source(checkpoints: Path, name: str, kind: str) -> Path:
    return as_gguf(checkpoints, name) if kind == "gguf" else checkpoints / name / name


async def served_text(engine: service.Engine, served: Serve, client: Any, tokens: int) -> str:
    async with served(create_app(lambda: engine)) as endpoint:
        http = client(endpoint)
        await until_ready(http)
        body = {"input_prefix": PREFIX, "input_suffix": SUFFIX, "n_predict": tokens}
        reply = await http.post("/infill", json=body)
    assert reply.status_code == 200, reply.text
    text: str = reply.json()["content"]
    return text


def expected_text(engine: service.Engine, told: Any) -> str:
    words = Detokenizer(engine.tokenizer, told["prompt"])
    ends = set(engine.tokenizer.ends)
    return "".join(words.feed(token) for token in told["written"] if token not in ends)


@pytest.mark.parametrize(
    ("name", "kind"), [*((name, "safetensors") for name in OURS), *((name, "gguf") for name in GGUF)]
)
async def test_a_family_writes_what_transformers_writes(
    checkpoints: Path, tmp_path: Path, served: Serve, client: Any, name: str, kind: str
) -> None:
    row, told, path = ROWS[name], written(checkpoints, name), source(checkpoints, name, kind)
    found = weights.inspect(path)
    assert (found.kind, found.torch_free, found.family) == (Kind(kind), True, row.family)
    assert found.fills_in is (row.family != "plain")
    weights.convert(path, tmp_path / name, quantization="float32")
    engine = service.load(str(tmp_path / name), compute_type="float32", threads=1)
    assert (engine.family.name, engine.model.library, engine.context) == (row.family, "ctranslate2", found.context)
    assert await served_text(engine, served, client, len(told["written"])) == expected_text(engine, told) != ""


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.torch])
async def test_a_family_that_only_torch_runs(checkpoints: Path, served: Serve, client: Any, name: str) -> None:
    folder, told = checkpoints / name / name, written(checkpoints, name)
    found = weights.inspect(folder)
    assert (found.kind, found.torch_free, found.family) == (Kind.TRANSFORMERS, False, ROWS[name].family)
    engine = service.load(str(folder), compute_type="float32", threads=1)
    assert engine.model.library == "torch"
    assert await served_text(engine, served, client, len(told["written"])) == expected_text(engine, told) != ""


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.by_ctranslate2])
def test_int8_is_that_of_ctranslate2s_own_converter(checkpoints: Path, tmp_path: Path, name: str) -> None:
    weights.convert(checkpoints / name / name, tmp_path / "made")
    theirs, made = arrays(checkpoints / name / "ct2"), arrays(tmp_path / "made")
    assert theirs.keys() == made.keys()
    assert [each for each, stored in theirs.items() if made[each] != stored] == []


def arrays(folder: Path) -> dict[str, bytes]:
    """The numbers of a CTranslate2 model, without its settings."""
    stored = ct2.Weights(folder / "model.bin")
    return {name: stored[name].tobytes() for name in stored.own if stored.shape(name)}


@pytest.mark.parametrize("name", GGUF)
def test_a_tokenizer_from_gguf_is_that_of_the_model(checkpoints: Path, name: str) -> None:
    made = vocabulary.tokenizer(vocabulary.read(gguf.read(as_gguf(checkpoints, name))))
    real = tokenizers.Tokenizer.from_file(str(checkpoints / name / name / "tokenizer.json"))

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(texts(real))
    def same(text: str) -> None:
        ids = real.encode(text, add_special_tokens=False).ids
        assert made.encode(text, add_special_tokens=False).ids == ids
        assert made.encode(text).ids == real.encode(text).ids  # what a text begins with
        assert made.decode(ids, skip_special_tokens=False) == real.decode(ids, skip_special_tokens=False)

    same()


def texts(real: tokenizers.Tokenizer) -> st.SearchStrategy[str]:
    """Any text, and what the vocabulary has words for: code, its control tokens, and what splitting turns on."""
    pieces = sorted({*" ".join(CODE).split(" "), "'s", "12345", "\r\n", "\n\n\n", "\t", "  ", "ﬁ", "é", "qxzvw"})
    controls = [token.content for token in real.get_added_tokens_decoder().values()]
    word = st.sampled_from(pieces) | st.text(max_size=6) | st.sampled_from(sorted(controls)) | st.sampled_from("  \n")
    return st.lists(word, max_size=12).map("".join)
