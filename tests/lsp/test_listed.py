"""The same suggestions in the completion list of editors without inline completion."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import URI, Client, Connect, capabilities, open_text, run
from lsprotocol import types as lsp
from scripted import Script

TEXT = "import os\n\nprint(os.environ['HOME'])\nprint(os.environ['PATH'])\nprint(os.envi"
WHERE = lsp.Position(4, len("print(os.envi"))
LISTED = {"completion": {"min_confidence": 0.0, "in_list": True}}


def params(position: lsp.Position = WHERE, uri: str = URI) -> lsp.CompletionParams:
    return lsp.CompletionParams(lsp.TextDocumentIdentifier(uri), position)


def says(script: Script, *replies: str) -> dict[str, Any]:
    """Settings with a small model that replies so."""
    script.replies = list(replies)
    return LISTED | {"small": {"backend": "openai", "base_url": script.url, "model": "tiny"}}


def lister(encoding: str = "utf-16", **item: Any) -> lsp.ClientCapabilities:
    """A client whose completion items may have this."""
    made = capabilities(encodings=[encoding])
    assert made.text_document is not None
    able = lsp.ClientCompletionItemOptions(**item)
    made.text_document.completion = lsp.CompletionClientCapabilities(completion_item=able)
    return made


async def only_item(client: Client, text: str) -> lsp.CompletionItem:
    """What is listed at the end of a text whose last line is ASCII."""
    open_text(client, text)
    lines = text.split("\n")
    listed = await client.text_document_completion_async(params(lsp.Position(len(lines) - 1, len(lines[-1]))))
    assert isinstance(listed, lsp.CompletionList)
    (item,) = listed.items
    return item


async def test_it_is_not_announced_unless_asked_for(connect: Connect) -> None:
    async with connect() as client:
        assert client.result.capabilities.completion_provider is None


async def test_an_item_begins_with_the_word_at_the_cursor(connect: Connect) -> None:
    async with connect(LISTED) as client:
        assert client.result.capabilities.completion_provider is not None
        open_text(client, TEXT)
        listed = await client.text_document_completion_async(params())
        assert isinstance(listed, lsp.CompletionList)
        assert listed.is_incomplete
        (item,) = listed.items
        edit = item.text_edit
        assert isinstance(edit, lsp.TextEdit)
        assert edit.new_text.startswith("envi")
        assert edit.range == lsp.Range(lsp.Position(4, len("print(os.")), WHERE)
        assert item.filter_text is not None
        assert item.filter_text.startswith("envi")
        assert item.command is not None
        assert await run(client, item.command.command, *item.command.arguments or []) is None


async def test_nothing_is_an_empty_list(connect: Connect) -> None:
    async with connect(LISTED) as client:
        listed = await client.text_document_completion_async(params(uri="file:///nowhere.py"))
        assert isinstance(listed, lsp.CompletionList)
        assert not listed.items


async def test_nor_to_a_client_that_completes_inline(connect: Connect) -> None:
    both = capabilities()
    assert both.text_document is not None
    both.text_document.inline_completion = lsp.InlineCompletionClientCapabilities()
    async with connect(LISTED, both) as client:
        assert client.result.capabilities.completion_provider is None
        assert client.result.capabilities.inline_completion_provider is not None


async def test_an_item_of_several_lines_has_the_first_as_its_label(connect: Connect, script: Script) -> None:
    block = "    first(stock)\n    return second(stock)"
    settings = says(script, f"{block}\n")
    able = lister(
        insert_text_mode_support=lsp.ClientCompletionItemInsertTextModeOptions(value_set=list(lsp.InsertTextMode))
    )
    async with connect(settings, able) as client:
        item = await only_item(client, "def run(stock):\n")
        assert item.text_edit == lsp.TextEdit(lsp.Range(lsp.Position(1, 0), lsp.Position(1, 0)), block)
        assert item.label == "first(stock) …"
        assert item.filter_text == "    first(stock)"
        assert item.insert_text_mode == lsp.InsertTextMode.AsIs
        assert item.documentation == block


async def test_an_item_that_begins_below_has_that_line_as_its_label(connect: Connect, script: Script) -> None:
    settings = says(script, "\n    return second(stock)\n")
    async with connect(settings) as client:
        item = await only_item(client, "def run(stock):")
        assert isinstance(item.text_edit, lsp.TextEdit)
        assert item.text_edit.new_text == "\n    return second(stock)"
        assert (item.label, item.filter_text) == ("return second(stock) …", "    return second(stock)")
        assert item.insert_text_mode is None


async def test_a_long_label_is_cut_and_the_text_is_not(connect: Connect, script: Script) -> None:
    rest = "l(" + ", ".join(f"argument_{number}" for number in range(8)) + ")"
    async with connect(says(script, f"{rest}\n")) as client:
        item = await only_item(client, "cal")
        assert item.label == f"cal{rest}"[:59] + "…"
        assert item.filter_text == f"cal{rest}"


@pytest.mark.parametrize(("encoding", "start"), [("utf-8", 14), ("utf-16", 11), ("utf-32", 10)])
async def test_places_are_counted_as_the_client_counts(
    connect: Connect, script: Script, encoding: str, start: int
) -> None:
    line = "prüf('😀', wört"
    async with connect(says(script, "er)\n"), lister(encoding)) as client:
        open_text(client, line)
        end = start + {"utf-8": 5, "utf-16": 4, "utf-32": 4}[encoding]
        listed = await client.text_document_completion_async(params(lsp.Position(0, end)))
        assert isinstance(listed, lsp.CompletionList)
        (item,) = listed.items
        assert item.text_edit == lsp.TextEdit(lsp.Range(lsp.Position(0, start), lsp.Position(0, end)), "wörter)")
        assert (item.label, item.filter_text) == ("wörter)", "wörter)")


async def test_its_documentation_is_markdown_where_that_is_read(connect: Connect, script: Script) -> None:
    able = lister(documentation_format=[lsp.MarkupKind.Markdown, lsp.MarkupKind.PlainText])
    async with connect(says(script, "(a, '```')\n"), able) as client:
        item = await only_item(client, "call")
        shown = lsp.MarkupContent(lsp.MarkupKind.Markdown, "````python\ncall(a, '```')\n````")
        assert item.documentation == shown


async def test_typing_what_it_says_lists_it_again_without_asking(connect: Connect, script: Script) -> None:
    async with connect(says(script, "ell(stock)\n")) as client:
        first = await only_item(client, "s")
        assert first.label == "sell(stock)"
        change = lsp.TextDocumentContentChangePartial(lsp.Range(lsp.Position(0, 1), lsp.Position(0, 1)), "el")
        identifier = lsp.VersionedTextDocumentIdentifier(2, URI)
        client.text_document_did_change(lsp.DidChangeTextDocumentParams(identifier, [change]))
        listed = await client.text_document_completion_async(params(lsp.Position(0, 3)))
        assert isinstance(listed, lsp.CompletionList)
        (item,) = listed.items
        assert item.text_edit == lsp.TextEdit(lsp.Range(lsp.Position(0, 0), lsp.Position(0, 3)), "sell(stock)")
        assert (item.label, item.command) == (first.label, first.command)
        assert len(script.requests) == 1
