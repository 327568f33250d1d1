"""From a name to a model in its place, over a real hub on this machine; and all the ways in which that fails."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hub import COMMIT, Hub

from hybrid_lsp.catalogue import found, machine, pull
from hybrid_lsp.catalogue import hub as hubs
from hybrid_lsp.catalogue.work import Work
from hybrid_lsp.errors import DiskFull, HubUnreachable, ModelBroken, ModelError, ModelMissing, ModelStopped
from hybrid_lsp.models import store
from hybrid_lsp.paths import models_dir

REPO = "owner/Tiny-Coder"
NAME = "tiny-coder"
WEIGHTS = "model.bin"


def fetch(wanted: str = REPO, name: str = "", work: Work | None = None) -> Path:
    return pull.pull(pull.plan(wanted, name), work or Work())


def leftovers() -> list[str]:
    """What lies in the models' folder beside finished models."""
    return sorted(
        str(each.relative_to(models_dir()))
        for each in models_dir().rglob("*")
        if each.is_file() and each.suffix != ".lock" and each.relative_to(models_dir()).parts[0].startswith(".")
    )


def test_a_model_of_the_hub_is_told_before_and_served_after(hub: Hub) -> None:
    plan = pull.plan(REPO)
    assert plan.name == NAME
    assert plan.licence == "apache-2.0"
    assert plan.download == sum(len(hub.repos[REPO][each.name]) for each in plan.files)
    assert COMMIT[:8] in plan.source
    assert "Licence: apache-2.0" in plan.question
    told: list[tuple[float, str]] = []
    folder = pull.pull(plan, Work(lambda share, what: told.append((share, what))))
    assert store.resolve(NAME).folder == folder == models_dir() / NAME
    assert found.origin(folder)["commit"] == COMMIT
    assert [share for share, _ in told] == sorted(share for share, _ in told)
    assert any(WEIGHTS in what for _, what in told)
    assert leftovers() == []


def test_all_files_are_of_the_commit_that_was_listed(hub: Hub) -> None:
    fetch()
    asked = [each for each in hub.requests if "/resolve/" in each]
    assert asked
    assert all(f"/resolve/{COMMIT}/" in each for each in asked)


def test_what_is_here_is_not_fetched_again(hub: Hub) -> None:
    fetch()
    before = len(hub.requests)
    plan = pull.plan(NAME)
    assert plan.here
    assert pull.pull(plan, Work()) == models_dir() / NAME
    assert len(hub.requests) == before


def test_it_goes_on_where_the_connection_broke(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.break_after, hub.breaks = len(hub.repos[REPO][WEIGHTS]) // 3, 2
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 65536)
    monkeypatch.setattr("time.sleep", lambda _: None)  # between the library's own attempts
    assert fetch().is_dir()
    assert hub.ranges, "the download began anew"


def test_the_next_pull_goes_on_where_the_last_one_ended(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 65536)
    shares: list[float] = []
    with pytest.raises(ModelStopped):
        fetch(work=Work(lambda share, _: shares.append(share), lambda: len(shares) > 3))
    assert not (models_dir() / NAME).exists()
    ((name, kept),) = pull.interrupted()
    assert (name, kept > 0) == (NAME, True)
    assert 0 < pull.plan(REPO).download < sum(map(len, hub.repos[REPO].values()))
    assert fetch().is_dir()
    assert hub.ranges, "the download began anew"
    assert list(pull.interrupted()) == []


def test_a_connection_that_breaks_each_time_is_told(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.break_after, hub.breaks = 10, 99
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(HubUnreachable, match="could not be reached"):
        fetch()
    assert not (models_dir() / NAME).exists()


def test_a_wrong_checksum_is_thrown_away_and_the_old_model_stays(hub: Hub) -> None:
    old = fetch(name="old")
    hub.wrong = {WEIGHTS}
    with pytest.raises(ModelBroken, match="SHA-256 differs") as caught:
        fetch()
    assert "HF_ENDPOINT" in caught.value.remedy
    assert not (models_dir() / NAME).exists()
    assert store.resolve("old").folder == old
    hub.wrong = set()
    assert fetch().is_dir()


def test_a_gated_repository_says_what_to_do(hub: Hub) -> None:
    hub.gated = {REPO}
    with pytest.raises(ModelError, match="is gated") as caught:
        fetch()
    assert "HF_TOKEN" in caught.value.remedy
    assert f"{hub.url}/{REPO}" in caught.value.remedy


@pytest.mark.parametrize(
    ("wanted", "says", "remedy"),
    [
        ("owner/Qwen2.5-Coder-0.5", "has no model owner/Qwen2.5-Coder-0.5", "qwen2.5-coder-0.5b"),
        (f"{REPO}@nowhere", "has no revision nowhere", "Leave it out"),
        (f"{REPO}/other.gguf", "has no file other.gguf", "no GGUF file"),
        ("qwen2.5-codr-0.5b", "There is no model qwen2.5-codr-0.5b", "qwen2.5-coder-0.5b"),
        ("zzzz", "There is no model zzzz", "models list"),
        ("/nowhere/at/all.gguf", "There is no model", "models list"),
        ("", "There is no model", "models list"),
        ("../..", "no weights", ""),
    ],
)
def test_what_does_not_exist_says_what_may_have_been_meant(hub: Hub, wanted: str, says: str, remedy: str) -> None:
    with pytest.raises(ModelError) as caught:
        pull.plan(wanted)
    assert says in caught.value.message
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"pytorch_model.bin": b"x", "config.json": b"{}"}, "pickled weights"),
        ({"README.md": b"x"}, "no weights that can be used"),
    ],
)
def test_a_repository_without_usable_weights(hub: Hub, files: dict[str, bytes], says: str) -> None:
    hub.repos["owner/other"] = files
    with pytest.raises(ModelMissing, match=says):
        pull.plan("owner/other")


