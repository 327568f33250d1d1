"""The page of statistics in the workbench: a tab of its own, from the menu, that asks nobody for anything."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from conftest import Model, Open, Photograph
from history import record, three_weeks
from workbench import Window

from hybrid_lsp.cli import main
from hybrid_lsp.paths import config_file

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


def test_the_page_in_a_browser_light_and_dark(tmp_path: Path, editors: Path) -> None:
    """As `hybrid-lsp stats --html` writes it; its picture is for the documentation."""
    config_file().write_text(
        '[large]\nbackend = "openai"\nbase_url = "http://localhost:8000/v1"\nmodel = "qwen2.5-coder-7b"\n'
    )
    record(three_weeks())
    page = tmp_path / "page.html"
    assert main(["stats", "--html", str(page)]) == 0
    chromium = shutil.which("chromium")
    assert chromium
    pictures = Path(os.environ.get("HYBRID_LSP_PICTURES") or tmp_path)
    quiet = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={tmp_path / 'user'}")
    seen = set()
    for scheme, picture in ((1, pictures / "statistics.png"), (0, tmp_path / "dark.png")):
        look = f"--blink-settings=preferredColorScheme={scheme}"
        command = [chromium, *quiet, look, "--window-size=900,2150", f"--screenshot={picture}", page.as_uri()]
        subprocess.run(command, check=True, timeout=120, stderr=subprocess.DEVNULL)
        seen.add(picture.read_bytes())
    assert len(seen) == 2
    assert min(map(len, seen)) > 50_000
