"""`hybrid-lsp models` from an editor: progress, questions, cancelling; settings that are followed; the first run."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import NO_MODELS, Client, Connect, capabilities, inline_params, items, open_text, run, until
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams, JsonRpcRequestCancelled

sys.path.append(str(Path(__file__).parent.parent))

from hub import Hub, serving

from hybrid_lsp.models import calibrations, store
from hybrid_lsp.paths import config_file, models_dir, state_dir

MODELS = "hybrid-lsp.models"
REPO, NAME = "owner/Tiny-Coder", "tiny-coder"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A hub that has the embedded model under another name, ready to be served."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME", "XDG_DATA_HOME", "OLLAMA_MODELS", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    files = {each.name: each.read_bytes() for each in store.embedded_dir().iterdir() if each.is_file()}
    with serving(Hub({REPO: files})) as served:
        monkeypatch.setenv("HF_ENDPOINT", served.url)
        yield served


class Answering:
    """Answers the server's questions with one button, and keeps them and the progress."""

    def __init__(self, client: Client, button: str | None) -> None:
        self.questions: list[str] = []
        self.percentages: list[int] = []
        self.tokens: list[Any] = []
        for method, listener in {
            lsp.WINDOW_SHOW_MESSAGE_REQUEST: lambda params: self._answer(params, button),
            lsp.PROGRESS: lambda params: self._progress(params),
        }.items():
            client.protocol.fm.features.pop(method, None)
            client.feature(method)(listener)

    def _answer(self, params: lsp.ShowMessageRequestParams, button: str | None) -> lsp.MessageActionItem | None:
        self.questions.append(params.message)
        return next((each for each in params.actions or () if each.title == button), None)

    def _progress(self, params: lsp.ProgressParams) -> None:
        value = params.value
        percentage = value.get("percentage") if isinstance(value, dict) else getattr(value, "percentage", None)
        if percentage is not None:
            self.percentages.append(percentage)
            self.tokens.append(params.token)


def with_model(name: str) -> None:
    shutil.copytree(store.embedded_dir(), models_dir() / name)


async def serving_model(client: Client) -> str:
    models = (await run(client, "hybrid-lsp.status"))["models"]
    return str(models.get("small", ""))


async def test_a_list_comes_as_values_and_as_text(connect: Connect, hub: Hub) -> None:
    async with connect(NO_MODELS) as client:
        answer = await run(client, MODELS, {"verb": "list", "show": False})
        assert answer["kind"] == "done"
        assert "embedded" in {model["name"] for model in answer["models"]}
        assert "qwen2.5-coder-0.5b" in answer["text"]


async def test_a_pull_asks_with_size_and_licence_and_is_used_at_once(connect: Connect, hub: Hub) -> None:
    async with connect({}) as client:
        told = Answering(client, "Get it and use it")
        assert await serving_model(client) == "engine:embedded"
        answer = await run(client, MODELS, {"verb": "pull", "model": REPO})
        assert answer["kind"] == "done", answer
        (question,) = told.questions
        assert "Licence: apache-2.0" in question
        assert "are downloaded" in question
        assert told.percentages == sorted(told.percentages)
        assert max(told.percentages) > 50
        assert await serving_model(client) == f"engine:{NAME}"
        assert f"{NAME} serves the small tier now" in client.told


async def test_who_says_no_gets_nothing(connect: Connect, hub: Hub) -> None:
    async with connect(NO_MODELS) as client:
        told = Answering(client, "No")
        answer = await run(client, MODELS, {"verb": "pull", "model": REPO})
        assert (answer["kind"], len(told.questions)) == ("failed", 1)
        assert not (models_dir() / NAME).exists()


async def test_cancelling_the_request_ends_the_pull(connect: Connect, hub: Hub) -> None:
    hub.gate = threading.Event()
    async with connect({}) as client:
        order = lsp.ExecuteCommandParams(MODELS, [{"verb": "pull", "model": REPO, "tier": "small"}])
        running = client.send(lsp.WORKSPACE_EXECUTE_COMMAND, order, "pull-1")
        assert await asyncio.to_thread(hub.halfway.wait, 60)
        client.cancel_request(lsp.CancelParams(id="pull-1"))
        with pytest.raises(JsonRpcRequestCancelled):
            await asyncio.wait_for(running, 60)
        assert await serving_model(client) == "engine:embedded"
        assert not (models_dir() / NAME).exists()
        assert not config_file().exists()


