"""Document and notebook synchronization that no editor sends: nothing ends the server, and what follows counts.

Characters are UTF-16 units here: `📦` takes two, and a position may stand in its middle.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from virtual import Window, runner

from hybrid_lsp.backends.fake import FakeBackend, FakeReply

URI, NOTEBOOK = "file:///a.py", "file:///n.ipynb"
TEXT = "x = '📦'\nprint(x)\n"
GOOD = "def f():\n    return 1\n\nx = "
INTERNAL = -32603
Message = tuple[str, Any]


@pytest.fixture
def window() -> Iterator[Window]:
    with runner() as loop:
        made = Window(
            loop,
            FakeBackend(replies=[FakeReply("2")] * 9),
            {},
            capabilities={"notebookDocument": {"synchronization": {}}, "general": {"positionEncodings": ["utf-16"]}},
        )
        made.open(URI, TEXT)
        made.turn()
        yield made
        made.close()


def text_of(window: Window) -> str | None:
    document = window.server.session.documents.get(URI)
    return document.text if document is not None else None


def still_answers(window: Window) -> None:
    """No answer was an internal error, the whole text sets all right, and another file is served."""
    assert [each for each in window.answers if each.get("error", {}).get("code") == INTERNAL] == []
    window.notify(*changed("whole\n", version=50))
    window.turn()
    assert text_of(window) == "whole\n"
    window.open("file:///good.py", GOOD)
    asked = window.ask("file:///good.py", len(GOOD), invoked=True)
    window.wait(1.0)
    assert "result" in (window.reply(asked) or {})


def place(line: Any, character: Any) -> dict[str, Any]:
    return {"line": line, "character": character}


def changed(text: Any, *at: Any, version: Any = 2, uri: Any = URI, **more: Any) -> Message:
    span = {"range": {"start": place(*at[:2]), "end": place(*at[2:])}} if at else {}
    return "textDocument/didChange", {
        "textDocument": {"uri": uri, "version": version},
        "contentChanges": [{"text": text, **span, **more}],
    }


def opened(**item: Any) -> Message:
    return "textDocument/didOpen", {
        "textDocument": {"uri": URI, "languageId": "python", "version": 1, "text": "new\n"} | item
    }


# What comes, and the text after it; None where any text is as good.
CHANGES: dict[str, tuple[list[Message], str | None]] = {
    "past the end of a line": ([changed("!", 0, 999, 0, 999)], "x = '📦'!\nprint(x)\n"),
    "past the last line": ([changed("!", 99, 0, 99, 0)], TEXT + "!"),
    "in the middle of a pair": ([changed("!", 0, 6, 0, 6)], "x = '!📦'\nprint(x)\n"),
    "half of a pair deleted": ([changed("", 0, 5, 0, 6)], TEXT),
    "an end before its start": ([changed("!", 1, 2, 0, 1)], None),
    "a negative line": ([changed("!", -1, 0, 0, 0)], None),
    "a negative character": ([changed("!", 0, -5, 0, 1)], None),
    "half a line": ([changed("!", 0, 1.5, 0, 2)], None),
    "more lines than there are numbers": ([changed("!", 10**400, 0, 10**400, 0)], None),
    "lines as text": ([changed("!", "0", "1", 0, 2)], None),
    "no text": ([changed(None, 0, 0, 0, 0)], None),
    "a number for a text": ([changed(5)], None),
    "half a pair for a text": ([changed("\ud83d", 0, 0, 0, 0)], None),
    "two halves one after the other": ([changed("\ud83d", 0, 0, 0, 0), changed("\udce6", 0, 1, 0, 1, version=3)], None),
    "half a pair in a whole text": ([changed("a = '\udce6'\n")], None),
    "a NUL": ([changed("a\0b\n")], "a\0b\n"),
    "a version from before": ([changed("!", 0, 0, 0, 0, version=-7)], "!" + TEXT),
    "no version": ([changed("!", 0, 0, 0, 0, version=None)], None),
    "a length that is not the range's": ([changed("!", 0, 0, 0, 1, rangeLength=999)], "!" + TEXT[1:]),
    "no changes": (
        [("textDocument/didChange", {"textDocument": {"uri": URI, "version": 2}, "contentChanges": []})],
        TEXT,
    ),
    "null for changes": (
        [("textDocument/didChange", {"textDocument": {"uri": URI, "version": 2}, "contentChanges": None})],
        None,
    ),
    "a file that is not open": ([changed("!", 0, 0, 0, 0, uri="file:///nope.py")], TEXT),
    "no file": ([changed("!", 0, 0, 0, 0, uri=None)], TEXT),
    "a name of 100 kB": ([changed("!", 0, 0, 0, 0, uri="file:///" + "a" * 100_000)], TEXT),
    "opened twice": ([opened()], "new\n"),
    "opened with other types": ([opened(uri=5, languageId=[], version="x", text=None)], TEXT),
    "opened with nothing": ([("textDocument/didOpen", None)], TEXT),
    "a language of 1 MB": ([opened(uri="file:///c.py", languageId="p" * 1_000_000)], TEXT),
    "a language like a path": ([opened(uri="file:///c.py", languageId="../../etc\n\0")], TEXT),
    "closed without being open": ([("textDocument/didClose", {"textDocument": {"uri": "file:///b.py"}})] * 2, TEXT),
    "lines that end in CR": ([changed("a\rb\r"), changed("!", 1, 1, 1, 1, version=3)], "a\rb!\r"),
    "signs that end no line": ([changed("a\x0cb\u2028c\n"), changed("!", 1, 0, 1, 0, version=3)], "a\x0cb\u2028c\n!"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_that_no_editor_sends(window: Window, name: str) -> None:
    messages, expected = CHANGES[name]
    for method, params in messages:
        window.notify(method, params)
        window.turn()
    assert expected is None or text_of(window) == expected
    still_answers(window)


UNREADABLE = {
    "null for a text": changed(None, 0, 0, 0, 0),
    "null for a whole text": changed(None),
    "true for a text": changed(True, 0, 0, 0, 0),
    "half a line": changed("!", 0, 1.5, 0, 2),
    "a line as text": changed("!", "0", "1", 0, 2),
    "half of a range": changed("!", 0, None, 0, 1),
    "no version": changed("!", 0, 0, 0, 0, version=None),
    "null for changes": (
        "textDocument/didChange",
        {"textDocument": {"uri": URI, "version": 2}, "contentChanges": None},
    ),
    "opened again with null": opened(text=None),
}


@pytest.mark.fault("a change of a file cannot be read, and the next one counts on it")
@pytest.mark.parametrize("name", UNREADABLE)
def test_a_text_that_is_not_known_is_not_guessed(window: Window, name: str) -> None:
    window.notify(*UNREADABLE[name])
    window.turn()
    assert text_of(window) is None
    window.notify(*changed("y", 0, 0, 0, 0, version=3))  # into what text?
    window.turn()
    assert text_of(window) is None
    asked = window.ask(URI, 0, invoked=True)
    window.wait(1.0)
    assert window.shown(asked) == ""
    assert window.session.documents.is_lost(URI)
    window.notify(*changed(GOOD, version=4))
    window.turn()
    document = window.server.session.documents.get(URI)
    assert document is not None
    assert (document.text, document.language, document.version) == (GOOD, "python", 4)
    window.documents[URI] = document
    asked = window.ask(URI, len(GOOD), invoked=True)
    window.wait(1.0)
    assert window.shown(asked)
    still_answers(window)


def cells(*numbers: int) -> list[dict[str, Any]]:
    return [{"kind": 2, "document": f"nb:c{number}"} for number in numbers]


def texts(*numbers: int) -> list[dict[str, Any]]:
    return [
        {"uri": f"nb:c{number}", "languageId": "python", "version": 1, "text": f"a = {number}\n"} for number in numbers
    ]


def notebook(listed: Any, documents: Any, **more: Any) -> Message:
    shown = {"uri": NOTEBOOK, "notebookType": "jupyter-notebook", "version": 1, "cells": listed} | more
    return "notebookDocument/didOpen", {"notebookDocument": shown, "cellTextDocuments": documents}


OPEN = notebook(cells(0, 1), texts(0, 1))


def moved(change: Any) -> list[Message]:
    return [
        OPEN,
        ("notebookDocument/didChange", {"notebookDocument": {"uri": NOTEBOOK, "version": 2}, "change": change}),
    ]


def arranged(start: Any, count: Any, **more: Any) -> list[Message]:
    listed = {"cells": more.pop("cells")} if "cells" in more else {}
    return moved({"cells": {"structure": {"array": {"start": start, "deleteCount": count, **listed}, **more}}})


def written(uri: str, *at: int) -> list[Message]:
    span = {"range": {"start": place(*at[:2]), "end": place(*at[2:])}} if at else {}
    change = {"document": {"uri": uri, "version": 2}, "changes": [{"text": "q", **span}]}
    return moved({"cells": {"textContent": [change]}})


CLOSE: Message = (
    "notebookDocument/didClose",
    {"notebookDocument": {"uri": NOTEBOOK}, "cellTextDocuments": [{"uri": "nb:c0"}]},
)
NOTEBOOKS: dict[str, list[Message]] = {
    "cells without documents": [notebook(cells(0, 1), [])],
    "documents without cells": [notebook([], texts(0, 1))],
    "null for cells": [notebook(None, texts(0))],
    "documents twice": [notebook(cells(0, 1), texts(0, 1, 0, 1))],
    "one cell twice": [notebook(cells(0, 0, 1), texts(0, 1))],
    "opened twice": [OPEN, OPEN],
    "changed without being open": arranged(0, 1)[1:],
    "a negative start": arranged(-1, 1),
    "a start past the end": arranged(99, 1, cells=cells(9)),
    "more deleted than there is": arranged(0, 999, didClose=[{"uri": "nb:c0"}, {"uri": "nb:c1"}]),
    "a negative count": arranged(1, -1),
    "a count without end": arranged(0, 10**30),
    "an unknown cell closed": arranged(0, 0, didClose=[{"uri": "nb:zz"}]),
    "a cell opened nowhere": arranged(0, 0, didOpen=texts(7)),
    "the text of an unknown cell": written("nb:zz"),
    "a negative place in a cell": written("nb:c0", -1, 0, 0, 0),
    "a place past a cell's end": written("nb:c0", 9, 9, 9, 9),
    "an unknown cell's data": moved({"cells": {"data": [{"kind": 2, "document": "nb:zz"}]}}),
    "an unknown kind of cell": moved({"cells": {"data": [{"kind": 77, "document": "nb:c0"}]}}),
    "no change": moved(None),
    "an empty change": moved({}),
    "null for everything": moved({"cells": {"structure": None, "data": None, "textContent": None}}),
    "closed twice": [OPEN, CLOSE, CLOSE],
    "saved without being open": [("notebookDocument/didSave", {"notebookDocument": {"uri": "file:///zz.ipynb"}})],
    "deep metadata": [notebook(cells(0), texts(0), metadata={"a": json.loads("[" * 90 + "]" * 90)})],
    "a cell that is the notebook": [notebook([{"kind": 2, "document": NOTEBOOK}], [texts(0)[0] | {"uri": NOTEBOOK}])],
    "a cell that is a file": [notebook([{"kind": 2, "document": URI}], [texts(0)[0] | {"uri": URI}])],
}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_that_no_editor_sends(window: Window, name: str) -> None:
    for method, params in NOTEBOOKS[name]:
        window.notify(method, params)
        window.turn()
    context = {"triggerKind": 1}
    params = {"textDocument": {"uri": "nb:c0"}, "position": place(0, 1), "context": context}
    number = window.request("textDocument/inlineCompletion", params)
    window.wait(1.0)
    assert any(each["id"] == number for each in window.answers)
    still_answers(window)


@pytest.mark.parametrize(
    "at",
    [(-1, 0), (0, -1), (99, 0), (0, 999), (2**31, 2**31), (2**70, 0), (0, 6), (0.5, 0), ("0", 0), (None, 0)],
    ids=str,
)
def test_places_that_are_none(window: Window, at: tuple[Any, Any]) -> None:
    numbers = [
        window.request(
            method,
            {
                "textDocument": {"uri": URI},
                "position": place(*at),
                "range": {"start": place(*at), "end": place(*at)},
                "context": {"triggerKind": 1, "diagnostics": []},
            },
        )
        for method in ("textDocument/inlineCompletion", "textDocument/codeAction")
    ]
    window.wait(1.0)
    assert {each["id"] for each in window.answers} >= set(numbers)
    still_answers(window)
