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