async def test_the_progress_bar_s_button_ends_the_pull(connect: Connect, hub: Hub) -> None:
    hub.gate = threading.Event()
    async with connect({}) as client:
        told = Answering(client, None)
        order = lsp.ExecuteCommandParams(MODELS, [{"verb": "pull", "model": REPO, "tier": "small"}])
        running = client.send(lsp.WORKSPACE_EXECUTE_COMMAND, order, "pull-2")
        assert await asyncio.to_thread(hub.halfway.wait, 60)
        await until(lambda: told.tokens)
        client.window_work_done_progress_cancel(lsp.WorkDoneProgressCancelParams(token=told.tokens[-1]))
        with pytest.raises(JsonRpcRequestCancelled):
            await asyncio.wait_for(running, 60)
        assert not (models_dir() / NAME).exists()


async def test_what_goes_wrong_is_told_and_the_old_model_serves_on(connect: Connect, hub: Hub) -> None:
    async with connect({}) as client:
        hub.wrong = {"model.bin"}
        answer = await run(client, MODELS, {"verb": "pull", "model": REPO, "tier": "small"})
        assert answer["kind"] == "failed"
        assert "SHA-256 differs" in answer["message"]
        assert answer["message"] in client.told
        answer = await run(client, MODELS, {"verb": "pull", "model": "qwen2.5-codr-0.5b", "tier": "small"})
        assert "qwen2.5-coder-0.5b" in answer["message"]
        assert await serving_model(client) == "engine:embedded"


@pytest.mark.parametrize(
    "argument",
    [
        *(
            None,
            {},
            {"verb": "dance"},
            {"verb": "use"},
            {"verb": "use", "model": 3},
            {"verb": "list", "more": "x"},
            ["x"],
        ),
        *({"verb": "calibrate", "model": "m", "positions": wrong} for wrong in ("3", True, 2.5)),
    ],
)
async def test_what_is_no_order(connect: Connect, argument: Any) -> None:
    async with connect(NO_MODELS) as client:
        with pytest.raises(JsonRpcInvalidParams, match="argument|needs"):
            await run(client, MODELS, *([argument] if argument is not None else []))


async def test_a_model_s_name_is_never_an_option(connect: Connect, hub: Hub) -> None:
    async with connect(NO_MODELS) as client:
        answer = await run(client, MODELS, {"verb": "remove", "model": "--json"})
        assert answer["kind"] == "failed"
        assert "There is no model --json" in answer["message"]


async def test_removing_from_an_editor(connect: Connect, hub: Hub) -> None:
    with_model("old")
    async with connect(NO_MODELS) as client:
        answer = await run(client, MODELS, {"verb": "remove", "model": "old"})
        assert answer["freed"] > 0
        assert not (models_dir() / "old").exists()


def with_code(folder: Path) -> Path:
    """A folder with code to measure on."""
    folder.mkdir()
    text = "".join(f"def scaled_{n}(value, factor):\n    return value * factor + {n}\n\n\n" for n in range(40))
    (folder / "scales.py").write_text(text, encoding="utf-8")
    return folder


def rows() -> list[Path]:
    """Where measurements are kept."""
    return list((models_dir() / "confidence").glob("rows-*.jsonl"))


async def test_a_model_is_calibrated_on_the_user_s_code_and_served_by_it(
    connect: Connect, hub: Hub, tmp_path: Path
) -> None:
    with_model("mine")
    code = with_code(tmp_path / "code")
    async with connect({"small": {"model": "mine"}}) as client:
        told = Answering(client, None)
        wish = {"verb": "calibrate", "model": "mine", "corpus": str(code), "positions": 40}
        answer = await run(client, MODELS, wish)
        assert answer["kind"] == "done", answer
        assert answer["languages"]["python"]["positions"] >= 30
        assert "exact of what is shown" in answer["text"]
        assert told.percentages == sorted(told.percentages)
        assert len(set(told.percentages)) > 10
        found = calibrations.find("mine")
        assert found is not None
        assert found.source == "measured on this machine"


@pytest.mark.parametrize("interrupted", [signal.default_int_handler, signal.SIG_IGN], ids=["usual", "in background"])
async def test_a_calibration_that_is_stopped_keeps_what_it_has_measured(
    connect: Connect, hub: Hub, tmp_path: Path, interrupted: Any
) -> None:
    before = signal.signal(signal.SIGINT, interrupted)  # the command inherits whether it is ignored
    try:
        await _stopped(connect, tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)