def test_of_several_quantisations_the_one_with_the_least_loss(hub: Hub) -> None:
    names = ["m-Q2_K.gguf", "m-Q4_K_M.gguf", "m-Q8_0.gguf", "m-f16-00001-of-00002.gguf", "mmproj-Q8_0.gguf"]
    hub.repos["owner/m-GGUF"] = dict.fromkeys(names, b"x")
    assert [each.name for each in pull.plan("owner/m-GGUF").files] == ["m-Q8_0.gguf"]
    assert [each.name for each in pull.plan("owner/m-GGUF/m-Q4_K_M.gguf").files] == ["m-Q4_K_M.gguf"]


def test_no_network(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HubUnreachable, match=r"127\.0\.0\.1:9 could not be reached") as caught:
        pull.plan(REPO)
    assert "HTTPS_PROXY" in caught.value.remedy


def test_a_full_disk_is_told_before_the_download(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "free_disk", lambda _: 1000)
    with pytest.raises(DiskFull, match="are free") as caught:
        fetch()
    assert "HYBRID_LSP_MODELS_DIR" in caught.value.remedy
    assert not any("GET" in each and WEIGHTS in each for each in hub.requests)


def test_a_disk_that_fills_up_meanwhile(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("huggingface_hub.file_download.http_get", full)
    with pytest.raises(DiskFull, match="The disk is full"):
        fetch()
    assert not (models_dir() / NAME).exists()


def test_cancelling_keeps_what_came_and_makes_nothing(hub: Hub) -> None:
    seen: list[str] = []

    def enough() -> bool:
        return any(WEIGHTS in each for each in seen)

    with pytest.raises(ModelStopped):
        fetch(work=Work(lambda _, what: seen.append(what), enough))
    assert not (models_dir() / NAME).exists()
    assert fetch().is_dir()


def test_a_model_that_does_not_convert_leaves_nothing(hub: Hub) -> None:
    hub.repos["owner/broken"] = {"broken-Q8_0.gguf": b"GGUF\xff\xff\xff\xff" + bytes(100)}
    with pytest.raises(ModelError):
        fetch("owner/broken")
    assert not (models_dir() / "broken").exists()
    assert leftovers() == []


def test_two_pulls_at_once_fetch_once(hub: Hub) -> None:
    hub.gate = threading.Event()
    plans = [pull.plan(REPO), pull.plan(REPO)]
    waiting = threading.Event()

    def second(_: float, what: str) -> None:
        if "another pull" in what:
            waiting.set()
            assert hub.gate is not None
            hub.gate.set()

    done: list[Path] = []
    works = [Work(), Work(second)]
    threads = [
        threading.Thread(target=lambda each=each: done.append(pull.pull(plans[each], works[each]))) for each in (0, 1)
    ]
    threads[0].start()
    assert hub.halfway.wait(100)
    threads[1].start()
    assert waiting.wait(60)
    for thread in threads:
        thread.join(120)
    assert done == [models_dir() / NAME] * 2
    assert sum(each.startswith("GET") and WEIGHTS in each for each in hub.requests) == 1


def test_another_model_of_that_name_is_not_overwritten(hub: Hub) -> None:
    plan = pull.plan(REPO)
    fetch()
    other = pull.attrs.evolve(plan, source="elsewhere")
    with pytest.raises(ModelError, match="is here already") as caught:
        pull.pull(other, Work())
    assert "--name" in caught.value.remedy


@pytest.mark.parametrize("name", ["../up", "A b", "-x", "a/b"])
def test_a_name_is_no_path(hub: Hub, name: str) -> None:
    with pytest.raises(ModelError, match="cannot be a model's name"):
        pull.plan(REPO, name)


def test_a_folder_of_this_machine_needs_no_hub(hub: Hub, tiny: Path) -> None:
    folder = fetch(str(tiny / "weights"), "local")
    assert store.resolve("local").folder == folder
    assert found.origin(folder)["path"] == str(tiny / "weights")
    assert fetch(str(tiny), "ready").is_dir()
    assert hub.requests == []


def test_a_models_folder_that_cannot_be_written(hub: Hub, monkeypatch: pytest.MonkeyPatch, tiny: Path) -> None:
    monkeypatch.setenv("HYBRID_LSP_MODELS_DIR", "/dev/null/models")
    with pytest.raises(ModelError, match="cannot be written") as caught:
        fetch(str(tiny / "weights"), "local")
    assert "HYBRID_LSP_MODELS_DIR" in caught.value.remedy


# -- removing --------------------------------------------------------------------------------------------------------


def test_a_model_is_removed_but_not_while_it_is_in_use(hub: Hub) -> None:
    folder = fetch()
    with pytest.raises(ModelError, match="is what your settings name"):
        pull.remove(NAME, (NAME,))
    with pytest.raises(ModelError, match="is what your settings name"):
        pull.remove(NAME, (str(folder),))
    assert pull.remove(NAME) > 0
    assert not folder.exists()
    with pytest.raises(ModelMissing, match="There is no model"):
        pull.remove(NAME)


def test_what_an_interrupted_pull_left_is_removed(hub: Hub) -> None:
    with pytest.raises(ModelStopped):
        fetch(work=Work(cancelled=lambda: any(WEIGHTS in each for each in hub.requests)))
    assert pull.remove(NAME) >= 0
    assert list(pull.interrupted()) == []


def test_the_embedded_model_stays() -> None:
    with pytest.raises(ModelError, match="part of the installation"):
        pull.remove("embedded")


# -- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ggml-org/Qwen2.5-Coder-0.5B-Q8_0-GGUF", "qwen2.5-coder-0.5b"),
        ("Qwen2.5-Coder-0.5B-Instruct.Q4_K_M.gguf", "qwen2.5-coder-0.5b-instruct"),
        ("HuggingFaceTB/SmolLM2-135M-Instruct", "smollm2-135m-instruct"),
        ("qwen2.5-coder:1.5b", "qwen2.5-coder-1.5b"),
        ("llama3:latest", "llama3"),
        ("a model (2).IQ4_XS.gguf", "a-model-2"),
        ("…", "model"),
    ],
)
def test_the_name_that_a_model_gets(text: str, name: str) -> None:
    assert pull.plain_name(text) == name


