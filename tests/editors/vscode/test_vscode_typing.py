"""Ghost text in the real workbench, from the real engine with the embedded model."""

from __future__ import annotations

from collections.abc import Mapping

import psutil
import pytest
from conftest import ROOT, Open, Photograph
from leftovers import engines
from workbench import Window, until

SHOP = (ROOT / "examples" / "inventory.py").read_text(encoding="utf-8")
LIKE_THE_OTHERS = "    def load_all(self, path: Path)"
"""Others in the file go on with ` -> `, and so should this one."""


def type_a_method(window: Window, method: str = LIKE_THE_OTHERS) -> str:
    """Type at the end of the file; returns the ghost text that comes."""
    window.press("Control+End", "Enter")
    # The editor indents by itself.
    window.press("Home")
    window.type(method)
    return str(window.until(window.ghost_text, "ghost text"))


def test_tab_takes_the_suggestion(open_window: Open, photograph: Photograph) -> None:
    window = open_window(SHOP)
    shown = type_a_method(window)
    assert shown.startswith(" -> ")
    # A copied line is nobody's but the file's.
    window.until(lambda: window.status() in ("hybrid: small", "hybrid: static"), "the tier in the status bar")
    photograph(window, "ghost-text")
    window.press("Tab")
    window.until(lambda: LIKE_THE_OTHERS + shown in window.lines(), "the text to be taken")
    assert window.save().splitlines()[-1].startswith(LIKE_THE_OTHERS + shown.rstrip())


def test_a_word_is_taken_at_a_time(open_window: Open) -> None:
    window = open_window(SHOP)
    shown = type_a_method(window)
    window.press("Control+ArrowRight")
    rest = window.until(lambda: (left := window.ghost_text()) != shown and left, "the rest of the suggestion")
    assert shown.endswith(rest)
    window.press("Escape")
    window.until(lambda: not window.ghost_text(), "the suggestion to go")
    last = window.save().splitlines()[-1]
    assert last.startswith(LIKE_THE_OTHERS)
    assert last == (LIKE_THE_OTHERS + shown[: -len(rest)]).rstrip() or last == LIKE_THE_OTHERS + shown[: -len(rest)]


def test_typing_into_the_suggestion_keeps_it(open_window: Open) -> None:
    window = open_window(SHOP)
    shown = type_a_method(window)
    window.type(shown[:3])
    window.until(lambda: window.ghost_text() == shown[3:], "what is left of it")


def test_a_killed_engine_comes_back(open_window: Open, environ: Mapping[str, str]) -> None:
    window = open_window(SHOP)
    type_a_method(window)
    killed = running_engines(environ)
    assert killed
    for engine in killed:
        engine.kill()
        engine.wait(10)
    window.press("Escape", "End", "Enter", "Home")
    # A failed suggestion is not asked for again by itself: one types on.
    method = LIKE_THE_OTHERS.replace("load_all", "price_of")
    for line in (method, *[method.replace("price_of", f"price_of_{number}") for number in range(20)]):
        window.press("Home", "Shift+End", "Delete")
        window.type(line)
        if appears(window):
            break
    assert window.ghost_text()
    assert {each.pid for each in running_engines(environ)}.isdisjoint({each.pid for each in killed})


def appears(window: Window) -> bool:
    try:
        return bool(until(window.ghost_text, "ghost text", 3))
    except TimeoutError:
        return False


def running_engines(environ: Mapping[str, str]) -> list[psutil.Process]:
    return engines(environ["HYBRID_LSP_RUNTIME_DIR"])


