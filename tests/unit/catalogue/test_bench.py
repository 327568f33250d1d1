"""Measuring a model: with our real engine, and beside a program that stands for llama-server."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest

from hybrid_lsp.catalogue import bench, machine
from hybrid_lsp.catalogue.bench import Measured
from hybrid_lsp.catalogue.work import Work
from hybrid_lsp.errors import BackendFailed, BackendUnavailable, ModelMissing, ModelStopped
from hybrid_lsp.models import store

SERVER = """\
import json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert open(options["--model"], "rb").read(4) == b"GGUF"

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer({"status": "ok"})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        timings = {"prompt_n": 600, "prompt_ms": PROMPT_MS, "predicted_n": body["n_predict"], "predicted_ms": 80}
        self.answer({"content": "known", "timings": timings} if TIMED else {})

    def answer(self, body):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        pass

HTTPServer(("127.0.0.1", int(options["--port"])), Handler).serve_forever()
"""


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    path = tmp_path / "coder.gguf"
    path.write_bytes(b"GGUF" + bytes(100))
    return path


def program(folder: Path, script: str) -> str:
    path = folder / "llama-server"
    path.write_text(f"#!{sys.executable}\n{script}", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def fake(folder: Path, *, prompt_ms: int = 1, timed: bool = True) -> str:
    return program(folder, SERVER.replace("PROMPT_MS", str(prompt_ms)).replace("TIMED", str(timed)))


def children() -> list[psutil.Process]:
    return [each for each in psutil.Process().children() if each.status() != psutil.STATUS_ZOMBIE]


def test_both_are_measured_in_the_same_way(tmp_path: Path, gguf: Path) -> None:
    told: list[str] = []
    found = bench.bench(
        "embedded", Work(lambda _, what: told.append(what)), threads=1, gguf=gguf, llama_server=fake(tmp_path)
    )
    ours, theirs = found.ours, found.theirs
    assert theirs is not None
    assert ours.prompt_tokens > 300
    assert min(ours.prefill, ours.decode, ours.cold_ms, ours.warm_ms, ours.memory) > 0
    assert (theirs.prefill, theirs.decode) == (600_000, pytest.approx(100 * 11 / 10, rel=1))
    assert theirs.suggestion == "known"
    assert any(what.startswith("our engine") for what in told)
    assert any(what.startswith("llama-server") for what in told)
    assert "times as many tokens a second" in found.advice[0]
    rates = machine.measured(store.embedded_dir())
    assert rates is not None
    assert rates.decode == pytest.approx(ours.decode)
    assert children() == []


def test_without_llama_server_it_says_what_is_missing(tmp_path: Path) -> None:
    found = bench.bench("embedded", Work(), threads=1, llama_server="no-such-program")
    assert found.theirs is None
    assert found.advice == ("no-such-program is not on the PATH: nothing to compare with.",)
    found = bench.bench("embedded", Work(), threads=1, llama_server=fake(tmp_path))
    assert "--gguf" in found.advice[0]


@pytest.mark.parametrize(
    ("warm_ms", "faster"), [(10, "llama-server is faster here"), (1000, "Our engine is the faster")]
)
def test_where_llama_server_is_faster_it_says_how_to_use_it(warm_ms: float, faster: str) -> None:
    ours = Measured("our engine", 600, 200, 20, 3000, 100, 50, 10**9)
    theirs = Measured("llama-server", 600, 100, 40, 6000, warm_ms, warm_ms / 2, 10**9)
    advice = bench._compared(ours, theirs, Path("/m/coder.gguf"))
    assert "2.0 times as many tokens" in advice[0]
    assert faster in advice[1]
    assert ("small.backend" in advice[1]) == (warm_ms < 100)


def test_a_server_that_ends_or_answers_something_else_is_told(tmp_path: Path, gguf: Path) -> None:
    with pytest.raises(BackendUnavailable, match="ended before it was ready"):
        bench.bench("embedded", Work(), threads=1, gguf=gguf, llama_server=program(tmp_path, "raise SystemExit(1)"))
    with pytest.raises(BackendFailed, match="answered with status 200"):
        bench.bench("embedded", Work(), threads=1, gguf=gguf, llama_server=fake(tmp_path, timed=False))
    assert children() == []


def test_cancelling_ends_the_engine_too() -> None:
    told: list[str] = []
    with pytest.raises(ModelStopped):
        bench.bench("embedded", Work(lambda _, what: told.append(what), lambda: len(told) > 1), threads=1)
    assert children() == []


def test_a_model_that_is_not_here() -> None:
    with pytest.raises(ModelMissing):
        bench.bench("nowhere", Work())
