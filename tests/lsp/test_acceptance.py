"""Accepts that the real server infers from the changes it is sent, in each encoding of positions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
from conftest import capabilities
from history import recorded
from scripted import Script
from virtual import Model, Window, runner
from wire import Wire, wired

from hybrid_lsp.backends.fake import FakeReply
from hybrid_lsp.document import Document, Span
from hybrid_lsp.metrics.events import AcceptKind, InlineAccepted, InlineIgnored, InlineKept
from hybrid_lsp.server.convert import position_of

URI = "file:///work/a.py"
BEFORE = "é = '😋'\nclass Köder:\n    def fang(self, größe):\n        "
LINE = "self.größen['😋'] = größe"
BLOCK = "a = '😋'\n        b = größe"


@attrs.define
class Editor:
    """A client with one document, which it changes as editors do; the cursor is where it last put something in."""

    wire: Wire
    encoding: str
    document: Document
    cursor: int

    async def ask(self) -> dict[str, Any]:
        """The item that is shown at the cursor, asked for by hand."""
        reply = await self.wire.ask(
            "textDocument/inlineCompletion",
            {"textDocument": {"uri": URI}, "position": self._place(self.cursor), "context": {"triggerKind": 1}},
        )
        (item,) = reply["result"]["items"]
        assert isinstance(item, dict)
        return item

    def put(self, *texts: str) -> None:
        """Put in at the cursor: one notification with one change a text."""
        changes = []
        for text in texts:
            place = self._place(self.cursor)
            changes.append({"range": {"start": place, "end": place}, "text": text})
            self.document = self.document.replace(Span(self.cursor, self.cursor), text)
            self.cursor += len(text)
        identifier = {"uri": URI, "version": self.document.version}
        self.wire.notify("textDocument/didChange", {"textDocument": identifier, "contentChanges": changes})

    async def accept(self, item: dict[str, Any]) -> None:
        await self.wire.ask("workspace/executeCommand", item["command"])

    def tell_part(self, item: dict[str, Any], text: str) -> None:
        """Copilot's notification: so much of the item, in UTF-16, whatever the positions are counted in."""
        length = len(text.encode("utf-16-le")) // 2
        self.wire.notify("textDocument/didPartiallyAcceptCompletion", {"item": item, "acceptedLength": length})

    def _place(self, offset: int) -> dict[str, int]:
        place = position_of(self.document, offset, self.encoding)
        return {"line": place.line, "character": place.character}


@asynccontextmanager
async def editing(script: Script, encoding: str, reply: str) -> AsyncIterator[Editor]:
    script.replies = [reply]
    settings = {
        "small": {"backend": "openai", "base_url": script.url, "model": "tiny"},
        "completion": {"speculate": False},
    }
    async with wired() as wire:
        answer = await wire.initialize(capabilities(encodings=[encoding], full=False), settings)
        assert answer["result"]["capabilities"]["positionEncoding"] == encoding
        document = Document(URI, BEFORE + "\n\n\nend = 1\n", 1, "python")
        item = {"uri": URI, "languageId": "python", "version": 1, "text": document.text}
        wire.notify("textDocument/didOpen", {"textDocument": item})
        yield Editor(wire, encoding, document, len(BEFORE))
        assert await wire.end() == 0


def accepts() -> list[tuple[str, int]]:
    return recorded("SELECT kind, characters FROM inline_accepted ORDER BY at, rowid")


encodings = pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])


@encodings
@pytest.mark.parametrize("command", ["never", "before", "after"])
async def test_a_full_accept(script: Script, encoding: str, command: str) -> None:
    async with editing(script, encoding, LINE) as editor:
        item = await editor.ask()
        if command == "before":
            await editor.accept(item)
        editor.put(item["insertText"])
        if command == "after":
            await editor.accept(item)
    assert accepts() == [("full", len(LINE))]


@encodings
async def test_word_by_word(script: Script, encoding: str) -> None:
    async with editing(script, encoding, LINE) as editor:
        await editor.ask()
        for word in ("self", ".größen", "['😋'] ", "= größe"):
            editor.put(word)
    assert accepts() == [("word", 4), ("word", 7), ("word", 6), ("full", 7)]


