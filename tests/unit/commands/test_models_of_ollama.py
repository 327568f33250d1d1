"""`hybrid-lsp models` with an Ollama: its models are listed, fetched and chosen by the command."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scripted_servers import OLLAMA, OllamaStore, Scripted, beside

from hybrid_lsp import cli, config
from hybrid_lsp.catalogue import machine
from hybrid_lsp.catalogue.machine import Machine
from hybrid_lsp.paths import config_file

Capture = pytest.CaptureFixture[str]
PULL = [
    {"status": "pulling manifest"},
    {"status": "pulling d7372fd8", "digest": "sha256:d7", "total": 100_000_000, "completed": 60_000_000},
    {"status": "pulling a5a5a5a5", "digest": "sha256:a5", "total": 100_000_000},
    {"status": "pulling a5a5a5a5", "digest": "sha256:a5", "total": 100_000_000, "completed": 100_000_000},
    {"status": "success"},
]


@pytest.fixture(autouse=True)
def machine_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_proxy_variables: None) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME", "XDG_DATA_HOME", "OLLAMA_MODELS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(machine, "this_machine", lambda: Machine(64 * 10**9, 64 * 10**9, 2e11, 1e10))


@pytest.fixture
def store() -> OllamaStore:
    return OllamaStore(names=("qwen2.5-coder:1.5b", "talker:latest"))


@pytest.fixture
def server(store: OllamaStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    """An Ollama at the address of OLLAMA_HOST."""
    with beside(Scripted(OLLAMA, "alpha", more=store)) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.endpoint.base_url)
        yield server
        assert store.mistakes == []


def run(capsys: Capture, *arguments: str) -> tuple[int, str]:
    status = cli.main(["models", *arguments])
    captured = capsys.readouterr()
    return status, " ".join((captured.out + captured.err).split())


def lines(capsys: Capture, *arguments: str) -> list[dict[str, Any]]:
    cli.main(["models", arguments[0], "--json", *arguments[1:]])
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def rows(capsys: Capture) -> dict[str, dict[str, Any]]:
    """The models that the list has, by name; none stands in it twice."""
    listed = lines(capsys, "list")[-1]["result"]["models"]
    assert len({each["name"] for each in listed}) == len(listed)
    return {each["name"]: each for each in listed}


def in_store(home: Path, name: str, tag: str, host: str = "registry.ollama.ai") -> None:
    """A model in the store on the disk, as Ollama lays it out."""
    content = b"GGUF" + name.encode() + bytes(1_000_000)
    digest = hashlib.sha256(content).hexdigest()
    blob = home / ".ollama/models/blobs" / f"sha256-{digest}"
    blob.parent.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(content)
    manifest = home / ".ollama/models/manifests" / host / name / tag
    manifest.parent.mkdir(parents=True, exist_ok=True)
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{digest}"}
    manifest.write_text(json.dumps({"layers": [layer]}), encoding="utf-8")


# -- list ------------------------------------------------------------------------------------------------------------


def test_a_server_s_models_stand_in_the_list(capsys: Capture, server: Scripted) -> None:
    row = rows(capsys)["ollama:qwen2.5-coder:1.5b"]
    assert (row["source"], row["size"], row["quantisation"]) == ("Ollama", 986_062_089, "Q4_K_M")
    assert (row["fills_in"], row["chats"], row["licence"], row["backend"]) == (True, False, "Apache License", "ollama")
    assert row["suggestion_ms"] > 0
    status, out = run(capsys, "list")
    assert status == 0
    assert "986 MB Q4_K_M" in out


def test_the_list_with_a_server_fits_into_a_terminal(capsys: Capture, server: Scripted) -> None:
    assert cli.main(["models", "list"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_what_lies_in_the_store_and_is_served_stands_there_once(
    capsys: Capture, server: Scripted, store: OllamaStore, tmp_path: Path
) -> None:
    store.names += ("hf.co/bartowski/Coder-GGUF:Q4_K_M",)
    in_store(tmp_path, "library/qwen2.5-coder", "1.5b")
    in_store(tmp_path, "library/talker", "latest")
    in_store(tmp_path, "bartowski/Coder-GGUF", "Q4_K_M", "hf.co")
    in_store(tmp_path, "library/unserved", "latest")
    ours = {name: row for name, row in rows(capsys).items() if name.startswith("ollama:")}
    assert set(ours) == {f"ollama:{name}" for name in (*store.names, "unserved:latest")}
    assert {name for name, row in ours.items() if not row["quantisation"]} == {"ollama:unserved:latest"}


def test_nobody_there_is_no_word(capsys: Capture, tmp_path: Path) -> None:
    in_store(tmp_path, "library/talker", "latest")
    listed = rows(capsys)
    assert [name for name in listed if name.startswith("ollama:")] == ["ollama:talker:latest"]
    assert listed["ollama:talker:latest"]["source"] == "Ollama"


def test_a_proxy_is_never_asked_for_this_machine(
    capsys: Capture, server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert "ollama:talker:latest" in rows(capsys)


def test_a_tier_s_own_server_is_asked_too(capsys: Capture, server: Scripted) -> None:
    with beside(Scripted(OLLAMA, "alpha", more=OllamaStore(names=("big:70b",)))) as other:
        address = f"{other.endpoint.base_url}/v1/"  # as for OpenAI's protocol, which many have written
        config_file().write_text(f"[large]\nbackend='ollama'\nmodel='big:70b'\nbase_url='{address}'\n")
        listed = rows(capsys)
    assert listed["ollama:big:70b"]["tiers"] == ["large"]
    assert listed["ollama:talker:latest"]["tiers"] == []


def test_what_makes_no_text_is_left_out_and_the_cloud_is_named(
    capsys: Capture, server: Scripted, store: OllamaStore
) -> None:
    known = server.more

    def more(path: str, body: dict[str, Any]) -> Any:
        said = known(path, body)
        if path == "/api/tags":
            said["models"][1]["remote_host"] = "https://ollama.com:443"
        return {**said, "capabilities": ["embedding"]} if body.get("model") == "qwen2.5-coder:1.5b" else said

    server.more = more
    listed = rows(capsys)
    assert "ollama:qwen2.5-coder:1.5b" not in listed
    assert listed["ollama:talker:latest"]["source"] == "Ollama, runs at https://ollama.com:443"
    assert listed["ollama:talker:latest"]["suggestion_ms"] is None
    assert "your code goes there" in run(capsys, "use", "ollama:talker")[1]


def test_a_model_that_a_tier_names_and_nobody_has(capsys: Capture, server: Scripted) -> None:
    config_file().write_text("[small]\nbackend = 'ollama'\nmodel = 'starcoder2:3b'\n")
    row = rows(capsys)["ollama:starcoder2:3b"]
    assert (row["here"], row["tiers"], row["backend"]) == (False, ["small"], "ollama")
    assert (
        "The small tier has no ollama:starcoder2:3b: hybrid-lsp models pull ollama:starcoder2:3b"
        in run(capsys, "list")[1]
    )


# -- pull ------------------------------------------------------------------------------------------------------------


def test_a_pull_is_the_server_s_and_is_used_at_once(capsys: Capture, server: Scripted, store: OllamaStore) -> None:
    store.pulls = {"coder:3b": PULL}
    told = lines(capsys, "pull", "--yes", "--use", "small", "ollama:coder:3b")
    shares = [each["progress"] for each in told if "progress" in each]
    assert shares == sorted(shares)
    assert {0.6, 0.8} <= set(shares)
    assert any("160 MB of 200 MB" in each.get("message", "") for each in told)
    result = told[-1]["result"]
    assert (result["name"], result["model"], result["tier"]) == ("ollama:coder:3b", "coder:3b", "small")
    assert (config.users().small.backend, config.users().small.model) == ("ollama", "coder:3b")
    assert "coder:3b" in store.names


def test_what_is_there_is_not_fetched_again(capsys: Capture, server: Scripted) -> None:
    status, out = run(capsys, "pull", "ollama:talker")
    assert status == 0
    assert "ollama:talker was here already" in out
    assert "hybrid-lsp models use ollama:talker" in out
    assert "/api/pull" not in {path for path, _ in server.asked}


def test_a_pull_is_asked_for_first(capsys: Capture, server: Scripted, store: OllamaStore) -> None:
    status, out = run(capsys, "pull", "ollama:coder:3b", "--plan")
    assert status == 0
    assert f"Ollama at {server.endpoint.base_url} fetches it" in out
    status, out = run(capsys, "pull", "ollama:coder:3b")
    assert status == 2
    assert "add --yes" in out
    assert "/api/pull" not in {path for path, _ in server.asked}


def test_pulls_that_do_not_work(capsys: Capture, server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    status, out = run(capsys, "pull", "--yes", "ollama:codr")
    assert status == 2
    assert "Ollama does not get codr: pull model manifest: file does not exist There is no such name or tag" in out
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    status, out = run(capsys, "pull", "--yes", "ollama:coder")
    assert status == 2
    assert "No Ollama answers at http://127.0.0.1:9. Start it: ollama serve" in out


@pytest.mark.parametrize("ends", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_server_s_work(store: OllamaStore, ends: signal.Signals) -> None:
    store.pulls = {"coder:3b": PULL}
    with beside(Scripted(OLLAMA, "", more=store), permits=2) as server:
        command = [sys.executable, "-m", "hybrid_lsp", "models", "pull", "--json", "--yes", "ollama:coder:3b"]
        environ = {**os.environ, "OLLAMA_HOST": server.endpoint.base_url}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as process:
            assert process.stdout is not None
            assert any("60 MB" in line for line in process.stdout)
            process.send_signal(ends)
            said = json.loads(process.stdout.read().splitlines()[-1])
        assert process.returncode == 130
        assert said["error"]["kind"] == "ModelStopped"
        while not server.cancelled:
            time.sleep(0.01)
    assert store.mistakes == []


# -- use -------------------------------------------------------------------------------------------------------------


def test_a_tier_is_served_by_ollama(capsys: Capture, server: Scripted) -> None:
    config_file().write_text(
        "# mine\n[small]\nbackend = 'openai'\nmodel = 'x'\nbase_url = 'https://cloud.example/v1'\n"
        "api_key_env = 'CLOUD_KEY'\nfamily = 'qwen2'\nparameters = { reasoning_effort = 'low' }\ntimeout_s = 3.0\n"
    )
    status, out = run(capsys, "use", "ollama:qwen2.5-coder:1.5b", "--tier", "small")
    assert status == 0
    assert "But:" not in out
    small = config.users().small
    assert (small.backend, small.model, small.base_url, small.api_key_env) == ("ollama", "qwen2.5-coder:1.5b", "", "")
    assert (dict(small.parameters), small.family, small.timeout_s) == ({}, "auto", 3.0)
    assert "# mine" in config_file().read_text()
    assert rows(capsys)["ollama:qwen2.5-coder:1.5b"]["tiers"] == ["small"]


def test_a_tier_keeps_its_server_and_what_it_says_of_it(capsys: Capture, server: Scripted) -> None:
    with beside(Scripted(OLLAMA, "", more=OllamaStore(names=("talker:latest", "big:70b")))) as other:
        url = other.endpoint.base_url
        config_file().write_text(
            f"[large]\nbackend = 'ollama'\nmodel = 'big:70b'\nbase_url = '{url}'\nparameters = {{ num_ctx = 9000 }}\n"
        )
        assert run(capsys, "use", "ollama:talker", "--tier", "large")[0] == 0
        large = config.users().large
        assert (large.model, large.base_url, dict(large.parameters)) == ("talker", url, {"num_ctx": 9000})
        assert run(capsys, "use", "ollama:big:70b", "--tier", "small")[0] == 0
        assert config.users().small.base_url == url


def test_what_a_user_should_know_of_a_choice(capsys: Capture, server: Scripted, store: OllamaStore) -> None:
    store.capabilities = ("completion",)
    assert "talker was not trained to fill in" in run(capsys, "use", "ollama:talker")[1]
    assert "But:" not in run(capsys, "use", "ollama:qwen2.5-coder:1.5b")[1]  # by its own marks
    assert "has no chat template" in run(capsys, "use", "ollama:talker", "--tier", "large")[1]


def test_a_choice_that_cannot_be_made(capsys: Capture, server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    status, out = run(capsys, "use", "ollama:coder:3b", "--tier", "large")
    assert status == 2
    assert "has no model coder:3b. Run: hybrid-lsp models pull ollama:coder:3b --use large" in out
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    status, out = run(capsys, "use", "ollama:coder:3b")
    assert status == 2
    assert "Start it: ollama serve" in out
    assert not config_file().exists()


def test_a_model_of_an_ollama_that_does_not_run_now(capsys: Capture, tmp_path: Path) -> None:
    in_store(tmp_path, "library/talker", "latest")
    status, out = run(capsys, "use", "ollama:talker")
    assert status == 0
    assert "But: No Ollama answers at http://127.0.0.1:9. Start it: ollama serve" in out
    assert config.users().small.model == "talker"
    for verb in ("bench", "calibrate"):
        assert "Run: hybrid-lsp models pull talker:latest" in run(capsys, verb, "ollama:talker")[1]


def test_what_is_ollama_s_is_removed_there(capsys: Capture, server: Scripted) -> None:
    status, out = run(capsys, "remove", "ollama:talker")
    assert status == 2
    assert "ollama rm talker" in out
