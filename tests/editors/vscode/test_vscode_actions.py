"""Actions in the real workbench: the real server, real analysers, and a large model whose replies are written here."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from conftest import Model, Open, Photograph
from scripted_servers import OLLAMA, OllamaStore, Scripted, beside
from workbench import ACTION, Window

SOURCE = """\
import os


def report(items: dict[str, int]) -> str:
    lines = []
    for name in list(sorted(items)):
        lines.append("{}: {}".format(name, items[name]))
    return "\\n".join(lines)


def backup(folder: str) -> None:
    os.system("tar cf backup.tar " + folder)
"""
REPORT, BACKUP = 5, 12
"""Lines within the two functions, counted from 1."""
BETTER = """\
def report(items: dict[str, int]) -> str:
    return "\\n".join(f"{name}: {items[name]}" for name in sorted(items))"""
EXPLANATION = """\
`report` lists **all items**, one a line, in the order of their names.

1. It sorts the names; the inner `list()` is not needed.
2. It writes each as `name: count`.

```python
lines.append("{}: {}".format(name, items[name]))
```

| step | cost |
| --- | --- |
| sorting | O(n log n) |
| joining | O(n) |
"""
HARMFUL = """\
![](http://tracker.example/a.png) <img src="http://tracker.example/b.png" onerror="window.top.document.title='owned'">
<script>window.top.document.title = 'owned'</script> <iframe src="http://tracker.example/c"></iframe>
[quit](command:workbench.action.closeWindow) [run](javascript:alert(1)) [web](https://peps.python.org)

The end.
"""
TEXT = "document.getElementById('text') && document.getElementById('text').innerText"
STATE = "document.getElementById('state') && document.getElementById('state').innerText"


def fenced(code: str) -> str:
    return f"```python\n{code}\n```"


def explanation(window: Window) -> str:
    return "".join(window.in_frames(TEXT))


def problems(window: Window) -> list[str]:
    return window.texts(".markers-panel .monaco-list-row")


def preview(window: Window, title: str) -> None:
    """Wait for the diff of an edit."""
    window.until(lambda: window.has_tab(f"shop.py: {title}"), "the preview")
    window.until(lambda: window.sees(".diffOverviewRuler"), "the diff")


def gone(window: Window, title: str) -> None:
    window.until(lambda: not window.has_tab(f"shop.py: {title}"), "the preview to close")


# -- the lists -------------------------------------------------------------------------------------------------------


def test_the_light_bulb_lists_the_actions(open_window: Open, model: Model, photograph: Photograph) -> None:
    window = open_window(SOURCE, model.settings)
    window.goto(REPORT, 5)
    window.open_actions("Optimize this code")
    listed = window.texts(ACTION)
    for title in ("Explain this code (large)", "Optimize this code (large)", "Review security (large)"):
        assert title in listed
    window.until(lambda: "loading" not in window.status_icons(), "the small model to be loaded")
    photograph(window, "menu")
    assert model.script.requests == []


def test_the_context_menu_of_a_selection_has_ours(open_window: Open, photograph: Photograph) -> None:
    window = open_window(SOURCE)
    window.goto(REPORT, 5)
    window.press("Shift+ArrowDown", "Shift+ArrowDown", "Shift+F10")
    window.until(lambda: window.shows(".monaco-menu .action-label", "hybrid-lsp"), "the context menu")
    window.click(".monaco-menu .action-menu-item", "hybrid-lsp")
    window.until(lambda: window.shows(".monaco-submenu .action-label", "Explain This Code"), "the submenu")
    labels = window.texts(".monaco-submenu .action-label")
    for title in ("Ask About This Code", "Review Security", "Optimize This Code", "Edit by Instruction"):
        assert any(title in label for label in labels)
    photograph(window, "context-menu")


def test_the_list_of_actions_runs_one(open_window: Open, model: Model) -> None:
    model.script.replies = [EXPLANATION]
    window = open_window(SOURCE, model.settings)
    window.goto(REPORT, 5)
    window.press("Control+k", "h")
    window.choose("Explain this code")
    window.until(lambda: "lists all items" in explanation(window), "the explanation")


# -- edits -----------------------------------------------------------------------------------------------------------


def test_an_edit_is_shown_and_applied(open_window: Open, model: Model, photograph: Photograph) -> None:
    model.script.replies = [fenced(BETTER)]
    window = open_window(SOURCE, model.settings)
    window.goto(REPORT, 5)
    window.open_actions("Optimize this code")
    window.click(ACTION, "Optimize this code")
    preview(window, "Optimize this code")
    window.until(lambda: "Large model openai:scripted" in window.notifications(), "who made it")
    window.until(lambda: not window.shows(".notification-toast", "Cancel"), "the progress to go")
    photograph(window, "preview")
    assert window.file
    assert window.file.read_text(encoding="utf-8") == SOURCE
    window.click(".notification-toast .monaco-button", "Apply")
    gone(window, "Optimize this code")
    start, end = SOURCE.index("def report"), SOURCE.index("\n\n\ndef backup")
    assert window.save() == SOURCE[:start] + BETTER + SOURCE[end:]


def test_a_silent_model_need_not_be_waited_for(open_window: Open, model: Model) -> None:
    model.script.replies, model.script.silence = [fenced(BETTER)], asyncio.Event()
    window = open_window(SOURCE, model.settings)
    window.goto(REPORT, 5)
    window.command("hybrid-lsp: Optimize This Code")
    window.until(lambda: "has not begun after 1 s" in window.notifications(), "the offer")
    window.click(".notification-toast .monaco-button", "Use it now")
    preview(window, "Optimize this code")
    window.until(model.script.hung_up.is_set, "the model's connection to close")
    window.until(lambda: "Static analysis" in window.notifications(), "who made it")
    window.click(".notification-toast .monaco-button", "Apply")
    gone(window, "Optimize this code")
    assert "for name in sorted(items):" in window.save()


def test_a_discarded_edit_changes_nothing(open_window: Open, model: Model) -> None:
    model.script.replies = [fenced(BETTER), fenced(BETTER)]
    window = open_window(SOURCE, model.settings)
    window.goto(REPORT, 5)
    window.command("hybrid-lsp: Optimize This Code")
    preview(window, "Optimize this code")
    window.click(".editor-actions .action-label[aria-label^='Discard']")
    gone(window, "Optimize this code")
    assert "def report" in "\n".join(window.lines())
    assert "did not apply" not in window.notifications()
    # Closing the tab is a no as well, and the next edit is asked about anew.
    window.command("hybrid-lsp: Optimize This Code")
    preview(window, "Optimize this code")
    window.click(".tab.active .tab-actions .action-label")
    gone(window, "Optimize this code")
    window.type("# ")
    assert "# " + SOURCE.splitlines()[REPORT - 1].strip() in window.save()


def test_an_edit_of_text_that_has_changed_is_refused(open_window: Open, model: Model) -> None:
    model.script.replies = [fenced(BETTER)]
    window = open_window(SOURCE, model.settings)
    window.goto(REPORT, 5)
    window.command("hybrid-lsp: Optimize This Code")
    preview(window, "Optimize this code")
    # The left side is the file itself.
    window.click(".monaco-diff-editor .editor.original .view-lines")
    window.press("Control+Home")
    window.type("# changed\n")
    window.click(".editor-actions .action-label[aria-label^='Apply']")
    window.until(lambda: "changed since" in window.notifications(), "the refusal")
    gone(window, "Optimize this code")
    assert window.save() == "# changed\n" + SOURCE


def test_the_keyboard_applies_an_instruction(open_window: Open, model: Model) -> None:
    model.script.replies = [fenced(BETTER)]
    window = open_window(SOURCE, model.settings)
    window.goto(REPORT, 5)
    window.command("hybrid-lsp: Edit by Instruction…")
    window.answer("What is to be changed?", "use f-strings")
    window.until(lambda: window.has_tab("shop.py: "), "the preview")
    assert "use f-strings" in model.prompt
    window.until(lambda: window.sees(".diffOverviewRuler"), "the diff")
    window.press("Control+Enter")
    window.until(lambda: not window.has_tab("shop.py: "), "the preview to close")
    assert BETTER in window.save()


def test_tests_go_into_a_new_file(open_window: Open, model: Model) -> None:
    tests = 'from shop import report\n\n\ndef test_it_is_empty():\n    assert report({}) == ""'
    model.script.replies = [fenced(tests)]
    window = open_window(SOURCE, model.settings)
    window.goto(REPORT, 5)
    window.command("hybrid-lsp: Write Tests")
    window.until(lambda: window.has_tab("test_shop.py: Write tests"), "the preview")
    made = window.folder / "test_shop.py"
    assert not made.exists()
    window.until(lambda: window.sees(".diffOverviewRuler"), "the diff")
    window.press("Control+Enter")
    window.until(lambda: window.lines()[:1] == ["from shop import report"], "the new file")
    window.until(made.exists, "the new file on the disk")
    window.press("Control+s")
    window.until(lambda: made.read_text(encoding="utf-8") == tests + "\n", "it to be saved")


def test_a_large_model_is_connected_by_questions(open_window: Open, model: Model) -> None:
    model.script.replies = ["It **sorts**."]
    window = open_window(SOURCE)
    window.command("hybrid-lsp: Connect a Large Model…")
    window.choose("LM Studio")
    window.answer("server’s address", model.script.url)
    window.answer("model’s name", "scripted")
    window.answer("environment variable", "")
    # The server asks for its new settings by itself.
    window.until(lambda: "openai:scripted" in models(window), "the large model")
    window.goto(REPORT, 5)
    window.command("hybrid-lsp: Explain This Code")
    window.until(lambda: "It sorts." in explanation(window), "the model's answer")


def test_ollama_is_connected_by_its_own_protocol(open_window: Open) -> None:
    with beside(Scripted(OLLAMA, "It sorts.", more=OllamaStore())) as server:
        window = open_window(SOURCE)
        window.command("hybrid-lsp: Connect a Large Model…")
        window.choose("Ollama")
        window.answer("server’s address", server.endpoint.base_url)
        window.answer("model’s name", "scripted")
        window.answer("environment variable", "")
        window.until(lambda: "ollama:scripted" in models(window), "the large model")
        window.goto(REPORT, 5)
        window.command("hybrid-lsp: Explain This Code")
        window.until(lambda: "It sorts." in explanation(window), "the model's answer")
        assert "/api/chat" in {path for path, _ in server.asked}


def models(window: Window) -> str:
    """The menu behind the status bar, which names the models."""
    row = ".quick-input-list .monaco-list-row"
    window.click('.statusbar-item[id="hybrid-lsp.hybrid-lsp.hybridLsp"]')
    window.until(lambda: window.shows(row, "Show Status"), "the menu")
    listed = "\n".join(window.texts(row))
    window.press("Escape")
    window.until(lambda: not window.sees(row), "the menu to close")
    window.click(".editor-instance .view-lines")
    return listed


def test_a_running_action_is_cancelled_from_its_progress(open_window: Open, model: Model) -> None:
    model.script.replies = [fenced(BETTER)]
    model.script.hold = asyncio.Event()
    window = open_window(SOURCE, model.settings)
    window.goto(REPORT, 5)
    window.command("hybrid-lsp: Optimize This Code")
    window.until(lambda: "Optimize this code" in window.notifications(), "the progress")
    window.until(lambda: "loading" in window.status_icons(), "the spinner")
    window.click(".notification-toast .monaco-button", "Cancel")
    window.until(model.script.hung_up.is_set, "the model's connection to close")
    window.until(lambda: "loading" not in window.status_icons(), "the spinner to end")
    assert window.notifications() == ""
    assert window.lines()[:3] == SOURCE.splitlines()[:3]


# -- texts -----------------------------------------------------------------------------------------------------------


def test_an_explanation_grows_beside_the_editor(open_window: Open, model: Model, photograph: Photograph) -> None:
    model.script.replies = [EXPLANATION]
    model.script.chunk = 60
    model.script.hold = asyncio.Event()
    window = open_window(SOURCE, model.settings)
    window.goto(REPORT, 5)
    window.command("hybrid-lsp: Explain This Code")
    window.until(lambda: "lists all items" in explanation(window), "its beginning")
    assert "joining" not in explanation(window)
    assert "writing…" in window.in_frames(STATE)
    model.release(model.script.hold)
    window.until(lambda: "joining" in explanation(window), "its end")
    window.until(lambda: "writing…" not in window.in_frames(STATE), "it to be done")
    window.until(lambda: not window.sees(".notification-toast"), "the progress to go")
    photograph(window, "explanation")
    # The editor kept the focus.
    window.type("# ")
    window.until(lambda: any("# lines = []" in line for line in window.lines()), "the typed text")


def test_an_explanation_can_neither_run_nor_load(open_window: Open, model: Model) -> None:
    model.script.replies = [HARMFUL]
    window = open_window(SOURCE, model.settings)
    title = window.evaluate("document.title")
    window.goto(REPORT, 5)
    window.command("hybrid-lsp: Explain This Code")
    window.until(lambda: "The end." in explanation(window), "the explanation")
    tags = "[...document.querySelectorAll('#text *')].map((each) => each.tagName).join(' ')"
    (found,) = (each for each in window.in_frames(tags) if each)
    assert set(found.split()) <= {"P", "A"}
    links = "[...document.querySelectorAll('#text a')].map((each) => each.href).join(' ')"
    (hrefs,) = (each for each in window.in_frames(links) if each)
    assert all(href.startswith(("http://", "https://")) for href in hrefs.split())
    assert not [each for each in window.requests() if "tracker.example" in each]
    assert window.evaluate("document.title") == title


def test_a_question_is_answered(open_window: Open, model: Model) -> None:
    model.script.replies = ["Because readers look for a name."]
    window = open_window(SOURCE, model.settings)
    window.goto(REPORT, 5)
    window.command("hybrid-lsp: Ask About This Code…")
    window.answer("What do you want to know", "Why is it sorted?")
    window.until(lambda: "readers look for a name" in explanation(window), "the answer")
    assert "Why is it sorted?" in model.prompt


def test_without_a_large_model_static_analysis_explains(open_window: Open) -> None:
    window = open_window(SOURCE)
    window.goto(REPORT, 5)
    window.command("hybrid-lsp: Explain This Code")
    window.until(lambda: "Cyclomatic complexity" in explanation(window), "the explanation")


# -- findings --------------------------------------------------------------------------------------------------------


def review(window: Window) -> None:
    window.press("Control+Home")
    window.command("hybrid-lsp: Review Security")
    window.until(lambda: any("B605" in each for each in problems(window)), "the findings in Problems")


def test_findings_are_problems_with_a_fix(open_window: Open, model: Model, photograph: Photograph) -> None:
    finding: dict[str, Any] = {
        "quote": "os.system",
        "message": "`folder` may begin with a dash and becomes an option of tar.",
        "severity": "warning",
        "cwe": 88,
    }
    fixed = (
        'def backup(folder: str) -> None:\n    subprocess.run(["tar", "cf", "backup.tar", "--", folder], check=True)'
    )
    model.script.replies = [json.dumps({"findings": [finding]}), fenced(fixed)]
    window = open_window(SOURCE, model.settings)
    review(window)
    assert any("option of tar" in each for each in problems(window))
    photograph(window, "problems")
    window.goto(BACKUP, 8)
    window.open_actions("Fix")
    window.click(ACTION, next(each for each in window.texts(ACTION) if each.startswith("Fix")))
    window.until(lambda: window.has_tab("shop.py: "), "the preview")
    window.until(lambda: window.sees(".diffOverviewRuler"), "the diff")
    window.press("Control+Enter")
    window.until(lambda: not window.has_tab("shop.py: "), "the preview to close")
    window.until(lambda: not any("B605" in each for each in problems(window)), "the finding to go")
    assert fixed in window.save()