async def _stopped(connect: Connect, tmp_path: Path) -> None:
    with_model("mine")
    code = with_code(tmp_path / "code")
    async with connect({}) as client:
        told = Answering(client, None)
        wish = {"verb": "calibrate", "model": "mine", "corpus": str(code), "positions": 3_000}
        running = client.send(lsp.WORKSPACE_EXECUTE_COMMAND, lsp.ExecuteCommandParams(MODELS, [wish]), "calibrate-1")
        await until(lambda: any(path.read_text(encoding="utf-8").count("\n") > 2 for path in rows()))
        client.window_work_done_progress_cancel(lsp.WorkDoneProgressCancelParams(token=told.tokens[-1]))
        with pytest.raises(JsonRpcRequestCancelled):
            await asyncio.wait_for(running, 60)
        (kept,) = rows()
        written = kept.read_text(encoding="utf-8")
        assert written.endswith("\n")
        await run(client, "hybrid-lsp.status")
        assert kept.read_text(encoding="utf-8") == written  # nothing goes on behind the editor's back
        found = calibrations.find("mine")
        assert found is not None
        assert found.source == "from the model's folder"


# -- settings that change while the server runs ----------------------------------------------------------------------


async def test_a_choice_elsewhere_is_followed_without_a_restart(connect: Connect) -> None:
    """What `hybrid-lsp models use` writes in a terminal, each open window serves: the suggestion comes from it."""
    with_model("mine")
    async with connect({}) as client:
        open_text(client, "x = ")
        assert await serving_model(client) == "engine:embedded"
        config_file().write_text('[small]\nmodel = "mine"\n', encoding="utf-8")
        while await serving_model(client) != "engine:mine":
            await asyncio.sleep(0.05)
        open_text(client, "def add(a, b):\n    return a + b\n\ndef add2(a, b):\n    return a ", "file:///work/two.py")
        answer = await client.text_document_inline_completion_async(
            inline_params(4, 13, "file:///work/two.py", invoked=True)
        )
        assert items(answer)
        assert client.told == ""


async def test_a_file_that_is_broken_meanwhile_changes_nothing(connect: Connect) -> None:
    config_file().write_text('[small]\nbackend = "none"\n', encoding="utf-8")
    async with connect({}) as client:
        assert await serving_model(client) == ""
        config_file().write_text("[small\n", encoding="utf-8")
        await until(lambda: "cannot be read" in client.told)
        assert await serving_model(client) == ""


async def test_what_wins_over_a_choice_is_told(connect: Connect, hub: Hub) -> None:
    with_model("mine")
    async with connect({"small": {"model": "embedded"}}) as client:
        await run(client, MODELS, {"verb": "use", "model": "mine", "tier": "small"})
        assert "wins over mine" in client.told
        assert await serving_model(client) == "engine:embedded"


# -- the first run ---------------------------------------------------------------------------------------------------


PERSON = {"offer": True}


def quick_machine() -> None:
    """A record of a machine that can run a larger model."""
    state_dir().mkdir(parents=True, exist_ok=True)
    speeds = '{"speeds": {"here": {"operations": 1e13, "bandwidth": 1e11}}}'
    (state_dir() / "machine.json").write_text(speeds, encoding="utf-8")


async def test_the_first_question_is_asked_once_on_a_machine(connect: Connect) -> None:
    quick_machine()
    async with connect({}, capabilities(ours=PERSON)) as client:
        told = Answering(client, "No")
        await until(lambda: told.questions)
        assert "The embedded model finishes lines. This machine can run" in told.questions[0]
        assert "Get it?" in told.questions[0]
    async with connect({}, capabilities(ours=PERSON)) as client:
        told = Answering(client, "No")
        open_text(client, "x = ")
        await client.text_document_inline_completion_async(inline_params(0, 4))
        assert told.questions == []


async def test_an_editor_that_would_stop_for_it_is_told_how_instead(connect: Connect) -> None:
    quick_machine()
    async with connect({}, capabilities(ours=PERSON), name="Neovim") as client:
        told = Answering(client, "No")
        await until(lambda: "hybrid-lsp models pull" in client.told)
        assert told.questions == []


@pytest.mark.parametrize(
    ("settings", "ours"),
    [
        ({}, None),
        ({"models": {"offer": False}}, PERSON),
        (NO_MODELS, PERSON),
        ({"completion": {"enabled": False}}, PERSON),
    ],
)
async def test_nobody_is_asked_who_does_not_want_to_be(
    connect: Connect, settings: dict[str, Any], ours: dict[str, bool] | None
) -> None:
    quick_machine()
    async with connect(settings, capabilities(ours=ours)) as client:
        told = Answering(client, "No")
        assert (await run(client, "hybrid-lsp.status"))["version"]
        assert told.questions == []
    assert not (state_dir() / "offer.json").exists()
