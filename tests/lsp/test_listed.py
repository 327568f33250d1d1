"""The same suggestions in the completion list of editors without inline completion."""

from __future__ import annotations

from conftest import URI, Connect, open_text, run
from lsprotocol import types as lsp

TEXT = "import os\n\nprint(os.environ['HOME'])\nprint(os.environ['PATH'])\nprint(os.envi"
WHERE = lsp.Position(4, len("print(os.envi"))
LISTED = {"completion": {"min_confidence": 0.0, "in_list": True}}


def params(position: lsp.Position = WHERE, uri: str = URI) -> lsp.CompletionParams:
    return lsp.CompletionParams(lsp.TextDocumentIdentifier(uri), position)


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