@encodings
async def test_a_line_of_a_block(script: Script, encoding: str) -> None:
    async with editing(script, encoding, BLOCK) as editor:
        # On a busy machine the lines that are there in time are shown first.
        while (await editor.ask())["insertText"] != BLOCK:
            pass
        editor.put("a = '😋'")
        editor.put("\n        b = größe")
    assert accepts() == [("line", 7), ("full", len(BLOCK) - 7)]


@encodings
async def test_typed_by_hand(script: Script, encoding: str) -> None:
    """Also where the editor sends several keystrokes at once; what is shown meanwhile is the same suggestion."""
    async with editing(script, encoding, LINE) as editor:
        await editor.ask()
        for char in LINE[:6]:
            editor.put(char)
            assert (await editor.ask())["insertText"] == LINE[editor.cursor - len(BEFORE) :]
        editor.put(*LINE[6:])
    assert accepts() == [("typed", len(LINE))]
    assert recorded("SELECT COUNT(DISTINCT suggestion) FROM inline_answered") == [(1,)]


@encodings
@pytest.mark.parametrize("told_first", [True, False])
async def test_copilots_word_on_a_part(script: Script, encoding: str, told_first: bool) -> None:
    async with editing(script, encoding, LINE) as editor:
        item = await editor.ask()
        editor.wire.notify("textDocument/didShowCompletion", {"item": item})
        done = ""
        for word in ("self.größen", "['😋'", LINE[15:]):
            done += word
            if told_first:
                editor.tell_part(item, done)
            editor.put(word)
            if not told_first:
                editor.tell_part(item, done)
        await editor.accept(item)
    assert done == LINE
    assert accepts() == [("word", 11), ("word", 4), ("full", len(LINE) - 15)]


@pytest.fixture
def window() -> Iterator[Window]:
    """An editor on a server whose time is virtual."""
    replies = iter([LINE, "other()"])
    with runner() as loop:
        model = Model(says=lambda _: FakeReply(next(replies, "")))
        window = Window(loop, model, {"completion": {"min_confidence": 0.0, "speculate": False}})
        window.open(URI, BEFORE + "\n\n\nend = 1\n")
        yield window
        window.close()


def test_what_is_kept_after_a_while(window: Window) -> None:
    cursor = len(BEFORE)
    asked = window.ask(URI, cursor, invoked=True)
    window.turn()
    assert window.shown(asked) == LINE
    window.replace(URI, Span(cursor, cursor), LINE)
    window.turn()
    window.replace(URI, Span(0, 0), "# oben 😋\n")
    start = cursor + len("# oben 😋\n")
    window.replace(URI, Span(start, start + 5), "")
    window.wait(29)
    assert not any(isinstance(each, InlineKept) for each in window.session.events)
    window.wait(2)
    window.replace(URI, Span(start, start + len(LINE) - 5), "pass")
    window.wait(100)
    kept = [(each.after_s, each.share) for each in window.session.events if isinstance(each, InlineKept)]
    assert kept[0] == (30, (len(LINE) - 5) / len(LINE))
    assert kept[1][0] == 120
    assert kept[1][1] < 0.2


def test_what_is_ignored_is_counted_for_the_back_off(window: Window) -> None:
    cursor = len(BEFORE)
    window.ask(URI, cursor, invoked=True)
    window.turn()
    window.wait(1)
    window.replace(URI, Span(cursor, cursor), "x")
    window.turn()
    (ignored,) = [each for each in window.session.events if isinstance(each, InlineIgnored)]
    assert ignored.seen_ms == pytest.approx(1000, abs=1)
    assert window.session.acceptance.ignored_in_a_row(URI) == 1
    asked = window.ask(URI, cursor + 1, invoked=True)
    window.turn()
    window.replace(URI, Span(cursor + 1, cursor + 1), window.shown(asked))
    window.turn()
    (accepted,) = [each for each in window.session.events if isinstance(each, InlineAccepted)]
    assert accepted.kind is AcceptKind.FULL
    assert window.session.acceptance.ignored_in_a_row(URI) == 0


def test_closing_the_document_ends_the_watch(window: Window) -> None:
    cursor = len(BEFORE)
    window.ask(URI, cursor, invoked=True)
    window.turn()
    window.replace(URI, Span(cursor, cursor), LINE)
    window.turn()
    window.close_document(URI)
    window.wait(200)
    assert not any(isinstance(each, InlineKept) for each in window.session.events)
