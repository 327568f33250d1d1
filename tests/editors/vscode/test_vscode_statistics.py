"""The page of statistics in the workbench: a tab of its own, from the menu, that asks nobody for anything."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import pytest
from conftest import Model, Open, Photograph
from history import record, three_weeks
from workbench import Window

TEXT = "document.querySelector('ul.key') && document.body.innerText"
INKS = "document.querySelector('ul.key') && getComputedStyle(document.querySelector('svg .axis text')).fill"
TITLE = ".quick-input-title"


def page(window: Window, script: str = TEXT) -> str:
    return "".join(str(each) for each in window.in_frames(script) if each)


def test_the_page_opens_from_the_menu_and_asks_nobody(
    open_window: Open,
    model: Model,
    environ: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    photograph: Photograph,
) -> None:
    monkeypatch.setenv("HYBRID_LSP_STATE_DIR", environ["HYBRID_LSP_STATE_DIR"])
    record(three_weeks())
    window = open_window("total = 0\n", model.settings)
    window.command("hybrid-lsp: Show the Menu")
    window.until(lambda: window.shows(TITLE, "hybrid-lsp"), "the menu")
    window.choose("Statistics")
    window.until(lambda: "Who answers" in page(window), "the page")
    text = page(window)
    for part in ("suggestions shown", "How long suggestions take", "Acceptance by language", "large model"):
        assert part in text
    assert window.has_tab("Statistics")
    # Its plots have the page's colours, which are the editor's light or dark.
    assert page(window, INKS).startswith("rgb(")
    photograph(window, "statistics")
    hosts = {urlsplit(each).hostname for each in window.requests()}
    assert all(host is None or host == "127.0.0.1" or host.endswith("vscode-cdn.net") for host in hosts), hosts
