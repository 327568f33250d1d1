"""A new user: from the package to ghost text, with the server that the extension installs itself."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from conftest import ROOT, Photograph
from test_vscode_typing import type_a_method
from workbench import Browser, CodeServer, Window

BUTTON = ".notification-toast .monaco-button"
LONGEST_S = 180
"""What a new user may have to wait, with a machine and a network of their own."""


@pytest.fixture
def fresh(
    editors: Path, package: Path, environ: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[CodeServer]:
    """A workbench that nobody has used yet."""
    with CodeServer(editors, tmp_path / "workbench", package, environ) as server:
        server.configure({})
        yield server


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    file = folder / "shop.py"
    file.write_text((ROOT / "examples" / "inventory.py").read_text(encoding="utf-8"), encoding="utf-8")
    return file


@pytest.mark.timeout(600)
def test_from_the_package_to_ghost_text(
    browser: Browser, fresh: CodeServer, shop: Path, photograph: Photograph, record_property: pytest.RecordProperty
) -> None:
    started = time.monotonic()
    window = Window(browser, fresh, shop.parent, shop)
    window.until(lambda: "needs its language server" in window.notifications(), "the question")
    assert window.status() == "hybrid: set up"
    assert not fresh.storage.exists() or not list(fresh.storage.iterdir())
    photograph(window, "consent")
    window.click(BUTTON, "Install")
    window.hover(".part.titlebar")
    window.until(lambda: "Downloading" in window.notifications(), "the download")
    photograph(window, "install")
    window.until(lambda: window.status() == "hybrid" and "sparkle" in window.status_icons(), "the server", LONGEST_S)
    window.click(".editor-instance .view-lines")
    assert type_a_method(window).startswith(" -> ")
    record_property("seconds_to_ghost_text", time.monotonic() - started)
    assert time.monotonic() - started < LONGEST_S
    window.close()
    # The next window asks nothing and installs nothing.
    (environment,) = fresh.storage.iterdir()
    made = (environment / "ready.json").read_text(encoding="utf-8")
    again = Window(browser, fresh, shop.parent, shop)
    again.until(lambda: again.status() == "hybrid" and "sparkle" in again.status_icons(), "the server")
    assert again.notifications() == ""
    assert (environment / "ready.json").read_text(encoding="utf-8") == made
    again.command("hybrid-lsp: Remove the Server")
    again.until(lambda: again.status() == "hybrid: set up", "the server to go")
    assert not fresh.storage.exists()
    again.close()


def test_what_is_missing_is_said_with_remedies(
    browser: Browser, fresh: CodeServer, shop: Path, photograph: Photograph
) -> None:
    fresh.configure({"hybrid-lsp.server.pythonPath": "/nowhere/python3"})
    window = Window(browser, fresh, shop.parent, shop)
    window.until(lambda: window.sees(BUTTON), "the question")
    window.click(BUTTON, "Install")
    window.until(lambda: window.shows(".monaco-dialog-box", "/nowhere/python3"), "the remedies")
    (box,) = window.texts(".monaco-dialog-box")
    assert "1. Correct the setting" in box
    assert "2. Or clear it" in box
    assert window.status_icons().count("error") == 1
    window.until(lambda: not window.sees(".notification-toast"), "the progress to go")
    photograph(window, "remedies")
    window.press("Escape")
    window.close()


def test_not_now_is_taken_for_an_answer(browser: Browser, fresh: CodeServer, shop: Path) -> None:
    window = Window(browser, fresh, shop.parent, shop)
    window.until(lambda: window.sees(BUTTON), "the question")
    window.click(BUTTON, "Not Now")
    window.until(lambda: not window.sees(BUTTON), "the question to go")
    assert window.status() == "hybrid: set up"
    window.click('.statusbar-item[id="hybrid-lsp.hybrid-lsp.hybridLsp"]')
    window.until(lambda: window.shows(".quick-input-list .monaco-list-row", "Set Up the Server"), "the menu")
    window.close()


def test_the_walkthrough_leads_through_the_first_steps(
    browser: Browser, fresh: CodeServer, shop: Path, photograph: Photograph
) -> None:
    window = Window(browser, fresh, shop.parent, shop)
    window.until(lambda: window.status() == "hybrid: set up", "the extension")
    window.until(lambda: window.sees(BUTTON), "the question")
    window.click(BUTTON, "Not Now")
    window.command("hybrid-lsp: Get Started")
    window.until(lambda: window.shows(".getting-started-step", "Install the server"), "the walkthrough")
    steps = "\n".join(window.texts(".getting-started-step"))
    for title in ("Type, and take what fits", "Select code and act on it", "Connect a large model", "Ask why"):
        assert title in steps
    page = "document.body && document.body.innerText"
    window.until(lambda: any("inside the server" in each for each in window.in_frames(page)), "the step's page")
    photograph(window, "walkthrough")
    window.close()
