"""Models from the workbench: a folder becomes a model that serves, is measured and removed, all from one menu."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from conftest import Open
from workbench import Window

from hybrid_lsp.models import store

BUTTON = ".notification-toast .monaco-button"
TITLE = ".quick-input-title"
ROW = ".quick-input-list .monaco-list-row"
MENU = "hybrid-lsp: Models…"
NAME = "own-coder"


@pytest.fixture
def model(environ: Mapping[str, str], tmp_path: Path) -> Path:
    """A folder that somebody has converted: the embedded model under another name."""
    shutil.rmtree(Path(environ["HYBRID_LSP_MODELS_DIR"]) / NAME, ignore_errors=True)
    return Path(shutil.copytree(store.embedded_dir(), tmp_path / NAME))


def choose(window: Window, entry: str, verb: str | None = None) -> None:
    """An entry of the menu, and what is to be done with it."""
    window.command(MENU)
    window.until(lambda: window.shows(TITLE, "Models"), "the menu")
    window.type(entry, 0)  # the list is longer than its box
    window.choose(entry)
    if verb:
        window.until(lambda: window.shows(TITLE, entry), "what can be done")
        window.choose(verb)


def serves(window: Window, model: str) -> None:
    window.until(lambda: f"{model} serves the small tier" in window.notifications(), f"{model} to serve")


def test_each_verb_from_the_menu(open_window: Open, model: Path) -> None:
    window = open_window("total = 0\n")
    choose(window, "Another…")
    window.answer("Get a model", str(model))
    window.until(lambda: window.shows(BUTTON, "Get it and use it"), "the question")
    window.click(BUTTON, "Get it and use it")
    serves(window, NAME)

    choose(window, NAME, "Measure it here")
    window.until(lambda: any("tokens" in text for text in window.in_frames("document.body.innerText")), "the figures")

    choose(window, "embedded", "Use it for suggestions")
    serves(window, "embedded")
    choose(window, NAME, "Remove it")
    window.until(lambda: f"{NAME} is gone" in window.notifications(), "it to be gone")
    window.command(MENU)
    window.until(lambda: window.shows(TITLE, "Models") and window.shows(ROW, "embedded"), "the list")
    assert not window.shows(ROW, NAME)


def test_a_model_is_calibrated_on_the_workspace_from_the_menu(
    open_window: Open, environ: Mapping[str, str], model: Path
) -> None:
    """It shows how far it is, can be stopped, and goes on from there when it is asked for again."""
    folder = Path(environ["HYBRID_LSP_MODELS_DIR"])
    shutil.copytree(model, folder / NAME)
    code = "".join(f"def scaled_{n}(value, factor):\n    return value * factor + {n}\n\n\n" for n in range(40))
    window = open_window(code)

    def start() -> None:
        choose(window, NAME, "Measure how far to trust it")
        window.until(lambda: window.shows(TITLE, "On what code?"), "the question for the code")
        window.press("Enter")  # the workspace comes first
        window.until(lambda: window.shows(TITLE, "At how many places?"), "the question for their number")
        window.choose("60 places")
        window.until(lambda: "of 60 positions" in window.notifications(), "how far it is")

    start()
    window.click(BUTTON, "Cancel")
    window.until(lambda: "of 60 positions" not in window.notifications(), "it to be stopped")
    (rows,) = (folder / "confidence").glob("rows-*.jsonl")
    measured = rows.read_text(encoding="utf-8")
    start()
    window.until(
        lambda: any("exact of what is shown" in text for text in window.in_frames("document.body.innerText")),
        "what to expect",
        patience_s=300,
    )
    assert rows.read_text(encoding="utf-8").startswith(measured)