def test_the_status_bar_pauses_and_says_so(open_window: Open, photograph: Photograph) -> None:
    window = open_window(SHOP)
    open_menu(window)
    window.choose("Pause for python")
    window.until(lambda: window.status() == "hybrid: paused for python", "the status to say so")
    # The focus is still on the status bar.
    window.click(".editor-instance .view-lines")
    window.press("Control+End", "Enter", "Home")
    window.type(LIKE_THE_OTHERS)
    # The menu asks the server, after it was asked for a suggestion.
    open_menu(window)
    assert not window.ghost_text()
    window.choose("Resume for python")
    window.until(lambda: "paused" not in window.status(), "the status")
    window.click(".editor-instance .view-lines")
    window.press("Control+End", "Shift+Home", "Shift+Home", "Delete")
    window.type(LIKE_THE_OTHERS)
    window.until(window.ghost_text, "ghost text")
    open_menu(window)
    photograph(window, "status")
    window.press("Escape")
    window.command("hybrid-lsp: Pause or Resume")
    window.until(lambda: window.status() == "hybrid: paused", "the status to say so")
    open_menu(window)
    window.choose("Resume")
    window.until(lambda: "paused" not in window.status(), "the status")


def open_menu(window: Window) -> None:
    click_status(window)
    window.until(lambda: window.shows(".quick-input-list .monaco-list-row", "Show Status"), "the menu")


def test_the_status_bar_says_why_there_is_nothing(open_window: Open) -> None:
    window = open_window("TOKEN = 1\n", name="secrets.env")
    window.press("Control+End")
    window.type("OTHER = ")
    window.until(lambda: window.status() == "hybrid: this file may hold secrets", "the reason")
    assert not window.ghost_text()


def test_the_menu_shows_status_and_log(open_window: Open) -> None:
    window = open_window(SHOP)
    click_status(window)
    window.choose("Show Log")
    window.until(lambda: window.has_tab("server.log"), "the log")
    click_status(window)
    window.choose("Show Status")
    window.until(lambda: any('"version"' in line for line in window.lines()), "the status")


def test_restart_brings_a_new_server(open_window: Open) -> None:
    window = open_window(SHOP)
    servers = serving()
    window.command("hybrid-lsp: Restart the Server")
    window.until(lambda: (now := serving()) and now.isdisjoint(servers), "another server")
    window.until(lambda: "loading" not in window.status_icons(), "it to be ready")
    window.click(".editor-instance .view-lines")
    assert type_a_method(window)


def serving() -> set[int]:
    """Process ids of the servers that this workbench's extension hosts have started."""
    return {
        process.pid
        for parent in psutil.process_iter(["cmdline"])
        if "--type=extensionHost" in (parent.info["cmdline"] or [])
        for process in parent.children()
        if "serve" in process.cmdline()
    }


def click_status(window: Window) -> None:
    window.click('.statusbar-item[id="hybrid-lsp.hybrid-lsp.hybridLsp"]')


# Lines that the file holds twice, and what is typed of them once more: the workbench closes what is opened.
CLOSED_BY_THE_EDITOR = [
    ('if state == "idle_and_waiting":', 'if state == "'),
    ("def compute(alpha_value, beta_value):", "def compute("),
    ("if isinstance(alpha_value, BetaValue):", "if isinstance("),
    ('registry["alpha_value"] = beta_value', 'registry["'),
    ('with open("inventory.txt") as inventory_file:', 'with open("'),
]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize(("line", "typed"), CLOSED_BY_THE_EDITOR)
def test_what_the_editor_closed_is_not_written_again(open_window: Open, line: str, typed: str, line_end: str) -> None:
    head = line if line.endswith(":") else f"{line}\nif True:"
    # What the file says is shown, however sure that is: no model has a word in it.
    settings = {"hybrid-lsp.small.backend": "none", "hybrid-lsp.completion.min_confidence": 0.0}
    window = open_window(f"{head}\n    pass\n\n\n{head}\n    pass\n\n\n".replace("\n", line_end), settings)
    window.press("Control+End")
    window.type(typed)
    window.until(window.ghost_text, f"ghost text after {typed}")
    window.press("Tab")
    window.until(lambda: list(window.lines()).count(line) == 3, f"{line} to stand there")
