"""The workbench and the package, once for all tests; the user's settings, a folder and a window for each."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from leftovers import engines
from scripted import Script, scripted_server
from workbench import LINES, Browser, CodeServer, Window

ROOT = Path(__file__).parent.parent.parent.parent

OWN_SERVER = str(Path(sys.executable).with_name("hybrid-lsp"))
"""The server of this environment: the extension's own is tested in `test_vscode_first_run.py`."""
UNSURE = {"hybrid-lsp.completion.min_confidence": 0.01}
"""How sure a model must be is not what is tested here."""


@pytest.fixture(scope="session")
def editors() -> Path:
    """The folder with the workbench; HYBRID_LSP_EDITORS names another than the usual one."""
    base = os.environ.get("HYBRID_LSP_EDITORS") or Path.home() / ".cache" / "hybrid-lsp-editors"
    folder = Path(base) / "vscode"
    subprocess.run([ROOT / "tools" / "editors" / "install_vscode.sh", folder], check=True, timeout=900)
    return folder


@pytest.fixture(scope="session")
def package() -> Path:
    """The extension as users get it, built from what is there now."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "editors" / "package_vscode.py"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=600,
    )
    return Path(done.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def environ() -> Iterator[Mapping[str, str]]:
    """The user's folders for all that the workbench starts; engines there end with the tests."""
    with tempfile.TemporaryDirectory(prefix="hl-") as home:
        base = Path(home)
        yield {
            "HYBRID_LSP_CONFIG": str(base / "config.toml"),
            "HYBRID_LSP_STATE_DIR": str(base / "state"),
            "HYBRID_LSP_MODELS_DIR": str(base / "models"),
            "HYBRID_LSP_RUNTIME_DIR": str(base / "run"),
            # No person sits there who could be asked whether to get a larger model.
            "HYBRID_LSP_MODELS_OFFER": "false",
        }
        for engine in engines(str(base / "run")):
            engine.kill()
            engine.wait(10)


@pytest.fixture(scope="session")
def browser(editors: Path) -> Iterator[Browser]:
    browser = Browser(editors)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def code_server(
    editors: Path, package: Path, environ: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CodeServer]:
    with CodeServer(editors, tmp_path_factory.mktemp("workbench"), package, environ) as server:
        yield server


Open = Callable[..., Window]
Photograph = Callable[..., None]


@pytest.fixture
def photograph(tmp_path: Path) -> Photograph:
    """Take a picture of a window: for the documentation, where HYBRID_LSP_PICTURES names its folder."""
    folder = Path(os.environ.get("HYBRID_LSP_PICTURES") or tmp_path)

    def photographing(window: Window, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        window.photograph(folder / f"vscode-{name}.png")

    return photographing


@pytest.fixture
def open_window(browser: Browser, code_server: CodeServer, tmp_path: Path) -> Iterator[Open]:
    """Open a file with this text in a window of its own: `open_window(text, settings)`."""
    opened: list[Window] = []

    def opening(text: str, settings: Mapping[str, Any] | None = None, name: str = "shop.py") -> Window:
        folder = tmp_path / "shop"
        folder.mkdir()
        file = folder / name
        file.write_text(text, encoding="utf-8")
        code_server.configure({"hybrid-lsp.server.path": OWN_SERVER} | UNSURE | dict(settings or {}))
        window = Window(browser, code_server, folder, file)
        opened.append(window)
        window.until(
            lambda: window.status().startswith("hybrid") and "loading" not in window.status_icons(), "the server"
        )
        window.click(LINES)
        return window

    yield opening
    for window in opened:
        window.close()


@attrs.frozen
class Model:
    """A model server with scripted replies, which lives in a thread: this one waits for the browser."""

    script: Script
    loop: asyncio.AbstractEventLoop

    @property
    def settings(self) -> dict[str, Any]:
        """Settings with it as the large model."""
        return {
            "hybrid-lsp.large.backend": "openai",
            "hybrid-lsp.large.base_url": self.script.url,
            "hybrid-lsp.large.model": "scripted",
        }

    @property
    def prompt(self) -> str:
        """What it was asked last."""
        return "\n".join(message["content"] for message in self.script.requests[-1]["messages"])

    def release(self, event: asyncio.Event) -> None:
        """Set an event that it waits for."""
        self.loop.call_soon_threadsafe(event.set)


@pytest.fixture
def model() -> Iterator[Model]:
    """A large model whose replies a test writes."""
    loop, script = asyncio.new_event_loop(), Script()
    ready, over = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with scripted_server(script):
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=[serve()])
    thread.start()
    assert ready.wait(10)
    try:
        yield Model(script, loop)
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()
