"""Over LSP: what becomes of an action's edit is recorded under the name of its run, in either way of giving it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sample import CODE
from virtual import Model, Window, runner

from hybrid_lsp.document import Span
from hybrid_lsp.metrics.events import ActionApplied, ActionEnd, ActionEnded, ActionKept, ActionUndone, Event
from hybrid_lsp.server.aftermath import KEPT_AFTER_S

URI = "file:///work/a.py"
OLD, NEW = "list(sorted(items))", "sorted(items)"
RESOLVES = {
    "workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}},
    "textDocument": {"codeAction": {"dataSupport": True, "resolveSupport": {"properties": ["edit"]}}},
}
SENT = {"workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}}}
PLACE = {"start": {"line": 5, "character": 4}, "end": {"line": 5, "character": 4}}
ORDER = {"action": "optimize", "uri": URI, "range": PLACE}


@contextmanager
def window(abilities: dict[str, Any]) -> Iterator[Window]:
    with runner() as loop:
        made = Window(loop, Model(), {"small": {"backend": "none"}}, capabilities=abilities)
        made.open(URI, CODE)
        yield made
        made.close()


def until(editor: Window, found: Callable[[], list[dict[str, Any]]]) -> dict[str, Any]:
    """Wait for what must come; analysers are real processes, which take real time, and virtual time hardly passes."""
    for _ in range(3000):
        if there := found():
            return there[0]
        editor.turn()
        time.sleep(0.01)
    raise AssertionError("nothing came")


def until_answered(editor: Window, number: int) -> dict[str, Any]:
    return until(editor, lambda: [each for each in editor.answers if each["id"] == number])


def make_the_edit(editor: Window) -> None:
    start = editor.documents[URI].text.index(OLD)
    editor.replace(URI, Span(start, start + len("list(")), "")
    end = editor.documents[URI].text.index("sorted(items))") + len("sorted(items)")
    editor.replace(URI, Span(end, end + 1), "")
    editor.turn()


def take_it_back(editor: Window) -> None:
    start = editor.documents[URI].text.index(NEW)
    editor.replace(URI, Span(start, start + len(NEW)), OLD)
    editor.turn()


def resolve(editor: Window) -> None:
    number = editor.request(
        "codeAction/resolve", {"title": "Optimize this code (static)", "kind": "refactor.rewrite", "data": ORDER}
    )
    assert until_answered(editor, number)["result"]["edit"]


def of(editor: Window, kind: type[Event]) -> list[Any]:
    return [each for each in editor.session.events if isinstance(each, kind)]


def test_an_edit_that_is_resolved_and_applied_by_the_client_is_followed() -> None:
    with window(RESOLVES) as editor:
        resolve(editor)
        (ended,) = of(editor, ActionEnded)
        assert (ended.action, ended.ending) == ("optimize", ActionEnd.DONE)
        assert not of(editor, ActionApplied)
        make_the_edit(editor)
        (applied,) = of(editor, ActionApplied)
        assert applied.run == ended.run
        editor.wait(KEPT_AFTER_S + 1)
        assert of(editor, ActionKept) == [ActionKept(ended.run, KEPT_AFTER_S, 1.0)]


def test_an_edit_that_is_taken_back() -> None:
    with window(RESOLVES) as editor:
        resolve(editor)
        make_the_edit(editor)
        editor.wait(30)
        take_it_back(editor)
        (undone,) = of(editor, ActionUndone)
        assert undone.run == of(editor, ActionEnded)[0].run
        assert undone.after_s == pytest.approx(30, abs=1)


@pytest.mark.parametrize("first", ["change", "word"])
def test_an_edit_that_is_sent_counts_once_whatever_comes_first(first: str) -> None:
    with window(SENT) as editor:
        number = editor.command("hybrid-lsp.runAction", ORDER)
        sent = until(editor, lambda: editor.requests)
        assert sent["method"] == "workspace/applyEdit"
        if first == "change":
            make_the_edit(editor)
        editor.respond(sent["id"], {"applied": True})
        assert until_answered(editor, number)["result"]["applied"]
        if first == "word":
            make_the_edit(editor)
        assert len(of(editor, ActionApplied)) == 1
        editor.wait(KEPT_AFTER_S + 1)
        assert len(of(editor, ActionKept)) == 1


def test_an_edit_that_the_client_refuses_is_not_followed() -> None:
    with window(SENT) as editor:
        number = editor.command("hybrid-lsp.runAction", ORDER)
        editor.respond(until(editor, lambda: editor.requests)["id"], {"applied": False, "failureReason": "no"})
        until_answered(editor, number)
        make_the_edit(editor)
        assert not of(editor, ActionApplied)


def test_a_document_that_is_closed_ends_the_watch() -> None:
    with window(RESOLVES) as editor:
        resolve(editor)
        make_the_edit(editor)
        editor.close_document(URI)
        editor.wait(KEPT_AFTER_S + 1)
        assert len(of(editor, ActionApplied)) == 1
        assert not of(editor, ActionKept)