@pytest.mark.parametrize(
    ("text", "repo", "file", "revision"),
    [
        ("owner/name", "owner/name", "", ""),
        ("owner/name@v1", "owner/name", "", "v1"),
        ("owner/name/a/b.gguf@v1", "owner/name", "a/b.gguf", "v1"),
        ("https://huggingface.co/owner/name", "owner/name", "", ""),
        ("hf.co/owner/name/resolve/main/x.gguf", "owner/name", "x.gguf", ""),
        ("https://huggingface.co/owner/name/tree/main", "owner/name", "", ""),
    ],
)
def test_how_a_model_of_the_hub_is_named(text: str, repo: str, file: str, revision: str) -> None:
    assert hubs.reference(text) == hubs.Reference(repo, file, revision)


@pytest.mark.parametrize("text", ["name", "a/b/c", "../x", "owner/../../x", "http://evil.example/owner/name", "o/n@"])
def test_what_is_no_name_of_the_hub(text: str) -> None:
    assert hubs.reference(text) is None


# -- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def command(hub: Hub) -> Iterator[Any]:
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environ: str) -> subprocess.Popen[str]:
        line = [sys.executable, "-m", "hybrid_lsp", "models", *arguments]
        process = subprocess.Popen(
            line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environ
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_control_c_ends_it_and_the_next_pull_goes_on(hub: Hub, command: Any, number: signal.Signals) -> None:
    hub.gate = threading.Event()
    process = command("pull", REPO, "--yes")
    assert hub.halfway.wait(100)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Cancelled" in err
    assert "Traceback" not in err
    assert not (models_dir() / NAME).exists()
    hub.gate.set()
    assert fetch().is_dir()


def test_offline_is_respected(hub: Hub, command: Any) -> None:
    _, err = (process := command("pull", REPO, "--yes", HF_HUB_OFFLINE="1")).communicate(timeout=60)
    assert process.returncode == 2
    assert "HF_HUB_OFFLINE" in err
    assert hub.requests == []


def test_a_program_reads_lines_of_json(hub: Hub, command: Any) -> None:
    out, _ = (process := command("pull", REPO, "--json", "--use", "small")).communicate(timeout=120)
    assert process.returncode == 0
    lines = [json.loads(line) for line in out.splitlines()]
    assert all("progress" in line for line in lines[:-1])
    result = lines[-1]["result"]
    assert (result["name"], result["model"], result["tier"]) == (NAME, NAME, "small")
    assert NAME in Path(os.environ["HYBRID_LSP_CONFIG"]).read_text(encoding="utf-8")
    out, _ = command("pull", "qwen2.5-codr-0.5b", "--json").communicate(timeout=60)
    error = json.loads(out.splitlines()[-1])["error"]
    assert error["kind"] == "ModelMissing"
    assert "qwen2.5-coder-0.5b" in error["remedy"]


def test_nobody_to_ask_is_no_consent(hub: Hub, command: Any) -> None:
    _, err = (process := command("pull", REPO)).communicate(timeout=60)
    assert process.returncode == 2
    assert "--yes" in err
    assert not (models_dir() / NAME).exists()
