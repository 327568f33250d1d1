"""The security review in the real workbench: each finding once, in step with edits, and gone when dismissed."""

from __future__ import annotations

from conftest import Open
from workbench import ACTION, Window, until

CODE = 'import os\n\n\ndef one(x):\n    os.system("ls " + x)\n\n\ndef two(x):\n    return eval(x)\n'


def problems(window: Window) -> list[str]:
    """Rules in the list of problems, one for each entry of ours."""
    rows = [row for row in window.texts(".markers-panel .monaco-list-row") if "hybrid-lsp" in row]
    return sorted(rule for row in rows for rule in ("B307", "B605") if rule in row)


def opened(window: Window) -> bool:
    """Open the list of problems; keys are lost while the palette still closes."""
    window.press("Control+Shift+m")
    try:
        return bool(until(lambda: window.sees(".markers-panel"), "the list of problems", 10))
    except TimeoutError:
        return False


def test_each_finding_is_shown_once(open_window: Open) -> None:
    window = open_window(CODE, {"hybrid-lsp.small.backend": "none"})
    window.command("hybrid-lsp: Review Security")
    window.until(lambda: window.sees(".squiggly-error"), "a finding to be underlined")
    window.until(lambda: opened(window), "the list of problems")
    window.until(lambda: problems(window) == ["B307", "B605"], "both findings, once each")
    window.click(".editor-instance .view-lines")
    # Above, it moves; on its line, it goes.
    window.goto(1)
    window.type("# new")
    window.press("Enter")
    window.goto(10, 5)
    window.press("Shift+End")
    window.type("pass")
    window.until(lambda: problems(window) == ["B605"], "the mended one to go")
    window.goto(6, 6)
    dismiss = "Dismiss B605 here"
    window.open_actions(dismiss)
    window.click(ACTION, dismiss)
    window.until(lambda: problems(window) == [], "the dismissed one to go")
